-- Where the tables are, and the trading calendar ------------------------------------------------------------------

CREATE FUNCTION @extschema@.analytics_schema() RETURNS name
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pb_analytics_schema';
COMMENT ON FUNCTION @extschema@.analytics_schema() IS
'Schema in which the portfolio and analytics tables live: the setting portfolio_batch.schema, or the schema of the
extension when the setting is empty.';

-- The schema's name as it is quoted while our functions run, whatever quote_all_identifiers is now.
DO $$
BEGIN
  EXECUTE format($function$
    CREATE FUNCTION _portfolio_batch.tables_schema(installed_as text DEFAULT %L) RETURNS name
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pb_tables_schema'
  $function$, $name$@extschema@$name$::regnamespace);
END
$$;
COMMENT ON FUNCTION _portfolio_batch.tables_schema(text) IS
'What analytics_schema() says, for the functions of the extension. They name each other by the schema in which they were
installed; 55000, with the statement that helps, when that schema has another name now.';

CREATE FUNCTION _portfolio_batch.require_finite(what text, moment timestamp) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT isfinite(moment) THEN
    RAISE EXCEPTION '% must be finite, not %', what, moment
      USING ERRCODE = 'datetime_field_overflow', HINT = 'Pass a day that a calendar can have.';
  END IF;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.require_finite(text, timestamp) IS
'Raises 22008 for a date or time that is infinite, which what names; nothing for NULL.';

CREATE FUNCTION @extschema@.nyse_calendar(from_date date DEFAULT NULL, to_date date DEFAULT NULL)
RETURNS TABLE (session_date date, open_at timestamptz, close_at timestamptz, is_early_close boolean)
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pb_nyse_calendar';
COMMENT ON FUNCTION @extschema@.nyse_calendar(date, date) IS
'Sessions of the New York Stock Exchange by its rules, 1990-01-01 to 2035-12-31: weekends, the holidays of each era, and
the scheduled early closes. Opening and close are instants; New York daylight saving is applied. Days outside the range
raise 22008. One-off closures are not in it: see nyse_special_closures. Source: NYSE holiday rules, checked against the
published lists.';

CREATE FUNCTION @extschema@.nyse_special_closures()
RETURNS TABLE (exception_date date, is_open boolean, close_time time, reason text)
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pb_nyse_special_closures';
COMMENT ON FUNCTION @extschema@.nyse_special_closures() IS
'Days since 1990 on which the New York Stock Exchange departed from its rules: unscheduled closures (is_open false) and
one-off early closes (is_open true, close_time in New York local time).';

CREATE FUNCTION @extschema@.is_session(day date, calendar text DEFAULT NULL) RETURNS boolean
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_is_session';
COMMENT ON FUNCTION @extschema@.is_session(date, text) IS
'Whether the day is a trading session of the calendar (default: portfolio_batch.calendar), exceptions included. NULL for
NULL; 22008 for a day that the calendar does not cover.';

CREATE FUNCTION @extschema@.previous_session(day date, calendar text DEFAULT NULL) RETURNS date
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_previous_session';
COMMENT ON FUNCTION @extschema@.previous_session(date, text) IS
'The last session before the day; NULL when the calendar begins with it. 22008 for a day that the calendar does not
cover.';

CREATE FUNCTION @extschema@.next_session(day date, calendar text DEFAULT NULL) RETURNS date
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_next_session';
COMMENT ON FUNCTION @extschema@.next_session(date, text) IS
'The first session after the day; NULL when the calendar ends with it. 22008 for a day that the calendar does not
cover.'; 
CREATE FUNCTION @extschema@.sessions_between(from_date date, to_date date, calendar text DEFAULT NULL)
RETURNS TABLE (session_date date)
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_sessions_between';
COMMENT ON FUNCTION @extschema@.sessions_between(date, date, text) IS
'The sessions from one day to another, both included, ascending; none when the first is after the second or either is
NULL. 22008 for a day that the calendar does not cover.';

CREATE FUNCTION @extschema@.latest_closed_session() RETURNS date
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_latest_closed_session';
COMMENT ON FUNCTION @extschema@.latest_closed_session() IS
'The newest session whose close, early or regular, lies at least portfolio_batch.settle_delay in the past: the default
date of every run. It is decided by instants, so the time zone of the server does not matter.';

CREATE FUNCTION @extschema@.student_t_p_value(t_stat double precision, degrees_of_freedom double precision)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pb_student_t_p_value';
COMMENT ON FUNCTION @extschema@.student_t_p_value(double precision, double precision) IS
'Two-sided p-value of a t statistic by Student''s t distribution with so many degrees of freedom, which need be no whole
number. NULL when an argument is, for a statistic that is NaN, and without degrees of freedom above 0. The views
symbol_factor_exposures and position_market_betas take their p-values from it.';

CREATE FUNCTION @extschema@.correlation_p_value(correlation double precision, observations integer)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pb_correlation_p_value';
COMMENT ON FUNCTION @extschema@.correlation_p_value(double precision, integer) IS
'Two-sided p-value of a Pearson correlation r of n pairs under no correlation: t = r sqrt((n-2)/(1-r^2)) with n-2
degrees of freedom. 0 for |r| = 1; NULL for fewer than 3 pairs, |r| > 1, or NULL.';

