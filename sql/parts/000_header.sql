-- portfolio_batch 1.0.0. Made from sql/parts by make; change the parts.
\echo Use "CREATE EXTENSION portfolio_batch" to load this file. \quit

-- First of all: nothing below may be resolved through the caller's search_path, or depend on his settings. The whole
-- script is read before this is done, under whatever standard_conforming_strings the caller has: so backslashes stand
-- between dollar quotes and in E'' only.
SET LOCAL search_path TO pg_catalog, pg_temp;
SET LOCAL standard_conforming_strings TO on;
SET LOCAL transform_null_equals TO off;
SET LOCAL quote_all_identifiers TO off;
SET LOCAL DateStyle TO 'ISO, MDY';
SET LOCAL IntervalStyle TO postgres;
SET LOCAL TimeZone TO 'UTC';
SET LOCAL extra_float_digits TO 1;

DO $$
BEGIN
  -- Queries are made with format() from patterns in which the schema's name stands.
  IF strpos($schema$@extschema@$schema$, '%') > 0 THEN
    RAISE EXCEPTION 'portfolio_batch cannot live in schema %', $schema$@extschema@$schema$
      USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'The name of its schema must not contain a percent sign.',
            HINT = 'Name another one: CREATE EXTENSION portfolio_batch SCHEMA …;';
  END IF;
END
$$;

-- What a user calls stands in the extension's schema, what that is made of in this one.
CREATE SCHEMA _portfolio_batch;
COMMENT ON SCHEMA _portfolio_batch IS
'Parts of which the functions of the extension portfolio_batch are made; not meant to be called.';
GRANT USAGE ON SCHEMA _portfolio_batch TO PUBLIC;
