-- The endpoints as functions: what they answer, what they say when there is nothing, and who may call them.

\ir include/prelude.psql
SELECT plan(116);

SET LOCAL portfolio_batch.progress = off;
SET LOCAL timezone = 'UTC';
SELECT count(*) FROM load_sample_data(portfolios => 3, positions => 8, sessions => 5, last_session => '2024-11-22')
\g /dev/null
SELECT count(*) FROM run_daily_batch_with_backfill('2024-11-22') \g /dev/null
-- 4 has no position, 5 only a private one, 6 is deleted.
SELECT pg_temp.add_portfolio(4, 1000), pg_temp.add_portfolio(5, 50000, '2024-11-22'), pg_temp.add_portfolio(6, 1000)
\g /dev/null
UPDATE portfolios SET deleted_at = '2024-11-22 12:00+00', is_active = false WHERE id = pg_temp.id(6);
SELECT pg_temp.add_lot(5, 51, 'FUND', 10, 5000, '2024-11-22', investment_class => 'PRIVATE') \g /dev/null
SELECT count(*) FROM run_daily_batch('2024-11-22', ARRAY[pg_temp.id(5)]) \g /dev/null
SELECT id AS one FROM portfolios WHERE name ~ '^Sample 1' \gset
SELECT id AS two FROM portfolios WHERE name ~ '^Sample 2' \gset
SELECT id AS three FROM portfolios WHERE name ~ '^Sample 3' \gset

CREATE FUNCTION pg_temp.keys(object jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT string_agg(k, ' ' ORDER BY k COLLATE "C") FROM jsonb_object_keys(object) AS k $$;

-- What all have in common --------------------------------------------------------------------------------------------

CREATE TEMP VIEW endpoint AS
SELECT p.id, p.name, f.function, f.answer
FROM portfolios AS p
CROSS JOIN LATERAL (VALUES ('snapshot', api_portfolio_snapshot(p.id)), ('betas', api_portfolio_betas(p.id)),
                           ('factors', api_portfolio_factors(p.id)),
                           ('correlations', api_portfolio_correlations(p.id)),
                           ('stress_tests', api_portfolio_stress_tests(p.id))) AS f (function, answer);
CREATE TEMP TABLE answers AS SELECT * FROM endpoint;
SELECT is_empty($$SELECT * FROM answers WHERE jsonb_typeof(answer -> 'available') <> 'boolean'
                     OR answer ->> 'portfolio_id' <> id::text OR NOT answer -> 'data_quality'
                        ?& '{calculation_date,age_sessions,is_current}'$$,
                'every answer has available, the portfolio and data_quality');
SELECT is_empty($$SELECT * FROM answers WHERE (answer ->> 'available')::boolean = (answer ? 'reason')
                     OR (answer ? 'reason') <> (answer ? 'message')$$,
                'a reason and a message where nothing is available, and only there');
SELECT results_eq($$SELECT count(*)::integer, count(*) FILTER (WHERE answer ->> 'available' = 'true')::integer
                    FROM answers WHERE name ~ '^Sample'$$, $$VALUES (15, 15)$$,
                  'the sample portfolios have everything');
SELECT results_eq($$SELECT right(id::text, 1), function, answer ->> 'reason' FROM answers
                    WHERE answer ->> 'available' = 'false' ORDER BY 1, 2$$,
                  $$VALUES ('4', 'betas', 'no_results'), ('4', 'correlations', 'no_correlation_calculation'),
                           ('4', 'factors', 'no_results'), ('4', 'snapshot', 'no_snapshot'),
                           ('4', 'stress_tests', 'no_results'), ('5', 'correlations', 'insufficient_symbols'),
                           ('6', 'betas', 'deleted_portfolio'), ('6', 'correlations', 'deleted_portfolio'),
                           ('6', 'factors', 'deleted_portfolio'), ('6', 'snapshot', 'deleted_portfolio'),
                           ('6', 'stress_tests', 'deleted_portfolio')$$, 'and each of the others a reason');
SELECT results_eq($$SELECT DISTINCT f.answer ->> 'reason', f.answer ->> 'message'
                    FROM (VALUES (api_portfolio_snapshot(pg_temp.id(9))), (api_portfolio_betas(pg_temp.id(9))),
                                 (api_portfolio_factors(pg_temp.id(9))), (api_portfolio_correlations(pg_temp.id(9))),
                                 (api_portfolio_stress_tests(pg_temp.id(9)))) AS f (answer)$$,
                  $$VALUES ('unknown_portfolio', 'portfolio 00000000-0000-4000-8000-000000000009 does not exist')$$,
                  'an unknown portfolio is no error');
SELECT pg_temp.raises(format('SELECT api_%s(NULL)', f.name), '22023', f.argument || ' must not be NULL', '',
                      format('SELECT id, %s FROM pb.%ss;', f.named, split_part(f.argument, '_', 1)), f.name)
FROM (VALUES ('portfolio_snapshot', 'portfolio_id', 'name'), ('portfolio_betas', 'portfolio_id', 'name'),
             ('portfolio_factors', 'portfolio_id', 'name'), ('portfolio_correlations', 'portfolio_id', 'name'),
             ('portfolio_stress_tests', 'portfolio_id', 'name'), ('position', 'position_id', 'symbol'))
     AS f (name, argument, named);
SELECT set_eq($$SELECT DISTINCT provolatile FROM pg_proc WHERE proname LIKE 'api\_%' AND proname <> 'api_impact'$$,
              ARRAY['s'::"char"], 'servers may call them by GET: they are stable');

-- Age: sessions that have closed since.
SELECT is(_portfolio_batch.api_age_sessions('2024-11-22', '2024-12-02'), 5, 'Thanksgiving and weekends are no sessions');
SELECT is(_portfolio_batch.api_age_sessions('2024-11-22', '2024-11-22'), 0, 'a day is not older than itself');
SELECT is(_portfolio_batch.api_age_sessions(NULL), NULL, 'no day has no age');
SELECT is(_portfolio_batch.api_age_sessions(latest_closed_session()), 0, 'the latest closed session is current');
SELECT is(_portfolio_batch.api_age_sessions(previous_session(latest_closed_session())), 1, 'the one before is one session old');
SELECT is(_portfolio_batch.api_data_quality(latest_closed_session(), '{"x": 1}') - 'calculation_date',
          '{"age_sessions": 0, "is_current": true, "x": 1}', 'as is its data');

-- Snapshot -----------------------------------------------------------------------------------------------------------

SELECT is((SELECT pg_temp.keys(answer) FROM answers AS a WHERE function = 'snapshot' AND a.id = s.id),
          'available benchmark_date beta capital_flow cash_balance concentration currency '
          'daily_pnl daily_return data_quality equity_balance exposures greeks gross_return last_updated leverage name '
          'net_asset_value pnl portfolio_id position_count previous_snapshot_date sector_exposure snapshot_date '
          'total_market_value total_value volatility', 'fields of the snapshot: ' || name)
FROM (VALUES (:'one'::uuid, 'Sample 1'), (:'two', 'Sample 2'), (:'three', 'Sample 3')) AS s (id, name);
SELECT is_empty($$SELECT * FROM answers AS a JOIN portfolio_snapshots AS s ON s.portfolio_id = a.id
                  WHERE a.function = 'snapshot' AND s.snapshot_date = '2024-11-22'
                    AND (a.answer ->> 'total_value', a.answer ->> 'cash_balance', a.answer ->> 'total_market_value',
                         a.answer #>> '{exposures,short_exposure}', a.answer #>> '{pnl,total_pnl}',
                         a.answer #>> '{capital_flow,cumulative}', a.answer ->> 'daily_pnl')
                        IS DISTINCT FROM (s.total_value::text, s.cash_value::text, s.total_market_value::text,
                                          s.total_short::text, s.cumulative_pnl::text,
                                          s.cumulative_capital_flow::text, s.daily_pnl::text)$$,
                'money has the digits that the batch stored');
SELECT ok((SELECT (answer ->> 'total_value')::numeric = (answer ->> 'cash_balance')::numeric
                         + (answer #>> '{exposures,long_exposure}')::numeric
                         + (answer #>> '{exposures,short_exposure}')::numeric
             FROM answers WHERE function = 'snapshot' AND id = :'two'),
          'cash and exposures add up to the value');
SELECT is((SELECT answer -> 'position_count' FROM answers WHERE function = 'snapshot' AND id = :'two'),
          '{"long_count": 6, "short_count": 2, "total_positions": 8, "option_count": 0, "private_count": 0,
            "symbol_count": 8}',
          'positions are counted');
UPDATE portfolio_snapshots SET total_value = 9007199254740993.0001, cash_value = 20.4, equity_balance = 100,
       gross_exposure = 250, total_short = -50 WHERE portfolio_id = :'two' AND snapshot_date = '2024-11-22';
SELECT is(api_portfolio_snapshot(:'two')::text ~ '"total_value": 9007199254740993\.0001, ', true,
          'money is exact beyond what a double holds');
SELECT is(api_portfolio_snapshot(:'two') ->> 'cash_balance', '20.4000', 'with its trailing zeros');
SELECT is(api_portfolio_snapshot(:'two') ->> 'leverage', '2.500000', 'gross exposure over equity');
SELECT is(api_portfolio_snapshot(:'two') #>> '{exposures,short_percentage}', '-50.0000', 'percent of equity');
UPDATE portfolio_snapshots SET equity_balance = 0 WHERE portfolio_id = :'two' AND snapshot_date = '2024-11-22';
SELECT is(api_portfolio_snapshot(:'two') -> 'leverage', 'null', 'which is unknown without equity');
SELECT is(api_portfolio_snapshot(pg_temp.id(5)) #> '{beta,beta}', 'null', 'a private fund has no beta');
SELECT isnt(api_portfolio_snapshot(pg_temp.id(5)) #>> '{beta,reason}', NULL, 'for a reason');

-- Position -----------------------------------------------------------------------------------------------------------

-- A trade of after the latest snapshot does not count yet.
INSERT INTO position_realized_events (portfolio_id, position_id, trade_date, quantity_closed, exit_price)
SELECT portfolio_id, id, '2024-11-25', 1, 10 FROM positions WHERE portfolio_id = :'one' LIMIT 1;
SELECT is_empty($$SELECT l.id FROM positions AS l LEFT JOIN positions_asof('2024-11-22') AS h ON h.position_id = l.id
                  WHERE l.portfolio_id <> pg_temp.id(6)
                    AND (api_position(l.id) ->> 'open_quantity')::numeric
                        IS DISTINCT FROM round(COALESCE(h.quantity, 0)::numeric, 6)$$,
                'the open quantity is that of positions_asof');
SELECT is_empty($$SELECT l.id FROM positions AS l
                  WHERE (api_position(l.id) ->> 'market_value', api_position(l.id) ->> 'unrealized_pnl')
                        IS DISTINCT FROM (l.market_value::text, l.unrealized_pnl::text)$$, 'values as stored');
SELECT position_id AS lot, quantity_closed AS closed FROM position_realized_events
WHERE portfolio_id = :'two' LIMIT 1 \gset
SELECT is(pg_temp.keys(api_position(:'lot')), 'available closes contract_multiplier created_at data_quality deleted_at '
          'entry_date entry_price exit_date exit_price expiration_date id investment_class investment_subtype '
          'last_price last_price_date market_value notes open_quantity portfolio_id position_type quantity '
          'realized_pnl reason status strike_price symbol underlying_symbol unrealized_pnl updated_at',
          'fields of a position');
SELECT is(api_position(:'lot') #>> '{closes,0,quantity_closed}', :'closed', 'a partial close is listed');
SELECT is(api_position(:'lot') ->> 'status', 'open', 'and leaves the lot open');
SELECT is((SELECT api_position(id) -> 'contract_multiplier' FROM positions WHERE position_type = 'LC'), '100',
          'an option has its multiplier');

-- A lot through a split and its exit.
SELECT pg_temp.add_lot(4, 41, 'STK0001', 100, 10, '2024-11-18') \g /dev/null
INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator) VALUES ('STK0001', '2024-11-20', 'split', 2);
SELECT is((SELECT concat_ws(' ', a ->> 'status', a ->> 'open_quantity', a ->> 'reason', a -> 'market_value',
                            a #> '{data_quality,calculation_date}') FROM api_position(pg_temp.id(41)) AS a),
          'open 200 no_snapshot null null', 'a lot that no batch has valued, after a split');
SELECT isnt(close_position(pg_temp.id(4), pg_temp.id(41), 50, 6, '2024-11-21'), NULL, 'closed in part');
SELECT is(api_position(pg_temp.id(41)) ->> 'open_quantity', '150', 'shares of today are left');
SELECT isnt(close_position(pg_temp.id(4), pg_temp.id(41), 150, 6.5, '2024-11-22'), NULL, 'closed for good');
UPDATE portfolios SET inception_date = '2024-11-22' WHERE id = pg_temp.id(4);
SELECT count(*) FROM run_daily_batch('2024-11-22', ARRAY[pg_temp.id(4)]) \g /dev/null
SELECT is((SELECT concat_ws(' ', a ->> 'status', a ->> 'open_quantity', a ->> 'quantity', a ->> 'exit_date',
                            a ->> 'exit_price', a ->> 'market_value', a ->> 'unrealized_pnl', a ->> 'realized_pnl',
                            jsonb_array_length(a -> 'closes')) FROM api_position(pg_temp.id(41)) AS a),
          'closed 0 100 2024-11-22 6.5 0.0000 0.0000 275.0000 2', 'its exit is shown');
SELECT pg_temp.add_lot(4, 42, 'STK0001', 100, 10, '2024-11-25') \g /dev/null
SELECT is((SELECT concat_ws(' ', a ->> 'status', a ->> 'open_quantity', a ->> 'reason')
           FROM api_position(pg_temp.id(42)) AS a),
          'pending 0 pending', 'a lot of after the latest snapshot');
UPDATE positions SET deleted_at = now(), market_value = 5, realized_pnl = 5 WHERE id = pg_temp.id(42);
SELECT is((SELECT concat_ws(' ', a ->> 'status', a -> 'market_value', a -> 'realized_pnl', a ->> 'reason',
                            a ->> 'available') FROM api_position(pg_temp.id(42)) AS a),
          'deleted null null deleted true', 'a deleted lot is worth nothing');
SELECT pg_temp.add_lot(5, 41, 'STK0001', 1, 10, '2024-11-18') \g /dev/null
SELECT pg_temp.raises(format('SELECT api_position(%L)', pg_temp.id(41)), '22023',
                      'position 00000000-0000-4000-8000-000000000041 exists in 2 portfolios', '',
                      'Give portfolio_id as well.', 'an id that two portfolios use');
SELECT is(api_position(pg_temp.id(41), pg_temp.id(5)) ->> 'quantity', '1', 'one of them by its portfolio');
SELECT is(api_position(pg_temp.id(99)) ->> 'reason', 'unknown_position', 'an unknown lot');
SELECT is(api_position(pg_temp.id(41), pg_temp.id(6)) ->> 'message', 'position ' || pg_temp.id(41)
          || ' does not exist in portfolio ' || pg_temp.id(6), 'a lot of another portfolio');
SELECT pg_temp.add_lot(6, 61, 'STK0001', 1, 10, '2024-11-18') \g /dev/null
SELECT is(api_position(pg_temp.id(61)) ->> 'reason', 'deleted_portfolio', 'a lot of a deleted portfolio');

-- Betas --------------------------------------------------------------------------------------------------------------

SELECT is((SELECT pg_temp.keys(answer) FROM answers WHERE function = 'betas' AND id = :'three'),
          'available calculation_date data_quality market_index method portfolio portfolio_id '
          'positions rate_series rate_unit window_days', 'fields of the betas');
SELECT is_empty($$SELECT * FROM position_market_betas AS b JOIN answers AS a ON a.id = b.portfolio_id
                  CROSS JOIN LATERAL (SELECT e -> 'market_beta' AS m, e -> 'rate_beta' AS r
                                      FROM jsonb_array_elements(a.answer -> 'positions') AS e
                                      WHERE e ->> 'position_id' = b.position_id::text) AS e
                  JOIN position_interest_rate_betas AS r USING (portfolio_id, position_id, calculation_date)
                  WHERE a.function = 'betas' AND a.name ~ '^Sample' AND b.calculation_date = '2024-11-22'
                    AND ((e.m ->> 'beta')::float8, (e.m ->> 'r_squared')::float8, (e.m ->> 'std_error')::float8,
                         (e.m ->> 'p_value')::float8, (e.m ->> 'observations')::integer, e.m ->> 'reason',
                         (e.r ->> 'beta')::float8, e.r ->> 'reason')
                        IS DISTINCT FROM (b.beta, b.r_squared, b.std_error, b.p_value, b.observations, b.reason,
                                          r.ir_beta, r.reason)$$, 'betas of positions as stored, to the last bit');
SELECT ok((SELECT array_agg(e ->> 'symbol') = array_agg(e ->> 'symbol' ORDER BY e ->> 'symbol' COLLATE "C")
             FROM answers, jsonb_array_elements(answer -> 'positions') AS e
            WHERE function = 'betas' AND id = :'three'), 'ordered by symbol');
SELECT is((SELECT (answer -> 'data_quality') - '{calculation_date,age_sessions,is_current}'::text[] FROM answers
            WHERE function = 'betas' AND id = :'three'),
          '{"positions_total": 8, "positions_analyzed": 6, "positions_skipped": 2, "positions_with_rate_beta": 6}',
          'the option and the private fund have none');
SELECT is((SELECT (answer #>> '{portfolio,market_beta,beta}')::float8 - s.beta
             FROM answers AS a JOIN portfolio_snapshots AS s ON s.portfolio_id = a.id AND s.snapshot_date = '2024-11-22'
            WHERE function = 'betas' AND id = :'three'), 0::float8, 'the portfolio''s beta is the snapshot''s');
SELECT ok((SELECT answer #>> '{portfolio,rate_beta,exposure_dollar}' = x.exposure_dollar::text
             FROM answers AS a JOIN portfolio_factor_exposures AS x ON x.portfolio_id = a.id AND x.model = 'rate'
                  AND x.calculation_date = '2024-11-22'
            WHERE function = 'betas' AND id = :'three'), 'and its rate beta in dollars');
INSERT INTO company_profiles (symbol, beta) SELECT symbol, 1.5 FROM positions WHERE portfolio_id = :'one'
ON CONFLICT (symbol) DO UPDATE SET beta = 1.5;
SELECT is_empty($$SELECT * FROM portfolios AS p, jsonb_array_elements(api_portfolio_betas(p.id) -> 'positions') AS e
                  WHERE p.name ~ '^Sample 1'
                    AND ((e ->> 'provider_beta')::float8, (e ->> 'beta_difference')::float8)
                        IS DISTINCT FROM (1.5::float8, (e #>> '{market_beta,beta}')::float8 - 1.5)$$,
                'beside the provider''s beta');
SET LOCAL portfolio_batch.beta_window = 504;
SELECT is(api_portfolio_betas(:'one') -> 'window_days', '252', 'the window is that of the estimate');
RESET portfolio_batch.beta_window;
SAVEPOINT estimates;
DELETE FROM symbol_model_fits WHERE calculation_date = '2024-11-22' AND model <> 'ridge'
                                AND symbol IN (SELECT symbol FROM positions WHERE portfolio_id = :'one');
SELECT is(jsonb_build_array(api_portfolio_betas(:'one') -> 'calculation_date', api_portfolio_betas(:'three') -> 'calculation_date',
                            api_portfolio_factors(:'one') -> 'calculation_date'),
          '["2024-11-21", "2024-11-22", "2024-11-22"]', 'the date is the newest with betas of its own symbols');
DELETE FROM symbol_model_fits WHERE symbol IN (SELECT symbol FROM positions WHERE portfolio_id = :'one');
SELECT is(api_portfolio_betas(:'one') ->> 'reason' || ' ' || (api_portfolio_factors(:'one') ->> 'reason'),
          'no_results no_results', 'without any there are none, whatever other portfolios have');
ROLLBACK TO estimates;

-- Factors ------------------------------------------------------------------------------------------------------------

SELECT is((SELECT string_agg(f ->> 'name', ' ')
             FROM answers, jsonb_array_elements(answer -> model -> 'factors') AS f
            WHERE function = 'factors' AND id = :'three'),
          CASE model WHEN 'ridge' THEN 'market value growth momentum quality size low_vol'
          ELSE 'market growth_value_spread momentum_spread size_spread quality_spread' END,
          model || ': factors in order')
FROM unnest(ARRAY['ridge', 'spread']) AS model;
SELECT is_empty($$SELECT * FROM portfolio_factor_exposures AS x JOIN answers AS a ON a.id = x.portfolio_id
                  LEFT JOIN LATERAL jsonb_array_elements(a.answer -> x.model -> 'factors') AS f
                            ON f ->> 'name' = x.factor
                  WHERE a.function = 'factors' AND a.name ~ '^Sample' AND x.model IN ('ridge', 'spread')
                    AND x.calculation_date = '2024-11-22' AND x.factor <> 'specific'
                    AND ((f ->> 'beta')::float8, (f ->> 'std_error')::float8, f ->> 'exposure_dollar', (f ->> 'coverage')::float8,
                         (f ->> 'percent_contribution_to_risk')::float8)
                        IS DISTINCT FROM (x.exposure_value, x.std_error, x.exposure_dollar::text, x.coverage,
                                          x.percent_contribution_to_risk)$$, 'with the figures stored');
SELECT ok((SELECT abs(sum((f ->> 'contribution_to_risk')::float8)
                      + (min((answer -> model -> 'specific' ->> 'contribution_to_risk'))::float8)
                      - min(answer -> model ->> 'volatility')::float8) < 1e-12
             FROM answers, jsonb_array_elements(answer -> model -> 'factors') AS f
            WHERE function = 'factors' AND id = :'three'), model || ': contributions add up to the volatility')
FROM unnest(ARRAY['ridge', 'spread']) AS model;
SELECT is_empty($$SELECT * FROM position_factor_exposures AS e JOIN answers AS a ON a.id = e.portfolio_id
                  LEFT JOIN LATERAL jsonb_array_elements(a.answer -> e.model -> 'positions') AS p
                            ON p ->> 'position_id' = e.position_id::text
                  WHERE a.function = 'factors' AND a.name ~ '^Sample' AND e.calculation_date = '2024-11-22'
                    AND ((p #>> '{exposures,market}')::float8, (p #>> '{exposures,low_vol}')::float8,
                         (p #>> '{exposures,size_spread}')::float8, p ->> 'reason', (p ->> 'r_squared')::float8)
                        IS DISTINCT FROM (e.market_beta, e.low_vol_beta, e.size_spread_beta, e.reason,
                                          e.r_squared)$$, 'and those of the positions');
SELECT is((SELECT answer #> '{ridge,metadata}' FROM answers WHERE function = 'factors' AND id = :'three'),
          jsonb_build_object('total_active_factors', 7, 'factors_calculated', 7, 'has_market_beta', true,
                             'ridge_alpha_min', 0.4::float8 * 252, 'ridge_alpha_max', 0.4::float8 * 252),
          'factors are counted');
DELETE FROM portfolio_model_exposures WHERE portfolio_id = :'one' AND model = 'spread';
DELETE FROM symbol_model_fits WHERE model = 'spread' AND symbol IN (SELECT symbol FROM positions WHERE portfolio_id = :'one');
SELECT is((SELECT concat_ws(' ', f ->> 'available', f #> '{spread,available}', f #>> '{spread,reason}',
                            f #> '{ridge,available}') FROM api_portfolio_factors(:'one') AS f),
          'true false no_results true', 'a model may be missing alone');

-- Correlations -------------------------------------------------------------------------------------------------------

SELECT is_empty($$SELECT * FROM pairwise_correlations AS p
                  JOIN answers AS a ON a.id = p.portfolio_id AND a.function = 'correlations'
                  WHERE p.calculation_date = '2024-11-22'
                    AND ((a.answer #>> ARRAY['matrix', p.symbol1, p.symbol2])::float8,
                         (a.answer #>> ARRAY['matrix', p.symbol2, p.symbol1])::float8,
                         (a.answer #>> ARRAY['matrix', p.symbol1, p.symbol1])::float8)
                        IS DISTINCT FROM (p.correlation_coefficient, p.correlation_coefficient, 1::float8)$$,
                'the matrix is that of pairwise_correlations, symmetric, with ones on the diagonal');
SELECT is((SELECT jsonb_array_length(answer -> 'symbols') FROM answers WHERE function = 'correlations' AND id = :'two'),
          8, 'of all symbols');
SELECT ok((SELECT array_agg(abs((s ->> 'exposure')::numeric))
                  = array_agg(abs((s ->> 'exposure')::numeric) ORDER BY abs((s ->> 'exposure')::numeric) DESC)
             FROM answers, jsonb_array_elements(answer -> 'symbols') AS s
            WHERE function = 'correlations' AND id = :'two'), 'the largest exposure first, whatever its sign');
SELECT is_empty($$SELECT * FROM answers, jsonb_array_elements(answer -> 'symbols') AS s
                  JOIN (SELECT portfolio_id, symbol, sum(market_value) AS net FROM positions GROUP BY 1, 2) AS n
                       ON n.symbol = s ->> 'symbol'
                  WHERE function = 'correlations' AND n.portfolio_id = id AND (s ->> 'exposure')::numeric <> n.net$$,
                'exposures as the positions stand');
CREATE TEMP VIEW top AS SELECT api_portfolio_correlations(:'two', max_symbols => 3) AS a;
SELECT is((SELECT concat_ws(' ', jsonb_array_length(a -> 'symbols'),
                            (SELECT count(*) FROM jsonb_object_keys(a -> 'matrix')),
                            a #> '{data_quality,symbols_shown}', a #> '{data_quality,symbols_total}',
                            a #> '{data_quality,pairs_shown}', a #> '{data_quality,pairs_null}') FROM top),
          '3 3 3 8 3 0', 'the three largest');
SELECT ok(pg_temp.near((SELECT (a ->> 'average_correlation')::float8 FROM top),
                       (SELECT avg(correlation_coefficient) FROM pairwise_correlations
                        WHERE portfolio_id = :'two' AND calculation_date = '2024-11-22'
                          AND symbol1 IN (SELECT s ->> 'symbol' FROM top, jsonb_array_elements(a -> 'symbols') AS s)
                          AND symbol2 IN (SELECT s ->> 'symbol' FROM top, jsonb_array_elements(a -> 'symbols') AS s)),
                       1e-14), 'their average');
SELECT is((SELECT (a #>> '{portfolio_summary,average_correlation}')::float8 - avg_correlation
             FROM top, correlation_calculations WHERE portfolio_id = :'two' AND calculation_date = '2024-11-22'),
          0::float8, 'the summary is of all symbols');

-- Pairs that are unknown: the first of the triangle, and those with too few observations.
UPDATE correlation_calculations
   SET correlations[1] = NULL, pair_observations = array_fill(126, ARRAY[28]) WHERE portfolio_id = :'two';
UPDATE correlation_calculations SET pair_observations[2] = 70, pair_observations[28] = 70 WHERE portfolio_id = :'two';
SELECT symbols[1] AS s1, symbols[2] AS s2, symbols[3] AS s3, symbols[7] AS s7, symbols[8] AS s8
FROM correlation_calculations WHERE portfolio_id = :'two' AND calculation_date = '2024-11-22' \gset
CREATE TEMP VIEW strict AS SELECT api_portfolio_correlations(:'two', 126, 71) AS a;
SELECT is((SELECT concat_ws(' ', a -> 'matrix' -> :'s1' -> :'s2', a -> 'matrix' -> :'s3' -> :'s1',
                            a -> 'matrix' -> :'s7' -> :'s8', jsonb_typeof(a -> 'matrix' -> :'s3' -> :'s2'))
           FROM strict),
          'null null null number', 'an unknown correlation is null, never 0');
SELECT is((SELECT concat_ws(' ', a #> '{data_quality,pairs_shown}', a #> '{data_quality,pairs_null}',
                            a #> '{data_quality,pairs_below_min_overlap}') FROM strict), '28 3 2', 'and counted');
SELECT is(api_portfolio_correlations(:'two') #> '{data_quality,pairs_null}', '1',
          'without min_overlap only that of the batch');
SELECT is(api_portfolio_correlations(:'two', min_overlap => 70) #> '{data_quality,pairs_null}', '1',
          'min_overlap is included');

-- Windows: the newest calculation, of the configured window where there are two.
SELECT count(*) FROM calc_correlations('2024-11-21', ARRAY[:'two'::uuid], 63, 30) \g /dev/null
SELECT is((SELECT concat_ws(' ', a ->> 'calculation_date', a ->> 'lookback_days', a ->> 'available_lookback_days')
           FROM api_portfolio_correlations(:'two', 63) AS a), '2024-11-21 63 [63, 126]', 'a window of its own date');
SELECT is(api_portfolio_correlations(:'two') ->> 'calculation_date', '2024-11-22', 'by default the newest');
SELECT is((SELECT concat_ws('|', a ->> 'reason', a ->> 'message', a -> 'available_lookback_days')
           FROM api_portfolio_correlations(:'two', 90) AS a),
          'no_correlation_calculation|no correlations of portfolio ' || :'two'
          || ' have been calculated over 90 sessions, but over 63, 126|[63, 126]', 'a window that there is none of');
SELECT is(api_portfolio_correlations(pg_temp.id(5)) #>> '{data_quality,calculation_reason}', 'private',
          'why there is no pair');
SELECT is((SELECT jsonb_array_length(api_portfolio_correlations(id) -> 'clusters') FROM portfolios WHERE id = :'two'),
          0, 'no cluster');
INSERT INTO correlation_clusters (portfolio_id, calculation_date, duration_days, cluster_number, nickname,
                                  avg_correlation, total_value, portfolio_percentage)
VALUES (:'two', '2024-11-22', 126, 1, 'Energy', 0.9, 1000, 0.25);
INSERT INTO correlation_cluster_positions (portfolio_id, calculation_date, duration_days, cluster_number, position_id,
                                           symbol, value, portfolio_percentage, correlation_to_cluster)
SELECT :'two', '2024-11-22', 126, 1, pg_temp.id(n), 'S' || n, 400 + n, 0.1, 0.9 FROM generate_series(1, 2) AS n;
SELECT is(jsonb_path_query_array(api_portfolio_correlations(:'two'), '$.clusters[*].positions[*].symbol'),
          '["S2", "S1"]',
          'clusters with their members, the largest first');
SELECT is((api_portfolio_correlations(:'two') #> '{clusters,0}') - 'positions',
          '{"cluster_number": 1, "nickname": "Energy", "average_correlation": 0.9, "total_value": 1000.0000,
            "weight": 0.25}', 'named');

SELECT pg_temp.raises(format('SELECT api_portfolio_correlations(%L, %s)', pg_temp.id(9), arguments), '22023', message,
                      '%', hint, arguments)
FROM (VALUES ('-1', 'lookback_days must be 2 or more, not -1', '%newest%'),
             ('126, 127', 'min_overlap must be between 2 and lookback_days, not 127', 'Leave it out%'),
             ('NULL, 1', 'min_overlap must be between 2 and lookback_days, not 1', 'Leave it out%'),
             ('max_symbols => 1', 'max_symbols must be 2 or more, not 1', '%default is 25%'))
     AS bad (arguments, message, hint);

-- An option counts for its underlying by its delta.
INSERT INTO position_greeks (portfolio_id, position_id, calculation_date, delta, underlying_price)
SELECT portfolio_id, id, '2024-11-22', 0.5, 600 FROM positions WHERE portfolio_id = :'three' AND position_type = 'LC';
SELECT count(*) AS phases FROM create_portfolio_snapshots('2024-11-22', portfolio_id => :'three') \gset
SELECT is((SELECT exposure - round((0.5 * 100 * p.price * l.quantity)::numeric, 4)
             FROM _portfolio_batch.api_symbol_exposures(:'three', '2024-11-22') AS e
             JOIN positions AS l ON l.underlying_symbol = e.symbol
            CROSS JOIN price_asof(e.symbol, '2024-11-22') AS p
            WHERE l.portfolio_id = :'three'), 0::numeric, 'the exposure of an option');
SELECT is_empty($$SELECT * FROM _portfolio_batch.api_symbol_exposures(pg_temp.id(5), '2024-11-22') WHERE symbol = 'FUND'$$,
                'a private fund has none');

-- Stress tests -------------------------------------------------------------------------------------------------------

SELECT is((SELECT jsonb_array_length(answer -> 'scenarios') FROM answers
            WHERE function = 'stress_tests' AND id = :'three'), 22, 'every scenario');
SELECT ok((SELECT array_agg(s ->> 'category' || '/' || (s ->> 'name'))
                  = array_agg(s ->> 'category' || '/' || (s ->> 'name')
                              ORDER BY s ->> 'category' COLLATE "C", s ->> 'name' COLLATE "C")
             FROM answers, jsonb_array_elements(answer -> 'scenarios') AS s
            WHERE function = 'stress_tests' AND id = :'three'), 'by category and name');
SELECT is_empty($$SELECT * FROM stress_test_results AS r JOIN stress_test_scenarios AS d USING (scenario_id)
                  JOIN portfolio_snapshots AS n ON n.portfolio_id = r.portfolio_id AND n.snapshot_date = '2024-11-22'
                  JOIN answers AS a ON a.id = r.portfolio_id AND a.function = 'stress_tests' AND a.name !~ '2'
                  CROSS JOIN LATERAL jsonb_array_elements(a.answer -> 'scenarios') AS s
                  WHERE s ->> 'id' = r.scenario_id AND r.calculation_date = '2024-11-22'
                    AND (s #>> '{impact,direct,dollar_impact}', s #>> '{impact,correlated,dollar_impact}',
                         s #>> '{impact,correlation_effect}', s #>> '{impact,correlated,new_portfolio_value}',
                         s #>> '{impact,direct,percentage_impact}', s ->> 'name', s ->> 'severity',
                         s ->> 'reason', (s ->> 'exceeds_equity')::boolean)
                        IS DISTINCT FROM (r.direct_pnl::text, r.correlated_pnl::text, r.correlation_effect::text,
                                          (n.total_value + r.correlated_pnl)::text,
                                          round(100 * r.direct_pnl / n.total_value, 4)::text, d.name, d.severity,
                                          r.reason, r.exceeds_equity)$$, 'with what the batch stored');
SELECT is(jsonb_path_query_array(api_portfolio_stress_tests(:'three', '{covid_crash_2020,financial_crisis_2008}'),
                                 '$.scenarios[*].id'), '["financial_crisis_2008", "covid_crash_2020"]', 'some of them');
UPDATE portfolio_stress_tests SET scenario_ids[array_position(scenario_ids, 'covid_crash_2020')] = NULL
 WHERE portfolio_id = :'three';
SELECT is(api_portfolio_stress_tests(:'three', '{covid_crash_2020,financial_crisis_2008}')
          #> '{data_quality,scenarios_without_result}', '["covid_crash_2020"]', 'one that was not calculated');
SELECT is((SELECT concat_ws(' ', a ->> 'reason', a #> '{data_quality,scenarios_without_result}')
           FROM api_portfolio_stress_tests(:'three', '{covid_crash_2020}') AS a),
          'no_matching_results ["covid_crash_2020"]', 'or the only one');
DELETE FROM stress_test_scenarios WHERE scenario_id = 'financial_crisis_2008';
SELECT is((SELECT count(*) FROM jsonb_array_elements(api_portfolio_stress_tests(:'three') -> 'scenarios') AS s
            WHERE s ->> 'id' = 'financial_crisis_2008' AND s ->> 'name' IS NULL), 1::bigint,
          'results outlive their scenario');
UPDATE portfolio_snapshots SET total_value = -10, snapshot_date = '2024-11-23'
 WHERE portfolio_id = :'three' AND snapshot_date = '2024-11-22';
SELECT is(api_portfolio_stress_tests(:'three') ->> 'baseline_date', '2024-11-21', 'the baseline is no later snapshot');
DELETE FROM portfolio_snapshots WHERE portfolio_id = :'three';
SELECT is((SELECT concat_ws(' ', a -> 'portfolio_value', a #> '{scenarios,0,impact,direct,percentage_impact}',
                            a #> '{scenarios,0,impact,direct,new_portfolio_value}')
           FROM api_portfolio_stress_tests(:'three') AS a), 'null null null', 'nothing to compare with is null');
SELECT is(_portfolio_batch.api_impact(-150, 100), '{"dollar_impact": -150, "percentage_impact": -150.0000, "new_portfolio_value": -50}',
          'losses are not capped');
SELECT is(_portfolio_batch.api_impact(1, -100) -> 'percentage_impact', 'null', 'no percentage of a debt');
SELECT pg_temp.raises(format('SELECT api_portfolio_stress_tests(%L, %L)', :'three', '{covid_crash_2020,nope}'), '22023',
                      'scenario ''nope'' does not exist', '', 'SELECT scenario_id, name FROM pb.stress_test_scenarios;',
                      'an unknown scenario');
SELECT pg_temp.raises(format('SELECT api_portfolio_stress_tests(%L, %L)', :'three', '{NULL}'), '22023',
                      'scenario NULL does not exist', '', '%', 'a NULL');
SELECT pg_temp.raises(format('SELECT api_portfolio_stress_tests(%L, %L)', :'three', '{}'), '22023',
                      'scenario_ids names no scenario', '', 'Leave it out for all scenarios.', 'an empty list');

-- Rights -------------------------------------------------------------------------------------------------------------

CREATE ROLE pb_api_reader;
CREATE ROLE pb_api_stranger;
GRANT USAGE ON SCHEMA pb TO pb_api_stranger;
SELECT count(*) FROM grant_analytics_roles('pb_api_reader', NULL) \g /dev/null
CREATE TEMP TABLE as_owner AS SELECT id, function, answer FROM endpoint;
GRANT SELECT ON as_owner TO pb_api_reader;
CREATE TEMP TABLE lots AS SELECT id FROM positions LIMIT 1;
GRANT SELECT ON lots TO pb_api_reader, pb_api_stranger;
SET LOCAL ROLE pb_api_reader;
SELECT is_empty($$SELECT * FROM as_owner WHERE answer IS DISTINCT FROM CASE function
                    WHEN 'snapshot' THEN api_portfolio_snapshot(id) WHEN 'betas' THEN api_portfolio_betas(id)
                    WHEN 'factors' THEN api_portfolio_factors(id)
                    WHEN 'correlations' THEN api_portfolio_correlations(id)
                    ELSE api_portfolio_stress_tests(id) END$$, 'a reader gets the same answers');
SELECT is((SELECT api_position(id) ->> 'available' FROM lots), 'true', 'also of positions');
SET LOCAL ROLE pb_api_stranger;
SELECT throws_ok(format('SELECT %s(%L)', f, (SELECT id FROM lots)), '42501', NULL, f || ' reads nothing for others')
FROM unnest(ARRAY['api_portfolio_snapshot', 'api_portfolio_betas', 'api_portfolio_factors',
                  'api_portfolio_correlations', 'api_portfolio_stress_tests', 'api_position']) AS f;
RESET ROLE;

-- Row-level security of the tables holds.
ALTER TABLE portfolios ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON portfolios USING (name ~ 'Sample 1');
SET LOCAL ROLE pb_api_reader;
SELECT is(api_portfolio_snapshot(:'one') ->> 'available', 'true', 'a portfolio that the role may see');
SELECT is(api_portfolio_snapshot(:'two') ->> 'reason', 'unknown_portfolio', 'one that it may not');
SELECT is((SELECT api_position(l.id, l.portfolio_id) ->> 'reason' FROM positions AS l
            WHERE l.portfolio_id = :'two' LIMIT 1), 'unknown_portfolio', 'nor its positions');
RESET ROLE;

SELECT finish();
ROLLBACK;
