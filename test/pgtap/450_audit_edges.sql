-- The audit and the preflight at their edges, on a book that is written by hand: no run is needed to have one.

\ir include/prelude.psql
SELECT plan(52);

-- Nine sessions, 2024-07-01 to 12 without the holiday of the 4th: a book of 1000, of which 800 are long, 200 short.
SELECT pg_temp.add_portfolio(1, 1000, '2024-07-01');
SELECT pg_temp.add_lot(1, 11, 'AAA', 8, 100, '2024-07-01');
SELECT pg_temp.add_lot(1, 12, 'BBB', -2, 100, '2024-07-01');
INSERT INTO portfolio_snapshots (portfolio_id, snapshot_date, previous_snapshot_date, total_value, equity_balance,
                                 total_market_value, cash_value, total_long, total_short, gross_exposure, net_exposure,
                                 daily_pnl, cumulative_pnl, daily_capital_flow, cumulative_capital_flow, analytics_complete)
SELECT pg_temp.id(1), d, lag(d) OVER (ORDER BY d), 1000, 1000, 600, 400, 800, -200, 1000, 600, 0, 0, 0, 0, true
FROM sessions_between('2024-07-01', '2024-07-12') AS d;
SELECT is((SELECT count(*) FROM portfolio_snapshots), 9::bigint, 'nine sessions');

-- The row of a check that fails, or the one of what is well, after a statement of which nothing stays.
CREATE FUNCTION pg_temp.found(section text, name text, fault text DEFAULT 'SELECT') RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  BEGIN
    EXECUTE fault;
    SELECT string_agg(concat_ws(' ', a.status, a.actual || '/' || a.expected), ', ' ORDER BY a.status DESC, a.entity)
      INTO result
      FROM batch_audit('2024-07-12') AS a
     WHERE a.section = found.section AND a."check" = found.name;
    RAISE 'undo' USING ERRCODE = 'PBTST';
  EXCEPTION WHEN SQLSTATE 'PBTST' THEN NULL;
  END;
  RETURN result;
END $$;

-- Sessions that are yet to be run: five are usual after a week off, six are not.
SELECT is(pg_temp.found('snapshots', 'sessions'), 'green 9/9', 'no session is missing');
SELECT is(pg_temp.found('snapshots', 'sessions', 'DELETE FROM portfolio_snapshots WHERE snapshot_date >= ''2024-07-08'''),
          'amber 4/9', 'the last five sessions are yet to be run');
SELECT is(pg_temp.found('snapshots', 'sessions', 'DELETE FROM portfolio_snapshots WHERE snapshot_date >= ''2024-07-05'''),
          'red 3/9', 'the last six are too many');

-- Exposures: each of the three ways in which long and short make them, to the cent.
SELECT is(pg_temp.found('snapshots', 'balance'), 'green 9/9', 'cash, holdings and exposures agree');
SELECT is(pg_temp.found('snapshots', 'balance',
                        format('UPDATE portfolio_snapshots SET %I = %I %s WHERE snapshot_date = ''2024-07-09''',
                               figure, figure, change)), wanted, figure || ' ' || change)
FROM (VALUES ('gross_exposure', '+ 0.0101', 'red 8/9'), ('gross_exposure', '+ 0.01', 'green 9/9'),
             ('gross_exposure', '- 0.0101', 'red 8/9'),
             ('net_exposure', '+ 0.0101', 'red 8/9'), ('net_exposure', '- 0.01', 'green 9/9'),
             ('cash_value', '+ 0.0101', 'red 8/9'), ('cash_value', '- 0.01', 'green 9/9')) AS v (figure, change, wanted);
SELECT is(pg_temp.found('snapshots', 'balance', 'UPDATE portfolio_snapshots SET total_long = -200, total_short = 800, '
                        'gross_exposure = -1000 WHERE snapshot_date = ''2024-07-09'''), 'red 8/9',
          'long is never negative, short never positive');

-- A schedule is overdue a day after it was due; one that never is due is not.
SELECT is(pg_temp.found('batch', 'schedules', format(
            'INSERT INTO batch_schedule_records (schedule_name, cron_expression, command, next_run, owner) VALUES '
            '(''nightly'', ''0 22 * * *'', ''CALL daily_batch()'', %s, ''desk'')', due)), wanted, 'a schedule due ' || due)
FROM (VALUES ('NULL', 'green 1/1'), ('now() - interval ''1 day''', 'green 1/1'),
             ('now() - interval ''25 hours''', 'amber 0/1')) AS v (due, wanted);

-- Sections come one after the other.
SELECT is((SELECT string_agg(c.section, ', ' ORDER BY c.n)
           FROM (SELECT k.section, k.n, lag(k.section) OVER (ORDER BY k.n) AS before
                 FROM _portfolio_batch.audit_checks() WITH ORDINALITY AS k (section, check_name, counted, entities, query, n))
             AS c
           WHERE c.section IS DISTINCT FROM c.before),
          'market data, profiles, snapshots, greeks, factor exposures, rate betas, volatility, correlations, stress tests, '
          'batch, duplicates, orphans, objects', 'the order of the sections');

-- Yields may be as old as prices may be: five sessions.
SELECT is(pg_temp.found('market data', 'yields', format(
            'INSERT INTO interest_rates (series, date, rate) VALUES (''DGS10'', %L, 4)', day)), wanted, 'yields of ' || day)
FROM (VALUES ('2024-07-05', 'green 1/1'), ('2024-07-03', 'amber 0/1')) AS v (day, wanted);

-- Of a portfolio that has not begun nothing is looked at, and nothing of another one.
SELECT pg_temp.add_portfolio(9, 1000, '2024-07-15');
SELECT is_empty(format($$SELECT * FROM batch_audit('2024-07-12', ARRAY[%L::uuid])
                         WHERE "check" = 'history depth' AND entity IN ('AAA', 'BBB')$$, pg_temp.id(9)),
                'a portfolio that begins later');
DELETE FROM portfolios WHERE id = pg_temp.id(9);

-- A scenario that cannot be computed, on the session and on another one.
SELECT is(pg_temp.found('stress tests', 'definitions', format(
            'INSERT INTO portfolio_stress_tests (portfolio_id, calculation_date, scenario_ids, reasons) '
            'VALUES (%L, %L, ''{market_up_5}'', ''{invalid_scenario}'')', pg_temp.id(1), day)), wanted, 'invalid on ' || day)
FROM (VALUES ('2024-07-12', 'amber 0/1'), ('2024-07-11', 'green 0/0')) AS v (day, wanted);

-- A run that says that it runs, by its session.
SELECT is(pg_temp.found('batch', 'open runs', format(
            'INSERT INTO batch_runs (run_kind, status, started_at, backend_pid, backend_start) '
            'SELECT ''procedure'', ''running'', now(), a.pid, a.backend_start %s FROM pg_stat_activity AS a '
            'WHERE a.pid = pg_backend_pid()', earlier)), wanted, 'an open run, begun in its session ' || earlier)
FROM (VALUES ('', 'green 1/1'), ('- interval ''1 s''', 'red 0/1')) AS v (earlier, wanted);

-- A flow that was deleted is not booked, and no duplicate of one that was not.
SELECT is(pg_temp.found('snapshots', 'capital flows', format(
            'INSERT INTO equity_changes (portfolio_id, change_type, amount, change_date, deleted_at) '
            'VALUES (%L, ''CONTRIBUTION'', 50, ''2024-07-09'', %s)', pg_temp.id(1), deleted)), wanted,
          'a flow that is not in the snapshots, deleted ' || deleted)
FROM (VALUES ('NULL', 'red 0/1'), ('now()', 'green 1/1')) AS v (deleted, wanted);
SELECT is(pg_temp.found('duplicates', 'capital flows', format(
            'INSERT INTO equity_changes (portfolio_id, change_type, amount, change_date, deleted_at) '
            'VALUES (%1$L, ''CONTRIBUTION'', 50, ''2024-07-09'', NULL), '
            '(%1$L, ''CONTRIBUTION'', 50, ''2024-07-09'', %2$s)', pg_temp.id(1), deleted)), wanted,
          'two equal flows, one deleted ' || deleted)
FROM (VALUES ('NULL', 'amber 1/0'), ('now()', 'green 0/0')) AS v (deleted, wanted);

-- Nothing later than the session counts: closes for the history, quotes for the values, marks, factor prices.
SET LOCAL portfolio_batch.beta_window = 20;
SET LOCAL portfolio_batch.factor_window = 20;
SET LOCAL portfolio_batch.beta_min_observations = 10;
UPDATE factor_definitions SET is_active = false;
INSERT INTO market_data_cache (symbol, date, close)
SELECT s, d, 100
FROM unnest(ARRAY['AAA', 'BBB', 'SPY']) AS s,
     (SELECT d FROM sessions_between('2024-05-01', '2024-07-12') AS d ORDER BY d DESC LIMIT 21) AS d;
-- From 2024-06-12 on; nine of them in July, two on 27 and 28 June. Eleven closes make the ten returns of the minimum.
SELECT is(pg_temp.found('market data', 'history depth'), 'green 63/63', 'the 21 closes of 20 returns');
SELECT is(pg_temp.found('market data', 'history depth', format('UPDATE market_data_cache SET date = date + 60 '
                        'WHERE symbol = ''AAA'' AND date < %L', since)), wanted, 'closes after the session are no history')
FROM (VALUES ('2024-06-13', 'green 42/42, amber 20/21'), ('2024-06-27', 'green 42/42, amber 11/21'),
             ('2024-06-28', 'red 10/21, green 42/42')) AS v (since, wanted);
UPDATE positions SET last_price = 100, last_price_date = '2024-07-12', market_value = 100 * quantity;
SELECT is(pg_temp.found('market data', 'position values'), 'green 2/2', 'values of the session');
SELECT is(pg_temp.found('market data', 'position values', 'INSERT INTO market_data_cache (symbol, date, close) '
                        'VALUES (''AAA'', ''2024-07-15'', 101)'), 'green 2/2', 'are those of the session later too');
SELECT is(pg_temp.found('market data', 'position values', 'UPDATE positions SET last_price_date = ''2024-07-11'' '
                        'WHERE symbol = ''AAA'''), 'red 1/2', 'not those of the day before');
UPDATE positions SET investment_class = 'PRIVATE', last_price = NULL, last_price_date = NULL;
DELETE FROM market_data_cache WHERE symbol IN ('AAA', 'BBB');
SELECT is(pg_temp.found('market data', 'marks of private assets', format('INSERT INTO market_data_cache '
                        '(symbol, date, close) VALUES (''AAA'', %L, 101)', marked)), wanted, 'marked on ' || marked)
FROM (VALUES ('2024-07-12', 'green 1/1, amber 0/1'), ('2024-07-15', 'amber 0/1, amber 0/1')) AS v (marked, wanted);
INSERT INTO market_data_cache (symbol, date, close) VALUES ('SPY', '2024-07-15', 101);
SELECT is((SELECT detail FROM batch_preflight('2024-07-12') WHERE check_name = 'factor prices fresh'),
          '1 symbols have prices of 2024-07-12', 'a price after the session makes none of the session stale');
DELETE FROM market_data_cache WHERE symbol = 'SPY' AND date = '2024-07-12';
SELECT is((SELECT detail FROM batch_preflight('2024-07-12') WHERE check_name = 'factor prices fresh'),
          'without a price of 2024-07-12: SPY last on 2024-07-11', 'nor stands in for it');

-- Shares of twenty symbols: 19 that are held, and the market.
UPDATE portfolios SET is_active = false;
UPDATE positions SET deleted_at = now();
DELETE FROM market_data_cache;
SELECT pg_temp.add_portfolio(2, 1000, '2024-07-12') \g /dev/null
SELECT count(pg_temp.add_lot(2, 20 + n, 'S' || lpad(n::text, 2, '0'), 1, 100, '2024-07-12')) FROM generate_series(1, 20) AS n
\g /dev/null
UPDATE positions SET deleted_at = now() WHERE symbol = 'S20';
INSERT INTO market_data_cache (symbol, date, close)
SELECT s, d, 100 FROM (SELECT 'S' || lpad(n::text, 2, '0') FROM generate_series(1, 19) AS n UNION VALUES ('SPY')) AS s (s),
                      unnest(ARRAY['2024-07-10', '2024-07-11', '2024-07-12']::date[]) AS d;
SELECT is(pg_temp.found('market data', 'price of the session', format('DELETE FROM market_data_cache WHERE symbol <= %L '
                        'AND date > %L', symbol, newest)), wanted, format('up to %s of %s', symbol, newest))
FROM (VALUES ('S00', '2024-07-11', 'green 20/20'), ('S01', '2024-07-11', 'green 19/19, amber 0/1'),
             ('S02', '2024-07-11', 'red 0/1, red 0/1, green 18/18'), ('S01', '2024-07-10', 'red 0/1, green 19/19'))
  AS v (symbol, newest, wanted);
UPDATE positions SET deleted_at = NULL WHERE symbol = 'S20';
INSERT INTO company_profiles (symbol, sector) SELECT 'S' || lpad(n::text, 2, '0'), 'Energy' FROM generate_series(1, 20) AS n;
SELECT is(pg_temp.found('profiles', 'sectors', format('DELETE FROM company_profiles WHERE symbol <= %L', symbol)), wanted,
          'no profiles up to ' || symbol)
FROM (VALUES ('S01', 'green 19/20'), ('S02', 'amber 18/20'), ('S05', 'amber 15/20'), ('S06', 'red 14/20')) AS v (symbol, wanted);
SELECT is(pg_temp.found('batch', 'success rate', format(
            'INSERT INTO batch_runs (run_id, run_kind, status, target_date) SELECT n, ''daily'', '
            'CASE WHEN n <= %s THEN ''failed'' ELSE ''success'' END, ''2024-07-12'' FROM generate_series(1, %s) AS n',
            failed, runs)), wanted, format('%s of %s runs have failed', failed, runs))
FROM (VALUES (0, 6, 'green 5/5'), (1, 6, 'amber 4/5'), (2, 6, 'red 3/5'), (1, 20, 'amber 18/19'), (1, 21, 'green 19/19'))
  AS v (failed, runs, wanted);

SELECT * FROM finish();
ROLLBACK;
