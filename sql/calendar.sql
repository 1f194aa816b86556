-- The trading calendar of the New York Stock Exchange.
SET client_min_messages = warning;
CREATE SCHEMA desk;
SET search_path = desk;
SET datestyle = ISO;
CREATE EXTENSION portfolio_batch SCHEMA desk;
SELECT count(*) AS created FROM create_analytics_tables() WHERE action = 'created';
SET timezone = 'America/New_York';

-- The week of a holiday.
SELECT to_char(day, 'Dy YYYY-MM-DD') AS day, is_session(day::date), previous_session(day::date), next_session(day::date)
FROM generate_series('2024-07-01'::date, '2024-07-08', '1 day') AS day;
SELECT session_date, open_at, close_at, is_early_close FROM trading_sessions
WHERE calendar = 'NYSE' AND session_date BETWEEN '2024-07-01' AND '2024-07-08' ORDER BY session_date;
SELECT * FROM sessions_between('2024-12-23', '2025-01-10');

-- What no rule foresees is a row of its own.
SELECT exception_date, is_open, close_time, reason FROM trading_calendar_exceptions
WHERE calendar = 'NYSE' ORDER BY exception_date;
INSERT INTO trading_calendar_exceptions (calendar, exception_date, is_open, close_time, reason)
VALUES ('NYSE', '2024-07-02', false, NULL, 'a storm'), ('NYSE', '2024-07-05', true, '13:00', 'a short Friday');
SELECT session_date, close_at, is_early_close FROM trading_sessions
WHERE calendar = 'NYSE' AND session_date BETWEEN '2024-07-01' AND '2024-07-08' ORDER BY session_date;
SELECT is_session('2024-07-02');

-- A day that the calendar does not cover is an error, not a day without trading.
SELECT is_session('1989-12-29');
SELECT next_session('2036-01-02');

DROP SCHEMA desk CASCADE;
