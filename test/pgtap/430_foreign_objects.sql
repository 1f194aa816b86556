-- Objects of other roles: nothing that somebody else owns is adopted, and nothing that runs his code.

BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE SCHEMA pb;
CREATE EXTENSION portfolio_batch SCHEMA pb;
SET LOCAL search_path = pb, public;

SELECT plan(52);

CREATE ROLE pb_owner;
CREATE ROLE pb_friend IN ROLE pb_owner;  -- can become the owner
CREATE ROLE pb_mallory;
CREATE ROLE pb_root SUPERUSER;
CREATE SCHEMA mallory AUTHORIZATION pb_mallory;
GRANT USAGE ON SCHEMA pb TO PUBLIC;
GRANT ALL ON SCHEMA mallory TO PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pb, _portfolio_batch TO PUBLIC;
SELECT format('GRANT CREATE ON DATABASE %I TO pb_owner, pb_friend, pb_mallory', current_database()) \gexec

CREATE FUNCTION pg_temp.error_of(statement text, OUT state text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
                          hint = PG_EXCEPTION_HINT;
END $$;
-- A part of it, for create_analytics_tables.
CREATE FUNCTION pg_temp.refusal(schema text, part text DEFAULT 'detail') RETURNS text LANGUAGE sql AS $$
  SELECT e.state || ' ' || (to_jsonb(e) ->> part)
  FROM pg_temp.error_of(format('SELECT create_analytics_tables(%L)', schema)) AS e
$$;
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO PUBLIC', pg_my_temp_schema()::regnamespace); END $$;

-- What mallory has to offer.
SET LOCAL ROLE pb_mallory;
CREATE FUNCTION mallory.on_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE FUNCTION mallory.text_of(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION mallory.holds(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION mallory.below(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR mallory.<<< (LEFTARG = text, RIGHTARG = text, FUNCTION = mallory.below);
CREATE FUNCTION mallory.take(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE DOMAIN mallory.checked AS text CHECK (mallory.holds(VALUE));
CREATE TYPE mallory.pair AS (one text, other mallory.checked);
CREATE TABLE mallory.notes (symbol text);
GRANT ALL ON mallory.notes TO PUBLIC;
RESET ROLE;
-- An aggregate and an operator class that are the superuser's own, with a function that is not.
CREATE AGGREGATE mallory.gather(text) (SFUNC = mallory.take, STYPE = text);
CREATE FUNCTION mallory.compare(text, text) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 0';
CREATE OPERATOR CLASS mallory.odd_ops FOR TYPE text USING btree AS FUNCTION 1 mallory.compare(text, text);
ALTER FUNCTION mallory.compare OWNER TO pb_mallory;

-- Owners -------------------------------------------------------------------------------------------------------------

SELECT is_empty($$SELECT * FROM _portfolio_batch.foreign_objects('no such schema', 'pb_owner')$$,
                'nothing, nothing wrong');
CREATE SCHEMA own AUTHORIZATION pb_owner;
SET LOCAL ROLE pb_owner;
SELECT ok((SELECT count(*) > 40 FROM create_analytics_tables('own')), 'a plain role creates the tables');
SELECT ok((SELECT count(*) > 40 FROM create_analytics_tables('own')), 'and adopts its own');
RESET ROLE;
DROP VIEW own.position_interest_rate_beta, own.pairwise_correlations, own.position_market_betas;
DROP FUNCTION own.pairwise_p_value;
DROP TABLE own.position_greeks;
SELECT set_eq($$SELECT object_name, action FROM create_analytics_tables('own') WHERE action <> 'exists'$$,
              $$VALUES ('pairwise_p_value', 'created'), ('position_greeks', 'created'), ('pairwise_correlations', 'created'),
                       ('position_market_betas', 'created'), ('position_interest_rate_beta', 'created')$$,
                  'a superuser completes the tables of the owner of a schema');
SELECT is((SELECT array_agg(DISTINCT relowner::regrole::text) FROM pg_class
           WHERE relnamespace = 'own'::regnamespace AND relkind IN ('r', 'p', 'v')), '{pb_owner}',
          'and they keep one owner');
SELECT set_eq($$SELECT proname, proowner::regrole::text FROM pg_proc WHERE pronamespace = 'own'::regnamespace$$,
              $$SELECT function_name, 'pb_owner' FROM _portfolio_batch.view_functions()$$, 'with the functions of theirs');
GRANT USAGE ON SCHEMA own TO pb_mallory;
SET LOCAL ROLE pb_mallory;
SELECT is(pg_temp.refusal('own', 'message'),
          '42501 existing objects of schema "own" cannot be adopted: 69 of other roles',
          'nobody else adopts them');
SET LOCAL ROLE pb_friend;
SELECT matches(pg_temp.refusal('own', 'hint'),
          '^42501 Whoever uses .* must belong to role pb_friend or to a superuser.*ALTER TABLE own\.portfolios',
               'also not a member of the owner, who has to become it');
SET LOCAL ROLE pb_owner;
SELECT lives_ok($$SELECT create_analytics_tables('own')$$, 'after which it is adopted');
RESET ROLE;

-- The schema of somebody else.
GRANT ALL ON SCHEMA mallory TO pb_owner;
SET LOCAL ROLE pb_owner;
SELECT is(pg_temp.refusal('mallory'), '42501 schema mallory: belongs to role pb_mallory',
          'no tables in the schema of somebody who could replace them');
SELECT is_empty($$SELECT FROM pg_class WHERE relname = 'portfolios' AND relnamespace = 'mallory'::regnamespace$$,
                'none is created');
RESET ROLE;

-- A table, a view, a function that were there first.
CREATE SCHEMA first AUTHORIZATION pb_root;
GRANT CREATE, USAGE ON SCHEMA first TO pb_mallory, pb_owner;
SET LOCAL ROLE pb_mallory;
CREATE TABLE first.interest_rates (series text, date date, rate float8, source text, fetched_at timestamptz,
                                   known_on date, PRIMARY KEY (series, date));
CREATE FUNCTION first.pairwise_p_value(correlation float8, observations integer) RETURNS float8 LANGUAGE sql
  AS 'SELECT 0.5::float8';
RESET ROLE;
SELECT is(pg_temp.refusal('first'),
          '42501 table first.interest_rates: belongs to role pb_mallory
function first.pairwise_p_value: belongs to role pb_mallory', 'a superuser adopts nothing of any role''s');
SELECT is_empty($$SELECT FROM pg_class WHERE relname = 'portfolios' AND relnamespace = 'first'::regnamespace$$,
                'and has created nothing');
SELECT is((SELECT prosrc FROM pg_proc WHERE pronamespace = 'first'::regnamespace), 'SELECT 0.5::float8',
          'nor replaced anything');
SET LOCAL ROLE pb_owner;
SELECT is(pg_temp.refusal('first', 'state'), '42501 42501', 'nor does a plain role');
RESET ROLE;
ALTER TABLE first.interest_rates OWNER TO pb_root;
ALTER FUNCTION first.pairwise_p_value OWNER TO pb_root;
SET LOCAL ROLE pb_owner;
SELECT is(pg_temp.refusal('first'), '42501 table first.interest_rates: belongs to role pb_root
function first.pairwise_p_value: belongs to role pb_root', 'a plain role adopts nothing of a superuser''s');
RESET ROLE;
SELECT results_eq($$SELECT action FROM create_analytics_tables('first')
                    WHERE object_name IN ('interest_rates', 'pairwise_p_value')$$, $$VALUES ('replaced'), ('exists')$$,
                  'a superuser does what another superuser owns');
SELECT is((SELECT proowner::regrole::text FROM pg_proc WHERE oid = 'first.pairwise_p_value'::regproc), 'pb_root',
          'whose function it still is');
DELETE FROM first.interest_rates;
SELECT is_empty($$SELECT * FROM _portfolio_batch.foreign_objects('first')$$, 'so nothing is foreign');

-- What is attached ---------------------------------------------------------------------------------------------------

-- A statement that attaches something of mallory's, and the line for it.
CREATE TEMP TABLE attachments (n integer GENERATED ALWAYS AS IDENTITY, statement text, object text, what text,
                               culprit text);
INSERT INTO attachments (statement, object, what, culprit) VALUES
  ('CREATE TRIGGER t BEFORE INSERT ON own.positions FOR EACH ROW EXECUTE FUNCTION mallory.on_row()',
   't on own.positions', 'trigger', 'uses function mallory.on_row() of role pb_mallory'),
  ('CREATE TRIGGER t BEFORE UPDATE ON own.positions FOR EACH ROW WHEN (mallory.holds(new.symbol)) '
   'EXECUTE FUNCTION suppress_redundant_updates_trigger()',
   't on own.positions', 'trigger', 'uses function mallory.holds(text) of role pb_mallory'),
  ('CREATE RULE r AS ON INSERT TO own.tags DO ALSO SELECT mallory.holds(new.name)',
   'r on own.tags', 'rule', 'uses function mallory.holds(text) of role pb_mallory'),
  ('CREATE RULE r AS ON INSERT TO own.tags DO ALSO INSERT INTO mallory.notes VALUES (new.name)',
   'mallory.notes', 'table', 'belongs to role pb_mallory'),
  ('CREATE POLICY p ON own.positions USING (mallory.holds(symbol))',
   'p on own.positions', 'policy', 'uses function mallory.holds(text) of role pb_mallory'),
  ('CREATE POLICY p ON own.positions USING (symbol IN (SELECT n.symbol FROM mallory.notes AS n))',
   'mallory.notes', 'table', 'belongs to role pb_mallory'),
  ('ALTER TABLE own.tags ALTER COLUMN name SET DEFAULT mallory.text_of(''x'')',
   'own.tags.name', 'default', 'uses function mallory.text_of(text) of role pb_mallory'),
  ('ALTER TABLE own.tags ADD COLUMN g text GENERATED ALWAYS AS (mallory.text_of(name)) STORED',
   'own.tags.g', 'generated column', 'uses function mallory.text_of(text) of role pb_mallory'),
  ('ALTER TABLE own.tags ADD CONSTRAINT c CHECK (mallory.holds(name))',
   'c on own.tags', 'constraint', 'uses function mallory.holds(text) of role pb_mallory'),
  ('ALTER TABLE own.tags ADD CONSTRAINT c CHECK (name OPERATOR(mallory.<<<) ''x'')',
   'c on own.tags', 'constraint', 'uses function mallory.below(text,text) of role pb_mallory'),
  ('ALTER TABLE own.tags ADD COLUMN d mallory.checked', 'own.tags.d', 'column',
   'uses type mallory.checked of role pb_mallory'),
  ('ALTER TABLE own.tags ADD COLUMN d mallory.checked[]', 'own.tags.d', 'column',
   'uses function mallory.holds(text) of role pb_mallory'),
  ('ALTER TABLE own.tags ADD COLUMN d mallory.pair', 'own.tags.d', 'column',
   'uses function mallory.holds(text) of role pb_mallory'),
  ('CREATE INDEX i ON own.positions (mallory.text_of(symbol))',
   'own.i', 'index', 'uses function mallory.text_of(text) of role pb_mallory'),
  ('CREATE INDEX i ON own.positions (symbol) WHERE mallory.holds(symbol)',
   'own.i', 'index', 'uses function mallory.holds(text) of role pb_mallory'),
  ('CREATE INDEX i ON own.positions (symbol mallory.odd_ops)',
   'own.i', 'index', 'uses function mallory.compare(text,text) of role pb_mallory'),
  ('CREATE STATISTICS own.s ON (mallory.text_of(symbol)) FROM own.positions',
   'own.s', 'statistics', 'uses function mallory.text_of(text) of role pb_mallory'),
  ('CREATE TABLE mallory.more () INHERITS (own.interest_rates); ALTER TABLE mallory.more OWNER TO pb_mallory',
   'mallory.more', 'table', 'belongs to role pb_mallory'),
  ('CREATE TABLE own.more () INHERITS (own.interest_rates); ALTER TABLE own.more OWNER TO pb_owner; '
   'CREATE TABLE own.most () INHERITS (own.more); ALTER TABLE own.most OWNER TO pb_owner; '
   'CREATE TRIGGER t BEFORE INSERT ON own.most FOR EACH ROW EXECUTE FUNCTION mallory.on_row()',
   't on own.most', 'trigger', 'uses function mallory.on_row() of role pb_mallory'),
  ('DROP TABLE own.interest_rates; CREATE TABLE own.interest_rates (series text, date date, rate float8, source text, '
   'fetched_at timestamptz) PARTITION BY LIST (mallory.text_of(series)); '
   'ALTER TABLE own.interest_rates OWNER TO pb_owner',
   'own.interest_rates', 'table', 'uses function mallory.text_of(text) of role pb_mallory'),
  ('DROP TABLE own.interest_rates; CREATE FOREIGN DATA WRAPPER w; ALTER ROLE pb_mallory SUPERUSER; '
   'ALTER FOREIGN DATA WRAPPER w OWNER TO pb_mallory; ALTER ROLE pb_mallory NOSUPERUSER; '
   'CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE own.interest_rates (series text, date date, '
   'rate float8, source text, fetched_at timestamptz, known_on date) SERVER s; ALTER TABLE own.interest_rates OWNER TO pb_owner',
   'own.interest_rates', 'foreign table', 'uses foreign-data wrapper w of role pb_mallory'),
  ('DROP VIEW own.position_interest_rate_beta; CREATE VIEW own.position_interest_rate_beta AS '
   'SELECT mallory.gather(rate_series) AS rate_series FROM own.position_interest_rate_betas; '
   'ALTER VIEW own.position_interest_rate_beta OWNER TO pb_owner',
   'own.position_interest_rate_beta', 'view', 'uses function mallory.take(text,text) of role pb_mallory'),
  ('DROP VIEW own.position_interest_rate_beta; CREATE VIEW own.position_interest_rate_beta AS SELECT n.* '
   'FROM mallory.notes AS n; ALTER VIEW own.position_interest_rate_beta OWNER TO pb_owner',
   'mallory.notes', 'table', 'belongs to role pb_mallory'),
  ('DROP VIEW own.position_interest_rate_beta; CREATE VIEW mallory.middle AS SELECT mallory.holds(symbol) '
   'FROM own.positions; CREATE VIEW own.position_interest_rate_beta AS SELECT n.* FROM mallory.middle AS n; '
   'ALTER VIEW own.position_interest_rate_beta OWNER TO pb_owner',
   'mallory.middle', 'view', 'uses function mallory.holds(text) of role pb_mallory'),
  ('ALTER VIEW own.trading_sessions OWNER TO pb_mallory', 'own.trading_sessions', 'view', 'belongs to role pb_mallory'),
  ('ALTER TABLE own.tags OWNER TO pb_friend', 'own.tags', 'table', 'belongs to role pb_friend'),
  ('DROP VIEW own.position_volatility; CREATE VIEW own.position_volatility AS SELECT mallory.holds(l.symbol) '
   'FROM own.position_history AS l; ALTER VIEW own.position_volatility OWNER TO pb_owner',
   'own.position_volatility', 'view', 'uses function mallory.holds(text) of role pb_mallory'),
  ('CREATE TRIGGER t INSTEAD OF INSERT ON own.stress_test_results FOR EACH ROW EXECUTE FUNCTION mallory.on_row()',
   't on own.stress_test_results', 'trigger', 'uses function mallory.on_row() of role pb_mallory'),
  ('ALTER FUNCTION own.pairwise_p_value OWNER TO pb_mallory', 'own.pairwise_p_value', 'function',
   'belongs to role pb_mallory'),
  ('ALTER FUNCTION own.estimate_p_value OWNER TO pb_mallory', 'own.estimate_p_value', 'function',
   'belongs to role pb_mallory'),
  ('ALTER FUNCTION own.refuse_view_write OWNER TO pb_mallory', 'own.refuse_view_write', 'function',
   'belongs to role pb_mallory');

-- Whether the line is there, also in the error of the owner and of a superuser; the statements that help; what is left
-- after them. Nothing of it stays.
CREATE FUNCTION pg_temp.judge(a attachments) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  line    text := format('%s %s: %s', a.what, a.object, a.culprit);
  verdict text;
  remedy  text;
BEGIN
  BEGIN
    EXECUTE a.statement;
    verdict := concat_ws(', ',
      CASE WHEN (SELECT count(*) = 0 FROM _portfolio_batch.foreign_objects('own') AS f
                 WHERE (f.object, f.what, f.culprit) = (a.object, a.what, a.culprit)) THEN 'not found' END,
      CASE WHEN (SELECT strpos(e.detail, line) = 0 OR e.state <> '42501' FROM pg_temp.error_of(
                   $e$SELECT create_analytics_tables('own')$e$) AS e) IS DISTINCT FROM false THEN 'superuser' END);
    SET LOCAL ROLE pb_owner;
    verdict := concat_ws(', ', NULLIF(verdict, ''),
      CASE WHEN (SELECT strpos(e.detail, line) = 0 OR e.state <> '42501' FROM pg_temp.error_of(
                   $e$SELECT create_analytics_tables('own')$e$) AS e) IS DISTINCT FROM false THEN 'owner' END);
    RESET ROLE;
    FOR remedy IN SELECT DISTINCT f.remedy FROM _portfolio_batch.foreign_objects('own') AS f LOOP
      EXECUTE remedy;
    END LOOP;
    verdict := concat_ws(', ', NULLIF(verdict, ''),
      (SELECT 'left: ' || string_agg(f.object || ' ' || f.culprit, '; ')
       FROM _portfolio_batch.foreign_objects('own') AS f));
    RAISE 'undo' USING ERRCODE = 'PBTST';
  EXCEPTION WHEN SQLSTATE 'PBTST' THEN NULL;
  END;
  RETURN COALESCE(NULLIF(verdict, ''), 'refused');
END $$;
SELECT set_eq('SELECT a.n, a.what, a.object, a.culprit, pg_temp.judge(a) FROM attachments AS a',
              'SELECT a.n, a.what, a.object, a.culprit, ''refused'' FROM attachments AS a',
              'each is found, refused to a superuser and to the owner, and gone after the statements that help');
SELECT is_empty($$SELECT * FROM _portfolio_batch.foreign_objects('own')$$, 'nothing of it is left');

-- What is attached to other tables, beside these in the schema and elsewhere, is nobody's business here.
SAVEPOINT others;
CREATE TABLE own.other (symbol text DEFAULT mallory.text_of('x') CHECK (mallory.holds(symbol)), d mallory.checked);
CREATE TRIGGER t BEFORE INSERT ON own.other FOR EACH ROW EXECUTE FUNCTION mallory.on_row();
CREATE RULE r AS ON INSERT TO own.other DO ALSO INSERT INTO mallory.notes VALUES (new.symbol);
CREATE POLICY p ON own.other USING (mallory.holds(symbol) AND symbol IN (SELECT n.symbol FROM mallory.notes AS n));
CREATE INDEX i ON own.other (mallory.text_of(symbol));
CREATE STATISTICS own.s ON (mallory.text_of(symbol)) FROM own.other;
CREATE VIEW own.reading AS SELECT p.* FROM own.portfolios AS p, mallory.notes AS n;
SELECT is_empty($$SELECT * FROM _portfolio_batch.foreign_objects('own')$$, 'nor is what belongs to other tables');
ROLLBACK TO others;

-- One error for all of them.
SAVEPOINT all_at_once;
CREATE TRIGGER t BEFORE INSERT ON own.positions FOR EACH ROW EXECUTE FUNCTION mallory.on_row();
ALTER TABLE own.tags ADD CONSTRAINT c CHECK (mallory.holds(name));
SELECT is((SELECT e.state || ' ' || e.message || E'\n' || e.detail || E'\n' || e.hint
           FROM pg_temp.error_of($$SELECT create_analytics_tables('own')$$) AS e),
'42501 existing objects of schema "own" cannot be adopted: 2 of other roles
constraint c on own.tags: uses function mallory.holds(text) of role pb_mallory
trigger t on own.positions: uses function mallory.on_row() of role pb_mallory
Whoever uses the tables runs what is attached to them, so all of it must belong to role pb_owner or to a superuser. '
'Look at each, then change hands or remove it and call again:
ALTER TABLE own.tags DROP CONSTRAINT c;
DROP TRIGGER t ON own.positions;', 'one error, with the statements that help');
SET LOCAL portfolio_batch.schema = own;
SELECT results_eq($$SELECT ok, detail FROM batch_preflight() WHERE check_name = 'objects'$$,
                  $$VALUES (false, 'constraint c on own.tags uses function mallory.holds(text) of role pb_mallory and '
                                   '1 more; see _portfolio_batch.foreign_objects(''own'')')$$,
                  'the check before a run has the same list');
SELECT results_eq($$SELECT "check", entity, actual, status, detail FROM batch_audit('2024-07-12')
                    WHERE section = 'objects' AND "check" <> 'tables'$$,
                  $$VALUES ('owners', 'all', '0', 'green', NULL),
                           ('functions', 'constraint c on own.tags', '1', 'red',
                            'uses function mallory.holds(text) of role pb_mallory'),
                           ('functions', 'trigger t on own.positions', '1', 'red',
                            'uses function mallory.on_row() of role pb_mallory')$$, 'and so has the audit');
ROLLBACK TO all_at_once;

-- What the owner, who can become the owner, and superusers own is fine.
CREATE FUNCTION own.mine() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER t BEFORE INSERT ON own.positions FOR EACH ROW EXECUTE FUNCTION own.mine();
SELECT is_empty($$SELECT * FROM _portfolio_batch.foreign_objects('own')$$, 'a function of a superuser');
ALTER FUNCTION own.mine OWNER TO pb_owner;
SELECT is_empty($$SELECT * FROM _portfolio_batch.foreign_objects('own')$$, 'of the owner');
ALTER FUNCTION own.mine OWNER TO pb_friend;
SELECT is_empty($$SELECT * FROM _portfolio_batch.foreign_objects('own')$$, 'of who can become the owner');
ALTER FUNCTION own.mine OWNER TO pb_root;
SELECT is_empty($$SELECT * FROM _portfolio_batch.foreign_objects('own')$$, 'of another superuser');

-- Tables of a superuser are not safe with things of the owner of the schema.
CREATE SCHEMA shared AUTHORIZATION pb_owner;
CREATE TABLE shared.portfolios (id uuid);
CREATE TABLE shared.tags (id uuid);
ALTER TABLE shared.tags OWNER TO pb_owner;
SELECT results_eq($$SELECT object, culprit FROM _portfolio_batch.foreign_objects('shared')$$,
                  $$VALUES ('shared', 'belongs to role pb_owner'), ('shared.tags', 'belongs to role pb_owner')$$,
                  'nor beside tables of his, nor in his schema, where he could replace them');

-- While the tables are used -------------------------------------------------------------------------------------------

-- What a superuser calls runs as the owner of the tables. Where that is a superuser too, no other role may own any.
CREATE FUNCTION pg_temp.with_owner(relation text, statement text, OUT state text, OUT message text)
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE first.%I OWNER TO pb_mallory', relation);
  SELECT e.state, e.message INTO state, message FROM pg_temp.error_of(statement) AS e;
  EXECUTE format('ALTER TABLE first.%I OWNER TO pb_root', relation);
END $$;
SET LOCAL portfolio_batch.schema = first;
SELECT set_eq($$SELECT s.statement, e.state, e.message
                FROM analytics_columns() AS d
                CROSS JOIN (VALUES ('SELECT is_session(''2024-07-12'')'), ('SELECT * FROM batch_report()'))
                  AS s (statement)
                CROSS JOIN pg_temp.with_owner(d.table_name, s.statement) AS e
                WHERE d.column_name IS NULL AND d.table_name <> 'portfolios'$$,
              $$SELECT s.statement, '42501', format('"first.%s" belongs to role "pb_mallory", which is no superuser',
                                                    d.table_name)
                FROM analytics_columns() AS d
                CROSS JOIN (VALUES ('SELECT is_session(''2024-07-12'')'), ('SELECT * FROM batch_report()'))
                  AS s (statement)
                WHERE d.column_name IS NULL AND d.table_name <> 'portfolios'$$,
              'a superuser''s call is refused where any table or view belongs to another role');
-- Which these are is told from the catalogs.
ALTER TABLE first.tags OWNER TO pb_mallory;
ALTER TABLE first.positions ADD CONSTRAINT odd CHECK (mallory.holds(symbol));
SELECT results_eq('SELECT check_name, ok, detail FROM batch_preflight()',
                  $$VALUES ('tables', true, 'complete in schema first'),
                           ('objects', false, 'table first.tags belongs to role pb_mallory and 1 more; see '
                                              '_portfolio_batch.foreign_objects(''first'')')$$,
                  'the check before a run names them to a superuser, and reads nothing');
SELECT results_eq('SELECT * FROM batch_audit(''2024-07-12'')',
                  $$VALUES ('objects', 'table first.tags', 'owners', '0', '1', 'red', 'belongs to role pb_mallory'),
                           ('objects', 'constraint odd on first.positions', 'functions', '0', '1', 'red',
                            'uses function mallory.holds(text) of role pb_mallory')$$, 'so does the audit');
SELECT results_eq('SELECT section, status, red, detail FROM batch_audit_summary(''2024-07-12'')',
                  $$VALUES ('objects', 'red', 2::bigint, 'owners, table first.tags: 1 of 0; belongs to role pb_mallory'),
                           ('verdict', 'red', 2, 'NOT AUDITED')$$, 'which says that it saw nothing else');
SELECT throws_ok('SELECT * FROM batch_audit(''infinity'')', '22008', NULL, 'and what it refuses it refuses first');
ALTER TABLE first.positions DROP CONSTRAINT odd;
ALTER TABLE first.tags OWNER TO pb_root;
-- Also where the tables are of a role that is none.
ALTER TABLE own.tags OWNER TO pb_mallory;
SET LOCAL portfolio_batch.schema = own;
SELECT results_eq('SELECT check_name, ok FROM batch_preflight()', $$VALUES ('tables', true), ('objects', false)$$,
                  'the owner of the others may not read it, and it is named');
SELECT results_eq('SELECT section, entity FROM batch_audit(''2024-07-12'')', $$VALUES ('objects', 'table own.tags')$$,
                  'by both');
ALTER TABLE own.tags OWNER TO pb_owner;
SET LOCAL portfolio_batch.schema = first;
SELECT lives_ok('SELECT is_session(''2024-07-12'')', 'all of them of superusers');
SELECT is((pg_temp.with_owner('portfolios', 'SELECT is_session(''2024-07-12'')')).state, '42501',
          'all of them but portfolios: as that owner, who may not');
DROP TABLE first.portfolios CASCADE;
SELECT is((pg_temp.with_owner('batch_runs', 'SELECT * FROM batch_report()')).message,
          '"first.batch_runs" belongs to role "pb_mallory", which is no superuser',
          'without portfolios none is trusted either');
RESET portfolio_batch.schema;

-- Schemas ------------------------------------------------------------------------------------------------------------

SELECT is(pg_temp.refusal(repeat('x', 64)),
          '42622 It has 64 bytes; the server keeps 63 of a name.', 'a name that is too long');
SELECT is(pg_temp.refusal(repeat('é', 32), 'state'), '42622 42622', 'bytes count, not characters');
SELECT is_empty($$SELECT FROM pg_namespace WHERE nspname LIKE 'xxx%' OR nspname LIKE 'éé%'$$,
                'before anything is created');
SELECT is(pg_temp.refusal(s, 'message'), format('22023 the tables cannot be in schema "%s"', s), s)
  FROM unnest(ARRAY['pg_temp', 'pg_temp_3', 'pg_toast', 'pg_toast_temp_3', 'pg_catalog', 'information_schema',
                    '_portfolio_batch']) AS s;
SELECT is(pg_temp.refusal(pg_my_temp_schema()::regnamespace::text, 'state'), '22023 22023', 'the session''s own');
SELECT is((SELECT object_name || ' ' || action FROM create_analytics_tables(repeat('y', 63))
           WHERE object_kind = 'schema'), repeat('y', 63) || ' created', 'a name of 63 bytes fits');

SELECT * FROM finish();
ROLLBACK;
