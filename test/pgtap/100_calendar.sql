-- The trading calendar: sessions, their neighbors and their hours; exceptions; which session has closed.

\ir include/prelude.psql
SELECT plan(91);

-- is_session --------------------------------------------------------------------------------------------------------

SELECT is(is_session(day::date), expected, what) FROM (VALUES
  ('2024-07-01', true,  'a Monday is a session'),
  ('2024-07-03', true,  'a day that closes early is a session'),
  ('2024-07-04', false, 'Independence Day is none'),
  ('2024-07-06', false, 'a Saturday is none'),
  ('2024-07-07', false, 'a Sunday is none'),
  ('2024-03-29', false, 'Good Friday is none'),
  ('2021-12-31', true,  'New Year on a Saturday closes no Friday'),
  ('2021-06-18', true,  'Juneteenth was no holiday of the exchange before 2022'),
  ('2022-06-20', false, 'Juneteenth on a Sunday is observed on Monday'),
  ('2025-01-09', false, 'the day of mourning for President Carter is none'),
  ('2025-01-08', true,  'the day before it is a session'),
  ('2012-10-29', false, 'the first day of Hurricane Sandy is none'),
  ('2001-09-14', false, 'the fourth day after September 10, 2001 is none'),
  ('2001-09-17', true,  'trading began again on Monday'),
  ('1990-01-02', true,  'the first day of the calendar'),
  ('2035-12-31', true,  'the last day of the calendar')) AS d (day, expected, what);
SELECT is(is_session(NULL), NULL, 'no day, no answer');
SELECT is(is_session('2024-07-04', 'NYSE'), false, 'a calendar can be named');

SELECT pg_temp.raises($$SELECT is_session('1989-12-29')$$, '22008',
  'date 1989-12-29 is outside the trading calendar "NYSE"', 'The calendar covers 1990-01-02 to 2035-12-31.',
  'Use a date it covers, or add sessions to pb.trading_calendar.', 'a day before the calendar is an error, not false');
SELECT pg_temp.raises($$SELECT is_session('2036-01-02')$$, '22008',
  'date 2036-01-02 is outside the trading calendar "NYSE"', '%2035-12-31.', '%', 'and so is a day after it');
SELECT pg_temp.raises($$SELECT is_session('infinity')$$, '22008', 'argument 1 must be a finite date', '', '',
  'infinity is no day');
SELECT pg_temp.raises($$SELECT is_session('2024-07-04', 'XLON')$$, '22023',
  'trading calendar "XLON" has no sessions', 'Table pb.trading_calendar holds none for it.',
  '%create_analytics_tables()%portfolio_batch.calendar%', 'a calendar that nobody loaded is an error');

-- Neighbors ---------------------------------------------------------------------------------------------------------

SELECT is(previous_session(day::date), before::date, 'the session before ' || what) FROM (VALUES
  ('2024-07-05', '2024-07-03', 'the day after a holiday'), ('2024-07-04', '2024-07-03', 'a holiday'),
  ('2024-07-08', '2024-07-05', 'a Monday'), ('2024-07-06', '2024-07-05', 'a Saturday'),
  ('2025-01-10', '2025-01-08', 'a day after an unscheduled closure'), ('2001-09-17', '2001-09-10', 'September 17'),
  ('1990-01-02', NULL, 'the first one: none')) AS d (day, before, what);
SELECT is(next_session(day::date), after::date, 'the session after ' || what) FROM (VALUES
  ('2024-07-03', '2024-07-05', 'the day before a holiday'), ('2024-07-04', '2024-07-05', 'a holiday'),
  ('2024-07-05', '2024-07-08', 'a Friday'), ('2024-07-06', '2024-07-08', 'a Saturday'),
  ('2024-12-31', '2025-01-02', 'the last one of a year'), ('2025-01-08', '2025-01-10', 'January 8, 2025'),
  ('2035-12-31', NULL, 'the last one: none')) AS d (day, after, what);
SELECT is(previous_session(NULL), NULL, 'nothing is before no day');
SELECT is(next_session(NULL), NULL, 'nor after it');
SELECT throws_ok($$SELECT previous_session('1990-01-01')$$, '22008',
                 'date 1990-01-01 is outside the trading calendar "NYSE"', 'a neighbor of a day that is not covered');
SELECT throws_ok($$SELECT next_session('2036-01-01')$$, '22008',
                 'date 2036-01-01 is outside the trading calendar "NYSE"', 'on either side');
SELECT is_empty($$SELECT session_date FROM sessions_between('2024-12-20', '2025-01-17') AS s
                  WHERE next_session(previous_session(session_date)) <> session_date
                     OR previous_session(next_session(session_date)) <> session_date$$,
                'the next of the previous session is the session itself');

-- sessions_between --------------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT session_date FROM sessions_between('2024-07-01', '2024-07-08')$$,
                  $$VALUES ('2024-07-01'::date), ('2024-07-02'), ('2024-07-03'), ('2024-07-05'), ('2024-07-08')$$,
                  'sessions of a week with a holiday, both ends included, ascending');
SELECT results_eq($$SELECT session_date FROM sessions_between('2024-07-03', '2024-07-03')$$,
                  $$VALUES ('2024-07-03'::date)$$, 'one day');
SELECT is_empty($$SELECT * FROM sessions_between('2024-07-04', '2024-07-04')$$, 'one day that is none');
SELECT is_empty($$SELECT * FROM sessions_between('2024-07-05', '2024-07-01')$$, 'the wrong way round: none');
SELECT is_empty($$SELECT * FROM sessions_between(NULL, '2024-07-01')$$, 'without a beginning: none');
SELECT is_empty($$SELECT * FROM sessions_between('2024-07-01', NULL)$$, 'without an end: none');
SELECT throws_ok($$SELECT * FROM sessions_between('1980-01-01', '2024-07-01')$$, '22008',
                 'date 1980-01-01 is outside the trading calendar "NYSE"', 'a span that begins too early');
SELECT throws_ok($$SELECT * FROM sessions_between('2024-07-01', '2040-07-01')$$, '22008',
                 'date 2040-07-01 is outside the trading calendar "NYSE"', 'a span that ends too late');
SELECT is((SELECT count(*) FROM sessions_between(make_date(year, 1, 2), make_date(year, 12, 31))), sessions,
          'number of sessions in ' || year)
  FROM (VALUES (2001, 248::bigint), (2012, 250), (2020, 253), (2021, 252), (2022, 251), (2023, 250), (2024, 252),
               (2025, 250)) AS y (year, sessions);
SELECT is_empty($$SELECT day FROM generate_series('2024-11-15'::date, '2025-01-31', '1 day') AS d (day)
                  WHERE is_session(day::date)
                        <> (day::date IN (SELECT session_date FROM sessions_between('2024-11-15', '2025-01-31')))$$,
                'is_session and sessions_between agree on every day of a winter');

-- Hours -------------------------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT session_date, open_at AT TIME ZONE 'UTC', close_at AT TIME ZONE 'UTC', is_early_close
                    FROM trading_sessions WHERE calendar = 'NYSE'
                      AND session_date IN ('2024-03-08', '2024-03-11', '2024-07-03', '2024-11-01', '2024-11-04')
                    ORDER BY 1$$,
  $$VALUES ('2024-03-08'::date, '2024-03-08 14:30'::timestamp, '2024-03-08 21:00'::timestamp, false),
           ('2024-03-11', '2024-03-11 13:30', '2024-03-11 20:00', false),
           ('2024-07-03', '2024-07-03 13:30', '2024-07-03 17:00', true),
           ('2024-11-01', '2024-11-01 13:30', '2024-11-01 20:00', false),
           ('2024-11-04', '2024-11-04 14:30', '2024-11-04 21:00', false)$$,
  'sessions open at 9:30 and close at 16:00 in New York on both sides of daylight saving, 13:00 when early');
SELECT is_empty($$SELECT * FROM trading_sessions WHERE calendar = 'NYSE'
                  AND ((open_at AT TIME ZONE 'America/New_York')::time <> '09:30'
                       OR (close_at AT TIME ZONE 'America/New_York')::time NOT IN ('16:00', '13:00', '14:00')
                       OR (open_at AT TIME ZONE 'America/New_York')::date <> session_date
                       OR is_early_close <> ((close_at AT TIME ZONE 'America/New_York')::time < '16:00'))$$,
                'no session has other hours, by the time zone database of the server');

-- The published lists -----------------------------------------------------------------------------------------------

\getenv shared PB_SHARED_DATA
\set have_lists `test -r "$PB_SHARED_DATA/xnys_sessions_1990_2022.csv" && echo true || echo false`
\if :have_lists
CREATE TEMP TABLE published_sessions (session_date date, open_at timestamptz, close_at timestamptz);
CREATE TEMP TABLE published_holidays (holiday date, weekday text, name text);
CREATE TEMP TABLE published_early_closes (session_date date, weekday text, close_time time);
\set file :shared /xnys_sessions_1990_2022.csv
\set command '\\copy published_sessions FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
\set file :shared /nyse_holidays_1990_2030.csv
\set command '\\copy published_holidays FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command
\set file :shared /nyse_early_closes_1990_2030.csv
\set command '\\copy published_early_closes FROM ' :'file' ' WITH (FORMAT csv, HEADER true)'
:command

SELECT cmp_ok((SELECT count(*) FROM published_sessions), '>', 8000::bigint, 'the published sessions are there');
SELECT is_empty($$SELECT session_date, p.*, t.* FROM published_sessions AS p
                  FULL JOIN (SELECT session_date, open_at, close_at FROM trading_sessions
                             WHERE calendar = 'NYSE'
                               AND session_date <= (SELECT max(session_date) FROM published_sessions)) AS t
                    USING (session_date)
                  WHERE (p.open_at, p.close_at) IS DISTINCT FROM (t.open_at, t.close_at)$$,
                'every session, opening and close equals the published list to 2022');
SELECT cmp_ok((SELECT count(*) FROM published_holidays), '>', 350::bigint, 'the published holidays are there');
SELECT is_empty($$SELECT day::date FROM generate_series('1990-01-02'::date, '2030-12-31', '1 day') AS d (day)
                  LEFT JOIN published_holidays AS h ON h.holiday = d.day
                  LEFT JOIN trading_sessions AS t ON t.calendar = 'NYSE' AND t.session_date = d.day
                  WHERE (t.session_date IS NOT NULL) <> (extract(isodow FROM day) < 6 AND h.holiday IS NULL)$$,
                'every day to 2030 is a session unless a weekend or a published holiday');
SELECT is_empty($$SELECT session_date, e.close_time, t.close_at FROM published_early_closes AS e
                  FULL JOIN (SELECT session_date, close_at FROM trading_sessions
                             WHERE calendar = 'NYSE' AND is_early_close AND session_date <= '2030-12-31') AS t
                    USING (session_date)
                  WHERE e.close_time IS DISTINCT FROM (t.close_at AT TIME ZONE 'America/New_York')::time$$,
                'every early close to 2030 and its hour, and no other');
\else
SELECT * FROM skip('PB_SHARED_DATA names no folder with the published calendars', 5);
\endif

-- Exceptions take effect at once ------------------------------------------------------------------------------------

SELECT pg_temp.add_portfolio(1, 1000, '2024-09-03');
SELECT results_eq($$SELECT session_date FROM missing_sessions('2024-09-09')$$,
                  $$VALUES ('2024-09-03'::date), ('2024-09-04'), ('2024-09-05'), ('2024-09-06'), ('2024-09-09')$$,
                  'the work list before an exception');
INSERT INTO trading_calendar_exceptions (calendar, exception_date, is_open, reason)
VALUES ('NYSE', '2024-09-04', false, 'a storm');
INSERT INTO trading_calendar_exceptions (calendar, exception_date, is_open, open_time, close_time, reason)
VALUES ('NYSE', '2024-09-07', true, NULL, NULL, 'a test of systems'),
       ('NYSE', '2024-09-05', true, '10:30', '12:15', 'a short day');
SELECT is(is_session('2024-09-04'), false, 'a day declared closed is no session');
SELECT is(is_session('2024-09-07'), true, 'a Saturday declared open is one');
SELECT is(previous_session('2024-09-05'), '2024-09-03', 'neighbors skip the closed day');
SELECT is(next_session('2024-09-06'), '2024-09-07', 'and stop at the extra one');
SELECT results_eq($$SELECT session_date FROM sessions_between('2024-09-03', '2024-09-09')$$,
                  $$VALUES ('2024-09-03'::date), ('2024-09-05'), ('2024-09-06'), ('2024-09-07'), ('2024-09-09')$$,
                  'sessions_between follows');
SELECT results_eq($$SELECT session_date FROM missing_sessions('2024-09-09')$$,
                  $$VALUES ('2024-09-03'::date), ('2024-09-05'), ('2024-09-06'), ('2024-09-07'), ('2024-09-09')$$,
                  'and so does the work list');
SELECT results_eq($$SELECT session_date, (open_at AT TIME ZONE 'America/New_York')::time,
                           (close_at AT TIME ZONE 'America/New_York')::time, is_early_close
                    FROM trading_sessions WHERE calendar = 'NYSE' AND session_date BETWEEN '2024-09-04' AND '2024-09-07'
                    ORDER BY 1$$,
                  $$VALUES ('2024-09-05'::date, '10:30'::time, '12:15'::time, true),
                           ('2024-09-06', '09:30', '16:00', false), ('2024-09-07', '09:30', '16:00', false)$$,
                  'hours of an exception replace the regular ones');
SELECT results_eq($$SELECT session_date FROM missing_sessions('2024-09-08')$$,
                  $$VALUES ('2024-09-03'::date), ('2024-09-05'), ('2024-09-06'), ('2024-09-07')$$,
                  'a target on a day without session means the session before it');
SELECT throws_ok($$SELECT * FROM run_daily_batch('2024-09-04')$$, '22023',
                 '2024-09-04 is not a session of the calendar "NYSE"', 'a run refuses the closed day');
DELETE FROM trading_calendar_exceptions WHERE exception_date BETWEEN '2024-09-04' AND '2024-09-07';
SELECT is(is_session('2024-09-04'), true, 'and without the exception it is a session again');
DELETE FROM trading_calendar_exceptions WHERE exception_date = '2025-01-09';
SELECT is(is_session('2025-01-09'), true, 'January 9, 2025 is closed by its exception, not by a rule');

-- Which session has closed ------------------------------------------------------------------------------------------

-- A calendar of three sessions around the present, so that the test does not depend on the hour at which it runs.
INSERT INTO trading_calendar (calendar, session_date, open_at, close_at) VALUES
  ('PRESENT', '2020-01-06', now() - interval '2 days',    now() - interval '1 day'),
  ('PRESENT', '2020-01-07', now() - interval '7 hours',   now() - interval '29 minutes 59 seconds'),
  ('PRESENT', '2020-01-08', now() + interval '18 hours',  now() + interval '24 hours');
SET LOCAL portfolio_batch.calendar = 'PRESENT';
SELECT is(latest_closed_session(), '2020-01-06', 'a session that closed less than the settle delay ago is not closed');
UPDATE trading_calendar SET close_at = now() - interval '30 minutes'
 WHERE (calendar, session_date) = ('PRESENT', '2020-01-07');
SELECT is(latest_closed_session(), '2020-01-07', 'it is when the delay has passed');
SET LOCAL portfolio_batch.settle_delay = '31min';
SELECT is(latest_closed_session(), '2020-01-06', 'the delay is a setting');
SET LOCAL portfolio_batch.settle_delay = 0;
UPDATE trading_calendar SET close_at = now() + interval '1 second'
 WHERE (calendar, session_date) = ('PRESENT', '2020-01-07');
SELECT is(latest_closed_session(), '2020-01-06', 'before the close no delay helps');
UPDATE trading_calendar SET close_at = now() WHERE (calendar, session_date) = ('PRESENT', '2020-01-07');
SELECT is(latest_closed_session(), '2020-01-07', 'at the close it is closed');
SET LOCAL portfolio_batch.settle_delay = 30;
SET LOCAL timezone = 'Pacific/Honolulu';
SELECT is(latest_closed_session(), '2020-01-06', 'the time zone of the server does not matter');
SET LOCAL timezone = 'Asia/Tokyo';
SELECT is(latest_closed_session(), '2020-01-06', 'wherever it is');

-- A session that runs until tomorrow, and an exception that closed it early in New York 31 minutes ago.
SELECT (now() - interval '31 minutes') AT TIME ZONE 'America/New_York' AS closed \gset
INSERT INTO trading_calendar (calendar, session_date, open_at, close_at)
VALUES ('EARLY', '2020-01-06', now() - interval '3 days', now() - interval '2 days'),
       ('EARLY', :'closed'::timestamp::date, now() - interval '6 hours', now() + interval '1 day');
SET LOCAL portfolio_batch.calendar = 'EARLY';
SELECT is(latest_closed_session(), '2020-01-06', 'a session is open until its close');
INSERT INTO trading_calendar_exceptions (calendar, exception_date, is_open, close_time, reason)
VALUES ('EARLY', :'closed'::timestamp::date, true, :'closed'::timestamp::time, 'an early close');
SELECT is(latest_closed_session(), :'closed'::timestamp::date, 'an early close counts, in New York time');
SET LOCAL portfolio_batch.settle_delay = '32min';
SELECT is(latest_closed_session(), '2020-01-06', 'after its delay');

DELETE FROM trading_calendar_exceptions WHERE calendar = 'EARLY';
DELETE FROM trading_calendar WHERE (calendar, session_date) = ('EARLY', '2020-01-06');
SELECT is(latest_closed_session(), NULL, 'no session has closed: none');
SELECT pg_temp.raises($$SELECT * FROM run_daily_batch()$$, '22023', 'the calendar "EARLY" has no closed session', '%',
                      '%create_analytics_tables()%', 'and a run without a date says so');
SET LOCAL portfolio_batch.calendar = 'PRESENT';
SET LOCAL portfolio_batch.settle_delay = 30;
SELECT pg_temp.raises($$SELECT * FROM run_daily_batch('2020-01-07')$$, '22023',
                      'session 2020-01-07 has not closed and settled yet', 'The latest closed session is 2020-01-06.',
                      'Name an earlier session, or leave the date out to use the latest closed one.',
                      'a run refuses a session that has closed but not settled');
SELECT set_eq($$SELECT session_date FROM run_daily_batch()$$, $$VALUES ('2020-01-06'::date)$$,
              'a run without a date takes the latest closed session');

SELECT * FROM finish();
ROLLBACK;
