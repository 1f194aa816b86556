-- The audit: a healthy book, and then one fault after another, each of which has to change the status of its own check
-- and of no other.

\ir include/prelude.psql
SELECT plan(46);

\set day '''2024-07-12'''

-- Before there is anything -------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT DISTINCT status, detail FROM batch_audit_summary('2024-07-12')
                    WHERE section NOT IN ('objects', 'verdict')$$,
                  $$VALUES ('grey', 'no portfolio to look at')$$, 'empty tables: every section is grey');
SELECT results_eq($$SELECT section, status, amber, red, detail FROM batch_audit_summary('2024-07-12')
                    WHERE section IN ('objects', 'verdict')$$,
                  $$VALUES ('objects', 'green', 0::bigint, 0::bigint, NULL), ('verdict', 'grey', 0, 0, 'NOTHING TO AUDIT')$$,
                  'but that of the tables, which are there, and the verdict is grey');
SAVEPOINT empty;
SELECT pg_temp.add_portfolio(1, 1000, '2024-07-01') \g /dev/null
SELECT results_eq($$SELECT section, status, CASE WHEN section IN ('batch', 'market data', 'verdict') THEN detail END
                    FROM batch_audit_summary('2024-07-12') WHERE status <> 'green' ORDER BY section$$,
                  $$VALUES ('batch', 'red', 'latest run, all: 0 of 1; no run is in the log'), ('correlations', 'red', NULL),
                           ('factor exposures', 'red', NULL),
                           ('market data', 'red', 'price of the session, IWM: 0 of 1; no price'), ('snapshots', 'red', NULL),
                           ('stress tests', 'red', NULL), ('verdict', 'red', 'NO BATCH CALCULATIONS')$$,
                  'a portfolio: nothing was ever computed');
ROLLBACK TO empty;
SELECT set_eq($$SELECT * FROM batch_audit()$$, format($$SELECT * FROM batch_audit(%L)$$, latest_closed_session()),
              'without a date and without data: the latest session');

-- A healthy book -----------------------------------------------------------------------------------------------------

-- A low threshold, so that there are clusters; a second run, so that the latest is not the only one.
SET LOCAL portfolio_batch.correlation_threshold = 0.25;
SELECT count(*) AS tables FROM load_sample_data(portfolios => 3, positions => 8, sessions => 4, last_session => :day) \gset
SELECT count(*) AS phases FROM run_daily_batch_with_backfill(:day) \gset
SELECT count(*) AS phases FROM run_daily_batch(:day) \gset
CREATE TEMP TABLE healthy AS SELECT * FROM batch_audit(:day);

SELECT results_eq($$SELECT section || ': ' || "check", entity, expected, actual, status, detail FROM healthy
                    WHERE status <> 'green'$$,
                  $$SELECT 'market data: price of the session', symbol, '1', '0', 'amber', 'no price, lots: 1'
                    FROM positions WHERE investment_class = 'OPTIONS'
                    UNION ALL VALUES ('market data: marks of private assets', 'PRIVATE_FUND', '1', '0', 'amber',
                                      'carried at the entry price')$$,
                  'a healthy book is green, but for an option without quote and an asset that nobody marked');
SELECT results_eq('SELECT section, "check" FROM healthy WHERE status = ''green''',
                  'SELECT section, check_name FROM _portfolio_batch.audit_checks() WHERE check_name <> ''marks of private assets''',
                  'of what is well there is one row a check, in the order of the list');
SELECT is_empty($$SELECT * FROM healthy WHERE status = 'green' AND actual <> expected$$, 'with as many as there should be');
SELECT set_eq('SELECT DISTINCT section FROM healthy',
              '{market data,profiles,snapshots,greeks,factor exposures,rate betas,volatility,correlations,stress tests,
                batch,duplicates,orphans,objects}'::text[], 'every section');
SELECT results_eq($$SELECT "check", expected, detail FROM healthy
                    WHERE "check" IN ('sessions', 'trading days', 'coverage', 'factor correlations', 'ridge betas')$$,
                  $$VALUES ('sessions', '12', 'sessions of 3 portfolios'),
                           ('trading days', '12', 'snapshots of 3 portfolios; 4 trading days in 4 calendar days since '
                                                  '2024-07-09'),
                           ('coverage', '0', 'disabled: there is no option feed'),
                           ('ridge betas', '24', 'lots of 3 portfolios'), ('factor correlations', '78', NULL)$$,
                  'and what they count');
SELECT ok((SELECT bool_and(actual::integer > 0) FROM healthy WHERE "check" IN ('pairs', 'clusters')),
          'there are correlations and clusters to look at');
SELECT is((SELECT actual::bigint FROM healthy WHERE "check" = 'pairs'),
          (SELECT sum((cardinality(symbols) * (cardinality(symbols) - 1) / 2)) FROM correlation_calculations
            WHERE calculation_date = :day), 'every pair is counted');
SELECT matches((SELECT detail FROM healthy WHERE "check" = 'R-squared'),
               '^fits of 4 models; market: median 0\.\d+, below 0\.1: \d+ %; rate: median .*spread: median .*',
               'the median of R-squared by model');

SELECT results_eq($$SELECT section, status, green, amber, red, detail FROM batch_audit_summary('2024-07-12')
                    WHERE section IN ('market data', 'snapshots', 'verdict')$$,
                  $$VALUES ('market data', 'amber', 6::bigint, 2::bigint, 0::bigint,
                            (SELECT 'price of the session, ' || symbol || ': 0 of 1; no price, lots: 1' FROM positions
                             WHERE investment_class = 'OPTIONS')),
                           ('snapshots', 'green', 12, 0, 0, NULL),
                           ('verdict', 'amber', (SELECT count(*) - 2 FROM _portfolio_batch.audit_checks()), 2, 0,
                            'BATCH CALCULATIONS ARE RUNNING')$$, 'the summary: a row a section, and the verdict');
SELECT is_empty($$SELECT * FROM batch_audit('2024-07-11') WHERE status = 'red'$$, 'the session before is well too');
SELECT results_eq($$SELECT status, detail FROM batch_audit_summary() WHERE section = 'verdict'$$,
                  $$VALUES ('amber', 'HISTORICAL DATA IS COMPLETE')$$,
                  'without a date: the newest session of historical data');
SELECT set_eq('SELECT * FROM batch_audit()',
              format($$SELECT * FROM healthy
                       UNION ALL
                       SELECT 'market data', 'all', 'session', '0', count(*)::text, 'amber',
                              'as of 2024-07-12, the newest session with data; the latest closed one is ' || max(d)
                       FROM sessions_between('2024-07-13', %L) AS d$$, latest_closed_session()), 'with a row that says so');
SAVEPOINT kept_up;
-- Of another role, so that it is known by its record.
INSERT INTO batch_schedule_records (schedule_name, cron_expression, command, enabled, next_run, owner)
VALUES ('nightly', '0 22 * * *', 'CALL daily_batch()', true, now() + interval '1 hour', 'desk');
SELECT results_eq($$SELECT status, detail FROM batch_audit_summary() WHERE section = 'verdict'$$,
                  $$VALUES ('red', 'PARTIAL')$$, 'what a schedule keeps up to date is late');
ROLLBACK TO kept_up;
INSERT INTO market_data_cache (symbol, date, close) VALUES ('SPY', latest_closed_session(), 500);
SELECT results_eq($$SELECT status, detail FROM batch_audit_summary() WHERE section = 'verdict'$$,
                  $$VALUES ('red', 'PARTIAL')$$, 'and so is what prices still arrive for');
ROLLBACK TO kept_up;

-- Faults -------------------------------------------------------------------------------------------------------------

-- The checks whose status a statement changes, with the new one; nothing of the statement stays.
CREATE FUNCTION pg_temp.changes(fault text, day date DEFAULT '2024-07-12', ids uuid[] DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  changed text;
BEGIN
  BEGIN
    EXECUTE fault;
    SELECT string_agg(n.section || ': ' || n.check_name || ' ' || n.status, ', ' ORDER BY n.section COLLATE "C", n.check_name COLLATE "C")
      INTO changed
      FROM (SELECT a.section, a.check_name, _portfolio_batch.audit_worst(array_agg(a.status)) AS status
            FROM batch_audit(day, ids) AS a (section, entity, check_name, expected, actual, status, detail)
            GROUP BY 1, 2) AS n
      FULL JOIN (SELECT section, "check" AS check_name, _portfolio_batch.audit_worst(array_agg(h.status)) AS status FROM healthy AS h
                 GROUP BY 1, 2) AS h USING (section, check_name)
     WHERE n.status IS DISTINCT FROM h.status;
    RAISE 'undo' USING ERRCODE = 'PBTST';
  EXCEPTION WHEN SQLSTATE 'PBTST' THEN NULL;
  END;
  RETURN COALESCE(changed, 'nothing');
END $$;

-- A lot of the first portfolio with an ordinary symbol, its portfolio, its symbol; the portfolio with the option.
SELECT p.portfolio_id AS pf, p.id AS lot, p.symbol AS sym FROM positions AS p
 WHERE p.symbol ~ '^STK' AND p.exit_date IS NULL
   AND (SELECT count(*) FROM positions AS o WHERE o.symbol = p.symbol) = 1
   AND NOT EXISTS (SELECT FROM position_realized_events AS e WHERE e.position_id = p.id)
 ORDER BY p.portfolio_id, p.symbol LIMIT 1 \gset
SELECT portfolio_id AS option_pf, id AS option_lot FROM positions WHERE investment_class = 'OPTIONS' \gset
SELECT id AS other FROM positions WHERE portfolio_id = :'pf' AND id <> :'lot' ORDER BY id LIMIT 1 \gset
SELECT format('portfolio_id = %L', :'pf') AS of_pf,
       'calculation_date = ''2024-07-12''' AS today \gset

CREATE TEMP TABLE faults (n integer GENERATED ALWAYS AS IDENTITY, want text, fault text);

-- Market data, profiles, Greeks.
INSERT INTO faults (want, fault) VALUES
  ('market data: price of the session red',
   format('DELETE FROM market_data_cache WHERE symbol = %L AND date >= ''2024-07-11''', :'sym')),
  ('nothing', format('DELETE FROM market_data_cache WHERE symbol = %L AND date = ''2024-07-12''', :'sym')),
  ('market data: history depth amber',
   format('DELETE FROM market_data_cache WHERE symbol = %L AND date < ''2024-01-12''', :'sym')),
  ('market data: history depth red',
   format('DELETE FROM market_data_cache WHERE symbol = %L AND date < ''2024-06-12''', :'sym')),
  ('market data: yields amber', 'DELETE FROM interest_rates WHERE date > ''2024-06-30'''),
  ('market data: yields amber', 'DELETE FROM interest_rates'),
  ('market data: position values red',
   format('UPDATE positions SET last_price_date = ''2024-07-11'' WHERE id = %L', :'lot')),
  ('market data: position values red', format('UPDATE positions SET market_value = NULL WHERE id = %L', :'lot')),
  ('market data: marks of private assets green',
   'SELECT mark_position(portfolio_id, id, 5, ''2024-07-12'') FROM positions WHERE investment_class = ''PRIVATE'''),
  ('nothing', 'INSERT INTO position_marks (portfolio_id, position_id, mark_date, price) '
              'SELECT portfolio_id, id, ''2024-07-13'', 5 FROM positions WHERE investment_class = ''PRIVATE'''),
  ('market data: prices across a split amber',
   'INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator) VALUES (''VTV'', ''2024-07-10'', ''split'', 2); '
   'UPDATE market_data_cache SET adj_close = adj_close / 2 WHERE symbol = ''VTV'' AND date >= ''2024-07-10'''),
  ('nothing',
   'INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator) VALUES (''VTV'', ''2024-07-10'', ''split'', 2); '
   'UPDATE market_data_cache SET close = close / 2, adj_close = adj_close / 2 '
   'WHERE symbol = ''VTV'' AND date >= ''2024-07-10'''),
  ('market data: corporate actions red',
   format('INSERT INTO corporate_actions (symbol, ex_date, kind) VALUES (%L, ''2024-07-15'', ''merger''), '
          '(%1$L, ''2024-07-12'', ''spin_off'')', :'sym')),
  ('nothing', format('INSERT INTO corporate_actions (symbol, ex_date, kind) VALUES (%L, ''2024-07-15'', ''merger'')', :'sym')),
  ('market data: options on converted shares amber',
   'INSERT INTO corporate_actions (symbol, ex_date, kind) '
   'SELECT underlying_symbol, ''2024-07-12'', ''return_of_capital'' FROM positions WHERE investment_class = ''OPTIONS''; '
   'INSERT INTO corporate_action_legs (symbol, ex_date, kind, cash) '
   'SELECT underlying_symbol, ''2024-07-12'', ''return_of_capital'', 0 FROM positions WHERE investment_class = ''OPTIONS'''),
  ('market data: price of the session green, snapshots: expired options amber',
   'UPDATE positions SET expiration_date = ''2024-07-11'' WHERE investment_class = ''OPTIONS'''),
  ('nothing', 'UPDATE positions SET expiration_date = ''2024-07-15'' WHERE investment_class = ''OPTIONS'''),
  ('snapshots: values at inception amber',
   format('UPDATE portfolios SET inception_date = (SELECT min(snapshot_date) FROM portfolio_snapshots) WHERE id = %L; '
          'UPDATE positions SET entry_date = ''2020-01-02'' WHERE id = %L; '
          'DELETE FROM market_data_cache WHERE symbol = (SELECT symbol FROM positions WHERE id = %2$L) '
          'AND date BETWEEN ''2024-06-24'' AND ''2024-07-08''', :'pf', :'lot')),
  ('snapshots: flows before inception amber',
   format('UPDATE portfolios SET inception_date = (SELECT min(snapshot_date) FROM portfolio_snapshots) WHERE id = %L; '
          'INSERT INTO equity_changes (portfolio_id, change_type, amount, change_date) '
          'VALUES (%1$L, ''CONTRIBUTION'', 1000, ''2024-06-03'')', :'pf')),
  ('snapshots: realized P&L as booked amber',
   format('INSERT INTO position_realized_events (portfolio_id, position_id, trade_date, quantity_closed, exit_price, '
          'realized_pnl) SELECT portfolio_id, id, ''2024-07-12'', 1, last_price, 999 FROM positions WHERE id = %L', :'lot')),
  ('profiles: sectors amber', 'UPDATE company_profiles SET sector = NULL WHERE symbol IN (SELECT symbol FROM positions '
                              'WHERE symbol ~ ''^STK'' GROUP BY symbol ORDER BY symbol LIMIT 3)'),
  ('profiles: sectors red', 'DELETE FROM company_profiles'),
  ('greeks: coverage red', format('INSERT INTO position_greeks (portfolio_id, position_id, calculation_date, delta) '
                                  'VALUES (%L, %L, ''2024-07-11'', 0.5)', :'option_pf', :'option_lot')),
  ('greeks: coverage red', format('INSERT INTO position_greeks (portfolio_id, position_id, calculation_date) '
                                  'VALUES (%L, %L, ''2024-07-12'')', :'option_pf', :'option_lot')),
  ('nothing', format('INSERT INTO position_greeks (portfolio_id, position_id, calculation_date, reason) '
                     'VALUES (%L, %L, ''2024-07-12'', ''no_prices'')', :'option_pf', :'option_lot')),
  ('nothing', format('INSERT INTO position_greeks (portfolio_id, position_id, calculation_date, delta) '
                     'VALUES (%L, %L, ''2024-07-12'', 0.5)', :'option_pf', :'option_lot'));

-- What the portfolio held: all results by position belong to it. One place of the arrays is the lot, of which the fault
-- is the expression that takes the place of its value in a column.
CREATE FUNCTION pg_temp.with_lot(lot uuid, column_name text, value text) RETURNS text LANGUAGE sql AS
$$ SELECT format('UPDATE portfolio_holdings AS h SET %2$I = (SELECT array_agg(CASE WHEN u.id = %1$L THEN %3$s ELSE u.v END '
                 'ORDER BY u.i) FROM unnest(h.position_ids, h.%2$I) WITH ORDINALITY AS u (id, v, i)) '
                 'WHERE calculation_date = ''2024-07-12''', lot, column_name, value) $$;
CREATE FUNCTION pg_temp.each_result(also text) RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(c || ' red', ', ' ORDER BY c COLLATE "C")
   FROM unnest(ARRAY['factor exposures: market betas', 'factor exposures: ridge betas', 'factor exposures: spread betas',
                     'rate betas: rate betas', 'volatility: volatilities', also]) AS c $$;
INSERT INTO faults (want, fault) VALUES
  (pg_temp.each_result('snapshots: holdings'), format('DELETE FROM portfolio_holdings WHERE %s AND %s', :'of_pf', :'today')),
  (pg_temp.each_result('snapshots: holdings'), pg_temp.with_lot(:'lot', 'position_ids', quote_literal(:'other'))),
  (pg_temp.each_result('snapshots: holdings'), pg_temp.with_lot(:'lot', 'quantities', '0')),
  ('snapshots: holdings red, volatility: volatilities red', pg_temp.with_lot(:'lot', 'symbols', 'NULL')),
  ('nothing', pg_temp.with_lot(:'lot', 'symbols', 'NULL') || '; ' || pg_temp.with_lot(:'lot', 'reasons', '''private''')),
  ('snapshots: holdings red', pg_temp.with_lot(:'lot', 'daily_pnl', 'u.v + 1')),
  ('snapshots: holdings red', pg_temp.with_lot(:'lot', 'daily_pnl', 'NULL')),
  ('snapshots: holdings red', pg_temp.with_lot(:'lot', 'market_values', 'u.v + 100')),
  ('snapshots: holdings red', format('UPDATE portfolio_holdings SET unallocated_pnl = unallocated_pnl + 0.0001 '
                                     'WHERE %s AND %s', :'of_pf', :'today')),
  ('snapshots: holdings red', format('UPDATE portfolio_holdings SET unallocated_pnl = NULL WHERE %s AND %s', :'of_pf',
                                     :'today')),
  ('nothing', format('DELETE FROM portfolio_holdings WHERE %s AND calculation_date = ''2024-07-11''', :'of_pf'));

-- Estimates of the lot's symbol: gone, without a figure, without a figure but with a reason.
INSERT INTO faults (want, fault)
SELECT f.want, format(f.fault, format('symbol = %L AND ', :'sym') || :'today')
FROM (VALUES
  ('factor exposures: market betas red', 'DELETE FROM symbol_model_fits WHERE model = ''market'' AND %s'),
  ('factor exposures: ridge betas red', 'DELETE FROM symbol_model_fits WHERE model = ''ridge'' AND %s'),
  ('factor exposures: spread betas red', 'DELETE FROM symbol_model_fits WHERE model = ''spread'' AND %s'),
  ('rate betas: rate betas red', 'DELETE FROM symbol_model_fits WHERE model = ''rate'' AND %s'),
  ('volatility: volatilities red', 'DELETE FROM symbol_volatility WHERE %s'),
  ('volatility: volatilities red', 'UPDATE symbol_volatility SET realized_volatility_21d = NULL WHERE %s'),
  ('nothing', 'UPDATE symbol_volatility SET realized_volatility_21d = NULL, reason = ''insufficient_data'' WHERE %s'),
  ('factor exposures: symbol factors red', 'UPDATE symbol_model_fits SET betas = betas[1:4] WHERE model = ''ridge'' AND %s'),
  ('factor exposures: symbol factors red', 'UPDATE symbol_model_fits SET betas[1] = NULL WHERE model = ''market'' AND %s'),
  ('factor exposures: symbol factors red', 'UPDATE symbol_model_fits SET betas = NULL WHERE model = ''rate'' AND %s'),
  ('factor exposures: model quality amber',
   'UPDATE symbol_model_fits SET betas[1] = NULL, reason = ''singular'' WHERE model = ''market'' AND %s'),
  ('factor exposures: R-squared red', 'UPDATE symbol_model_fits SET r_squared = NULL WHERE model = ''ridge'' AND %s'),
  ('factor exposures: R-squared red', 'UPDATE symbol_model_fits SET r_squared = NULL, betas = NULL WHERE model = ''rate'' AND %s'),
  ('factor exposures: model quality amber', 'UPDATE symbol_model_fits SET quality_flag = ''limited_history'' WHERE %s'),
  ('factor exposures: model quality amber', 'UPDATE symbol_model_fits SET r_squared = NULL, reason = ''no_prices'' WHERE %s'))
  AS f (want, fault);
-- A forecast that was far too high from 2024-03 on, and the plain one beside it.
INSERT INTO faults (want, fault) VALUES
  ('factor exposures: models against plain ones amber',
   'INSERT INTO symbol_volatility (calculation_date, symbol, realized_volatility_21d, expected_volatility_21d, '
   'forecast_method, sessions_per_year) SELECT d, ''SPY'', 0.2, 9, ''har'', 252 '
   'FROM sessions_between(''2024-02-28'', ''2024-06-28'') AS d');
-- Without the order of their factors the betas of a model tell nothing.
INSERT INTO faults (want, fault)
SELECT f.want, f.fault || ' AND ' || :'today'
FROM (VALUES
  ('factor exposures: market betas red, factor exposures: symbol factors red',
   'DELETE FROM factor_models WHERE model = ''market'''),
  ('factor exposures: symbol factors red, rate betas: rate betas red', 'DELETE FROM factor_models WHERE model = ''rate'''),
  ('factor exposures: symbol factors red', 'UPDATE factor_models SET factors[5] = ''other'' WHERE model = ''ridge'''))
  AS f (want, fault);
INSERT INTO faults (want, fault)
SELECT f.want, f.fault || ' AND ' || :'today'
FROM (VALUES
  ('factor exposures: R-squared amber', 'UPDATE symbol_model_fits SET r_squared = 0.05 WHERE model = ''spread'''),
  ('factor exposures: portfolio exposures red',
   'UPDATE portfolio_model_exposures SET factors = array_remove(factors, ''specific'') WHERE model = ''ridge'' AND '
   || :'of_pf'),
  ('factor exposures: portfolio exposures red',
   'UPDATE portfolio_model_exposures SET exposure_dollars = NULL WHERE model = ''rate'' AND ' || :'of_pf'),
  ('nothing', 'UPDATE portfolio_model_exposures SET exposure_dollars = NULL, reasons = array_fill(''no_exposure''::text, '
              'ARRAY[cardinality(factors)]) WHERE ' || :'of_pf'),
  ('factor exposures: factor correlations red', 'DELETE FROM factor_correlations WHERE factor_1 = factor_2'),
  ('factor exposures: factor correlations red', 'DELETE FROM factor_correlations WHERE true'),
-- Correlations.
  ('correlations: calculations red', 'DELETE FROM correlation_calculations WHERE ' || :'of_pf'),
  ('nothing', 'UPDATE correlation_calculations SET symbols = NULL, correlations = NULL, concentration_score = NULL, '
              'reason = ''no_exposure'' WHERE concentration_score = 0'),
  ('correlations: pairs red',
   'UPDATE correlation_calculations SET correlations = correlations[2:], total_pairs = total_pairs - 1 WHERE ' || :'of_pf'),
  ('correlations: pairs red', 'UPDATE correlation_calculations SET correlations = NULL WHERE ' || :'of_pf'),
  ('correlations: pairs red', 'UPDATE correlation_calculations SET correlations[1] = NULL WHERE ' || :'of_pf'),
  ('nothing', 'UPDATE correlation_calculations SET correlations[1] = NULL, total_pairs = total_pairs - 1 WHERE ' || :'of_pf'),
  ('correlations: pairs red', 'UPDATE correlation_calculations SET correlations[1] = 1.5 WHERE ' || :'of_pf'),
  ('correlations: pairs red', 'UPDATE correlation_calculations SET pair_observations = ''{60,61}'' WHERE ' || :'of_pf'),
  ('correlations: data quality amber', 'UPDATE correlation_calculations SET data_quality = ''limited'' WHERE ' || :'of_pf'),
  ('correlations: clusters red', 'DELETE FROM correlation_clusters WHERE cluster_number = 1'),
  ('correlations: clusters red', 'DELETE FROM correlation_cluster_positions WHERE cluster_number = 1'),
  ('correlations: clusters red',
   'WITH members AS (DELETE FROM correlation_cluster_positions) DELETE FROM correlation_clusters WHERE true'),
  ('correlations: clusters red', 'UPDATE correlation_cluster_positions SET symbol = ''NOWHERE'' WHERE cluster_number = 1'),
-- Stress tests.
  ('stress tests: scenarios red', 'DELETE FROM portfolio_stress_tests WHERE ' || :'of_pf'),
  ('stress tests: scenarios red', 'UPDATE portfolio_stress_tests SET scenario_ids = array_remove(scenario_ids, ''market_down_10'') '
                                  'WHERE ' || :'of_pf'),
  ('stress tests: scenarios red', 'UPDATE portfolio_stress_tests SET direct_pnl[1] = NULL WHERE ' || :'of_pf'),
  ('nothing', 'UPDATE portfolio_stress_tests SET direct_pnl[1] = NULL, reasons[1] = ''private'' WHERE ' || :'of_pf'),
  ('stress tests: scenarios red', 'DELETE FROM stress_scenario_moves WHERE scenario_id = ''market_down_10'''),
  ('stress tests: definitions amber',
   'UPDATE portfolio_stress_tests SET direct_pnl[1] = NULL, reasons[1] = ''singular'' WHERE ' || :'of_pf'))
  AS f (want, fault);
INSERT INTO faults (want, fault) VALUES
  ('stress tests: scenarios red', 'INSERT INTO stress_test_scenarios (scenario_id, name, shock_config) '
                                  'VALUES (''new'', ''New'', ''{"shocks": {"market": -0.5}}'')'),
  ('nothing', 'UPDATE stress_test_scenarios SET active = false WHERE scenario_id = ''market_down_10''');

-- Snapshots: 2024-07-09 to 12.
INSERT INTO faults (want, fault)
SELECT f.want, f.fault || ' WHERE ' || :'of_pf' || f.filter
FROM (VALUES
  ('snapshots: sessions amber', 'DELETE FROM portfolio_snapshots', ' AND snapshot_date >= ''2024-07-11'''),
  ('snapshots: sessions red', 'DELETE FROM portfolio_snapshots', ' AND snapshot_date = ''2024-07-10'''),
  ('snapshots: sessions red', 'DELETE FROM portfolio_snapshots', ' AND snapshot_date = ''2024-07-09'''),
  ('snapshots: trading days red',
   'INSERT INTO portfolio_snapshots SELECT (jsonb_populate_record(s, ''{"snapshot_date": "2024-07-06"}'')).* '
   'FROM portfolio_snapshots AS s', ' AND snapshot_date = ''2024-07-09'''),
  ('snapshots: analytics red', 'UPDATE portfolio_snapshots SET analytics_complete = false',
   ' AND snapshot_date = ''2024-07-10'''),
  ('snapshots: figures red', 'UPDATE portfolio_snapshots SET beta = NULL', ''),
  ('snapshots: figures red', 'UPDATE portfolio_snapshots SET hhi = NULL', ''),
  ('nothing', 'UPDATE portfolio_snapshots SET beta = NULL, beta_reason = ''no_equity''', ''),
  ('snapshots: reconciliation red', 'UPDATE portfolio_snapshots SET equity_balance = equity_balance + 0.02',
   ' AND snapshot_date = ''2024-07-10'''),
  ('snapshots: reconciliation red',
   'UPDATE portfolio_snapshots SET equity_balance = equity_balance + 1, total_value = total_value + 1, '
   'cash_value = cash_value + 1', ' AND snapshot_date = ''2024-07-12'''),
  ('snapshots: reconciliation red', 'UPDATE portfolio_snapshots SET daily_pnl = daily_pnl - 1',
   ' AND snapshot_date = ''2024-07-10'''),
  ('snapshots: reconciliation red', 'UPDATE portfolio_snapshots SET cumulative_pnl = NULL',
   ' AND snapshot_date = ''2024-07-10'''),
  ('snapshots: reconciliation red', 'UPDATE portfolio_snapshots SET daily_capital_flow = daily_capital_flow + 5', ''),
  ('nothing', 'UPDATE portfolio_snapshots SET equity_balance = equity_balance + 0.005', ''),
  ('snapshots: balance red', 'UPDATE portfolio_snapshots SET cash_value = cash_value + 0.02', ''),
  ('snapshots: balance red', 'UPDATE portfolio_snapshots SET net_exposure = NULL', ' AND snapshot_date = ''2024-07-10'''))
  AS f (want, fault, filter);
INSERT INTO faults (want, fault) VALUES
  ('snapshots: reconciliation red', format('UPDATE portfolios SET initial_equity = initial_equity + 1 WHERE id = %L', :'pf')),
  ('snapshots: capital flows red', format('INSERT INTO equity_changes (portfolio_id, change_type, amount, change_date) '
                                          'VALUES (%L, ''WITHDRAWAL'', 0.02, ''2024-07-10'')', :'pf')),
  ('nothing', format('INSERT INTO equity_changes (portfolio_id, change_type, amount, change_date) '
                     'VALUES (%L, ''WITHDRAWAL'', 5, ''2024-07-13'')', :'pf')),
-- The log: the newest run is the second of two.
  ('batch: latest run red', 'UPDATE batch_runs SET status = ''failed'' WHERE run_kind = ''daily'''),
  ('batch: latest run amber', 'UPDATE batch_runs SET status = ''partial'' WHERE run_kind = ''daily'''),
  ('batch: latest run amber', 'UPDATE batch_runs SET target_date = ''2024-07-11'''),
  ('batch: latest run red', 'UPDATE batch_runs SET target_date = ''2024-07-10'''),
  ('batch: latest run red', 'DELETE FROM batch_runs'),
  ('batch: success rate red', 'UPDATE batch_runs SET status = ''cancelled'' WHERE run_kind = ''backfill'''),
  ('batch: success rate amber', 'INSERT INTO batch_runs (run_id, run_kind, status, target_date) SELECT -n, ''daily'', '
                                'CASE n WHEN 3 THEN ''lost'' ELSE ''success'' END, ''2024-07-01'' '
                                'FROM generate_series(1, 9) AS n'),
  ('batch: errors red', 'INSERT INTO batch_jobs (run_id, job_no, job_name, job_type, status, started_at) '
                        'SELECT max(run_id), 999, ''volatility'', ''engine'', ''failed'', now() FROM batch_runs'),
  ('batch: errors amber', 'INSERT INTO batch_jobs (run_id, job_no, job_name, job_type, status, started_at) '
                          'SELECT min(run_id), 999, ''volatility'', ''engine'', ''failed'', now() FROM batch_runs'),
  ('batch: open runs red', 'INSERT INTO batch_runs (run_kind, backend_pid, backend_start) '
                           'VALUES (''daily'', 2147483647, now())'),
  ('nothing', 'INSERT INTO batch_runs (run_kind, backend_pid, backend_start) '
              'SELECT ''daily'', pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()'),
  ('batch: schedules amber', 'INSERT INTO batch_schedule_records (schedule_name, cron_expression, command, next_run, owner) '
                             'VALUES (''nightly'', ''0 23 * * *'', ''CALL daily_batch()'', now() - interval ''2 days'', ''desk'')'),
  ('nothing', 'INSERT INTO batch_schedule_records (schedule_name, cron_expression, command, enabled, next_run, owner) '
              'VALUES (''nightly'', ''0 23 * * *'', ''CALL daily_batch()'', false, now() - interval ''2 days'', ''desk'')');

-- What is there twice, and what belongs to nothing. The lots are closed before the session, so that no result is due.
INSERT INTO faults (want, fault)
SELECT 'duplicates: keys red',
       format('ALTER TABLE %1$I DROP CONSTRAINT %2$I; INSERT INTO %1$I SELECT * FROM %1$I WHERE %3$s', t.name,
              t.name || '_pkey', t.filter)
FROM (VALUES ('symbol_volatility', 'calculation_date = ''2024-07-12'''),
             ('portfolio_holdings', 'calculation_date = ''2024-07-12'''),
             ('interest_rates', 'date = ''2024-07-11''')) AS t (name, filter);
INSERT INTO faults (want, fault) VALUES
  ('nothing', 'ALTER TABLE symbol_volatility DROP CONSTRAINT symbol_volatility_pkey'),
  ('duplicates: lots amber',
   format('INSERT INTO positions (portfolio_id, symbol, position_type, quantity, entry_price, entry_date, exit_price, '
          'exit_date) SELECT %L, %L, ''LONG'', 3, 7, ''2024-07-09'', 8, ''2024-07-10'' FROM generate_series(1, 2)',
          :'pf', :'sym')),
  ('nothing',
   format('INSERT INTO positions (portfolio_id, symbol, position_type, quantity, entry_price, entry_date, exit_price, '
          'exit_date) SELECT %L, %L, ''LONG'', 3, 7 + n, ''2024-07-09'', 8, ''2024-07-10'' '
          'FROM generate_series(1, 2) AS n', :'pf', :'sym')),
  ('duplicates: closing trades amber',
   format('INSERT INTO position_realized_events (portfolio_id, position_id, trade_date, quantity_closed, exit_price) '
          'SELECT %L, %L, ''2024-07-10'', 0.5, 8 FROM generate_series(1, 2)', :'pf', :'lot')),
  ('duplicates: capital flows amber',
   format('INSERT INTO equity_changes (portfolio_id, change_type, amount, change_date) SELECT %L, f.type, f.amount, '
          '''2024-07-10'' FROM (VALUES (''CONTRIBUTION'', 5), (''CONTRIBUTION'', 5), (''WITHDRAWAL'', 10)) '
          'AS f (type, amount)', :'pf')),
  ('duplicates: portfolios amber', 'UPDATE portfolios SET name = ''Twin'''),
  ('duplicates: scenarios amber', 'UPDATE stress_test_scenarios SET name = ''Down'' WHERE scenario_id ~ ''^market_down_'''),
  ('orphans: portfolios red', 'INSERT INTO portfolio_holdings (portfolio_id, calculation_date) '
                              'VALUES (gen_random_uuid(), ''2020-01-02'')'),
  ('orphans: portfolios red', 'INSERT INTO portfolio_snapshots (portfolio_id, snapshot_date) '
                              'VALUES (gen_random_uuid(), ''2024-07-12'')'),
  ('greeks: coverage red, orphans: positions red', format('INSERT INTO position_greeks (portfolio_id, position_id, calculation_date) '
                                    'VALUES (%L, gen_random_uuid(), ''2020-01-02''), '
                                    '(%1$L, gen_random_uuid(), ''2024-07-12'')', :'pf')),
  ('orphans: positions red', format('UPDATE portfolio_holdings SET position_ids = position_ids || gen_random_uuid() '
                                    'WHERE %s AND %s', :'of_pf', :'today')),
  ('orphans: scenarios red', format('UPDATE portfolio_stress_tests SET scenario_ids = scenario_ids || ''nowhere''::text '
                                    'WHERE %s AND %s', :'of_pf', :'today'));

-- What belongs to a role that must not have the rights of those who use the tables.
CREATE ROLE pb_mallory;
CREATE SCHEMA mallory AUTHORIZATION pb_mallory;
CREATE FUNCTION mallory.symbol(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
ALTER FUNCTION mallory.symbol OWNER TO pb_mallory;
INSERT INTO faults (want, fault) VALUES
  ('objects: tables red', 'DROP TABLE income_statements'),
  ('objects: owners red', 'CREATE TABLE mallory.more () INHERITS (interest_rates); '
                          'ALTER TABLE mallory.more OWNER TO pb_mallory'),
  ('objects: functions red', 'ALTER TABLE tags ALTER COLUMN name SET DEFAULT mallory.symbol(''tag'')'),
  ('objects: functions red', 'CREATE INDEX ON positions (mallory.symbol(symbol))'),
  ('nothing', 'ALTER FUNCTION mallory.symbol OWNER TO CURRENT_USER; CREATE INDEX ON positions (mallory.symbol(symbol))'),
  ('nothing', 'CREATE INDEX ON positions (upper(symbol))');

-- Collection.
INSERT INTO faults (want, fault) VALUES
  ('batch: quarantined prices amber', 'INSERT INTO price_quarantine (symbol, date, data_source, close, gate) '
                                      'VALUES (''STK0001'', ''2024-07-12'', ''feed'', 1, ''jump'')'),
  ('nothing', 'INSERT INTO price_quarantine (symbol, date, data_source, close, gate, status) '
              'VALUES (''STK0001'', ''2024-07-12'', ''feed'', 1, ''jump'', ''rejected'')'),
  ('batch: collections red', 'INSERT INTO collections (kind, status) VALUES (''import'', ''failed'')'),
  ('batch: collections amber', 'INSERT INTO collections (kind, status) VALUES (''import'', ''success''), '
                               '(''fundamentals'', ''partial'')'),
  ('nothing', 'INSERT INTO collections (kind, status, target_date) '
                               'VALUES (''market_data'', ''failed'', ''2024-07-12''), (''market_data'', ''success'', NULL)'),
  ('batch: collections amber', 'INSERT INTO collections (kind, status, target_date) '
                               'VALUES (''market_data'', ''success'', ''2024-07-11''); '
                               'INSERT INTO price_sources (name, relation) VALUES (''feed'', ''pb.market_data_cache'')'),
  ('batch: providers amber', 'UPDATE provider_priority SET is_enabled = true WHERE provider = ''fred''; '
                             'INSERT INTO provider_state (provider, closed_until) '
                             'VALUES (''fred'', now() + interval ''1 hour''), (''fmp'', now() + interval ''1 hour'')'),
  ('nothing', 'UPDATE provider_priority SET is_enabled = true WHERE provider = ''fred''; '
                             'INSERT INTO provider_state (provider, closed_until) '
                             'VALUES (''fred'', now() - interval ''1 hour'')');

SELECT set_eq('SELECT n, fault, pg_temp.changes(fault) FROM faults', 'SELECT n, fault, want FROM faults',
              'each fault changes the status of the check that has to find it, and of no other');
SELECT set_eq('SELECT section || '': '' || check_name FROM _portfolio_batch.audit_checks()',
              $$SELECT DISTINCT regexp_replace(w, ' \w+$', '') FROM faults, regexp_split_to_table(want, ', ') AS w
                WHERE want <> 'nothing'$$,
              'every check has a fault that it finds');
SELECT set_eq('SELECT * FROM batch_audit(''2024-07-12'')', 'SELECT * FROM healthy', 'nothing of the faults is left');

-- What it names ------------------------------------------------------------------------------------------------------

SAVEPOINT fault;
UPDATE portfolio_stress_tests SET scenario_ids = array_remove(array_remove(scenario_ids, 'market_down_10'),
                                                                         'market_up_10')
 WHERE portfolio_id = :'pf' AND calculation_date = :day;
UPDATE portfolio_snapshots SET equity_balance = equity_balance + 7 WHERE portfolio_id = :'pf' AND snapshot_date >= '2024-07-11';
SELECT results_eq($$SELECT entity, "check", expected, actual, status, detail FROM batch_audit('2024-07-12')
                    WHERE (section, "check") IN (('stress tests', 'scenarios'), ('snapshots', 'reconciliation'))$$,
  format($$SELECT v.entity, v.name, v.expected, v.actual, v.status, v.detail
           FROM portfolios AS p
           JOIN portfolio_snapshots AS s ON s.portfolio_id = p.id AND s.snapshot_date = '2024-07-11'
           CROSS JOIN LATERAL (VALUES
             (p.name, 'reconciliation', '4', '2', 'red', 'first on 2024-07-11: equity ' || s.equity_balance
                      || ', from its parts ' || s.equity_balance - 7),
             ('all others', 'reconciliation', '8', '8', 'green', 'snapshots of 2 portfolios'),
             (p.name, 'scenarios', '22', '20', 'red', 'missing: market_down_10, market_up_10'),
             ('all others', 'scenarios', '44', '44', 'green', 'results of 2 portfolios'))
             AS v (entity, name, expected, actual, status, detail)
           WHERE p.id = %L$$, :'pf'), 'who fails is named, with what and since when; the others are one row');
SELECT results_eq($$SELECT section, status, red, detail FROM batch_audit_summary('2024-07-12') WHERE status = 'red'$$,
  format($$SELECT v.section, 'red', v.red, v.detail
           FROM portfolios AS p
           JOIN portfolio_snapshots AS s ON s.portfolio_id = p.id AND s.snapshot_date = '2024-07-11'
           CROSS JOIN LATERAL (VALUES
             ('snapshots', 1::bigint, 'reconciliation, ' || p.name || ': 2 of 4; first on 2024-07-11: equity '
                           || s.equity_balance || ', from its parts ' || s.equity_balance - 7),
             ('stress tests', 1, 'scenarios, ' || p.name || ': 20 of 22; missing: market_down_10, market_up_10'),
             ('verdict', 2, 'PARTIAL')) AS v (section, red, detail)
           WHERE p.id = %L$$, :'pf'), 'the summary shows the worst of each section');
SELECT is_empty(format($$SELECT * FROM batch_audit('2024-07-12', ARRAY(SELECT id FROM portfolios WHERE id <> %L))
                         WHERE status = 'red'$$, :'pf'), 'other portfolios are not to blame');
ROLLBACK TO fault;

DELETE FROM market_data_cache WHERE date > '2024-07-05';
SELECT results_eq($$SELECT count(*), count(*) FILTER (WHERE entity ~ '^(STK|[A-Z]{3,4}$)'), sum(expected::integer),
                           sum(actual::integer), max(entity) FILTER (WHERE entity ~ 'more'), min(status)
                    FROM batch_audit('2024-07-12') WHERE "check" = 'price of the session'$$,
                  $$SELECT 21::bigint, 20::bigint, count(*), 0::bigint, count(*) - 20 || ' more symbols', 'red'
                    FROM market_data_coverage('2024-07-12')$$, 'twenty are named, the rest is counted');
SELECT is((SELECT max(detail) FILTER (WHERE entity = 'IWM') FROM batch_audit('2024-07-12')
            WHERE "check" = 'price of the session'), 'newest price of 2024-07-05', 'each with what is wrong');
ROLLBACK TO fault;

UPDATE portfolios SET initial_equity = NULL WHERE id = :'pf';
DELETE FROM portfolio_snapshots WHERE portfolio_id = :'pf';
SELECT is((SELECT detail FROM batch_audit(:day) WHERE "check" = 'sessions' AND status = 'red'),
          'missing: 2024-07-09, 2024-07-10, 2024-07-11, 2024-07-12; initial_equity is not known',
          'why there can be no snapshot');
ROLLBACK TO fault;

UPDATE portfolios SET name = 'Twin';
DELETE FROM correlation_calculations WHERE portfolio_id = :'pf' AND calculation_date = :day;
SELECT is((SELECT entity || ': ' || detail FROM batch_audit(:day) WHERE "check" = 'calculations' AND status = 'red'),
          'Twin (' || :'pf' || '): newest of 2024-07-11', 'portfolios of one name are told apart');
ROLLBACK TO fault;

-- A portfolio that begins later, a deleted and an inactive one owe nothing.
INSERT INTO portfolios (id, name, initial_equity, inception_date, is_active, deleted_at) VALUES
  (pg_temp.id(1), 'Later', 1000, '2024-07-15', true, NULL), (pg_temp.id(2), 'Inactive', 1000, '2024-07-09', false, NULL),
  (pg_temp.id(3), 'Deleted', 1000, '2024-07-09', true, now());
SELECT is(pg_temp.changes('SELECT'), 'nothing', 'a portfolio that begins later, is inactive or deleted owes nothing');
SELECT isnt(pg_temp.changes('SELECT', ids => ARRAY[pg_temp.id(2)]), 'nothing', 'asked for by name it does');
ROLLBACK TO fault;

-- Tables that are gone.
DROP TABLE company_profiles CASCADE;
SELECT set_eq($$SELECT section, entity, "check", expected, actual, detail FROM batch_audit('2024-07-12') WHERE status = 'red'$$,
              $$VALUES ('profiles', 'all', 'sectors', NULL, NULL, 'table missing: company_profiles'),
                       ('objects', 'company_profiles', 'tables', '1', '0', 'table missing')$$,
              'a table that is missing is red, and the check that needs it; the others are made');
SELECT results_eq($$SELECT section, status, red, detail FROM batch_audit_summary('2024-07-12') WHERE status = 'red'$$,
                  $$VALUES ('profiles', 'red', 1::bigint, 'sectors, all; table missing: company_profiles'),
                           ('objects', 'red', 1, 'tables, company_profiles: 0 of 1; table missing'),
                           ('verdict', 'red', 2, 'FAULTS FOUND')$$, 'for a screen; what is red is no good news');
ROLLBACK TO fault;
DROP TABLE portfolio_snapshots CASCADE;
SELECT set_eq($$SELECT section, entity, "check", status, detail FROM batch_audit()
                WHERE entity = 'portfolio_snapshots' OR "check" <> 'tables' OR detail <> 'table missing'$$,
              $$VALUES ('objects', 'portfolio_snapshots', 'tables', 'red', 'table missing')$$,
              'one that every check needs');
SELECT is((SELECT status || ' ' || detail FROM batch_audit_summary() WHERE section = 'verdict'), 'red NOT AUDITED',
          'leaves nothing to audit');
ROLLBACK TO fault;
SET LOCAL portfolio_batch.schema = public;
SELECT throws_ok('SELECT * FROM batch_audit()', '42P01', 'analytics tables are not in schema "public"',
                 'without any table there is an error');
SET LOCAL portfolio_batch.schema = pb;

-- Arguments ----------------------------------------------------------------------------------------------------------

SELECT pg_temp.raises(format('SELECT * FROM %s(%s)', f, a.arguments), a.state, a.message, '%', '%_%', f || ': ' || a.message)
  FROM unnest(ARRAY['batch_audit', 'batch_audit_summary']) AS f,
       (VALUES ('''2024-07-13''', '22023', '2024-07-13 is not a session of the calendar "NYSE"'),
               ('''2035-07-13''', '22023', 'session 2035-07-13 has not closed and settled yet'),
               ('''2024-07-12'', ARRAY[pg_temp.id(9)]', '42704',
                'portfolio does not exist: 00000000-0000-4000-8000-000000000009')) AS a (arguments, state, message);

SELECT throws_ok($$SELECT * FROM batch_audit('infinity')$$, '22008', 'as_of must be finite, not infinity', 'a date that is none');
CREATE ROLE pb_auditor;
CREATE ROLE pb_stranger;
GRANT USAGE ON SCHEMA pb TO pb_stranger;
SELECT count(*) AS grants FROM grant_analytics_roles('pb_auditor', NULL) \gset
CREATE TEMP TABLE by_superuser AS SELECT * FROM batch_audit_summary(:day);
GRANT SELECT ON healthy, by_superuser TO PUBLIC;
SET LOCAL ROLE pb_auditor;
SELECT set_eq('SELECT * FROM pb.batch_audit(''2024-07-12'')', 'SELECT * FROM healthy', 'a reader may audit');
SELECT set_eq('SELECT * FROM pb.batch_audit_summary(''2024-07-12'')', 'SELECT * FROM by_superuser', 'and sees the same');
SET LOCAL ROLE pb_stranger;
SELECT throws_ok('SELECT * FROM pb.batch_audit(''2024-07-12'')', '42501', NULL, 'nobody else may');
SELECT throws_ok('SELECT * FROM pb.batch_audit_summary(''2024-07-12'')', '42501', NULL, 'nor for a screen');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
