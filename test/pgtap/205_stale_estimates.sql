-- Estimates whose newest return is old: their flag, which flag wins, what portfolios say of them, and yields that end
-- long before the date.

\ir include/prelude.psql
SELECT plan(16);

\set factor_market_from 2024-01-02
\set factor_market_to 2024-07-12
\set factor_market_sessions 90
\set factor_market_symbols '(''LIVE'', 1.1, 0.41), (''FIVE'', 1.3, 1.37), (''SIX'', 0.8, 0.59), (''TORN'', 1, 0.67), (''TORN6'', 1, 0.93)'
\ir include/factor_market.psql
SET LOCAL portfolio_batch.limited_history_below = 50;
CREATE TEMP TABLE session AS
SELECT session_date, row_number() OVER (ORDER BY session_date DESC) - 1 AS age
FROM trading_sessions WHERE calendar = 'NYSE' AND session_date <= '2024-07-12';
DELETE FROM market_data_cache AS m USING session AS s
WHERE s.session_date = m.date
  AND s.age < CASE m.symbol WHEN 'FIVE' THEN 5 WHEN 'SIX' THEN 6 WHEN 'TORN6' THEN 6 ELSE 0 END;
UPDATE market_data_cache
SET close = close * CASE WHEN date < '2024-06-20' THEN 10 ELSE 1 END,
    adj_close = close * CASE WHEN date < '2024-06-20' THEN 10 ELSE 1 END
WHERE symbol IN ('TORN', 'TORN6');
INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator)
VALUES ('TORN', '2024-06-20', 'split', 10), ('TORN6', '2024-06-20', 'split', 10);

SELECT pg_temp.add_portfolio(1, 1000000, '2024-07-01') \g /dev/null
SELECT pg_temp.add_lot(1, 11, 'LIVE', 500, 100, '2024-07-01'), pg_temp.add_lot(1, 12, 'FIVE', 400, 100, '2024-07-01'),
       pg_temp.add_lot(1, 13, 'SIX', -300, 100, '2024-07-01'), pg_temp.add_lot(1, 14, 'TORN', 200, 100, '2024-07-01'),
       pg_temp.add_lot(1, 15, 'TORN6', 100, 100, '2024-07-01') \g /dev/null
SELECT pg_temp.add_portfolio(2, 1000000, '2024-07-01'), pg_temp.add_lot(2, 21, 'LIVE', 500, 100, '2024-07-01') \g /dev/null
SELECT is((SELECT sum(failed) FROM run_daily_batch('2024-07-12', force => true)), 0::numeric, 'the day is run');

CREATE FUNCTION pg_temp.flags() RETURNS TABLE (symbol text, flags text) LANGUAGE sql AS $$
  SELECT f.symbol, string_agg(f.model || ' ' || f.quality_flag, ', ' ORDER BY f.model)
  FROM (SELECT symbol, model, quality_flag FROM symbol_model_fits WHERE calculation_date = '2024-07-12'
        UNION ALL
        SELECT symbol, 'volatility', quality_flag FROM symbol_volatility WHERE calculation_date = '2024-07-12') AS f
  GROUP BY f.symbol
$$;
SELECT results_eq('SELECT * FROM pg_temp.flags() ORDER BY symbol COLLATE "C"',
  $$VALUES ('FIVE', 'market full_history, rate full_history, ridge full_history, spread full_history, volatility limited_history'),
           ('LIVE', 'market full_history, rate full_history, ridge full_history, spread full_history, volatility limited_history'),
           ('SIX', 'market stale, rate stale, ridge stale, spread stale, volatility stale'),
           ('TORN', 'market split_in_prices, rate split_in_prices, ridge split_in_prices, spread split_in_prices, '
                    'volatility split_in_prices'),
           ('TORN6', 'market stale, rate stale, ridge stale, spread stale, volatility stale')$$,
  'an estimate is stale from the sixth session without a return on, before a split in its prices and a short history');
SELECT set_eq($$SELECT DISTINCT b.quality_flag FROM position_market_betas AS b JOIN positions AS p ON p.id = b.position_id
                WHERE p.symbol = 'SIX'
                UNION SELECT v.quality_flag FROM position_volatility AS v JOIN positions AS p ON p.id = v.position_id
                WHERE p.symbol = 'SIX'$$, ARRAY['stale'], 'positions show it');
SELECT results_eq($$SELECT status, detail FROM batch_audit('2024-07-12', ARRAY[pg_temp.id(1)])
                    WHERE "check" = 'model quality' AND entity = 'SIX'$$,
                  $$VALUES ('amber', 'market stale, rate stale, ridge stale, spread stale')$$, 'and so does the audit');

-- The share of the gross exposure, by SQL.
CREATE TEMP TABLE share AS
SELECT sum(abs(l.quantity * m.close)) FILTER (WHERE l.symbol IN ('SIX', 'TORN6')) / sum(abs(l.quantity * m.close)) AS stale
FROM positions AS l
CROSS JOIN LATERAL (SELECT close FROM market_data_cache AS m WHERE m.symbol = l.symbol ORDER BY date DESC LIMIT 1) AS m
WHERE l.portfolio_id = pg_temp.id(1);
SELECT results_eq($$SELECT DISTINCT portfolio_id, model, quality_flag,
                           pg_temp.near(stale_share, CASE WHEN portfolio_id = pg_temp.id(1) THEN stale ELSE 0 END, 1e-12)
                    FROM portfolio_factor_exposures, share ORDER BY portfolio_id, model$$,
                  $$SELECT pg_temp.id(p), m.model, CASE p WHEN 1 THEN 'stale' END, true
                    FROM generate_series(1, 2) AS p, unnest('{market,rate,ridge,spread}'::text[]) AS m (model)
                    ORDER BY 1, 2$$, 'the exposures say how much of the gross exposure is stale, where any is');
SELECT is_empty($$SELECT r.portfolio_id, scenario_id, r.calculation_metadata -> 'stale_share'
                  FROM stress_test_results AS r JOIN stress_scenario_moves AS m USING (calculation_date, scenario_id), share
                  WHERE (r.calculation_metadata ->> 'quality_flag',
                         round((r.calculation_metadata ->> 'stale_share')::numeric, 12))
                        IS DISTINCT FROM (CASE WHEN m.method <> 'replay' AND portfolio_id = pg_temp.id(1) THEN 'stale' END,
                                          CASE WHEN m.method <> 'replay' AND portfolio_id = pg_temp.id(1)
                                               THEN round(stale::numeric, 12) END)$$,
                'and so do the stress tests');
SELECT results_eq($$SELECT DISTINCT portfolio_id, note FROM market_risk('2024-07-12') ORDER BY portfolio_id$$,
                  $$SELECT pg_temp.id(p), CASE p WHEN 1 THEN format('stale estimates of %s %% of the gross exposure',
                                                                   round(100 * stale::numeric, 1)) END
                    FROM generate_series(1, 2) AS p, share ORDER BY 1$$, 'and the grid of single moves');
SELECT ok(portfolio_report(pg_temp.id(1), '2024-07-12') LIKE '%stale estimates%'
          AND portfolio_report(pg_temp.id(1), '2024-07-12') LIKE '%>stale: 2%', 'the report says it of positions and figures');
SELECT ok(portfolio_report(pg_temp.id(2), '2024-07-12') NOT LIKE '%stale estimates%', 'and not where nothing is');

SET LOCAL portfolio_batch.max_stale_sessions = 6;
SELECT count(*) AS phases FROM run_daily_batch('2024-07-12', force => true) \gset
SELECT is_empty('SELECT * FROM pg_temp.flags() WHERE flags LIKE ''%stale%''', 'max_stale_sessions says how old is old');
SET LOCAL portfolio_batch.max_stale_sessions = 5;

-- Yields that end before the date ---------------------------------------------------------------------------------

INSERT INTO interest_rates (series, date, rate)
SELECT 'DGS10', s.session_date, 4 + 0.3 * sin(s.age * s.age) FROM session AS s WHERE s.age BETWEEN 10 AND 120;
CREATE FUNCTION pg_temp.rates() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text := (SELECT c.detail FROM calc_interest_rate_betas('2024-07-12') AS c);
BEGIN
  RETURN detail || '; ' || (SELECT parameters ->> 'rate_series' FROM factor_models WHERE model = 'rate') || '; '
         || (SELECT quality_flag FROM symbol_model_fits WHERE model = 'rate' AND symbol = 'LIVE');
END $$;
SELECT is(pg_temp.rates(), 'rate betas of 5 of 5 symbols on DGS10; DGS10; stale',
          'yields that end ten sessions before are used, and make every rate beta stale');
SELECT results_eq($$SELECT portfolio_id, model, stale_share FROM portfolio_factor_exposures WHERE stale_share > 0.99$$,
                  $$SELECT pg_temp.id(p), 'rate', 1::float8 FROM generate_series(1, 2) AS p$$,
                  'of the whole gross exposure');
SELECT count(*) AS calls FROM calc_stress_tests('2024-07-12') \gset
SELECT results_eq('SELECT stale_share FROM portfolio_stress_tests', 'VALUES (1::float8), (1)',
                  'a stale estimate of one model is enough for the stress tests');
DELETE FROM interest_rates AS i USING session AS s WHERE s.session_date = i.date AND s.age = 10;
SELECT is(pg_temp.rates(), 'rate betas of 5 of 5 symbols on TLT; TLT; full_history',
          'of those that end earlier the bond fund stands in, which the result names');
UPDATE factor_definitions SET is_active = false WHERE model = 'rate';
SELECT is((SELECT detail FROM calc_interest_rate_betas('2024-07-12')),
          'rate betas of 0 of 5 symbols, no yield series and no bond fund', 'without one there are no rate betas');
SELECT set_eq($$SELECT DISTINCT reason FROM symbol_model_fits WHERE model = 'rate'$$, ARRAY['insufficient_data'],
              'and old yields make none');

SELECT * FROM finish();
ROLLBACK;
