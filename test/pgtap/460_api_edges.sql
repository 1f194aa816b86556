-- The endpoints at their edges: lots that were deleted, which are held no more whatever values are stored beside them, and the
-- minimum overlap of a correlation.

\ir include/prelude.psql
SELECT plan(5);

-- AAA: 100 + 50 kept, 70 deleted. BBB: -30 kept. Two options on CCC, one deleted, each on 1000 / 5 = 200 shares at 40 with
-- a delta of 0.5: 200 x 0.5 x 40 = 4000 of exposure.
SELECT pg_temp.add_portfolio(1, 100000, '2024-07-01') \g /dev/null
SELECT pg_temp.add_lot(1, 11, 'AAA', 10, 10, '2024-07-01'), pg_temp.add_lot(1, 12, 'AAA', 5, 10, '2024-07-01'),
       pg_temp.add_lot(1, 13, 'AAA', 7, 10, '2024-07-01'), pg_temp.add_lot(1, 14, 'BBB', -3, 10, '2024-07-01'),
       pg_temp.add_lot(1, 15, 'CALL', 2, 5, '2024-07-01'), pg_temp.add_lot(1, 16, 'CALL', 2, 5, '2024-07-01') \g /dev/null
UPDATE positions SET market_value = 10 * quantity, last_price = 10, realized_pnl = 3, last_price_date = '2024-07-11';
UPDATE positions SET position_type = 'LC', investment_class = 'OPTIONS', underlying_symbol = 'CCC', strike_price = 40,
                     expiration_date = '2024-12-20', market_value = 1000, last_price = 5 WHERE symbol = 'CALL';
UPDATE positions SET deleted_at = '2024-07-12 12:00+00' WHERE id IN (pg_temp.id(13), pg_temp.id(16));
INSERT INTO position_greeks (portfolio_id, position_id, calculation_date, delta, underlying_price)
SELECT pg_temp.id(1), pg_temp.id(n), '2024-07-12', 0.5, 40 FROM unnest(ARRAY[15, 16]) AS n;
INSERT INTO portfolio_snapshots (portfolio_id, snapshot_date, total_value) VALUES (pg_temp.id(1), '2024-07-12', 100000);
-- As the engines stored them; on the day before, the option has no delta and follows nothing.
INSERT INTO portfolio_holdings (portfolio_id, calculation_date, position_ids, symbols, exposures)
SELECT pg_temp.id(1), d, ARRAY[pg_temp.id(11), pg_temp.id(12), pg_temp.id(14), pg_temp.id(15)], s, e
FROM (VALUES ('2024-07-11'::date, '{AAA,AAA,BBB,NULL}'::text[], '{100,50,-30,NULL}'::float8[]),
             ('2024-07-12', '{AAA,AAA,BBB,CCC}', '{100,50,-30,4000}')) AS h (d, s, e);
INSERT INTO correlation_calculations (portfolio_id, calculation_date, duration_days, symbols, correlations,
                                      pair_observations, total_pairs)
VALUES (pg_temp.id(1), '2024-07-12', 126, '{AAA,BBB,CCC}', '{0.1,0.2,0.3}', '{126}', 3);

SELECT is(api_portfolio_correlations(pg_temp.id(1)) -> 'symbols',
          '[{"symbol": "CCC", "exposure": 4000.0000}, {"symbol": "AAA", "exposure": 150.0000},
            {"symbol": "BBB", "exposure": -30.0000}]', 'exposures are those of what is held');
SELECT results_eq($$SELECT * FROM _portfolio_batch.api_symbol_exposures(pg_temp.id(1), '2024-07-11')
                    ORDER BY symbol COLLATE "C"$$,
                  $$VALUES ('AAA', 150.0000), ('BBB', -30.0000)$$, 'an option has none on a day without delta');
CREATE FUNCTION pg_temp.lot(n integer) RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', a ->> 'status', a ->> 'open_quantity', a -> 'market_value', a -> 'unrealized_pnl',
                   a -> 'realized_pnl', a ->> 'reason', a #> '{data_quality,price_age_sessions}')
  FROM api_position(pg_temp.id(n)) AS a
$$;
SELECT is(pg_temp.lot(13), 'deleted 0 null null null deleted null', 'a lot that was held and deleted is worth nothing');
SELECT is(pg_temp.lot(11), 'open 10 100.0000 null 3.0000 1', 'one that is held has its values, one session old');

-- Pairs of 60, 61 and 62 common returns: at the minimum that is asked for a correlation is shown, below it is not.
UPDATE correlation_calculations SET pair_observations = '{60,61,62}';
SELECT results_eq($$SELECT q.n, (a #>> '{matrix,AAA,BBB}')::float8, (a #>> '{matrix,AAA,CCC}')::float8,
                           (a #>> '{matrix,CCC,BBB}')::float8, a #>> '{data_quality,pairs_below_min_overlap}'
                    FROM unnest(ARRAY[60, 61, 63]) AS q (n),
                         api_portfolio_correlations(pg_temp.id(1), min_overlap => q.n, lookback_days => 126) AS a$$,
                  $$VALUES (60, 0.1::float8, 0.2::float8, 0.3::float8, '0'), (61, NULL, 0.2, 0.3, '1'), (63, NULL, NULL, NULL, '3')$$,
                  'a minimum overlap');

SELECT * FROM finish();
ROLLBACK;
