-- The functions of the test module as SQL: psql -v module=/path/to/pb_bridge.so -f bridge.sql

CREATE FUNCTION pb_test_sql(sql text) RETURNS bigint
LANGUAGE c VOLATILE STRICT AS :'module', 'pb_test_sql';

CREATE FUNCTION pb_test_caught(sql text, times integer) RETURNS bigint
LANGUAGE c VOLATILE STRICT AS :'module', 'pb_test_caught';

CREATE FUNCTION pb_test_failure(sql text) RETURNS TABLE (sqlstate text, message text, detail text, hint text)
LANGUAGE c VOLATILE STRICT AS :'module', 'pb_test_failure';

CREATE FUNCTION pb_test_throw(kind text) RETURNS bigint
LANGUAGE c VOLATILE STRICT AS :'module', 'pb_test_throw';

CREATE FUNCTION pb_test_throw_in_callback(sql text, kind text) RETURNS bigint
LANGUAGE c VOLATILE STRICT AS :'module', 'pb_test_throw_in_callback';

CREATE FUNCTION pb_test_spin(seconds double precision) RETURNS double precision
LANGUAGE c VOLATILE STRICT AS :'module', 'pb_test_spin';

CREATE FUNCTION pb_test_wait_for(seconds double precision, said double precision) RETURNS double precision
LANGUAGE c VOLATILE STRICT AS :'module', 'pb_test_wait_for';
CREATE FUNCTION pb_test_local_date(instant bigint, zone text) RETURNS date
LANGUAGE c VOLATILE STRICT AS :'module', 'pb_test_local_date';
CREATE FUNCTION pb_test_start_of_day(day date, zone text) RETURNS bigint
LANGUAGE c VOLATILE STRICT AS :'module', 'pb_test_start_of_day';
CREATE FUNCTION pb_test_living() RETURNS bigint
LANGUAGE c VOLATILE STRICT AS :'module', 'pb_test_living';

CREATE FUNCTION pb_test_roundtrip(kind text)
RETURNS TABLE (a_boolean boolean, an_int4 integer, an_int8 bigint, a_float8 double precision, money numeric,
               a_date date, a_timestamptz timestamptz, an_interval interval, a_time time, a_text text, a_jsonb jsonb,
               a_uuid uuid, float8s double precision[], numerics numeric[], int4s integer[], int8s bigint[],
               dates date[], texts text[], uuids uuid[])
LANGUAGE c VOLATILE STRICT AS :'module', 'pb_test_roundtrip';

-- The same function, declared wrongly.
CREATE FUNCTION pb_test_roundtrip_columns(kind text) RETURNS TABLE (a_boolean boolean, an_int4 integer)
LANGUAGE c VOLATILE STRICT AS :'module', 'pb_test_roundtrip';

CREATE FUNCTION pb_test_roundtrip_types(kind text)
RETURNS TABLE (a_boolean boolean, an_int4 bigint, an_int8 bigint, a_float8 double precision, money numeric,
               a_date date, a_timestamptz timestamptz, an_interval interval, a_time time, a_text text, a_jsonb jsonb,
               a_uuid uuid, float8s double precision[], numerics numeric[], int4s integer[], int8s bigint[],
               dates date[], texts text[], uuids uuid[])
LANGUAGE c VOLATILE STRICT AS :'module', 'pb_test_roundtrip';

CREATE FUNCTION pb_test_parameters("null" boolean)
RETURNS TABLE (a_boolean boolean, an_int4 integer, an_int8 bigint, a_float8 double precision, money numeric,
               a_date date, a_timestamptz timestamptz, a_text text, a_uuid uuid)
LANGUAGE c VOLATILE STRICT AS :'module', 'pb_test_parameters';

CREATE FUNCTION pb_test_read(sql text) RETURNS bigint
LANGUAGE c VOLATILE STRICT AS :'module', 'pb_test_read';
CREATE FUNCTION pb_test_read_required(sql text) RETURNS bigint
LANGUAGE c VOLATILE STRICT AS :'module', 'pb_test_read_required';
CREATE FUNCTION pb_test_read_carelessly(sql text) RETURNS bigint
LANGUAGE c VOLATILE STRICT AS :'module', 'pb_test_read_carelessly';
CREATE FUNCTION pb_test_work(schema_name text, table_name text, sql text) RETURNS bigint
LANGUAGE c VOLATILE STRICT AS :'module', 'pb_test_work';

CREATE FUNCTION pb_test_upsert(target text, group_id integer, names text[], value double precision, run_id bigint,
                               replace boolean, rewrite boolean DEFAULT false) RETURNS bigint
LANGUAGE c VOLATILE AS :'module', 'pb_test_upsert';

CREATE FUNCTION pb_test_with_rows(target text, rows integer, bytes integer) RETURNS bigint
LANGUAGE c VOLATILE STRICT AS :'module', 'pb_test_with_rows';

CREATE FUNCTION pb_test_budget(rows bigint, columns bigint) RETURNS bigint
LANGUAGE c VOLATILE STRICT AS :'module', 'pb_test_budget';
