-- Schedules: pg_cron runs them, batch_schedule_records remembers them, batch_job_schedules shows them as of now. Jobs
-- are made and changed through pg_cron's own functions and belong to the role that made them. What pg_cron runs never
-- comes out of the table: whoever may write the table could otherwise have others run what he likes.

-- When a cron expression is due --------------------------------------------------------------------------------------

CREATE FUNCTION _portfolio_batch.cron_field(field text, field_name text, lowest integer, highest integer,
                                            names text[] DEFAULT '{}')
RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  result integer[];
BEGIN
  IF highest::bigint - lowest > 59 THEN
    RAISE EXCEPTION 'a field of a cron expression has at most 60 values, not % to %', lowest, highest
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Minutes, of which there are most, go from 0 to 59.';
  END IF;
  SELECT array_agg(DISTINCT v.value ORDER BY v.value)
    INTO result
    FROM string_to_table(field, ',') AS e (element)
    CROSS JOIN LATERAL regexp_match(e.element, '^(?:[*]|([0-9]{1,4}|[A-Za-z]{3})(?:-([0-9]{1,4}|[A-Za-z]{3}))?)'
                                               '(?:/([0-9]{1,4}))?$') AS m (part)
    CROSS JOIN LATERAL (
      SELECT CASE WHEN e.element LIKE '*%' THEN lowest
                  WHEN m.part[1] ~ '^[0-9]' THEN m.part[1]::integer
                  ELSE array_position(names, lower(m.part[1])) - 1 + lowest END AS first,
             CASE WHEN e.element LIKE '*%' THEN highest
                  WHEN m.part[2] ~ '^[0-9]' THEN m.part[2]::integer
                  WHEN m.part[2] IS NOT NULL THEN array_position(names, lower(m.part[2])) - 1 + lowest END AS last,
             -- A step that is larger than the field never comes round: */90 minutes is once an hour.
             CASE WHEN m.part[3] IS NULL THEN 1
                  WHEN m.part[3]::integer BETWEEN 1 AND highest - lowest + 1 THEN m.part[3]::integer END AS step
    ) AS r
    -- What cannot be read gives one row with NULL, which the check below finds.
    LEFT JOIN LATERAL generate_series(r.first, COALESCE(r.last, r.first), r.step) AS v (value)
      ON m.part IS NOT NULL AND r.first BETWEEN lowest AND highest
     AND COALESCE(r.last, r.first) BETWEEN r.first AND highest AND (m.part[3] IS NULL OR r.last IS NOT NULL);
  IF array_position(result, NULL) IS NOT NULL OR result IS NULL THEN
    RAISE EXCEPTION 'invalid % "%" in cron expression', field_name, field
      USING ERRCODE = 'invalid_parameter_value',
            HINT = format('It is %s to %s: a number%s, a range a-b, *, either of the two with /step of at most %s, or '
                          'a list of these with commas.', lowest, highest,
                          CASE WHEN names <> '{}' THEN ' or a name like ' || names[2] ELSE '' END,
                          highest - lowest + 1);
  END IF;
  RETURN result;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.cron_field(text, text, integer, integer, text[]) IS
'Values that one field of a cron expression stands for, ascending. names: three-letter names of the values from lowest
on. Errors: 22023 with the name of the field when it cannot be read, is out of range or empty (a range that ends before
it begins, a step of 0 or larger than the field, such as */90 minutes, a step of a single number), and for more than
60 values.';

CREATE FUNCTION _portfolio_batch.cron_interval(cron_expression text) RETURNS interval
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT make_interval(secs => substring(lower(cron_expression)
                                         FROM E'^[ \t]*0*([1-9]|[1-5][0-9])[ \t]*seconds?[ \t]*$')::integer)
$$;
COMMENT ON FUNCTION _portfolio_batch.cron_interval(text) IS
'The interval of a schedule of 1 to 59 seconds, such as ''30 seconds'', which pg_cron takes from 1.5 on; NULL for any
other.';

CREATE FUNCTION _portfolio_batch.cron_due(cron_expression text, after timestamptz, time_zone text)
RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  aliases    CONSTANT jsonb := '{"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *",
                                 "@weekly": "0 0 * * 0", "@daily": "0 0 * * *", "@midnight": "0 0 * * *",
                                 "@hourly": "0 * * * *"}';
  fields     text[];
  minutes    integer[];
  hours      integer[];
  month_days integer[];
  months     integer[];
  weekdays   integer[];
  last_day   boolean;
  either     boolean;
  due_day    timestamp;
  result     timestamptz;
BEGIN
  PERFORM _portfolio_batch.require_finite('the time after which a cron expression is due', after AT TIME ZONE 'GMT');
  IF _portfolio_batch.cron_interval(cron_expression) IS NOT NULL THEN
    RETURN after + _portfolio_batch.cron_interval(cron_expression);
  END IF;
  fields := regexp_split_to_array(btrim(COALESCE(aliases ->> cron_expression, cron_expression), E' \t'), E'[ \t]+');
  IF fields = '{@reboot}' THEN
    RETURN NULL;
  END IF;
  IF cardinality(fields) IS DISTINCT FROM 5 THEN
    RAISE EXCEPTION 'invalid cron expression %', COALESCE('"' || cron_expression || '"', 'NULL')
      USING ERRCODE = 'invalid_parameter_value',
            DETAIL = format('It has %s fields.', COALESCE(cardinality(fields), 0)),
            HINT = 'Give five fields, minute hour day-of-month month day-of-week, such as ''0 22 * * 1-5''; or '
                   '@hourly, @daily, @weekly, @monthly, @yearly; or ''1 seconds'' to ''59 seconds''.';
  END IF;
  minutes := _portfolio_batch.cron_field(fields[1], 'minute', 0, 59);
  hours := _portfolio_batch.cron_field(fields[2], 'hour', 0, 23);
  last_day := fields[3] = '$';
  IF NOT last_day THEN
    month_days := _portfolio_batch.cron_field(fields[3], 'day of month', 1, 31);
  END IF;
  months := _portfolio_batch.cron_field(fields[4], 'month', 1, 12,
                                        '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}');
  weekdays := _portfolio_batch.cron_field(fields[5], 'day of week', 0, 7, '{sun,mon,tue,wed,thu,fri,sat,sun}');
  either := fields[3] NOT LIKE '*%' AND fields[5] NOT LIKE '*%';

  -- 29 February is at most eight years away. A day may have no time left, or lack the hour because its clock goes
  -- forward.
  FOR due_day IN
    SELECT d.day
    FROM generate_series(date_trunc('day', after AT TIME ZONE time_zone),
                         date_trunc('day', after AT TIME ZONE time_zone) + interval '8 years 1 day',
                         interval '1 day') AS d (day)
    CROSS JOIN LATERAL (SELECT CASE WHEN last_day THEN extract(day FROM d.day + interval '1 day') = 1
                                    ELSE extract(day FROM d.day) = ANY (month_days) END AS by_month,
                               extract(dow FROM d.day) = ANY (weekdays)
                               OR (extract(dow FROM d.day) = 0 AND 7 = ANY (weekdays)) AS by_week) AS m
    WHERE extract(month FROM d.day) = ANY (months)
      AND CASE WHEN either THEN m.by_month OR m.by_week ELSE m.by_month AND m.by_week END
    ORDER BY d.day
  LOOP
    -- An hour that comes twice has two times, by the two distances from GMT that the day has.
    SELECT min(t.due)
      INTO result
      FROM (SELECT DISTINCT (near.at AT TIME ZONE time_zone) - (near.at AT TIME ZONE 'GMT') AS ahead
            FROM unnest(ARRAY[(due_day - interval '1 day') AT TIME ZONE 'GMT',
                              (due_day + interval '2 days') AT TIME ZONE 'GMT']) AS near (at)) AS z
      CROSS JOIN unnest(hours) AS h (hour)
      CROSS JOIN unnest(minutes) AS n (minute)
      CROSS JOIN LATERAL (SELECT due_day + make_interval(hours => h.hour, mins => n.minute) AS clock) AS c
      CROSS JOIN LATERAL (SELECT (c.clock - z.ahead) AT TIME ZONE 'GMT' AS due) AS t
     WHERE t.due > after AND t.due AT TIME ZONE time_zone = c.clock;
    EXIT WHEN result IS NOT NULL;
  END LOOP;
  RETURN result;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.cron_due(text, timestamptz, text) IS
'What cron_next_run says, by the clock of a time zone; NULL, for an expression that can be read, in an unknown one.';

CREATE FUNCTION _portfolio_batch.cron_setting(setting_name text, OUT is_there boolean, OUT value text)
LANGUAGE plpgsql STABLE STRICT
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  IF pg_has_role(current_user, 'pg_read_all_settings', 'USAGE') THEN
    SELECT s.setting INTO value FROM pg_settings AS s WHERE s.name = setting_name;
    is_there := FOUND;
    RETURN;
  END IF;
  -- pg_cron hides its settings from others. One that is not hidden is a name that somebody set in vain.
  BEGIN
    PERFORM current_setting(setting_name, true);
    is_there := false;
  EXCEPTION WHEN insufficient_privilege THEN
    is_there := true;
  END;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.cron_setting(text) IS
'Whether the pg_cron that the server has loaded has a setting, in whichever database it serves, and its value; NULL for
the value where the caller may not see it (pg_read_all_settings).';

CREATE FUNCTION _portfolio_batch.cron_time_zone() RETURNS text
LANGUAGE sql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT CASE WHEN s.is_there THEN s.value ELSE 'GMT' END FROM _portfolio_batch.cron_setting('cron.timezone') AS s
$$;
COMMENT ON FUNCTION _portfolio_batch.cron_time_zone() IS
'The time zone in which pg_cron reads expressions: cron.timezone from 1.5 on, before that, and without pg_cron, GMT.
NULL where the caller may not see the setting.';

CREATE FUNCTION _portfolio_batch.cron_next_run_as_caller(cron_expression text, after timestamptz DEFAULT now())
RETURNS timestamptz
LANGUAGE sql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT _portfolio_batch.cron_due(cron_expression, after, _portfolio_batch.cron_time_zone())
$$;
COMMENT ON FUNCTION _portfolio_batch.cron_next_run_as_caller(text, timestamptz) IS
'The first full minute after a time (default: now) at which a cron expression is due, in the time zone in which pg_cron
reads it: cron.timezone from pg_cron 1.5 on; before, and without pg_cron, GMT. As in Vixie cron: lists, ranges, steps,
names of months and days of the week, 0 and 7 for Sunday, and the either-or rule: where both day of month and day of
week are restricted (do not begin with *), a day that meets one of them will do. $ for the day of month is the last one;
the form ''30 seconds'', 1 to 59, is due so long after the time. A time of the clock that a day lacks is not due on it,
one that comes twice is due twice. NULL for @reboot, for an expression that is never due, such as 30 February, for a
NULL time, and where pg_cron has a time zone that the caller may not see (pg_read_all_settings). Stricter than pg_cron,
which takes some expressions without sense. Errors: 22023 with the name of the field, 22008 for a time that is infinite
or so late that the next eight years have no date.';

-- The bridge to pg_cron ----------------------------------------------------------------------------------------------

CREATE TYPE @extschema@.batch_schedule AS (
  schedule_name text, cron_expression text, command text, enabled boolean, owner text,
  last_run timestamptz, last_status text, last_message text, next_run timestamptz, job_id bigint);
COMMENT ON TYPE @extschema@.batch_schedule IS
'A schedule as batch_schedules() shows it: the columns of the view batch_job_schedules of these names.';

CREATE FUNCTION _portfolio_batch.schedule_job_name(schedule_name text) RETURNS text
LANGUAGE sql STABLE STRICT
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT format('portfolio_batch %s: %s', _portfolio_batch.tables_schema(), schedule_name)
$$;
COMMENT ON FUNCTION _portfolio_batch.schedule_job_name(text) IS
'Name of the job in cron.job that runs a schedule: portfolio_batch, the schema of the tables, and the name.';

CREATE FUNCTION _portfolio_batch.has_cron() RETURNS boolean
LANGUAGE sql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT EXISTS (SELECT FROM pg_extension AS e WHERE e.extname = 'pg_cron')
         AND COALESCE(has_schema_privilege(to_regnamespace('cron'), 'USAGE'), false)
$$;
COMMENT ON FUNCTION _portfolio_batch.has_cron() IS
'Whether pg_cron is installed in this database and the caller may use it.';

CREATE FUNCTION _portfolio_batch.require_cron(cron_expression text, command text, job_name text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  here      CONSTANT name := current_database();
  elsewhere CONSTANT text :=  -- what to call in the database of pg_cron
    CASE WHEN command IS NOT NULL THEN format('SELECT cron.schedule_in_database(%L, %L, %L, %L, %L);', job_name,
                                              cron_expression, command, here, current_user) END;
  serves    record;
BEGIN
  IF _portfolio_batch.has_cron() THEN
    RETURN;
  END IF;
  IF EXISTS (SELECT FROM pg_extension AS e WHERE e.extname = 'pg_cron') THEN
    RAISE EXCEPTION 'permission denied for schema cron'
      USING ERRCODE = 'insufficient_privilege', HINT = format('GRANT USAGE ON SCHEMA cron TO %I;', current_user);
  END IF;
  SELECT s.is_there, s.value AS database INTO serves FROM _portfolio_batch.cron_setting('cron.database_name') AS s;
  IF serves.is_there AND COALESCE(serves.database, here) = here THEN
    RAISE EXCEPTION 'schedules need pg_cron, which is not installed in database "%"', here
      USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = 'The server has loaded it. It can be installed in the database that cron.database_name names.',
            HINT = concat(format('As a superuser: CREATE EXTENSION pg_cron; GRANT USAGE ON SCHEMA cron TO %I;',
                                 current_user),
                          CASE WHEN serves.database IS NULL
                               THEN ' Or, where cron.database_name is another one, as a superuser there: ' || elsewhere
                          END);
  ELSIF serves.is_there THEN
    RAISE EXCEPTION 'schedules of database "%" have to be made in database "%"', here, serves.database
      USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = format('pg_cron can be used in "%s" alone (cron.database_name).', serves.database),
            HINT = concat(format('As a superuser in %I: ', serves.database), 'CREATE EXTENSION IF NOT EXISTS pg_cron; ',
                          COALESCE(elsewhere, 'see cron.job there.'),
                          format(' Or set cron.database_name = %L and restart the server.', here));
  END IF;
  RAISE EXCEPTION 'schedules need pg_cron, which this server has not loaded'
    USING ERRCODE = 'object_not_in_prerequisite_state',
          HINT = format('Install the package (Debian: postgresql-%s-cron), set shared_preload_libraries = ''pg_cron'', '
                        'cron.database_name = %L and cron.use_background_workers = on in postgresql.conf, restart the '
                        'server, and CREATE EXTENSION pg_cron. Or have any other scheduler run CALL daily_batch().',
                        current_setting('server_version_num')::integer / 10000, here);
END
$$;
COMMENT ON FUNCTION _portfolio_batch.require_cron(text, text, text) IS
'Raises what is missing for schedules, with the commands that help. The arguments, of the schedule that was wanted, go
into the command to run in the database of pg_cron when that is another one; NULL for none in particular. Errors: 55000
when pg_cron is not loaded, not installed, or in another database; 42501 when the caller may not use its schema.';

CREATE FUNCTION _portfolio_batch.require_cron_takes(cron_expression text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  form record;
BEGIN
  -- The version of the library that the server has loaded decides, which serves another database as well, and which is
  -- ahead of pg_extension until ALTER EXTENSION. Each of the forms came with a setting.
  IF _portfolio_batch.cron_interval(cron_expression) IS NOT NULL THEN
    SELECT '1.5' AS version, 'cron.timezone' AS came_with, 'An interval of seconds' AS name, '* * * * *' AS instead
      INTO form;
  ELSIF cron_expression ~ E'^[ \t]*[^ \t]+[ \t]+[^ \t]+[ \t]+[$]' THEN
    SELECT '1.6' AS version, 'cron.launch_active_jobs' AS came_with, 'The last day of the month, $,' AS name,
           regexp_replace(cron_expression, '[$]', '28-31') AS instead
      INTO form;
  ELSE
    RETURN;
  END IF;
  IF NOT (SELECT s.is_there FROM _portfolio_batch.cron_setting('cron.database_name') AS s)
     OR (SELECT s.is_there FROM _portfolio_batch.cron_setting(form.came_with) AS s) THEN
    RETURN;
  END IF;
  RAISE EXCEPTION 'pg_cron of this server does not take the schedule "%"', cron_expression
    USING ERRCODE = 'feature_not_supported',
          DETAIL = format('%s needs pg_cron %s.', form.name, form.version),
          HINT = format('Install pg_cron %s or later and restart the server, or use a schedule such as %L.',
                        form.version, form.instead);
END
$$;
COMMENT ON FUNCTION _portfolio_batch.require_cron_takes(text) IS
'Raises 0A000, with the version that would take it, for an expression that can be read and that the pg_cron of this
server does not take: intervals of seconds need 1.5, $ for the last day of the month 1.6. Nothing where the server has
loaded no pg_cron.';

CREATE FUNCTION _portfolio_batch.require_lasting_schema() RETURNS void
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  wanted CONSTANT name := _portfolio_batch.tables_schema();
  coming text;  -- what a new session of the role in this database starts with
BEGIN
  SELECT substr(c.entry, length('portfolio_batch.schema=') + 1) INTO coming
    FROM pg_db_role_setting AS s
    CROSS JOIN unnest(s.setconfig) AS c (entry)
   WHERE starts_with(c.entry, 'portfolio_batch.schema=')
     AND s.setdatabase IN (0, (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()))
     AND s.setrole IN (0, (SELECT r.oid FROM pg_roles AS r WHERE r.rolname = current_user))
   ORDER BY s.setrole <> 0 DESC, s.setdatabase <> 0 DESC
   LIMIT 1;
  IF NOT FOUND THEN
    SELECT s.reset_val INTO coming FROM pg_settings AS s WHERE s.name = 'portfolio_batch.schema';
  END IF;
  IF COALESCE(NULLIF(coming, ''), (SELECT n.nspname FROM pg_namespace AS n WHERE n.oid = '@extschema@'::regnamespace))
     <> wanted THEN
    RAISE EXCEPTION 'portfolio_batch.schema is "%" in this session only', wanted
      USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = 'A schedule runs in a session of its own, which would look for the tables elsewhere.',
            HINT = format('ALTER ROLE %I IN DATABASE %I SET portfolio_batch.schema = %L;', current_user,
                          current_database(), wanted);
  END IF;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.require_lasting_schema() IS
'Raises 55000, with the command that helps, where a new session of the role would not find the schema of the tables.';

-- The table of schedules and the log of runs are read and written as their owner, pg_cron as the caller, whose jobs it
-- shows and changes. So the caller's name is passed on.

CREATE FUNCTION _portfolio_batch.stored_schedules_as_owner() RETURNS SETOF @extschema@.batch_schedule
LANGUAGE plpgsql STABLE ROWS 10
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY EXECUTE format($query$
    SELECT s.schedule_name, s.cron_expression, s.command, s.enabled, s.owner, s.last_run, s.last_status, s.last_message,
           s.next_run, s.job_id
    FROM %I.batch_schedule_records AS s
  $query$, _portfolio_batch.tables_schema());
END
$$;
COMMENT ON FUNCTION _portfolio_batch.stored_schedules_as_owner() IS
'The schedules as last stored in batch_schedule_records.';

CREATE FUNCTION _portfolio_batch.add_schedules_as_owner(role_name name, schedules jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  EXECUTE format($query$
    INSERT INTO %I.batch_schedule_records (schedule_name, cron_expression, command, owner)
    SELECT s.schedule_name, s.cron_expression, s.command, $1
    FROM jsonb_populate_recordset(NULL::@extschema@.batch_schedule, $2) AS s
    ON CONFLICT DO NOTHING
  $query$, _portfolio_batch.tables_schema()) USING role_name, schedules;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.add_schedules_as_owner(name, jsonb) IS
'Adds schedules of a role, an array of objects with the fields of batch_schedule, to batch_schedule_records; a name that
is there already, of whatever role, stays as it is.';

CREATE FUNCTION _portfolio_batch.update_schedules_as_owner(role_name name, schedules jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  EXECUTE format($query$
    UPDATE %I.batch_schedule_records AS s
    SET cron_expression = n.cron_expression, command = n.command, enabled = n.enabled, last_run = n.last_run,
        last_status = n.last_status, last_message = n.last_message, next_run = n.next_run, job_id = n.job_id,
        updated_at = now()
    FROM jsonb_populate_recordset(NULL::@extschema@.batch_schedule, $2) AS n
    WHERE n.schedule_name = s.schedule_name AND s.owner = $1
      AND (s.cron_expression, s.command, s.enabled, s.last_run, s.last_status, s.last_message, s.next_run, s.job_id)
          IS DISTINCT FROM (n.cron_expression, n.command, n.enabled, n.last_run, n.last_status, n.last_message,
                            n.next_run, n.job_id)
  $query$, _portfolio_batch.tables_schema()) USING role_name, schedules;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.update_schedules_as_owner(name, jsonb) IS
'Writes what is known of schedules of a role, an array of batch_schedule, into their rows of batch_schedule_records
where that changes something.';

CREATE FUNCTION _portfolio_batch.delete_schedule_as_owner(schedule_name text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  EXECUTE format('DELETE FROM %I.batch_schedule_records AS s WHERE s.schedule_name = $1',
                 _portfolio_batch.tables_schema()) USING schedule_name;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.delete_schedule_as_owner(text) IS
'Removes the row of a schedule from batch_schedule_records.';

CREATE FUNCTION _portfolio_batch.run_of_process_as_owner(process integer, earliest timestamptz, latest timestamptz)
RETURNS TABLE (run_id bigint, status text, backend_pid integer, backend_start timestamptz, started_at timestamptz,
               dates_processed integer, error_count integer, error_message text)
LANGUAGE plpgsql STABLE ROWS 1
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY EXECUTE format($query$
    SELECT r.run_id, r.status, r.backend_pid, r.backend_start, r.started_at, r.dates_processed, r.error_count,
           -- What a portfolio's row says is for those who may see the portfolio, and this is stored for others too.
           COALESCE((SELECT e.error_message FROM %1$I.batch_jobs AS e
                     WHERE e.run_id = r.run_id AND e.error_message IS NOT NULL AND e.portfolio_id IS NULL
                     ORDER BY e.job_no LIMIT 1),
                    (SELECT CASE count(DISTINCT e.portfolio_id) WHEN 1 THEN '1 portfolio'
                                 ELSE count(DISTINCT e.portfolio_id) || ' portfolios' END
                            || ' failed (' || string_agg(DISTINCT e.sqlstate, ', ') || ')'
                     FROM %1$I.batch_jobs AS e
                     WHERE e.run_id = r.run_id AND e.sqlstate IS NOT NULL AND e.portfolio_id IS NOT NULL))
    FROM %1$I.batch_runs AS r
    WHERE r.backend_pid = $1 AND r.started_at BETWEEN $2 AND $3
    ORDER BY r.run_id DESC
    LIMIT 1
  $query$, _portfolio_batch.tables_schema()) USING process, earliest, latest;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.run_of_process_as_owner(integer, timestamptz, timestamptz) IS
'The newest run of batch_runs that a process began between two times, with the first error of its jobs that belongs to
no portfolio, or how many portfolios failed.';

CREATE FUNCTION _portfolio_batch.require_own_schedule(schedule_name text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  schedule_owner text;
BEGIN
  SELECT s.owner INTO schedule_owner
    FROM _portfolio_batch.stored_schedules() AS s
   WHERE s.schedule_name = require_own_schedule.schedule_name;
  IF schedule_owner IS NULL THEN
    RAISE EXCEPTION 'schedule % does not exist', COALESCE('"' || schedule_name || '"', 'NULL')
      USING ERRCODE = 'undefined_object', HINT = 'SELECT * FROM batch_schedules() lists them.';
  END IF;
  IF schedule_owner <> current_user THEN
    RAISE EXCEPTION 'schedule "%" belongs to role "%"', schedule_name, schedule_owner
      USING ERRCODE = 'insufficient_privilege', HINT = format('SET ROLE %I;', schedule_owner);
  END IF;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.require_own_schedule(text) IS
'Raises 42704 for a schedule that does not exist and 42501 for one of another role.';

CREATE FUNCTION _portfolio_batch.batch_schedules_as_caller() RETURNS SETOF @extschema@.batch_schedule
LANGUAGE plpgsql STABLE ROWS 10
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT _portfolio_batch.has_cron() THEN
    RETURN QUERY
      SELECT s.schedule_name, s.cron_expression, s.command, s.enabled AND s.owner <> current_user, s.owner, s.last_run,
             s.last_status, s.last_message, CASE WHEN s.owner <> current_user THEN s.next_run END, s.job_id
      FROM _portfolio_batch.stored_schedules() AS s
      ORDER BY s.schedule_name;
    RETURN;
  END IF;
  RETURN QUERY
    SELECT s.schedule_name, COALESCE(j.schedule, s.cron_expression), COALESCE(j.command, s.command),
           CASE WHEN o.is_seen THEN COALESCE(j.active, false) ELSE s.enabled END, s.owner,
           COALESCE(d.start_time, d.end_time, s.last_run), COALESCE(o.status, s.last_status),
           CASE WHEN o.status IS NULL THEN s.last_message ELSE o.message END,
           CASE WHEN NOT o.is_seen THEN s.next_run
                WHEN j.active THEN o.due END,
           CASE WHEN o.is_seen THEN j.jobid ELSE s.job_id END
    FROM _portfolio_batch.stored_schedules() AS s
    LEFT JOIN cron.job AS j ON j.username = s.owner
                           AND j.jobname = _portfolio_batch.schedule_job_name(s.schedule_name)
                           AND j.database = current_database()
    LEFT JOIN LATERAL (SELECT d.* FROM cron.job_run_details AS d
                       WHERE d.jobid = j.jobid AND d.username = s.owner
                       ORDER BY d.runid DESC LIMIT 1) AS d ON true
    -- A command that pg_cron calls a success may have been a run in which something failed. pg_cron takes the times of
    -- a process before or after the fact, as its own loop comes round; no other process gets the same number within
    -- minutes.
    LEFT JOIN LATERAL (SELECT r.run_id, r.dates_processed, r.error_count, r.error_message,
                              _portfolio_batch.run_state(r.status, r.backend_pid, r.backend_start, r.started_at)
                                AS state
                       FROM _portfolio_batch.run_of_process(
                              d.job_pid, d.start_time - interval '1 min',
                              COALESCE(d.end_time + interval '1 min', 'infinity')) AS r) AS r ON true
    CROSS JOIN LATERAL (SELECT
        CASE WHEN d.status = 'failed' THEN CASE WHEN r.state = 'cancelled' THEN r.state ELSE 'failed' END
             WHEN d.status = 'succeeded' THEN COALESCE(r.state, 'success')
             WHEN d.status IS NOT NULL THEN 'running' END AS status,
        CASE WHEN d.status <> 'failed' AND r.run_id IS NOT NULL
             THEN format('run %s, sessions %s, errors %s', r.run_id, COALESCE(r.dates_processed, 0),
                         COALESCE(r.error_count, 0)) || COALESCE(': ' || r.error_message, '')
             ELSE btrim(d.return_message, E' \n') END AS message,
        -- An interval counts from the last start, and is late while a run takes longer.
        CASE WHEN j.jobid IS NULL THEN NULL
             WHEN _portfolio_batch.cron_interval(j.schedule) IS NULL THEN @extschema@.cron_next_run(j.schedule)
             ELSE GREATEST(now(), @extschema@.cron_next_run(j.schedule, COALESCE(d.start_time, now()))) END AS due,
        -- pg_cron shows roles their own jobs; a superuser sees those of all.
        s.owner = current_user OR NOT row_security_active('cron.job') AS is_seen) AS o
    ORDER BY s.schedule_name;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.batch_schedules_as_caller() IS
'The schedules as of now. Those of the caller, and for a superuser those of all, are read from pg_cron: expression,
command and whether it is active from cron.job, time, outcome and message of the last run from cron.job_run_details and
batch_runs (last_status: success, partial, failed, skipped, cancelled, running, …; a run in which something failed shows
as that, although its command succeeded), next_run from the expression. Such a schedule without a job has no job_id and
is not enabled; those of other roles are shown as last stored in batch_schedule_records. Errors: 42P01 when the tables
do not exist, 42501 without the right to read them.';

-- What is done with schedules ----------------------------------------------------------------------------------------

CREATE FUNCTION _portfolio_batch.sync_schedules_as_caller() RETURNS SETOF @extschema@.batch_schedule
LANGUAGE plpgsql VOLATILE ROWS 10
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  prefix CONSTANT text := _portfolio_batch.schedule_job_name('');
BEGIN
  PERFORM _portfolio_batch.require_cron(NULL, NULL, NULL);
  PERFORM _portfolio_batch.add_schedules(current_user, jsonb_agg(jsonb_build_object(
            'schedule_name', substr(j.jobname, length(prefix) + 1), 'cron_expression', j.schedule,
            'command', j.command)))
     FROM cron.job AS j
    WHERE j.username = current_user AND j.database = current_database() AND starts_with(j.jobname::text, prefix)
      AND length(j.jobname) > length(prefix)
   HAVING count(*) > 0;
  PERFORM _portfolio_batch.update_schedules(current_user, jsonb_agg(to_jsonb(b)))
     FROM @extschema@.batch_schedules() AS b WHERE b.owner = current_user
   HAVING count(*) > 0;
  RETURN QUERY SELECT * FROM @extschema@.batch_schedules() AS b WHERE b.owner = current_user;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.sync_schedules_as_caller() IS
'Writes into batch_schedule_records what batch_schedules() says of the caller''s schedules, adds rows for jobs of
this extension that have none, and returns them. It changes no job: one that is gone is made again by schedule_batch.
Errors: those of require_cron; 42501 without the right to write the table.';

CREATE FUNCTION _portfolio_batch.schedule_batch_as_caller(schedule_name text, cron_expression text,
                                                          command text DEFAULT 'CALL @extschema@.daily_batch()')
RETURNS SETOF @extschema@.batch_schedule
LANGUAGE plpgsql VOLATILE ROWS 1
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  job_name CONSTANT text := _portfolio_batch.schedule_job_name(schedule_name);
BEGIN
  IF COALESCE(schedule_name, '') = '' OR COALESCE(btrim(command), '') = '' THEN
    RAISE EXCEPTION 'a schedule needs a name and a command'
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'SELECT * FROM schedule_batch(''nightly'', ''*/15 0-3,20-23 * * *'');';
  END IF;
  IF octet_length(job_name) > 63 THEN
    RAISE EXCEPTION 'schedule name "%" is too long', schedule_name
      USING ERRCODE = 'invalid_parameter_value',
            DETAIL = format('Its job is named "%s", which is longer than 63 bytes.', job_name),
            HINT = 'Choose a shorter name.';
  END IF;
  PERFORM @extschema@.cron_next_run(cron_expression);
  PERFORM _portfolio_batch.require_cron_takes(cron_expression);
  PERFORM _portfolio_batch.require_cron(cron_expression, command, job_name);
  PERFORM _portfolio_batch.require_lasting_schema();
  -- Whoever comes second waits here, and is then told whose it is.
  PERFORM _portfolio_batch.add_schedules(current_user, jsonb_build_array(jsonb_build_object(
    'schedule_name', schedule_name, 'cron_expression', cron_expression, 'command', command)));
  PERFORM _portfolio_batch.require_own_schedule(schedule_name);
  PERFORM cron.schedule(job_name, cron_expression, command);
  RETURN QUERY SELECT s.* FROM @extschema@.sync_schedules() AS s
                WHERE s.schedule_name = schedule_batch_as_caller.schedule_name;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.schedule_batch_as_caller(text, text, text) IS
'Makes a schedule, or changes the one of the same name: pg_cron runs the command, by default CALL daily_batch(), as the
caller in this database whenever the expression is due (see cron_next_run). The batch itself decides which
sessions are closed, settled and missing, so that a schedule is just a tick: holidays, early closes, daylight saving and
missed ticks need nothing. Returns the schedule. A disabled one stays disabled. Errors: 22023 for an expression that
cannot be read (with the field), an empty name or command or a name that is too long; 0A000, with the version that
would take it, for one that the pg_cron of this server does not take; 55000 when pg_cron is missing or
in another database, or when portfolio_batch.schema is set for this session only; 42501 when the schedule belongs to
another role or the caller may not use pg_cron.';

CREATE FUNCTION _portfolio_batch.unschedule_batch_as_caller(schedule_name text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM _portfolio_batch.require_own_schedule(schedule_name);
  PERFORM _portfolio_batch.require_cron(NULL, NULL, NULL);
  PERFORM cron.unschedule(j.jobid)
     FROM cron.job AS j
    WHERE j.username = current_user
      AND j.jobname = _portfolio_batch.schedule_job_name(unschedule_batch_as_caller.schedule_name);
  PERFORM _portfolio_batch.delete_schedule(schedule_name);
END
$$;
COMMENT ON FUNCTION _portfolio_batch.unschedule_batch_as_caller(text) IS
'Removes a schedule of the caller and its job; a command that is running goes on. Errors: 42704 when there is no such
schedule, 42501 when it belongs to another role, and those of require_cron.';

CREATE FUNCTION _portfolio_batch.activate_schedule(schedule_name text, active boolean)
RETURNS SETOF @extschema@.batch_schedule
LANGUAGE plpgsql VOLATILE ROWS 1
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  alter_job CONSTANT text := 'cron.alter_job(bigint, text, text, text, text, boolean)';
  schedule  record;
  job       bigint;
BEGIN
  PERFORM _portfolio_batch.require_own_schedule(schedule_name);
  PERFORM _portfolio_batch.require_cron(NULL, NULL, NULL);
  SELECT b.* INTO schedule
    FROM @extschema@.batch_schedules() AS b
   WHERE b.schedule_name = activate_schedule.schedule_name;
  IF schedule.job_id IS NULL THEN
    RAISE EXCEPTION 'schedule "%" has no job in pg_cron', schedule_name
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = format('Look at the command, then SELECT * FROM schedule_batch(%L, %L, %L); or remove it with '
                          'unschedule_batch.', schedule_name, schedule.cron_expression, schedule.command);
  END IF;
  IF NOT has_function_privilege(alter_job, 'EXECUTE') THEN
    RAISE EXCEPTION 'permission denied for function cron.alter_job'
      USING ERRCODE = 'insufficient_privilege',
            HINT = format('GRANT EXECUTE ON FUNCTION %s TO %I; or use unschedule_batch.', alter_job, current_user);
  END IF;
  PERFORM cron.alter_job(schedule.job_id, active => activate_schedule.active);
  RETURN QUERY
    SELECT s.* FROM @extschema@.sync_schedules() AS s WHERE s.schedule_name = activate_schedule.schedule_name;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.activate_schedule(text, boolean) IS
'What enable_schedule and disable_schedule do.';

CREATE FUNCTION _portfolio_batch.enable_schedule_as_caller(schedule_name text) RETURNS SETOF @extschema@.batch_schedule
LANGUAGE sql VOLATILE ROWS 1
SET search_path TO pg_catalog, pg_temp
AS $$ SELECT * FROM _portfolio_batch.activate_schedule(schedule_name, true) $$;
COMMENT ON FUNCTION _portfolio_batch.enable_schedule_as_caller(text) IS
'Puts a schedule of the caller in force again and returns it. Errors: 42704 when there is no such schedule; 42501 when
it belongs to another role or the caller may not execute cron.alter_job; 55000 when its job is gone.';

CREATE FUNCTION _portfolio_batch.disable_schedule_as_caller(schedule_name text) RETURNS SETOF @extschema@.batch_schedule
LANGUAGE sql VOLATILE ROWS 1
SET search_path TO pg_catalog, pg_temp
AS $$ SELECT * FROM _portfolio_batch.activate_schedule(schedule_name, false) $$;
COMMENT ON FUNCTION _portfolio_batch.disable_schedule_as_caller(text) IS
'Puts a schedule of the caller out of force without forgetting it, and returns it. Errors: as enable_schedule.';

-- The default set ----------------------------------------------------------------------------------------------------

CREATE PROCEDURE @extschema@.rescan_sessions(days integer DEFAULT 90, portfolio_ids uuid[] DEFAULT NULL,
                                             portfolio_id uuid DEFAULT NULL)
LANGUAGE c AS 'MODULE_PATHNAME', 'pb_rescan_sessions';
COMMENT ON PROCEDURE @extschema@.rescan_sessions(integer, uuid[], uuid) IS
'Brings the sessions of the last days (default 90, calendar days) up to what the inputs say now. daily_batch fills gaps,
but does not look again at a session that is complete; prices, splits, trades and capital flows that arrived or were
corrected later are taken up here. First CALL daily_batch(), then every session that has snapshots once more, oldest
first, as one run that commits date by date; rows that come out as they were are not written. Must be called outside of
a transaction block. Errors: 2D000 inside one, 22023 for days below 1, 42704 for an unknown portfolio.';

CREATE FUNCTION _portfolio_batch.purge_run_records_as_caller(keep interval DEFAULT '90 days')
RETURNS TABLE (table_name text, rows_deleted bigint)
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  before CONSTANT timestamptz := now() - COALESCE(keep, interval '90 days');
BEGIN
  IF keep < interval '0' THEN
    RAISE EXCEPTION 'keep must not be negative, it is %', keep
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass how long records stay, such as ''90 days''.';
  END IF;
  RETURN QUERY SELECT * FROM _portfolio_batch.delete_run_records(before);
  IF _portfolio_batch.has_cron() THEN
    -- The table keeps the last outcome, also when its record in pg_cron goes.
    PERFORM FROM @extschema@.sync_schedules();
    DELETE FROM cron.job_run_details AS d
      USING cron.job AS j
      WHERE d.jobid = j.jobid AND d.username = current_user AND d.end_time < before AND j.username = current_user
        AND starts_with(j.jobname::text, _portfolio_batch.schedule_job_name(''));
    GET DIAGNOSTICS rows_deleted = ROW_COUNT;
    table_name := 'cron.job_run_details';
    RETURN NEXT;
  END IF;
END
$$;
COMMENT ON FUNCTION _portfolio_batch.purge_run_records_as_caller(interval) IS
'Deletes the records of runs and collections that began longer ago than keep (default 90 days) and are over, with their
jobs and answers, and what pg_cron recorded of the caller''s schedules; returns the rows deleted by table. Results
stay. Writes the outcome of the schedules into batch_schedule_records first (sync_schedules). Errors: 22023 for a
negative interval, 42501.';

CREATE FUNCTION _portfolio_batch.schedule_default_batches_as_caller() RETURNS SETOF @extschema@.batch_schedule
LANGUAGE plpgsql VOLATILE ROWS 4
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM _portfolio_batch.require_cron(NULL, NULL, NULL);
  PERFORM @extschema@.sync_schedules();
  PERFORM @extschema@.schedule_batch(d.schedule_name, d.cron_expression, d.command)
     FROM (VALUES
       -- From before the latest close in summer until after the settling in winter, and again later if that was missed;
       -- by another clock than that of GMT all day, since a tick with nothing to do does nothing.
       ('batch tick', CASE WHEN _portfolio_batch.cron_time_zone() IN ('GMT', 'UTC', 'Etc/UTC')
                           THEN '*/15 0-3,20-23 * * *' ELSE '*/15 * * * *' END, 'CALL @extschema@.daily_batch()'),
       ('gap scan', '0 6 * * 0', 'CALL @extschema@.rescan_sessions(90)'),
       -- 14 days are ten sessions.
       ('late corrections', '30 4 * * *', 'CALL @extschema@.rescan_sessions(14)'),
       ('run records', '30 5 * * *', 'SELECT FROM @extschema@.purge_run_records(''90 days'')'))
       AS d (schedule_name, cron_expression, command)
    WHERE NOT EXISTS (SELECT FROM @extschema@.batch_schedules() AS b
                      WHERE b.schedule_name = d.schedule_name AND (b.job_id IS NOT NULL OR b.owner <> current_user));
  RETURN QUERY SELECT * FROM @extschema@.batch_schedules() AS b
                WHERE b.schedule_name IN ('batch tick', 'gap scan', 'late corrections', 'run records');
END
$$;
COMMENT ON FUNCTION _portfolio_batch.schedule_default_batches_as_caller() IS
'Makes the schedules that every installation wants, where there is none of the name yet, and returns them: batch tick
(every quarter of an hour from 20:00 to 3:45 GMT, or all day where pg_cron has another time zone or one that the caller
may not see; CALL daily_batch(), which does nothing until a session has closed and settled and nothing when none is
missing), late corrections (daily 4:30, CALL rescan_sessions(14), the last ten
sessions), gap scan (Sundays 6:00, CALL rescan_sessions(90)) and run records (daily 5:30, purge_run_records of
90 days). Schedules that exist, also changed or disabled ones, are left alone.
Errors: as schedule_batch.';
