-- Lineage: what a portfolio's date was computed from, as it is stored; and which of it differs from now, or from
-- another date: exactly what was changed.

\ir include/prelude.psql
SELECT plan(69);

CREATE ROLE pb_reader;
CREATE ROLE pb_stranger;
SELECT count(*) FROM grant_analytics_roles('pb_reader', NULL) \g /dev/null

INSERT INTO market_data_cache (symbol, date, close, fetched_at)
SELECT symbol, session_date, round((level * (1 + swing * sin(n) + n / 1000.0))::numeric, 4),
       session_date + time '23:00' + n * interval '1 minute'
FROM (SELECT session_date, row_number() OVER (ORDER BY session_date) AS n
      FROM sessions_between('2024-03-01', '2024-07-12')) AS d,
     (VALUES ('SPY', 500, 0.01), ('AAA', 100, 0.02), ('BBB', 50, 0.015), ('CCC', 70, 0.03), ('USMV', 80, 0.005))
       AS s (symbol, level, swing);
DELETE FROM market_data_cache WHERE symbol = 'BBB' AND date < '2024-04-15';
-- Farther back than any estimate looks.
INSERT INTO market_data_cache (symbol, date, close, fetched_at) VALUES ('AAA', '2012-07-09', 10, '2025-01-01');
INSERT INTO interest_rates (series, date, rate)
SELECT s, session_date, 4 + 0.1 * sin(extract(day FROM session_date))
FROM sessions_between('2024-03-01', '2024-07-12'), unnest(ARRAY['DGS10', 'DGS2']) AS s;
INSERT INTO company_profiles (symbol, sector) VALUES ('AAA', 'Energy'), ('CCC', 'Utilities');
SELECT pg_temp.add_portfolio(1, 100000, '2024-07-08');
SELECT pg_temp.add_portfolio(2, 100000, '2024-07-08');
SELECT pg_temp.add_lot(1, 11, 'AAA', 100, 100, '2024-07-08');
SELECT pg_temp.add_lot(1, 12, 'BBB', -50, 50, '2024-07-08');
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, underlying_symbol)
VALUES (pg_temp.id(1), pg_temp.id(13), 'AAA_CALL', 'LC', 1, 5, '2024-07-08', 'AAA');
SELECT pg_temp.add_lot(2, 21, 'CCC', 100, 70, '2024-07-08');
INSERT INTO equity_changes (portfolio_id, change_type, amount, change_date)
VALUES (pg_temp.id(1), 'CONTRIBUTION', 5000, '2024-07-09');
SELECT count(*) FROM run_daily_batch_with_backfill('2024-07-10') \g /dev/null

-- What is stored ------------------------------------------------------------------------------------------------------

CREATE TEMP TABLE lineage AS SELECT * FROM lineage(pg_temp.id(1), '2024-07-10') WITH ORDINALITY;
SELECT results_eq('SELECT kind FROM lineage GROUP BY kind ORDER BY min(ordinality)',
                  $$VALUES ('portfolio'), ('run'), ('parameter'), ('input'), ('symbol')$$, 'first the run, then its inputs');
SELECT results_eq($$SELECT name, detail, input_digest FROM lineage WHERE kind = 'portfolio'$$,
                  $$SELECT 'Portfolio 1', '2024-07-10', input_digest FROM portfolio_snapshots
                    WHERE (portfolio_id, snapshot_date) = (pg_temp.id(1), '2024-07-10')$$, 'the portfolio');
SELECT results_eq($$SELECT name, detail FROM lineage WHERE kind = 'run' ORDER BY ordinality$$,
                  $$SELECT v.* FROM portfolio_snapshots AS s JOIN batch_runs AS r USING (run_id),
                           LATERAL (VALUES ('run_id', s.run_id::text), ('code_version', r.extension_version),
                                           ('computed_at', to_char(s.created_at AT TIME ZONE 'UTC',
                                                                   'YYYY-MM-DD HH24:MI:SS"Z"'))) AS v
                    WHERE (s.portfolio_id, s.snapshot_date) = (pg_temp.id(1), '2024-07-10')$$, 'its run');
SELECT set_eq($$SELECT name, detail FROM lineage WHERE kind = 'parameter'$$,
              'SELECT s.* FROM batch_runs, jsonb_each_text(settings) AS s', 'the parameters of the run');
SELECT results_eq($$SELECT input_digest FROM lineage WHERE kind = 'input' ORDER BY ordinality$$,
                  $$SELECT unnest(input_parts) FROM portfolio_snapshots
                    WHERE (portfolio_id, snapshot_date) = (pg_temp.id(1), '2024-07-10')$$, 'the parts of the inputs');
SELECT is((SELECT string_agg(name, ', ' ORDER BY ordinality) FROM lineage WHERE kind = 'input'),
          (SELECT regexp_replace(comment, '^.* in this order: (.*); lineage.*$', '\1') FROM analytics_columns()
            WHERE (table_name, column_name) = ('portfolio_snapshots', 'input_parts')),
          'in the order that the column''s description tells');
SELECT is((SELECT count(DISTINCT input_digest) FROM lineage WHERE kind = 'input'), 15 - 3::bigint,
          'each with a digest of its own, but for the four of which there is nothing');
SELECT results_eq($$SELECT name, first_price, last_price, prices, newest_fetched_at FROM lineage
                    WHERE kind = 'symbol' AND prices > 0 ORDER BY name COLLATE "C"$$,
                  $$SELECT symbol, min(date), max(date), count(*), max(fetched_at) FROM market_data_cache
                    WHERE symbol <> 'CCC' AND date BETWEEN '2020-01-01' AND '2024-07-10'
                    GROUP BY symbol ORDER BY symbol COLLATE "C"$$, 'of each symbol the prices in reach');
SELECT set_eq($$SELECT name FROM lineage WHERE kind = 'symbol' AND prices = 0$$,
              $$SELECT symbol FROM factor_definitions, unnest(ARRAY[long_symbol, short_symbol]) AS symbol
                WHERE is_active AND symbol NOT IN ('SPY', 'USMV') UNION SELECT 'AAA_CALL'$$, 'also where there are none');
SELECT set_eq($$SELECT name, detail FROM lineage WHERE kind = 'symbol' AND detail <> 'factor'$$,
              $$VALUES ('AAA', 'held'), ('BBB', 'held'), ('AAA_CALL', 'held')$$, 'with what it is to the portfolio');
SELECT results_eq($$SELECT name, input_digest FROM lineage WHERE kind = 'symbol' AND detail = 'held'
                    AND input_digest IS NOT NULL ORDER BY name$$,
                  $$SELECT symbol, input_digest FROM symbol_volatility
                    WHERE calculation_date = '2024-07-10' AND symbol IN ('AAA', 'BBB') ORDER BY symbol$$,
                  'and the digest of its estimates');
SELECT ok((SELECT bool_and(input_digest IS NOT NULL) FROM lineage WHERE kind = 'symbol' AND detail = 'factor'),
          'the factors have theirs with the models');
SELECT is((SELECT count(DISTINCT length(line)) FROM (SELECT name || detail AS line FROM lineage) AS l
            WHERE length(line) > 70), 0::bigint, 'all of it fits on a screen');

-- Against now ---------------------------------------------------------------------------------------------------------

CREATE TEMP TABLE stored AS SELECT * FROM pg_temp.contents(kinds => '{result,tag,input,market,log}');

-- What differs from now after a change, which is taken back. The batch must agree: it computes a date again when one of
-- its inputs differs, and else leaves it alone.
CREATE FUNCTION pg_temp.after(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  found text;
  differs boolean;
  newest bigint;
BEGIN
  EXECUTE change;
  SELECT string_agg(concat_ws(': ', kind || ' ' || name, remark), '; ' ORDER BY ordinality),
         count(*) FILTER (WHERE kind = 'input') > 0
    INTO found, differs
    FROM lineage_diff(pg_temp.id(1), '2024-07-10') WITH ORDINALITY;
  PERFORM FROM run_daily_batch('2024-07-10', ARRAY[pg_temp.id(1)]);
  SELECT max(run_id) INTO newest FROM batch_runs;
  IF differs IS DISTINCT FROM (SELECT run_id = newest FROM portfolio_snapshots
                               WHERE (portfolio_id, snapshot_date) = (pg_temp.id(1), '2024-07-10')) THEN
    found := concat_ws('; ', found, format('the batch does not agree that inputs differ: %s', differs));
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'TT001';
EXCEPTION WHEN SQLSTATE 'TT001' THEN
  RETURN COALESCE(found, '');
END $$;

SELECT is_empty(format('SELECT * FROM lineage_diff(pg_temp.id(%s), %L)', n, day), format('nothing differs: %s, %s', n, day))
FROM (VALUES (1, '2024-07-10'), (1, '2024-07-08'), (2, '2024-07-09')) AS d (n, day);
SELECT is(pg_temp.after(change), found, what)
FROM (VALUES
  ('a corrected price', 'input prices; symbol AAA',
   $$UPDATE market_data_cache SET close = close * 1.01 WHERE (symbol, date) = ('AAA', '2024-06-03')$$),
  ('a price of the day', 'input prices; symbol BBB',
   $$UPDATE market_data_cache SET close = close * 1.01 WHERE (symbol, date) = ('BBB', '2024-07-10')$$),
  ('a price that is gone', 'input prices; symbol BBB',
   $$DELETE FROM market_data_cache WHERE (symbol, date) = ('BBB', '2024-06-10')$$),
  ('a price of later', '', $$UPDATE market_data_cache SET close = close * 1.01 WHERE date > '2024-07-10'$$),
  ('a price of another portfolio', '', $$UPDATE market_data_cache SET close = close * 1.01 WHERE symbol = 'CCC'$$),
  ('the same prices fetched again', '', $$UPDATE market_data_cache SET fetched_at = now()$$),
  ('a price of the market', 'input factor_prices; symbol SPY',
   $$UPDATE market_data_cache SET close = close * 1.01 WHERE (symbol, date) = ('SPY', '2024-06-03')$$),
  ('a price of a factor', 'input factor_prices; symbol USMV',
   $$UPDATE market_data_cache SET close = close * 1.01 WHERE (symbol, date) = ('USMV', '2024-06-03')$$),
  ('prices of the market of long ago, by which stresses expect moves', 'input factor_prices; input replays',
   $$INSERT INTO market_data_cache (symbol, date, close) VALUES ('SPY', '2012-07-09', 130), ('SPY', '2012-07-10', 131)$$),
  ('a price of an option', 'input prices; symbol AAA_CALL: possibly: no digest is stored',
   $$INSERT INTO market_data_cache (symbol, date, close) VALUES ('AAA_CALL', '2024-07-10', 4)$$),
  ('the size of a lot', 'input book',
   format('UPDATE positions SET quantity = 101 WHERE id = %L', pg_temp.id(11))),
  ('a closing trade', 'input book',
   format('SELECT close_position(%L, %L, 10, 101, ''2024-07-10'')', pg_temp.id(1), pg_temp.id(11))),
  ('a flow', 'input book', $$UPDATE equity_changes SET amount = 5001$$),
  ('the initial equity', 'input book', $$UPDATE portfolios SET initial_equity = initial_equity + 1$$),
  ('a flow of later', '',
   format($$INSERT INTO equity_changes (portfolio_id, change_type, amount, change_date)
            VALUES (%L, 'CONTRIBUTION', 1, '2024-07-11')$$, pg_temp.id(1))),
  ('a lot of a new symbol', 'input prices; input replays; input book; input profiles; symbol CCC: only now',
   format('SELECT pg_temp.add_lot(1, 14, ''CCC'', 10, 70, ''2024-07-10'')')),
  ('a lot that is gone', 'input prices; input replays; input book; symbol BBB: only on 2024-07-10',
   format('UPDATE positions SET entry_date = ''2024-07-11'' WHERE id = %L', pg_temp.id(12))),
  ('a yield', 'input yields',
   $$UPDATE interest_rates SET rate = rate + 0.01 WHERE (series, date) = ('DGS10', '2024-06-03')$$),
  ('yields of long ago, with prices of the market', 'input yields; input factor_prices; input replays',
   $$INSERT INTO market_data_cache (symbol, date, close) VALUES ('SPY', '2012-07-09', 130), ('SPY', '2012-07-10', 131);
     INSERT INTO interest_rates (series, date, rate) VALUES ('DGS10', '2012-07-09', 2), ('DGS10', '2012-07-10', 3)$$),
  ('a yield of before there was a market', '',
   $$INSERT INTO interest_rates (series, date, rate) VALUES ('DGS10', '2012-07-10', 3)$$),
  ('a yield of another series', '', $$UPDATE interest_rates SET rate = rate + 0.01 WHERE series = 'DGS2'$$),
  ('a profile', 'input profiles', $$UPDATE company_profiles SET sector = 'Technology'$$),
  ('a scenario', 'input scenarios',
   $$UPDATE stress_test_scenarios SET active = false WHERE scenario_id = 'market_up_10'$$),
  ('a factor', 'input factors; input factor_prices; input replays; symbol USMV: only on 2024-07-10',
   $$UPDATE factor_definitions SET is_active = false WHERE long_symbol = 'USMV'$$),
  ('a benchmark', 'input benchmark',
   $$INSERT INTO benchmarks_sector_weights (benchmark_code, asof_date, sector, weight)
     VALUES ('SP500', '2024-07-01', 'Energy', 1)$$),
  ('a dividend, which is part of a return', 'input prices; input actions; symbol AAA',
   $$INSERT INTO corporate_actions (symbol, ex_date, kind, amount) VALUES ('AAA', '2024-07-09', 'dividend', 0.5)$$),
  ('a delta', 'input deltas',
   format($$INSERT INTO position_greeks (portfolio_id, position_id, calculation_date, delta, underlying_price)
            VALUES (%L, %L, '2024-07-10', 0.5, 100)$$, pg_temp.id(1), pg_temp.id(13))),
  ('a tag', 'input tags',
   format($$INSERT INTO tags (id, owner, name) VALUES (%1$L, 'jane', 'to sell');
            INSERT INTO position_tags (portfolio_id, position_id, tag_id, assigned_by)
            VALUES (%1$L, %2$L, %1$L, 'jane')$$, pg_temp.id(1), pg_temp.id(11))),
  ('the snapshot before', 'input snapshots',
   $$UPDATE portfolio_snapshots SET equity_balance = equity_balance + 1 WHERE snapshot_date = '2024-07-09'$$),
  ('a session that was none',
   'input calendar; input factor_prices; input prices; symbol AAA; symbol BBB; symbol SPY; symbol USMV',
   $$INSERT INTO trading_calendar_exceptions (calendar, exception_date, is_open, reason)
     VALUES ('NYSE', '2024-06-03', false, 'a storm')$$),
  ('a setting', 'input settings: beta_window 252 -> 126', 'SET LOCAL portfolio_batch.beta_window = 126'),
  ('a setting that looks farther back', 'input settings: covariance_window 252 -> 2000',
   'SET LOCAL portfolio_batch.covariance_window = 2000'),
  ('two settings', 'input settings: market_symbol SPY -> CCC, ridge_alpha_choice fixed -> gcv',
   'SET LOCAL portfolio_batch.ridge_alpha_choice = gcv; SET LOCAL portfolio_batch.market_symbol = ''CCC'''),
  ('a setting without effect on results', '', 'SET LOCAL portfolio_batch.workers = 4'),
  ('another version', 'code version: 0.9 -> ' || (SELECT extension_version FROM batch_runs LIMIT 1),
   $$UPDATE batch_runs SET extension_version = '0.9'$$),
  ('the record of a run that is gone', 'input settings: the run has no record of its settings any more',
   'DELETE FROM batch_runs; SET LOCAL portfolio_batch.beta_window = 126')) AS c (what, found, change);
SELECT set_eq('SELECT * FROM pg_temp.contents(kinds => ''{result,tag,input,market,log}'')', 'SELECT * FROM stored',
              'nothing of it was written');

-- Two dates -----------------------------------------------------------------------------------------------------------

CREATE FUNCTION pg_temp.between(first date, second date) RETURNS text LANGUAGE sql AS $$
  SELECT COALESCE(string_agg(concat_ws(': ', kind || ' ' || name, remark), '; ' ORDER BY ordinality), '')
  FROM lineage_diff(pg_temp.id(1), first, second) WITH ORDINALITY WHERE remark IS NULL OR remark NOT IN ('window', 'price window')
$$;
SELECT is(pg_temp.between('2024-07-10', '2024-07-10'), '', 'a date does not differ from itself');
SELECT results_eq($$SELECT kind, name, remark FROM lineage_diff(pg_temp.id(1), '2024-07-09', '2024-07-10')
                    WHERE kind <> 'symbol'$$,
                  $$VALUES ('input', 'calendar', 'window'), ('input', 'yields', 'window'),
                           ('input', 'factor_prices', 'price window'), ('input', 'prices', 'price window'),
                           ('input', 'snapshots', 'of the date')$$, 'from one date to the next the windows move');
SELECT is(pg_temp.between('2024-07-08', '2024-07-09'), 'input book; input snapshots: of the date', 'a flow came in between');
SELECT pg_temp.add_lot(1, 14, 'CCC', 10, 70, '2024-07-10');
SET LOCAL portfolio_batch.ridge_alpha_per_observation = 2.5;
SELECT count(*) FROM run_daily_batch('2024-07-10') \g /dev/null
SELECT is(pg_temp.between('2024-07-09', '2024-07-10'),
          'input settings: ridge_alpha_per_observation 0.4 -> 2.5; input replays; input book; input profiles; '
          'input snapshots: of the date; symbol CCC: only on 2024-07-10', 'a lot, and a setting');
RESET portfolio_batch.ridge_alpha_per_observation;

-- The run that computed a date last is the one that is named, also where no figure has changed.
INSERT INTO tags (id, owner, name) VALUES (pg_temp.id(1), 'jane', 'to sell');
INSERT INTO position_tags (portfolio_id, position_id, tag_id, assigned_by)
VALUES (pg_temp.id(1), pg_temp.id(11), pg_temp.id(1), 'jane');
SELECT count(*) FROM run_daily_batch('2024-07-10') \g /dev/null
SELECT is((SELECT detail FROM lineage(pg_temp.id(1), '2024-07-10') WHERE name = 'run_id'),
          (SELECT max(run_id)::text FROM batch_runs), 'the newest run');
SELECT is_empty($$SELECT * FROM lineage_diff(pg_temp.id(1), '2024-07-10')$$, 'from whose inputs nothing differs');

-- What is not known ---------------------------------------------------------------------------------------------------

UPDATE market_data_cache SET close = close * 1.01 WHERE (symbol, date) = ('AAA', '2024-07-09');
SELECT count(*) FROM calc_volatility('2024-07-10') \g /dev/null
SELECT is((SELECT count(input_digest) FROM lineage(pg_temp.id(1), '2024-07-10') WHERE kind IN ('portfolio', 'input')),
          0::bigint, 'after an engine was called by hand no digest is known');
SELECT pg_temp.raises(format('SELECT * FROM lineage_diff(pg_temp.id(1), %s)', dates), '55000',
                      'it is not known what portfolio % was computed from on 2024-07-10',
                      'The risk phase has not run for the date, or an engine was called by hand since.',
                      'Run the date again: SELECT run_daily_batch(''2024-07-10'').', 'so nothing to compare: ' || dates)
FROM unnest(ARRAY['''2024-07-10''', '''2024-07-09'', ''2024-07-10''']) AS dates;
ALTER TABLE positions ALTER entry_price DROP NOT NULL;
UPDATE positions SET entry_price = NULL WHERE id = pg_temp.id(12);
SELECT pg_temp.raises($$SELECT * FROM lineage_diff(pg_temp.id(1), '2024-07-09')$$, '22004',
                      'portfolio % has a value that cannot be used: positions.entry_price is NULL', '%', '%',
                      'a row that cannot be used is an error that names it');
UPDATE positions SET entry_price = 50 WHERE id = pg_temp.id(12);

-- Roles ---------------------------------------------------------------------------------------------------------------

CREATE TEMP TABLE as_superuser AS SELECT * FROM lineage(pg_temp.id(1), '2024-07-09');
GRANT SELECT ON as_superuser TO pb_reader;
SET LOCAL ROLE pb_reader;
SELECT set_eq($$SELECT * FROM lineage(pg_temp.id(1), '2024-07-09')$$, 'SELECT * FROM as_superuser', 'a reader sees all of it');
SELECT isnt_empty($$SELECT * FROM lineage_diff(pg_temp.id(1), '2024-07-09')$$, 'and compares it with now');
RESET ROLE;
GRANT USAGE ON SCHEMA pb TO pb_stranger;
SET LOCAL ROLE pb_stranger;
SELECT throws_ok(format('SELECT * FROM %s(pg_temp.id(1), ''2024-07-09'')', f), '42501',
                 'permission denied for function ' || f, 'others may not: ' || f)
FROM unnest(ARRAY['lineage', 'lineage_diff']) AS f;
RESET ROLE;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pb, _portfolio_batch TO pb_stranger;
SET LOCAL ROLE pb_stranger;
SELECT throws_ok(format('SELECT * FROM %s(pg_temp.id(1), ''2024-07-09'')', f), '42501', NULL,
                 'nor with the function alone: ' || f)
FROM unnest(ARRAY['lineage', 'lineage_diff']) AS f;
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
