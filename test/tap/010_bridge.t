#!/bin/bash
# The bridge between C++ and the server: errors, interrupts, memory, rows, settings, exported symbols.

. "$(dirname "$0")/tap.bash"
plan 116

begin_cluster "client_connection_check_interval = 100ms"

# The test module has its own copy of src/pg, so it gets a database without the extension. It is linked from the objects
# of the build; make has nothing to do when they are there.
make -s -C "$PB_ROOT" -j"$(nproc)" all
mkdir "$tap_folder/bridge"
make -s -C "$PB_ROOT/test/bridge" OUT="$tap_folder/bridge"
chmod 755 "$tap_folder/bridge"
sql 'CREATE DATABASE bridge' 'CREATE DATABASE product'
PGDATABASE=product sql 'CREATE EXTENSION portfolio_batch'
export PGDATABASE=bridge
psql -Xq -v ON_ERROR_STOP=1 -v module="$tap_folder/bridge/pb_bridge.so" -f "$PB_ROOT/test/bridge/bridge.sql"
sql <<'SQL'
CREATE TABLE written (
    group_id integer, name text, value double precision CONSTRAINT value_not_negative CHECK (value >= 0),
    labels text[] NOT NULL, run_id bigint, created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revision integer NOT NULL DEFAULT 0, PRIMARY KEY (group_id, name));
CREATE TABLE moments (event text, at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION refuse() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'refused: 100 %%s' USING ERRCODE = 'PX123', DETAIL = 'the detail', HINT = 'the hint',
          COLUMN = 'the_column', CONSTRAINT = 'the_constraint', DATATYPE = 'the_type', TABLE = 'the_table',
          SCHEMA = 'the_schema';
END $$;
SQL

# Errors of the server ------------------------------------------------------------------------------------------------

error=$(sql_error "SELECT pb_test_sql('SELECT refuse()')")
like "$error" 'ERROR:  PX123: refused: 100 %s' 'an error in SPI keeps its SQLSTATE and message'
like "$error" 'DETAIL:  the detail' 'its DETAIL'
like "$error" 'HINT:  the hint' 'its HINT'
like "$error" 'CONTEXT:  PL/pgSQL function refuse\(\) line 3 at RAISE.*SQL statement "SELECT refuse\(\)"' 'its CONTEXT'
like "$error" 'SCHEMA NAME:  the_schema.*TABLE NAME:  the_table.*COLUMN NAME:  the_column' 'the names of the object'
like "$error" 'DATATYPE NAME:  the_type.*CONSTRAINT NAME:  the_constraint' 'the names of type and constraint'
error=$(sql_error "SELECT pb_test_sql('INSERT INTO written VALUES (1, ''a'', -1, ''{}'')')")
like "$error" '23514: .*Failing row contains.*CONSTRAINT NAME:  value_not_negative' 'a violated CHECK names itself'
error=$(sql_error "SELECT pb_test_sql('INSERT INTO written VALUES (1, ''a'', 1, NULL)')")
like "$error" '23502: .*TABLE NAME:  written.*COLUMN NAME:  labels' 'a violated NOT NULL names its column'

is "$(sql "DO \$\$
DECLARE state text; message text; detail text; hint text;
BEGIN
    PERFORM pb_test_sql('SELECT refuse()');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
                            hint = PG_EXCEPTION_HINT;
    INSERT INTO moments VALUES (concat_ws('|', state, message, detail, hint));
END \$\$" 'SELECT event FROM moments')" 'PX123|refused: 100 %s|the detail|the hint' \
  'PL/pgSQL can catch it, with all its parts, and its transaction goes on'
is "$(sql "SELECT pb_test_failure('SELECT refuse()')")" '(PX123,"refused: 100 %s","the detail","the hint")' \
  'an isolated failure says the same of itself'
is "$(sql "SELECT count(*) FROM pb_test_failure('SELECT 1')")" 0 'a success is no failure'
is "$(sql 'BEGIN' "SELECT pb_test_caught('INSERT INTO written VALUES (1, ''a'', -1, ''{}'')', 3)" \
  "SELECT pb_test_caught('INSERT INTO written VALUES (1, ''kept'', 1, ''{}'')', 1)" 'COMMIT' \
  'SELECT name FROM written' | paste -sd' ')" '3 0 kept' 'what failed in isolation is rolled back alone'
is "$(sql 'BEGIN' 'DECLARE c CURSOR FOR SELECT g FROM generate_series(1, 3) g' 'FETCH c' \
  "SELECT pb_test_caught('SELECT 1/0', 2)" 'FETCH c' 'COMMIT' | paste -sd' ')" '1 2 2' \
  'a cursor of the caller survives an isolated failure'

# Exceptions of C++ ---------------------------------------------------------------------------------------------------

throws() { sql_error "SELECT pb_test_throw('$1')"; }
like "$(throws error)" 'PB001: too few observations.*DETAIL:  There are 3 of 60.*HINT:  Load more prices\.' \
  'an error of ours has its SQLSTATE, DETAIL and HINT'
like "$(throws bad_alloc)" '53200: out of memory.*HINT: ' 'bad_alloc'
like "$(throws invalid_argument)" '22023: not a valid argument' 'invalid_argument'
like "$(throws domain_error)" '22000: outside the domain' 'domain_error'
like "$(throws range_error)" '22003: out of range' 'range_error'
like "$(throws overflow_error)" '22003: too large' 'overflow_error'
like "$(throws runtime_error)" 'XX000: 100 % unexpected %s %n' 'any other exception, its text no format'
like "$(throws integer)" 'XX000: unknown C\+\+ exception' 'something thrown that is no exception'
like "$(sql_error "SELECT pb_test_throw_in_callback('SELECT 1', 'error')")" 'PB001: too few' \
  'an exception in a row callback crosses the executor'
is "$(sql "SELECT pb_test_failure('throw runtime_error')" | cut -d, -f1)" '(XX000' 'isolation catches C++ exceptions too'
like "$(sql_error "SELECT pb_test_failure('throw bad_alloc')")" '53200: out of memory' \
  'but not want of memory, for which what is isolated is not to blame'
for state in 40001 40P01 55P03 57014 53100 58030; do
  like "$(sql_error "SELECT pb_test_failure('DO \$\$ BEGIN RAISE EXCEPTION USING ERRCODE = ''$state''; END \$\$')")" "ERROR:  $state" \
    "nor SQLSTATE $state"
done
is "$(sql 'CREATE TEMP TABLE texts (t text)' "DO \$\$
DECLARE m text; d text; h text;
BEGIN
    FOR i IN 0..5 LOOP
        BEGIN
            PERFORM pb_test_throw('long_error ' || i);
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
            INSERT INTO texts VALUES (m), (d), (h);
        END;
    END LOOP;
END \$\$" "SELECT count(*), min(length(convert_from(textsend(t), 'UTF8'))) > 200 FROM texts")" '18|t' \
  'a text that is too long is cut between characters'
is "$(psql -XAtq -f - 2>/dev/null <<'SQL'
SELECT pb_test_throw('error');
SELECT pb_test_throw('integer');
SELECT pb_test_sql('SELECT 1/0');
SELECT pb_test_throw_in_callback('SELECT g FROM generate_series(1, 100) g', 'bad_alloc');
SELECT pb_test_caught('SELECT 1/0', 10);
SET statement_timeout = 100;
SELECT pb_test_spin(10);
SELECT pb_test_sql('SELECT pg_sleep(60)');
RESET statement_timeout;
SELECT pb_test_living();
SQL
)" $'10\n0' 'every destructor has run after errors, exceptions and cancels'

# Time zones ----------------------------------------------------------------------------------------------------------

# The server's own conversions say the same, of every day around the changes of the clock, in zones with midnights that
# do not exist, with half hours and on both sides of the date line.
is "$(sql <<'SQL'
SET timezone = 'Asia/Kolkata';
SELECT count(*), count(*) FILTER (WHERE pb_test_local_date(i, zone) IS DISTINCT FROM
                                        (to_timestamp(i) AT TIME ZONE zone)::date)
FROM unnest('{America/New_York,UTC,America/Sao_Paulo,Asia/Kolkata,Pacific/Apia,Pacific/Honolulu,Europe/London}'::text[])
         zone, generate_series(-2000000000, 2000000000, 1234567) i;
SELECT count(*), count(*) FILTER (WHERE pb_test_start_of_day(day::date, zone) IS DISTINCT FROM
                                        extract(epoch FROM day AT TIME ZONE zone)::bigint)
FROM unnest('{America/New_York,UTC,America/Sao_Paulo,Asia/Kolkata,Pacific/Apia,Pacific/Honolulu,Europe/London}'::text[])
         zone, generate_series(timestamp '2010-01-01', '2027-12-31', '1 day') day;
SQL
)" $'22687|0\n46018|0' 'days of instants, and when they begin, are those of the server in each time zone'
is "$(sql "SELECT pb_test_local_date(0, 'Nowhere/Else') IS NULL, pb_test_start_of_day('2026-01-01', '') IS NULL,
                  pb_test_local_date(9223372036854775807, 'UTC') IS NULL,
                  pb_test_start_of_day('12000-01-01', 'UTC') IS NULL" \
  "SELECT pb_test_local_date(0, repeat('x', 1000)) IS NULL, pb_test_local_date(0, '../etc/passwd') IS NULL")" \
  $'t|t|t|t\nt|t' 'none where the zone is not known or the day is far away'

# Memory --------------------------------------------------------------------------------------------------------------

# RssAnon leaves the shared buffers out, which grow with every page that is touched for the first time.
memory=$(sql <<'SQL'
CREATE TEMP VIEW rss AS
    SELECT (regexp_match(pg_read_file('/proc/self/status'), 'RssAnon:\s+(\d+)'))[1]::bigint AS kb;
BEGIN;
SELECT pb_test_caught('SELECT 1/0', 1000) + pb_test_caught('INSERT INTO written VALUES (1, ''kept'', 1, ''{}'')', 1000);
SELECT kb FROM rss;
SELECT pb_test_caught('SELECT 1/0', 10000) + pb_test_caught('INSERT INTO written VALUES (1, ''kept'', 1, ''{}'')', 10000);
SELECT kb FROM rss;
SELECT count(*) FROM pg_backend_memory_contexts WHERE name = 'portfolio_batch error';
SQL
)
note "kB before and after: $(printf '%s' "$memory" | sed -n '2p;4p' | paste -sd' ')"
is "$(printf '%s' "$memory" | sed -n 3p)" 20000 '20,000 errors were caught in one transaction'
holds "$(printf '%s' "$memory" | awk 'NR == 2 { a = $1 } NR == 4 { print $1 - a }')" '<' 8192 \
  'they leave memory as it was, within 8 MB'
is "$(printf '%s' "$memory" | sed -n 5p)" 0 'no caught error is kept'

# Interrupts ----------------------------------------------------------------------------------------------------------

# Late by so many milliseconds, by the clock of the server: from the signal to the handler of the session it was for.
# The best of three, because the machine may have had other things to do.
best_of_three() {
  local measured=()
  for _ in 1 2 3; do measured+=("$("$@")"); done
  note "$1 ${2:-}: ${measured[*]} ms"
  printf '%s\n' "${measured[@]}" | sort -g | head -n 1 >"$tap_folder/best"
}

caught_cancel() {
  printf "DO \$\$ BEGIN PERFORM %s; EXCEPTION WHEN query_canceled THEN INSERT INTO moments VALUES ('caught'); END \$\$" "$1"
}

timeout_delay() {
  sql 'TRUNCATE moments' 'SET statement_timeout = 200' \
    "DO \$\$ BEGIN PERFORM $1; EXCEPTION WHEN query_canceled THEN
         INSERT INTO moments VALUES ('caught', clock_timestamp()), ('began', statement_timestamp()); END \$\$" \
    "SELECT round(1000 * extract(epoch FROM c.at - b.at) - 200, 1) FROM moments c, moments b
     WHERE c.event = 'caught' AND b.event = 'began'"
}

is_active="SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'victim' AND state = 'active')"
victim="(SELECT pid FROM pg_stat_activity WHERE application_name = 'victim')"

cancel_delay() {
  sql 'TRUNCATE moments'
  PGAPPNAME=victim sql "$(caught_cancel "$1")" &
  wait_until 10 "$is_active"
  sleep 0.1
  sql "WITH sent AS (INSERT INTO moments VALUES ('sent') RETURNING at) SELECT FROM sent" \
    "SELECT FROM pg_cancel_backend($victim)"
  wait $!
  sql "SELECT round(1000 * extract(epoch FROM c.at - s.at), 1) FROM moments c, moments s
       WHERE c.event = 'caught' AND s.event = 'sent'"
}

best_of_three timeout_delay 'pb_test_spin(10)'
holds "$(cat "$tap_folder/best")" '<' 100 'statement_timeout ends a computation within 100 ms'
best_of_three timeout_delay "pb_test_caught('SELECT pb_test_spin(10)', 1)"
holds "$(cat "$tap_folder/best")" '<' 100 'also inside an isolated statement, which does not survive it'
best_of_three cancel_delay 'pb_test_spin(10)'
holds "$(cat "$tap_folder/best")" '<' 100 'pg_cancel_backend ends a computation within 100 ms'
best_of_three cancel_delay 'pb_test_wait_for(10, 20)'
holds "$(cat "$tap_folder/best")" '<' 100 'pg_cancel_backend ends a wait for a descriptor within 100 ms'
best_of_three timeout_delay 'pb_test_wait_for(10, 20)'
holds "$(cat "$tap_folder/best")" '<' 100 'statement_timeout as well'
holds "$(sql 'SELECT pb_test_wait_for(10, 0.2)')" '<' 1 'which ends when the descriptor has something to say'
holds "$(sql 'SELECT pb_test_wait_for(0.3, 20)')" '<' 1 'or when the time is over'
like "$(sql_error 'SET statement_timeout = 100' 'SELECT pb_test_spin(10)')" \
  '57014: canceling statement due to statement timeout' "the server's own message says which cancel it was"
like "$(sql_error 'SET statement_timeout = 100' "SELECT pb_test_caught('SELECT pg_sleep(5)', 2)")" \
  '57014: canceling statement due to statement timeout' 'isolation does not survive a cancel'

terminate_delay() {
  PGAPPNAME=victim psql -XAtq -v VERBOSITY=verbose -c 'SELECT pb_test_spin(10)' </dev/null >"$tap_folder/victim" 2>&1 &
  wait_until 10 "$is_active"
  sql "DO \$\$
DECLARE sent timestamptz; victim integer := $victim;
BEGIN
    sent := clock_timestamp();
    PERFORM pg_terminate_backend(victim);
    WHILE EXISTS (SELECT FROM pg_stat_activity WHERE pid = victim) AND clock_timestamp() < sent + interval '20 s' LOOP
        PERFORM pg_sleep(0.001);
        PERFORM pg_stat_clear_snapshot();
    END LOOP;
    TRUNCATE moments;
    INSERT INTO moments VALUES (round(1000 * extract(epoch FROM clock_timestamp() - sent), 1)::text);
END \$\$" 'SELECT event FROM moments'
  wait $! || true
}
best_of_three terminate_delay
holds "$(cat "$tap_folder/best")" '<' 100 'pg_terminate_backend ends a computation within 100 ms'
like "$(cat "$tap_folder/victim")" 'FATAL:  57P01: terminating connection due to administrator command' \
  'with 57P01'
is "$(sql 'SELECT 1')" 1 'the server stays up'

PGAPPNAME=victim sql 'SELECT pb_test_spin(4) > 0' >"$tap_folder/victim" &
spinning=$!
wait_until 10 "$is_active"
is "$(sql "SELECT pg_log_backend_memory_contexts($victim)")" t 'a session that computes is asked for its memory contexts'
logged=no
for _ in $(seq 60); do
  as_server grep -q 'logging memory contexts' "$tap_folder/server.log" && { logged=yes; break; }
  sleep 0.05
done
is "$logged $(sql "$is_active")" 'yes t' 'it answers while it computes'
wait "$spinning" || true
is "$(cat "$tap_folder/victim")" t 'and computes on to its result'

PGAPPNAME=victim psql -XAtq -c 'SELECT pb_test_spin(10)' </dev/null >/dev/null 2>&1 &
client=$!
wait_until 10 "$is_active"
kill -9 "$client"
wait "$client" 2>/dev/null || true
wait_until 5 "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'victim')" && gone=yes || gone=no
is "$gone" yes 'a computation whose client has gone ends, where the server looks for it'

# Rows ----------------------------------------------------------------------------------------------------------------

row() { sql "SET TimeZone = 'UTC'" "SELECT to_jsonb(r) FROM pb_test_roundtrip('$1') r"; }
is "$(row ordinary)" "$(sql "SET TimeZone = 'UTC'" "SELECT to_jsonb(r) FROM (SELECT true AS a_boolean, -42 AS an_int4,
    1099511627776 AS an_int8, 0.1::float8 AS a_float8, -1234.5678 AS money, '2024-01-01'::date AS a_date,
    '2024-01-01 00:00:00.123456Z'::timestamptz AS a_timestamptz, '01:01:01.000001'::interval AS an_interval,
    '09:30'::time AS a_time, 'naïve' AS a_text, '{\"a\": \"x\", \"b\": [1, null]}'::jsonb AS a_jsonb,
    '10111213-1415-1617-1819-1a1b1c1d1e1f'::uuid AS a_uuid, '{1.5,NULL,0.1}'::float8[] AS float8s,
    '{0.1,NULL,-123456789.123456}'::numeric[] AS numerics, '{1,-2,2147483647}'::int[] AS int4s,
    '{-12345678,NULL}'::bigint[] AS int8s, '{2024-01-01,NULL,1969-12-31}'::date[] AS dates,
    ARRAY['plain', '', 'NULL', 'comma, \"quote\" \\ {brace}', NULL, 'žluťoučký'] AS texts,
    '{00010203-0405-0607-0809-0a0b0c0d0e0f,f0f1f2f3-f4f5-f6f7-f8f9-fafbfcfdfeff}'::uuid[] AS uuids) r")" \
  'a row of every type'
is "$(row extreme)" "$(sql "SET TimeZone = 'UTC'" "SELECT to_jsonb(r) FROM (SELECT false AS a_boolean,
    -2147483648 AS an_int4, 9223372036854775807 AS an_int8, 5e-324::float8 AS a_float8, 922337203685477.5807 AS money,
    '1969-12-31'::date AS a_date, '1969-12-31 23:59:59.999999Z'::timestamptz AS a_timestamptz,
    '-00:00:00.000001'::interval AS an_interval, '00:00'::time AS a_time, '' AS a_text, '{}'::jsonb AS a_jsonb,
    '00010203-0405-0607-0809-0a0b0c0d0e0f'::uuid AS a_uuid, '{}'::float8[] AS float8s, '{}'::numeric[] AS numerics,
    '{}'::int[] AS int4s, '{9223372036854775807}'::bigint[] AS int8s, '{}'::date[] AS dates, '{}'::text[] AS texts,
    '{}'::uuid[] AS uuids) r")" \
  'the ends of the ranges, days before 1970, empty texts and arrays'
all_null="SELECT count(*) FROM pb_test_roundtrip('%s') r WHERE r IS NULL"
# shellcheck disable=SC2059
is "$(sql "$(printf "$all_null" null)" "$(printf "$all_null" nan)" "$(printf "$all_null" infinity)" | paste -sd' ')" \
  '1 1 1' 'NULL of every type; what is not finite arrives as NULL, and so does what is absent'
is "$(sql "SELECT count(*) FROM pb_test_roundtrip('none')" \
  "SELECT count(*), count(DISTINCT r::text) FROM pb_test_roundtrip('many') r" | paste -sd' ')" '0 5000|1' \
  'no row, and five thousand'
is "$(sql "SET work_mem = '64kB'" "SELECT count(*), count(DISTINCT r::text) FROM pb_test_roundtrip('many') r")" \
  '5000|1' 'more rows than fit into work_mem'
is "$(sql "SELECT (pb_test_roundtrip('ordinary')).a_text" "SELECT (SELECT an_int4 FROM pb_test_roundtrip('ordinary'))" |
  paste -sd' ')" 'naïve -42' 'in a select list, and in a subquery'
like "$(sql_error "SELECT FROM pb_test_roundtrip_columns('ordinary')")" '42804: .*2 result columns, not 19' \
  'a function declared with other columns is refused'
like "$(sql_error "SELECT FROM pb_test_roundtrip_types('ordinary')")" '42804: result column "an_int4"' \
  'or with other types'
like "$(sql_error "SELECT FROM pb_test_roundtrip('bad_json')")" '22P02: invalid input syntax for type json' \
  'text that is no JSON is an error'
is "$(sql "SET TimeZone = 'UTC'" 'SELECT DISTINCT r FROM pb_test_parameters(false) r')" \
  '(t,-42,1099511627776,0.1,-1234.5678,1969-12-31,"1969-12-31 23:59:59.999999+00",naïve,10111213-1415-1617-1819-1a1b1c1d1e1f)' \
  'parameters arrive and come back'
is "$(sql 'SELECT DISTINCT r FROM pb_test_parameters(true) r')" '(f,0,0,,,,,,)' 'NULL parameters too'
is "$(sql "SELECT pb_test_read('SELECT g, repeat(''x'', g) FROM generate_series(1, 20000) g')")" 20000 \
  'a statement is read row by row'
long="INSERT INTO long_texts SELECT g, repeat(md5(g::text), g) FROM generate_series(1, 300) g"
is "$(sql 'CREATE TABLE long_texts (n integer, t text)' "$long" 'ALTER TABLE long_texts ALTER t SET STORAGE EXTERNAL' \
  "$long" "SELECT pb_test_read('SELECT 32 * n, t FROM long_texts')")" 600 \
  'compressed and out-of-line texts are unpacked'
like "$(sql_error "SELECT pb_test_read('SELECT 1, ''a''::varchar')")" \
  '42804: column "varchar" has type character varying, expected text' 'columns of another type are refused'
is "$(sql "SELECT pb_test_read_required('VALUES (1, NULL), (2, date ''2024-07-12'')')")" 103 'a NULL where one may be'
like "$(sql_error "SELECT pb_test_read_required('VALUES (1, NULL::date), (NULL, NULL)')")" \
  '22004: column "number" of "things" is NULL.*HINT:  Correct the rows that SELECT \* FROM things WHERE number IS NULL' \
  'a NULL where none may be has an error with the table, the column and the way out'
like "$(sql_error "SELECT pb_test_read_required('VALUES (1, date ''-infinity'')')")" \
  '22008: column "column2" holds an infinite date' 'so has an infinite date'
like "$(sql_error "SELECT pb_test_read_carelessly('VALUES (NULL::date)')")" 'XX000: column 1 is read without regard to NULL' \
  'a NULL that the code does not expect is an error and no value'
like "$(sql_error "SELECT pb_test_read('SELECT 1')")" '42804: statement returns 1 columns, expected 2' \
  'another number of columns too'

# Writing -------------------------------------------------------------------------------------------------------------

write() { sql "SELECT pb_test_upsert('written', $1)"; }
group() { sql "SELECT string_agg(format('%s=%s by %s/%s', name, value, coalesce(run_id::text, '-'), revision), ' '
                                 ORDER BY name) FROM written WHERE group_id = $1"; }
is "$(write "2, '{a,b}', 1.5, 7, false")" 2 'two rows are inserted'
is "$(group 2)" 'a=1.5 by 7/0 b=1.5 by 7/0' 'with the number of the run'
stamped=$(sql 'SELECT max(created_at) FROM written WHERE group_id = 2')
is "$(write "2, '{a,b}', 1.5, 8, false")" 0 'the same rows again are no rows written'
is "$(group 2) $(sql 'SELECT max(created_at) FROM written WHERE group_id = 2')" \
  "a=1.5 by 7/0 b=1.5 by 7/0 $stamped" 'and leave run, time and revision alone'
is "$(write "2, '{a,b}', 1.5, 8, false, true") $(group 2)" '2 a=1.5 by 8/1 b=1.5 by 8/1' 'unless they are to be rewritten'
is "$(write "2, '{b}', 2.5, 9, false")" 1 'a changed row is one row written'
is "$(group 2)" 'a=1.5 by 8/1 b=2.5 by 9/2' 'with the new run and what else a change assigns; others stay'
write "3, '{other}', 1, 1, false" >/dev/null
is "$(write "2, '{b,c}', 2.5, 10, true")" 2 'replacing a scope: one row deleted, one inserted, one unchanged'
is "$(group 2) | $(group 3)" 'b=2.5 by 9/2 c=2.5 by 10/0 | other=1 by 1/0' 'and nothing outside the scope is touched'
is "$(write "2, '{b}', NULL, NULL, false")" 1 'NULL is a value like any other'
is "$(write "2, '{b}', NULL, NULL, false") $(group 2)" '0 b= by -/3 c=2.5 by 10/0' 'and equals itself'
is "$(write "2, '{}', 1, 1, true") $(group 2)" '2 ' 'no rows for a scope delete it'
is "$(write "2, '{}', 1, 1, false")" 0 'no rows without a scope do nothing'
like "$(sql_error "SELECT pb_test_upsert('written', 2, '{x,x}', 1, 1, false)")" '21000:' 'a row cannot come twice'
like "$(sql_error "SELECT pb_test_upsert('written', 2, ARRAY['x', NULL], 1, 1, false)")" \
  '22004: argument 3 must not contain NULL' 'an array argument with a NULL is refused by its position'
sql 'CREATE ROLE writer' 'GRANT SELECT ON written TO writer'
like "$(sql_error 'SET ROLE writer' "SELECT pb_test_upsert('written', 5, '{x}', 1, 1, false)")" \
  '42501: permission denied for table written' 'writing needs the privilege'
sql 'GRANT INSERT, UPDATE, DELETE ON written TO writer' 'ALTER TABLE written ENABLE ROW LEVEL SECURITY' \
  'CREATE POLICY only_group_5 ON written TO writer USING (group_id = 5)'
is "$(sql 'SET ROLE writer' "SELECT pb_test_upsert('written', 5, '{x}', 1, 1, false)")" 1 \
  'row-level security lets through what it allows'
like "$(sql_error 'SET ROLE writer' "SELECT pb_test_upsert('written', 6, '{x}', 1, 1, false)")" \
  '42501: new row violates row-level security policy' 'and nothing else'

# The writer takes a table for what it is: the server routes rows, fires triggers, and converts to the column's type.
sql <<'SQL'
CREATE TABLE parted (LIKE written INCLUDING ALL) PARTITION BY LIST (group_id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
CREATE TABLE noted (event text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO noted VALUES (TG_OP || ' ' || COALESCE(NEW.name, OLD.name));
  RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER note BEFORE INSERT OR UPDATE OR DELETE ON parted_rest FOR EACH ROW EXECUTE FUNCTION note();
CREATE TABLE narrow (revision integer NOT NULL DEFAULT 0, run_id text, created_at timestamptz DEFAULT clock_timestamp(),
                     gone integer, labels text, value numeric(8,2), name varchar(5), group_id bigint,
                     PRIMARY KEY (name, group_id));
ALTER TABLE narrow DROP COLUMN gone;
SQL
is "$(sql "SELECT pb_test_upsert('parted', g, '{a,b}', 1.5, 7, true) FROM unnest(ARRAY[1, 2]) g" \
  "SELECT pb_test_upsert('parted', g, '{b,c}', 2.5, 8, true) FROM unnest(ARRAY[1, 2]) g" | paste -sd' ')" '2 2 3 3' \
  'a partitioned table is written like any other'
is "$(sql 'SELECT tableoid::regclass, group_id, name, value, run_id, revision FROM parted ORDER BY 2, 3' | paste -sd' ')" \
  'parted_1|1|b|2.5|8|1 parted_1|1|c|2.5|8|0 parted_rest|2|b|2.5|8|1 parted_rest|2|c|2.5|8|0' 'each row in its partition'
is "$(sql 'SELECT event FROM noted ORDER BY event' | paste -sd,)" \
  'DELETE a,INSERT a,INSERT b,INSERT b,INSERT c,UPDATE b' 'its triggers fire'
is "$(sql "SELECT pb_test_upsert('narrow', 2, '{a,b}', 1.005, 7, false)" \
  "SELECT pb_test_upsert('narrow', 2, '{a,b}', 1.005, 8, false)" \
  'SELECT group_id, name, value, labels, run_id, revision FROM narrow ORDER BY name' | paste -sd' ')" \
  '2 0 2|a|1.01|{a,"group 2"}|7|0 2|b|1.01|{b,"group 2"}|7|0' \
  'columns of other types, in another order: values are converted before they are compared'
like "$(sql_error "SELECT pb_test_upsert('narrow', 2, '{much too long}', 1, 7, false)")" \
  '22001: value too long for type character varying\(5\)' 'what does not fit is an error'
like "$(sql_error 'ALTER TABLE narrow DROP COLUMN labels' "SELECT pb_test_upsert('narrow', 2, '{a}', 1, 7, false)")" \
  '42703: column "labels" of relation "narrow" does not exist' 'a column that is missing is named'
sql 'CREATE TABLE sent (n integer PRIMARY KEY, value text)'
is "$(sql "SELECT pb_test_with_rows('sent', 45000, 3)" 'SELECT count(*), sum(n), min(value), max(value) FROM sent' \
  'TRUNCATE sent' "SELECT pb_test_with_rows('sent', 40, 1000000)" \
  'SELECT count(*), sum(n), min(length(value)), max(length(value)) FROM sent' | paste -sd' ')" \
  '45000 45000|1012522500|xxx!|xxx! 40 40|820|1000001|1000001' 'many rows, and large ones, travel in parts'
is "$(sql "SELECT pb_test_with_rows('sent', 0, 3)")" 0 'and no row needs none'

# Settings and users ------------------------------------------------------------------------------------------------------

sql <<'SQL'
CREATE ROLE plain;
CREATE ROLE other;
CREATE SCHEMA ours;
CREATE TABLE ours.owned (n int);
ALTER TABLE ours.owned OWNER TO plain;
CREATE TABLE ours.seen (what text);
CREATE FUNCTION ours.note() RETURNS void LANGUAGE sql AS $$
  INSERT INTO ours.seen SELECT concat_ws('|', current_user, current_setting('search_path'), current_setting('DateStyle'),
                                         current_setting('standard_conforming_strings'))
$$;
GRANT USAGE ON SCHEMA ours TO plain, other;
GRANT INSERT ON ours.seen TO plain, other;
SQL
work() { printf "SELECT pb_test_work('ours', 'owned', '%s')" "$1"; }
sql 'SET search_path = ours, public' "SET DateStyle = 'German'" 'SET standard_conforming_strings = off' \
  "$(work 'SELECT ours.note()')" 'SELECT ours.note()' >/dev/null
is "$(sql 'SELECT what FROM ours.seen')" 'plain|pg_catalog, pg_temp|ISO, MDY|on
postgres|ours, public|German, DMY|off' \
  'a statement runs under our settings and as the owner of the table, the next one under those of the caller again'
like "$(sql_error 'SET search_path = ours, public' "$(work 'SELECT 1/0')" \
  "SELECT concat_ws('|', current_user, current_setting('search_path'))")" '22012.*postgres\|ours, public' 'also after an error'
is "$(sql 'BEGIN' 'SAVEPOINT s' 'SET LOCAL search_path = ours, public' "$(work 'SELECT ours.note()')" 'RELEASE s' \
  "SELECT concat_ws('|', current_user, current_setting('search_path'))" 'COMMIT' | tail -n 1)" 'postgres|ours, public' \
  'and within a subtransaction'
like "$(sql_error "$(work 'SET ROLE postgres')")" '42501: cannot set parameter "role"' \
  'what runs as the owner cannot become somebody else'
sql 'TRUNCATE ours.seen' 'SET ROLE other' "$(work 'SELECT ours.note()')" >/dev/null
is "$(sql "SELECT split_part(what, '|', 1) FROM ours.seen")" other 'who is no superuser stays himself'

# Settings, limits, symbols -------------------------------------------------------------------------------------------

is "$(sql 'SELECT pb_test_budget(1000, 1000)')" 8000000 'memory within the limit is counted'
error=$(sql_error "SET portfolio_batch.max_memory = '1MB'" 'SELECT pb_test_budget(1000, 1000)')
like "$error" '53200: the test matrix exceeds portfolio_batch.max_memory' 'memory beyond the limit is refused'
like "$error" 'DETAIL:  1000 x 1000 cells need 8 MB .* the limit is 1 MB.*HINT:  Raise portfolio_batch.max_memory' \
  'with the numbers and a way out'
like "$(sql_error 'SELECT pb_test_budget(1::bigint << 62, 1::bigint << 62)')" \
  '53200: .*more than the address space' 'a size that overflows too'

export PGDATABASE=product
like "$(sql_error "LOAD 'portfolio_batch'" 'SET portfolio_batch.typo = 1')" \
  '42602: invalid configuration parameter name "portfolio_batch.typo"' 'a misspelled setting is an error'
like "$(sql_error 'SET portfolio_batch.typo = 1' "LOAD 'portfolio_batch'")" \
  'WARNING:  42602: invalid configuration parameter name "portfolio_batch.typo", removing it' \
  'and is removed with a warning when the library is loaded after it'
refused=
accepted=
while IFS='|' read -r name low high; do
  for value in "$low" "$high"; do
    [[ $(sql_error "LOAD 'portfolio_batch'" "SET $name = '$value'") == *' 22023: '* ]] || accepted+="$name = $value "
  done
  refused+="$name "
done < <(sql "LOAD 'portfolio_batch'" "SELECT name, min_val::bigint - 1, max_val::bigint + 1 FROM pg_settings
                                       WHERE name LIKE 'portfolio_batch.%' AND vartype = 'integer' ORDER BY name")
is "$accepted" '' 'no number is accepted outside its range'
is "$refused" "$(sql "LOAD 'portfolio_batch'" "SELECT string_agg(name || ' ', '' ORDER BY name) FROM pg_settings
                      WHERE name LIKE 'portfolio_batch.%' AND vartype = 'integer'")" 'every number has its range'
is "$(sql "SET portfolio_batch.max_memory = '1GB'" "SET portfolio_batch.settle_delay = '2h'" "LOAD 'portfolio_batch'" \
  'SHOW portfolio_batch.max_memory' 'SHOW portfolio_batch.settle_delay' | paste -sd' ')" '1GB 2h' 'units are understood'
is "$(sql "ALTER DATABASE product SET portfolio_batch.beta_window = 100" &&
  sql "LOAD 'portfolio_batch'" 'SHOW portfolio_batch.beta_window')" 100 'a database can have its own value'

library=$tap_stage$("$PG_CONFIG" --pkglibdir)/portfolio_batch.so
exported=$(nm -D --defined-only "$library" | awk '{ print $NF }')
is "$(printf '%s\n' "$exported" | grep -Ev '^(Pg_magic_func|_PG_init|pb_[a-z0-9_]+|pg_finfo_pb_[a-z0-9_]+)$' || true)" '' \
  'the library exports its SQL functions and nothing else'
is "$(printf '%s\n' "$exported" | grep '^pb_test_' || true)" '' 'and nothing of the test module'
is "$(sql "SELECT string_agg(DISTINCT prosrc COLLATE \"C\", ' ' ORDER BY prosrc COLLATE \"C\") FROM pg_proc p JOIN pg_language l ON l.oid = prolang
           WHERE lanname = 'c' AND probin = '\$libdir/portfolio_batch'")" \
  "$(printf '%s\n' "$exported" | grep '^pb_' | grep -v '^pb_worker_main$' | LC_ALL=C sort | paste -sd' ')" \
  'each of them is an SQL function, but for the one where background workers begin'

done_testing
