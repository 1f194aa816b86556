-- Schedules as far as they need no pg_cron: when a cron expression is due, what is refused and how, and what goes with
-- time. test/tap/090_schedules.t has them fire.

\ir include/prelude.psql
SELECT plan(152);

-- When an expression is due: values worked out by hand. 2026-11-21 is a Saturday ---------------------------------------

SELECT is(cron_next_run(expression, after::timestamptz), due::timestamptz, format('%s after %s', expression, after))
  FROM (VALUES
    ('* * * * *',                    '2026-11-21 17:36:00+00',   '2026-11-21 17:37:00+00'),
    ('*/15 * * * *',                 '2026-11-21 17:36:00+00',   '2026-11-21 17:45:00+00'),
    ('*/15 * * * *',                 '2026-11-21 17:45:00+00',   '2026-11-21 18:00:00+00'),
    ('*/15 * * * *',                 '2026-11-21 17:44:59.5+00', '2026-11-21 17:45:00+00'),
    ('*/15 0-3,20-23 * * *',         '2026-11-21 03:50:00+00',   '2026-11-21 20:00:00+00'),
    ('*/60 */24 * * *',              '2026-11-21 03:50:00+00',   '2026-11-22 00:00:00+00'),
    ('0 0 */31 */12 *',              '2026-11-21 03:50:00+00',   '2027-01-01 00:00:00+00'),
    ('0 0 * * */8',                  '2026-11-21 03:50:00+00',   '2026-11-22 00:00:00+00'),
    ('30 22 * * 1-5',                '2026-11-20 22:30:00+00',   '2026-11-23 22:30:00+00'),
    ('10-20/5 1,13 * * mon-fri',     '2026-11-20 13:20:00+00',   '2026-11-23 01:10:00+00'),
    ('10-20/5 1,13 * * mon-fri',     '2026-11-23 01:10:00+00',   '2026-11-23 01:15:00+00'),
    ('0 0 * * 0',                    '2026-11-21 17:36:00+00',   '2026-11-22 00:00:00+00'),
    ('0 0 * * 7',                    '2026-11-21 17:36:00+00',   '2026-11-22 00:00:00+00'),
    ('0 0 * * SUN',                  '2026-11-21 17:36:00+00',   '2026-11-22 00:00:00+00'),
    ('0 0 * * 5-7',                  '2026-11-22 00:00:00+00',   '2026-11-27 00:00:00+00'),
    ('0 0 1 jan *',                  '2026-11-21 17:36:00+00',   '2027-01-01 00:00:00+00'),
    ('0 0 1 JAN-MAR *',              '2027-01-01 00:00:00+00',   '2027-02-01 00:00:00+00'),
    ('0 0 31 * *',                   '2026-11-21 17:36:00+00',   '2026-12-31 00:00:00+00'),
    ('59 23 31 12 *',                '2026-12-31 23:58:59+00',   '2026-12-31 23:59:00+00'),
    ('59 23 31 12 *',                '2026-12-31 23:59:00+00',   '2027-12-31 23:59:00+00'),
    ('0 0 29 2 *',                   '2024-02-29 00:00:00+00',   '2028-02-29 00:00:00+00'),
    ('0 0 29 2 *',                   '2096-02-29 00:00:00+00',   '2104-02-29 00:00:00+00'),
    ('0 0 31 2 *',                   '2026-11-21 17:36:00+00',   NULL),
    -- Both days restricted: one of the two will do. One that begins with * restricts nothing, or both have to agree.
    ('0 12 13 * 5',                  '2026-11-21 00:00:00+00',   '2026-11-27 12:00:00+00'),
    ('0 12 13 * 5',                  '2026-12-11 13:00:00+00',   '2026-12-13 12:00:00+00'),
    ('0 12 */2 * 1',                 '2026-11-21 00:00:00+00',   '2026-11-23 12:00:00+00'),
    ('0 12 */2 * 1',                 '2026-11-23 12:00:00+00',   '2026-12-07 12:00:00+00'),
    ('0 12 13 * *',                  '2026-11-21 00:00:00+00',   '2026-12-13 12:00:00+00'),
    ('0 12 * * 5',                   '2026-11-21 00:00:00+00',   '2026-11-27 12:00:00+00'),
    -- In New York it is another day and another hour, and on 1 November its clock falls back.
    ('0 2 * * *',                    '2026-11-20 20:00:00-05',   '2026-11-20 21:00:00-05'),
    ('30 5 1 11 *',                  '2026-10-31 12:00:00-04',   '2026-11-01 01:30:00-04'),
    ('@hourly',                      '2026-11-21 17:36:00+00',   '2026-11-21 18:00:00+00'),
    ('@daily',                       '2026-11-21 17:36:00+00',   '2026-11-22 00:00:00+00'),
    ('@midnight',                    '2026-11-21 17:36:00+00',   '2026-11-22 00:00:00+00'),
    ('@weekly',                      '2026-11-21 17:36:00+00',   '2026-11-22 00:00:00+00'),
    ('@monthly',                     '2026-11-21 17:36:00+00',   '2026-12-01 00:00:00+00'),
    ('@yearly',                      '2026-11-21 17:36:00+00',   '2027-01-01 00:00:00+00'),
    ('@annually',                    '2026-11-21 17:36:00+00',   '2027-01-01 00:00:00+00'),
    ('@reboot',                      '2026-11-21 17:36:00+00',   NULL),
    (E'  5\t* * * * ',               '2026-11-21 17:36:00+00',   '2026-11-21 18:05:00+00')) AS v (expression, after, due);

-- By the clock of another place, as pg_cron has it from 1.5 on; its forms of 1.5 and 1.6.
SELECT is(_portfolio_batch.cron_due(expression, after::timestamptz, time_zone), due::timestamptz,
          format('%s after %s in %s', expression, after, time_zone))
  FROM (VALUES
    ('0 22 * * 1-5',       '2026-11-20 22:00:00-05', 'America/New_York', '2026-11-23 22:00:00-05'),
    ('0 20 20 11 *',       '2026-11-20 23:00:00+00', 'America/New_York', '2026-11-21 01:00:00+00'),
    ('0 9 * * *',          '2026-11-21 00:00:00+00', 'Asia/Kolkata',     '2026-11-21 03:30:00+00'),
    -- On 8 March 2026 the clock goes from 2:00 to 3:00, so that 2:30 is not due; on 1 November 1:30 comes twice.
    ('30 2 * * *',         '2026-03-07 12:00:00-05', 'America/New_York', '2026-03-09 02:30:00-04'),
    ('30 3 * * *',         '2026-03-07 12:00:00-05', 'America/New_York', '2026-03-08 03:30:00-04'),
    ('30 2 8 3 *',         '2026-01-01 00:00:00-05', 'America/New_York', '2027-03-08 02:30:00-05'),
    ('30 1 * * *',         '2026-11-01 00:00:00-04', 'America/New_York', '2026-11-01 01:30:00-04'),
    ('30 1 * * *',         '2026-11-01 01:30:00-04', 'America/New_York', '2026-11-01 01:30:00-05'),
    ('30 1 * * *',         '2026-11-01 01:30:00-05', 'America/New_York', '2026-11-02 01:30:00-05'),
    ('*/15 0-3,20-23 * * *', '2026-10-25 00:50:00+00', 'Europe/Berlin',  '2026-10-25 01:00:00+00'),
    ('0 22 $ * *',         '2026-11-21 17:36:00+00', 'GMT',              '2026-11-30 22:00:00+00'),
    ('0 22 $ * *',         '2026-11-30 22:00:00+00', 'GMT',              '2026-12-31 22:00:00+00'),
    ('0 0 $ 2 *',          '2026-03-01 00:00:00+00', 'GMT',              '2027-02-28 00:00:00+00'),
    ('0 0 $ 2 *',          '2027-03-01 00:00:00+00', 'GMT',              '2028-02-29 00:00:00+00'),
    ('0 20 $ * *',         '2026-11-21 00:00:00+00', 'America/New_York', '2026-12-01 01:00:00+00'),
    ('0 0 $ * 5',          '2026-11-27 12:00:00+00', 'GMT',              '2026-11-30 00:00:00+00'),
    ('30 seconds',         '2026-11-21 17:36:10+00', 'Asia/Kolkata',     '2026-11-21 17:36:40+00'),
    (' 1 Second',          '2026-11-21 17:36:10+00', 'GMT',              '2026-11-21 17:36:11+00'),
    ('59 seconds',         NULL,                     'GMT',              NULL),
    ('0 22 * * *',         '2026-11-21 00:00:00+00', NULL,               NULL)) AS v (expression, after, time_zone, due);
SELECT throws_ok($$SELECT _portfolio_batch.cron_due('61 * * * *', now(), NULL)$$, '22023',
                 'invalid minute "61" in cron expression', 'an expression is read also where the time zone is not known');
SELECT is(_portfolio_batch.cron_time_zone(), 'GMT', 'which is GMT unless pg_cron is told another one');

SET LOCAL timezone = 'America/New_York';
SELECT is(cron_next_run('0 2 * * *', '2026-11-21 01:00+00'), '2026-11-21 02:00+00'::timestamptz,
          'whatever the time zone of the session');
RESET timezone;
SELECT is(cron_next_run('* * * * *'), date_trunc('minute', now()) + interval '1 minute', 'after now by default');
SELECT is(cron_next_run('* * * * *', NULL), NULL, 'NULL after NULL');
SELECT is(_portfolio_batch.cron_field('*/20,5,10-12', 'minute', 0, 59), '{0,5,10,11,12,20,40}', 'a list of everything');

SELECT throws_ok(format('SELECT cron_next_run(%L)', expression), '22023', message, 'refused: ' || coalesce(expression, 'NULL'))
  FROM (VALUES
    ('60 * * * *',      'invalid minute "60" in cron expression'),
    ('-1 * * * *',      'invalid minute "-1" in cron expression'),
    ('*/0 * * * *',     'invalid minute "*/0" in cron expression'),
    ('5/10 * * * *',    'invalid minute "5/10" in cron expression'),
    -- Never comes round: once an hour is not every 90 minutes.
    ('*/90 * * * *',    'invalid minute "*/90" in cron expression'),
    ('0-30/61 * * * *', 'invalid minute "0-30/61" in cron expression'),
    ('* */25 * * *',    'invalid hour "*/25" in cron expression'),
    ('* * */32 * *',    'invalid day of month "*/32" in cron expression'),
    ('* * * */13 *',    'invalid month "*/13" in cron expression'),
    ('* * * * */9',     'invalid day of week "*/9" in cron expression'),
    ('1, * * * *',      'invalid minute "1," in cron expression'),
    ('*-5 * * * *',     'invalid minute "*-5" in cron expression'),
    ('jan * * * *',     'invalid minute "jan" in cron expression'),
    ('99999 * * * *',   'invalid minute "99999" in cron expression'),
    ('* 24 * * *',      'invalid hour "24" in cron expression'),
    ('* 10-5 * * *',    'invalid hour "10-5" in cron expression'),
    ('* * 0 * *',       'invalid day of month "0" in cron expression'),
    ('* * 1,32 * *',    'invalid day of month "1,32" in cron expression'),
    ('* * * 13 *',      'invalid month "13" in cron expression'),
    ('* * * foo *',     'invalid month "foo" in cron expression'),
    ('* * * * 8',       'invalid day of week "8" in cron expression'),
    ('* * * * *;',      'invalid day of week "*;" in cron expression'),
    ('0 0 $,1 * *',     'invalid day of month "$,1" in cron expression'),
    ('0 $ * * *',       'invalid hour "$" in cron expression'),
    ('0 seconds',       'invalid cron expression "0 seconds"'),
    ('60 seconds',      'invalid cron expression "60 seconds"'),
    ('30 minutes',      'invalid cron expression "30 minutes"'),
    ('* * * *',         'invalid cron expression "* * * *"'),
    ('* * * * * *',     'invalid cron expression "* * * * * *"'),
    ('',                'invalid cron expression ""'),
    ('@noon',           'invalid cron expression "@noon"'),
    (NULL,              'invalid cron expression NULL')) AS v (expression, message);

-- Bad input, in the order in which it is found ---------------------------------------------------------------------------

SELECT throws_ok($$SELECT schedule_batch('', '* * * * *')$$, '22023', 'a schedule needs a name and a command', 'no name');
SELECT throws_ok($$SELECT schedule_batch(NULL, '* * * * *')$$, '22023', NULL, 'NULL for a name');
SELECT throws_ok($$SELECT schedule_batch('x', '* * * * *', ' ')$$, '22023', NULL, 'no command');
SELECT throws_ok($$SELECT schedule_batch('x', '61 * * * *')$$, '22023', 'invalid minute "61" in cron expression',
                 'an expression that cannot be read, with or without pg_cron');
SELECT throws_ok(format('SELECT schedule_batch(%L, %L)', repeat('x', 44), '* * * * *'), '22023',
                 format('schedule name "%s" is too long', repeat('x', 44)), 'a name that pg_cron would cut off');
SELECT is(_portfolio_batch.schedule_job_name(repeat('x', 43)), 'portfolio_batch pb: ' || repeat('x', 43), 'the name of a job');
SELECT throws_ok(format('SELECT %s(%L)', f, 'nightly'), '42704', 'schedule "nightly" does not exist',
                 f || ' of a schedule that does not exist')
  FROM unnest(ARRAY['unschedule_batch', 'enable_schedule', 'disable_schedule']) AS f;
SELECT throws_ok(format('SELECT %s(NULL)', f), '42704', 'schedule NULL does not exist', f || ' of NULL')
  FROM unnest(ARRAY['unschedule_batch', 'enable_schedule', 'disable_schedule']) AS f;
SELECT throws_ok($$CALL rescan_sessions(0)$$, '22023', 'days must be positive', 'no days to look at');
SELECT throws_ok($$SELECT purge_run_records('-1 day')$$, '22023', 'keep must not be negative, it is -1 days',
                 'records of the future');

-- This database has no pg_cron; which of the reasons it is depends on the server.
SELECT throws_ok($$SELECT schedule_batch('nightly', '0 22 * * 1-5')$$, '55000', NULL, 'schedules need pg_cron');
SELECT throws_ok($$SELECT sync_schedules()$$, '55000', NULL, 'so does their outcome');
SELECT throws_ok($$SELECT schedule_default_batches()$$, '55000', NULL, 'and the default set');
-- What pg_cron takes is a matter of the version that the server has loaded.
SELECT COALESCE((SELECT split_part(e.default_version, '-', 1) FROM pg_available_extensions AS e
                 WHERE e.name = 'pg_cron' AND current_setting('cron.database_name', true) IS NOT NULL), '9.9') AS loaded \gset
SELECT throws_ok(format('SELECT schedule_batch(%L, %L)', 'nightly', expression),
                 CASE WHEN string_to_array(:'loaded', '.')::integer[] < needs THEN '0A000' ELSE '55000' END,
                 CASE WHEN string_to_array(:'loaded', '.')::integer[] < needs
                      THEN format('pg_cron of this server does not take the schedule "%s"', expression) END,
                 format('"%s" needs pg_cron %s', expression, array_to_string(needs, '.')))
  FROM (VALUES ('30 seconds', ARRAY[1, 5]), ('0 22 $ * *', ARRAY[1, 6]), ('0 22 * * *', ARRAY[1, 0])) AS v (expression, needs);
SELECT is_empty('SELECT * FROM batch_schedule_records', 'what was refused left no row');

-- The table --------------------------------------------------------------------------------------------------------------

INSERT INTO batch_schedule_records (schedule_name, cron_expression, command, last_status, next_run)
VALUES ('old', '0 22 * * *', 'CALL pb.daily_batch()', 'success', now());
SELECT results_eq($$SELECT schedule_name, enabled, owner, last_status, next_run, job_id FROM batch_schedules()$$,
                  $$VALUES ('old', false, current_user::text COLLATE "default", 'success', NULL::timestamptz, NULL::bigint)$$,
                  'a schedule that no scheduler runs is shown as not enabled');

SELECT results_eq($$SELECT schedule_name, enabled, owner, last_status, next_run, job_id FROM batch_job_schedules$$,
                  $$SELECT schedule_name, enabled, owner, last_status, next_run, job_id FROM batch_schedules()$$,
                  'by the view as well');
SELECT set_eq($$SELECT a.attname::text, format_type(a.atttypid, a.atttypmod) FROM pg_attribute AS a
                WHERE a.attrelid = 'batch_job_schedules'::regclass AND a.attnum > 0$$,
              $$SELECT a.attname::text, format_type(a.atttypid, a.atttypmod) FROM pg_attribute AS a
                WHERE a.attrelid = 'batch_schedule_records'::regclass AND a.attnum > 0$$, 'which has the columns of the records');
SELECT throws_ok(statement, '55000', NULL, 'it is not written: ' || statement)
  FROM (VALUES ($$UPDATE batch_job_schedules SET command = 'SELECT 1'$$), ('DELETE FROM batch_job_schedules')) AS v (statement);
-- It is of the tables that it stands beside, whatever tables the session works on.
SELECT count(*) FROM create_analytics_tables('pb_other') \g /dev/null
INSERT INTO pb_other.batch_schedule_records (schedule_name, cron_expression, command, owner, last_status)
VALUES ('old', '1 1 * * *', 'SELECT 1', 'desk', 'failed'), ('other', '1 1 * * *', 'SELECT 1', 'desk', 'failed');
SELECT is(current_setting('portfolio_batch.schema'), 'pb_other', 'the session works on other tables');
SELECT results_eq('SELECT schedule_name, enabled, last_status FROM pb.batch_job_schedules',
                  $$VALUES ('old', false, 'success')$$, 'the view shows its own schedules');
SELECT set_eq('SELECT schedule_name, enabled, last_status FROM pb_other.batch_job_schedules',
              $$VALUES ('old', true, 'failed'), ('other', true, 'failed')$$, 'and the other one the others');
SET LOCAL portfolio_batch.schema = 'pb';

-- Retention --------------------------------------------------------------------------------------------------------------

INSERT INTO batch_runs (run_id, run_kind, status, started_at)
SELECT n, 'daily', CASE n WHEN 3 THEN 'running' ELSE 'success' END, now() - age
  FROM (VALUES (1, interval '100 days'), (2, '89 days'), (3, '100 days'), (4, '1 day')) AS v (n, age);
INSERT INTO batch_jobs (run_id, job_no, job_name, job_type, status, started_at)
SELECT run_id, 1, 'x', 'phase', 'success', started_at FROM batch_runs;
INSERT INTO collections (collection_id, kind, status, started_at)
SELECT n, 'import', CASE n WHEN 3 THEN 'running' ELSE 'success' END, now() - age
  FROM (VALUES (1, interval '100 days'), (2, '91 days'), (3, '100 days')) AS v (n, age);
INSERT INTO collection_results (collection_id, symbol, kind, provider, outcome, completed_at)
VALUES (1, 'ZZTA', 'prices', 'vendor', 'OK', now() - interval '99 days'),
       (2, 'ZZTA', 'prices', 'vendor', 'OK', now() - interval '89 days');
SELECT results_eq('SELECT table_name, rows_deleted FROM purge_run_records()',
                  $$VALUES ('batch_jobs', 1::bigint), ('batch_runs', 1), ('collection_results', 1),
                           ('collections', 1)$$, 'records of more than 90 days go');
SELECT set_eq('SELECT collection_id FROM collections', ARRAY[2, 3]::bigint[],
              'but not those of a collection that is not over, or of which answers are left');
DELETE FROM collection_results;
DELETE FROM collections;
SELECT set_eq('SELECT run_id FROM batch_runs', ARRAY[2, 3, 4], 'but not that of a run that is not over');
SELECT is_empty($$SELECT FROM purge_run_records(NULL) WHERE rows_deleted > 0$$, 'NULL is 90 days');
SELECT is((SELECT sum(rows_deleted) FROM purge_run_records('30 days')), 2::numeric, 'another time can be given');

-- Roles ------------------------------------------------------------------------------------------------------------------

CREATE ROLE pb_reader;
CREATE ROLE pb_runner;
CREATE ROLE pb_stranger;
SELECT FROM grant_analytics_roles('pb_reader', 'pb_runner');
GRANT USAGE ON SCHEMA pb TO pb_stranger;
SET LOCAL ROLE pb_reader;
SELECT lives_ok('SELECT * FROM batch_schedules()', 'a reader sees the schedules');
SELECT throws_ok(statement, '42501', NULL, 'a reader is refused: ' || statement)
  FROM (VALUES ($$SELECT schedule_batch('x', '* * * * *')$$), ($$SELECT unschedule_batch('old')$$),
               ($$SELECT enable_schedule('old')$$), ($$SELECT disable_schedule('old')$$),
               ($$SELECT _portfolio_batch.activate_schedule('old', true)$$), ('SELECT sync_schedules()'),
               ('SELECT schedule_default_batches()'), ('CALL rescan_sessions()'), ('SELECT purge_run_records()'))
    AS r (statement);
SET LOCAL ROLE pb_runner;
SELECT throws_ok($$SELECT unschedule_batch('old')$$, '42501', 'schedule "old" belongs to role "' || session_user || '"',
                 'a runner cannot touch a schedule of another role');
SELECT throws_ok($$SELECT schedule_batch('new', '* * * * *')$$, '55000', NULL, 'a runner comes as far as pg_cron');
SELECT lives_ok('SELECT purge_run_records()', 'and may delete old records');
SET LOCAL ROLE pb_stranger;
-- pg_cron shows its settings to few.
SET LOCAL cron.invented = 'yes';
SELECT is((SELECT s FROM _portfolio_batch.cron_setting('cron.invented') AS s), ROW(false, NULL::text),
          'a setting that pg_cron does not have is none, whatever somebody set');
SELECT is((SELECT s.value FROM _portfolio_batch.cron_setting('cron.database_name') AS s), NULL,
          'a stranger is not shown the database of pg_cron');
SELECT throws_ok('SELECT * FROM batch_schedules()', '42501', NULL, 'a stranger sees nothing');
SELECT lives_ok($$SELECT cron_next_run('* * * * *')$$, 'reading an expression needs no right');
RESET ROLE;
GRANT SELECT ON batch_job_schedules, batch_schedule_records TO pb_stranger;
SET LOCAL ROLE pb_stranger;
SELECT results_eq('SELECT schedule_name, enabled FROM batch_job_schedules', $$VALUES ('old', true)$$,
                  'who may read the view and call nothing reads what was recorded');
RESET ROLE;
GRANT USAGE ON SCHEMA pb_other TO pb_stranger;
GRANT SELECT ON pb_other.batch_job_schedules, pb_other.batch_schedule_records TO pb_stranger;
REVOKE USAGE ON SCHEMA pb FROM pb_stranger;
SET LOCAL ROLE pb_stranger;
SELECT is((SELECT count(*) FROM pb_other.batch_job_schedules), 2::bigint,
          'also where he may not look into the schema of the extension');
RESET ROLE;
DROP EXTENSION portfolio_batch;
SELECT results_eq('SELECT schedule_name, enabled, last_status FROM batch_job_schedules', $$VALUES ('old', true, 'success')$$,
                  'so does everybody when the extension is gone');

SELECT * FROM finish();
ROLLBACK;
