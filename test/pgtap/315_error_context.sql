-- The context of an error: an error that says what is wrong and what to do is not followed by lines of functions of the
-- extension, which its reader cannot change. Where the reader's own code called is said.

\ir include/prelude.psql
SELECT plan(15);

CREATE ROLE pb_stranger;
GRANT USAGE ON SCHEMA pb TO pb_stranger;
SELECT pg_temp.add_portfolio(1, 1000, '2024-07-10') \g /dev/null

CREATE FUNCTION pg_temp.context_of(statement text, OUT state text, OUT context text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, context = PG_EXCEPTION_CONTEXT;
END $$;

-- What is left is how the test itself came there.
SELECT is((SELECT c.state || E'\n' || c.context FROM pg_temp.context_of(v.statement) AS c),
          format(E'%s\nSQL statement "%s"\nPL/pgSQL function %s.context_of(text) line 3 at EXECUTE', v.state, v.statement,
                 pg_my_temp_schema()::regnamespace), v.kind)
FROM (VALUES
  ('22023', $$SELECT schedule_batch('nightly', '*/90 * * * *')$$, 'raised two functions down, in PL/pgSQL'),
  ('42704', $$SELECT unschedule_batch('nightly')$$, 'raised one function down'),
  ('22008', $$SELECT * FROM batch_audit('infinity')$$, 'raised by the function that is called'),
  ('42704', $$SELECT * FROM batch_audit('2024-07-10', '{00000000-0000-4000-8000-000000000009}')$$,
   'raised in C++ below PL/pgSQL'),
  ('42704', $$SELECT * FROM batch_audit_summary('2024-07-10', '{00000000-0000-4000-8000-000000000009}')$$,
   'below SQL and PL/pgSQL'),
  ('22023', $$SELECT * FROM run_daily_batch('2024-07-13')$$, 'in C++'),
  ('42704', $$SELECT * FROM batch_report(77)$$, 'of a function that runs as the owner')) AS v (state, statement, kind);
SET LOCAL ROLE pb_stranger;
SELECT is((SELECT c.state FROM pg_temp.context_of('SELECT * FROM pb.missing_prices(''2024-07-10'', ''2024-07-10'')') AS c),
          '42501', 'a right that is missing');
RESET ROLE;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pb, _portfolio_batch TO pb_stranger;
SET LOCAL ROLE pb_stranger;
SELECT is((SELECT c.state || (c.context LIKE '%_portfolio_batch%') FROM pg_temp.context_of('SELECT * FROM pb.batch_report()') AS c),
          '42501false', 'as is one on the tables');
RESET ROLE;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA pb, _portfolio_batch FROM pb_stranger;

-- Of other errors it is the only trace.
CREATE FUNCTION pb.rule() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not here' USING ERRCODE = 'HR001'; END $$;
CREATE TRIGGER rule BEFORE INSERT ON batch_schedule_records FOR EACH ROW EXECUTE FUNCTION pb.rule();
SELECT alike((SELECT c.context FROM pg_temp.context_of(
  $$SELECT _portfolio_batch.add_schedules('x', '[{"schedule_name": "x", "cron_expression": "", "command": ""}]')$$) AS c),
  'PL/pgSQL function pb.rule() line 1 at RAISE%_portfolio_batch.add_schedules_as_owner%', 'a trigger');
SELECT is((SELECT c.state FROM pg_temp.context_of(
  $$SELECT _portfolio_batch.add_schedules('x', '[{"schedule_name": "x", "cron_expression": "", "command": ""}]')$$) AS c), 'HR001',
  'which raised its own error');
ALTER TABLE batch_runs RENAME COLUMN run_id TO number;
SELECT alike((SELECT c.context FROM pg_temp.context_of('SELECT * FROM batch_report()') AS c),
             '%_portfolio_batch.batch_report_as_owner%', 'what nobody expected');
ALTER TABLE batch_runs RENAME COLUMN number TO run_id;

-- Nothing else of an error is lost.
SELECT pg_temp.raises($$SELECT schedule_batch('nightly', '*/90 * * * *')$$, '22023', 'invalid minute "*/90" in cron expression',
                      '', 'It is 0 to 59%', 'message and hint');
SELECT pg_temp.raises($$SELECT * FROM batch_audit('2024-07-13')$$, '22023', '2024-07-13 is not a session%',
                      'The session before it is 2024-07-12.', 'Name a session%', 'and detail');
SELECT is((SELECT count(*) FROM batch_schedules()), 0::bigint, 'and the next call works');

SELECT * FROM finish();
ROLLBACK;
