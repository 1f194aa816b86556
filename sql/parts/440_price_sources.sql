-- Tables, views and foreign tables that prices and fundamentals are collected from, and the prices that did not pass a
-- gate. A source is read with the rights of whoever collects: what its owner attached to it, such as the functions of a
-- view, gets no more than that. A superuser's call has the rights of the owner of the tables, as everywhere; where that
-- is a superuser too, the relation has to be a superuser's.

CREATE FUNCTION _portfolio_batch.source_columns(kind text)
RETURNS TABLE (column_name text, is_required boolean, category text, ordinal integer)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  -- Categories as pg_type has them: S text, D date, N number, B boolean.
  SELECT c.name, c.is_required, c.category, c.ordinal::integer
  FROM (VALUES
    ('prices', 'symbol', true, 'S', 1), ('prices', 'date', true, 'D', 2), ('prices', 'close', true, 'N', 3),
    ('prices', 'open', false, 'N', 4), ('prices', 'high', false, 'N', 5), ('prices', 'low', false, 'N', 6),
    ('prices', 'adj_close', false, 'N', 7), ('prices', 'volume', false, 'N', 8),
    ('prices', 'currency', false, 'S', 9), ('prices', 'adjustment', false, 'S', 10),
    ('corporate_actions', 'symbol', true, 'S', 1), ('corporate_actions', 'ex_date', true, 'D', 2),
    ('corporate_actions', 'kind', true, 'S', 3), ('corporate_actions', 'ratio_numerator', false, 'N', 4),
    ('corporate_actions', 'ratio_denominator', false, 'N', 5), ('corporate_actions', 'amount', false, 'N', 6),
    ('yields', 'series', true, 'S', 1), ('yields', 'date', true, 'D', 2), ('yields', 'rate', true, 'N', 3),
    ('yields', 'known_on', false, 'D', 4),
    ('profiles', 'symbol', true, 'S', 1),
    ('statements', 'symbol', true, 'S', 1), ('statements', 'period_date', true, 'D', 2),
    ('statements', 'frequency', true, 'S', 3), ('statements', 'statement_table', true, 'S', 4),
    ('statements', 'currency', false, 'S', 5), ('statements', 'fiscal_year', false, 'N', 6),
    ('statements', 'fiscal_quarter', false, 'N', 7), ('statements', 'known_on', false, 'D', 8)
  ) AS c (kind, name, is_required, category, ordinal)
  WHERE c.kind = source_columns.kind
  UNION ALL
  -- What a profile or a statement says, as our tables name it. What the collector keeps for itself is not among it.
  SELECT d.column_name, false,
         CASE WHEN d.data_type IN ('text') THEN 'S' WHEN d.data_type = 'boolean' THEN 'B'
              WHEN d.data_type = 'date' THEN 'D' ELSE 'N' END, 100 + min(d.ordinal)::integer
  FROM @extschema@.analytics_columns() AS d
  WHERE CASE kind WHEN 'profiles' THEN d.table_name = 'company_profiles'
                  WHEN 'statements' THEN d.table_name IN ('income_statements', 'balance_sheets', 'cash_flows')
                  ELSE false END
    AND d.column_name NOT LIKE '@%' AND d.data_type NOT LIKE 'timestamp%'
    AND d.column_name NOT IN ('symbol', 'period_date', 'frequency', 'provider', 'fiscal_year', 'fiscal_quarter',
                              'currency', 'data_source', 'fundamentals_failures', 'fundamentals_not_available_until',
                              'known_on', 'reported_period_date', 'fiscal_quarter_offset')
  GROUP BY d.column_name, 3
$$;

COMMENT ON FUNCTION _portfolio_batch.source_columns(text) IS
  'The columns that a source of a kind (prices, corporate_actions, yields, profiles, statements) may have, in order: '
  'whether it must have it, and the category of its values: S text, D date, N number, B boolean.';

CREATE FUNCTION _portfolio_batch.mapped_source_columns(relation regclass, kind text, mapping jsonb)
RETURNS TABLE (column_name text, expression text, is_date boolean, maps_to text, problem text)
LANGUAGE sql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
  WITH wanted AS (
    SELECT c.*,
           CASE jsonb_typeof(mapping -> c.column_name) WHEN 'string' THEN mapping ->> c.column_name END AS given
    FROM _portfolio_batch.source_columns(kind) AS c
  ), found AS (
    SELECT w.*, a.attname, a.attnum, a.typname, a.typcategory
    FROM wanted AS w
    LEFT JOIN (SELECT a.attname, a.attnum, t.typname, t.typcategory
               FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
               WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped) AS a
           ON a.attname = COALESCE(w.given, w.column_name)
  )
  SELECT f.column_name,
         CASE WHEN f.given LIKE '=%' THEN quote_literal(substr(f.given, 2))
              -- A time is of the exchange's day.
              WHEN f.category = 'D' AND f.typname = 'timestamptz'
              THEN format('(s.%I AT TIME ZONE ''America/New_York'')::date', f.attname)
              WHEN f.category = 'D' AND f.typname = 'timestamp' THEN format('s.%I::date', f.attname)
              WHEN f.attname IS NOT NULL THEN format('s.%I', f.attname) END,
         COALESCE(f.typcategory = 'D' AND f.given NOT LIKE '=%', f.typcategory = 'D', false),
         CASE WHEN f.given LIKE '=%' THEN f.given ELSE f.attname::text END,
         CASE WHEN f.given LIKE '=%' THEN NULL
              WHEN f.attname IS NULL AND f.given IS NOT NULL
              THEN format('%s: %s has no column "%s"', f.column_name, relation, f.given)
              WHEN f.attname IS NULL AND f.is_required
              THEN format('%s: %s has no column of that name, and the mapping names none', f.column_name, relation)
              WHEN f.attname IS NULL THEN NULL
              WHEN f.typcategory = 'S' OR (f.category = 'S' AND f.typcategory = 'E') OR f.category = f.typcategory
                   AND f.typname NOT IN ('money', 'oid', 'time', 'timetz', 'interval') AND f.typname NOT LIKE 'reg%'
              THEN NULL
              ELSE format('%s: column "%s" has type %s, which is no %s', f.column_name, f.attname, f.typname,
                          CASE f.category WHEN 'S' THEN 'text' WHEN 'D' THEN 'date' WHEN 'N' THEN 'number'
                                          ELSE 'boolean' END) END
  FROM found AS f
  WHERE f.is_required OR f.given IS NOT NULL OR f.attname IS NOT NULL
  UNION ALL
  SELECT m.key, NULL, false, NULL,
         CASE WHEN jsonb_typeof(m.value) <> 'string' THEN format('%s: %s is no name of a column', m.key, m.value)
              ELSE format('%s: a source of %s has no such column', m.key, kind) END
  FROM jsonb_each(mapping) AS m
  WHERE jsonb_typeof(m.value) <> 'string' OR m.key NOT IN (SELECT w.column_name FROM wanted AS w)
$$;

COMMENT ON FUNCTION _portfolio_batch.mapped_source_columns(regclass, text, jsonb) IS
  'What a mapping makes of a relation: our column, the expression over the relation as s, quoted, whether the relation '
  'has a date or time there, what it maps to, and what is wrong with it (problem, else NULL). Columns that the mapping '
  'does not name are found by their names.';

CREATE FUNCTION _portfolio_batch.require_readable_source(relation regclass, temporary boolean DEFAULT false)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  found record;
BEGIN
  SELECT c.relkind, c.relpersistence, c.relowner::regrole AS owner, n.nspname, r.rolsuper AS owner_is_superuser,
         (SELECT u.rolsuper FROM pg_roles AS u WHERE u.rolname = current_user) AS is_superuser
    INTO found
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_roles AS r ON r.oid = c.relowner
   WHERE c.oid = relation;
  IF found.relkind IS NULL OR found.relkind NOT IN ('r', 'p', 'v', 'm', 'f') THEN
    RAISE EXCEPTION '% is no table, view or foreign table', relation USING ERRCODE = 'wrong_object_type';
  END IF;
  IF found.relpersistence = 't' AND NOT temporary THEN
    RAISE EXCEPTION '% is a temporary relation', relation
      USING ERRCODE = 'wrong_object_type',
            DETAIL = 'It ends with this session; a source is read by others and later.',
            HINT = 'Register a table that stays, or import_prices_csv from it.';
  END IF;
  IF NOT has_schema_privilege(found.nspname, 'USAGE') OR NOT has_table_privilege(relation, 'SELECT') THEN
    RAISE EXCEPTION 'permission denied for %', relation
      USING ERRCODE = 'insufficient_privilege',
            DETAIL = format('A source is read with the rights of who collects, here %I.', current_user),
            HINT = format('GRANT USAGE ON SCHEMA %I TO %I; GRANT SELECT ON %s TO %I;', found.nspname, current_user,
                          relation, current_user);
  END IF;
  IF found.is_superuser AND NOT found.owner_is_superuser THEN
    RAISE EXCEPTION '% belongs to role %, which is no superuser', relation, found.owner
      USING ERRCODE = 'insufficient_privilege',
            DETAIL = 'This call has the rights of a superuser: whatever its owner attached to it would run with them.',
            HINT = 'Give the tables of the extension to a role that is no superuser, or collect as such a role.';
  END IF;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.require_readable_source(regclass, boolean) IS
  'Raises 42809 for what is no table, view or foreign table, or a temporary one unless those will do, 42501 where the '
  'current user may not read it, or is a superuser while its owner is none.';

CREATE FUNCTION _portfolio_batch.register_price_source_as_owner(name text, relation regclass,
                                                                mapping jsonb DEFAULT '{}',
                                                                priority integer DEFAULT 10,
                                                                kind text DEFAULT 'prices')
RETURNS TABLE (source text, source_kind text, relation_name text, columns text, unused text, row_count bigint,
               first_date date, last_date date)
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  day      text;
  problems text;
BEGIN
  IF num_nulls(name, relation, mapping, priority, kind) > 0 THEN
    RAISE EXCEPTION 'register_price_source needs a name and a relation'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'None of its arguments may be NULL.';
  END IF;
  IF name !~ '^[a-z][a-z0-9_]{0,31}$'
     OR name IN ('yahoo', 'fmp', 'polygon', 'tiingo', 'fred', 'treasury', 'edgar') THEN
    RAISE EXCEPTION '"%" cannot be the name of a source', name
      USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'It becomes data_source of what the source delivers.',
            HINT = 'Use up to 32 lower-case letters, digits and underscores, and no name of a provider.';
  END IF;
  IF NOT EXISTS (SELECT FROM _portfolio_batch.source_columns(kind)) THEN
    RAISE EXCEPTION 'there are no sources of kind "%"', kind
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'prices, corporate_actions, yields, profiles and statements are possible.';
  END IF;
  IF jsonb_typeof(mapping) <> 'object' THEN
    RAISE EXCEPTION 'the mapping of source "%" is no JSON object', name
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Write {"our column": "column of the relation"}, with = before a value that is the same for all.';
  END IF;
  PERFORM _portfolio_batch.require_readable_source(relation);
  SELECT string_agg(m.problem, '; ' ORDER BY m.column_name) INTO problems
    FROM _portfolio_batch.mapped_source_columns(relation, kind, mapping) AS m WHERE m.problem IS NOT NULL;
  IF problems IS NOT NULL THEN
    RAISE EXCEPTION '% does not fit a source of %', relation, kind
      USING ERRCODE = 'undefined_column', DETAIL = problems || '.',
            HINT = format('Map each of: %s.',
                          (SELECT string_agg(c.column_name, ', ' ORDER BY c.ordinal)
                             FROM _portfolio_batch.source_columns(kind) AS c WHERE c.is_required));
  END IF;

  SELECT format('%I.%I', n.nspname, c.relname) INTO relation_name
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = relation;
  EXECUTE format('INSERT INTO %I.price_sources AS s (name, kind, relation, mapping, priority) '
                 'VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name, kind) DO UPDATE SET relation = excluded.relation, '
                 'mapping = excluded.mapping, priority = excluded.priority, is_enabled = true',
                 _portfolio_batch.tables_schema())
    USING name, kind, relation_name, mapping, priority;

  source := name;
  source_kind := kind;
  SELECT string_agg(m.column_name || CASE WHEN m.maps_to = m.column_name THEN '' ELSE ' = ' || ltrim(m.maps_to, '=')
                    END, ', ' ORDER BY c.ordinal),
         min(m.expression) FILTER (WHERE m.column_name IN ('date', 'ex_date', 'period_date'))
    INTO columns, day
    FROM _portfolio_batch.mapped_source_columns(relation, kind, mapping) AS m
    JOIN _portfolio_batch.source_columns(kind) AS c ON c.column_name = m.column_name;
  SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) INTO unused
    FROM pg_attribute AS a
   WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
     AND a.attname NOT IN (SELECT m.maps_to FROM _portfolio_batch.mapped_source_columns(relation, kind, mapping) AS m
                           WHERE m.maps_to IS NOT NULL);
  -- Dates that come as texts are read only where they are written as ISO 8601 has them.
  EXECUTE format('SELECT count(*), min(d.day) FILTER (WHERE d.day ~ %3$L), max(d.day) FILTER (WHERE d.day ~ %3$L) '
                 'FROM (SELECT left((%1$s)::text, 10) AS day FROM %2$s AS s) AS d', COALESCE(day, 'NULL'),
                 relation_name, '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$')
     INTO row_count, first_date, last_date;
  RETURN NEXT;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.register_price_source_as_owner(text, regclass, jsonb, integer, text) IS
  'Makes a table, view or foreign table a source that collections read, before or after the providers as priority says '
  '(smallest first). kind: prices (columns symbol, date, close; also open, high, low, adj_close, volume, currency, '
  'adjustment), corporate_actions (symbol, ex_date, kind; ratio_numerator, ratio_denominator, amount), yields (series, '
  'date, rate; known_on), profiles (symbol; columns of company_profiles) or statements (symbol, period_date, '
  'frequency, statement_table; columns of the three tables of statements). mapping: our column to its column, '
  'where the names differ; "=value" is the same for all rows, such as {"close": "px_last", "adjustment": "=split"}. '
  'Called again for a name, it replaces that source. Returns what it found: the columns it uses and those it does not, '
  'rows, first and last date. Errors: 22023 for an argument that is no good, 42703 that names every column that is '
  'missing, of another type or unknown, 42809 for what is no lasting relation, 42501 where the caller may not read it; '
  'a superuser reads as the owner of the tables.';

CREATE FUNCTION _portfolio_batch.unregister_price_source_as_owner(name text, kind text DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
DECLARE
  deleted bigint;
BEGIN
  EXECUTE format('DELETE FROM %I.price_sources AS s WHERE s.name = $1 AND ($2 IS NULL OR s.kind = $2)',
                 _portfolio_batch.tables_schema()) USING name, kind;
  GET DIAGNOSTICS deleted = ROW_COUNT;
  IF deleted = 0 THEN
    RAISE EXCEPTION 'there is no source "%"%', name, CASE WHEN kind IS NOT NULL THEN format(' of %s', kind) END
      USING ERRCODE = 'undefined_object', HINT = 'price_source_report() lists the sources.';
  END IF;
  RETURN deleted;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.unregister_price_source_as_owner(text, text) IS
  'Removes a source of one kind (default: of all) from what collections read, and returns how many were removed. What '
  'it delivered stays. Errors: 42704 when there is none.';

CREATE FUNCTION _portfolio_batch.price_source_report_as_owner()
RETURNS TABLE (kind text, priority integer, source text, enabled boolean, reads text, status text,
               last_answer timestamptz, last_outcome text)
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY EXECUTE format($query$
    WITH answer AS (
      SELECT c.provider, c.kind, max(c.completed_at) AS completed_at,
             (array_agg(c.outcome ORDER BY c.completed_at DESC))[1] AS outcome
      FROM %1$I.collection_results AS c
      GROUP BY c.provider, c.kind
    ), source AS (
      SELECT s.kind, s.priority, s.name, s.is_enabled, s.relation AS reads, n.relation,
             s.mapping, NULL::text AS refusal
      FROM %1$I.price_sources AS s
      -- to_regclass raises an error for a schema that the caller may not use.
      LEFT JOIN (SELECT c.oid::regclass AS relation, format('%%I.%%I', n.nspname, c.relname) AS name
                 FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace) AS n ON n.name = s.relation
      UNION ALL
      SELECT p.kind, p.priority, p.provider, p.is_enabled, 'network', NULL, NULL,
             CASE WHEN t.closed_until > now()
                  THEN format('not asked before %%s: %%s', to_char(t.closed_until, 'YYYY-MM-DD HH24:MI TZ'), t.reason)
                  ELSE '' END
      FROM %1$I.provider_priority AS p LEFT JOIN %1$I.provider_state AS t ON t.provider = p.provider
    )
    SELECT s.kind, s.priority, s.name, s.is_enabled, s.reads,
           CASE WHEN NOT s.is_enabled THEN 'switched off'
                WHEN s.refusal <> '' THEN s.refusal
                WHEN s.refusal = '' THEN 'ready'
                WHEN s.relation IS NULL THEN 'the relation is not there'
                WHEN NOT has_table_privilege(s.relation, 'SELECT')
                  OR NOT has_schema_privilege((SELECT c.relnamespace FROM pg_class AS c WHERE c.oid = s.relation),
                                              'USAGE') THEN format('%%I may not read it', current_user)
                ELSE COALESCE((SELECT string_agg(m.problem, '; ' ORDER BY m.column_name)
                               FROM _portfolio_batch.mapped_source_columns(s.relation, s.kind, s.mapping) AS m),
                              'ready') END,
           r.completed_at, r.outcome
    FROM source AS s
    LEFT JOIN answer AS r ON r.provider = s.name AND r.kind = s.kind
    ORDER BY s.kind, s.priority, s.name
  $query$, _portfolio_batch.tables_schema());
END
$$;

COMMENT ON FUNCTION _portfolio_batch.price_source_report_as_owner() IS
  'Sources and providers in the order in which they are asked, by kind of data: whether they are switched on, what '
  'they read (a relation, or the network), whether they can be asked now, and when and how they answered last.';

CREATE FUNCTION @extschema@.preview_price_source(name text, symbols text[], from_date date, to_date date,
                                                 kind text DEFAULT 'prices')
RETURNS TABLE (symbol text, outcome text, row_count bigint, first_date date, last_date date, message text)
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_preview_price_source';

COMMENT ON FUNCTION @extschema@.preview_price_source(text, text[], date, date, text) IS
  'What a collection would read of a registered source for some symbols (of yields: series) and days, without writing '
  'anything: how it would end (OK, PENDING when the last day is not there, NO_DATA, MALFORMED when no row can be '
  'read), rows, first and last day, and why rows are rejected. The gates come after. Errors: 22023 for an argument '
  'that is NULL, 42704 when there is no such source, 42P01 and 42703 when its relation is gone or was changed, 42501 '
  'when the caller may not read it.';

-- Quarantine --------------------------------------------------------------------------------------------------------

CREATE FUNCTION _portfolio_batch.quarantined_prices_as_owner(symbol text DEFAULT NULL, decided boolean DEFAULT false)
RETURNS TABLE (quarantined_symbol text, date date, source text, gate text, close double precision,
               stored_close double precision, facts text, status text, decided_by text, set_aside_at timestamptz)
LANGUAGE plpgsql STABLE
SET search_path TO pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY EXECUTE format($query$
    SELECT q.symbol, q.date, q.data_source, q.gate, q.close, m.close,
           (SELECT string_agg(f.key || ' ' || f.value, ', ' ORDER BY f.key) FROM jsonb_each_text(q.facts) AS f),
           q.status, q.decided_by, q.created_at
    FROM %1$I.price_quarantine AS q
    LEFT JOIN %1$I.market_data_cache AS m ON m.symbol = q.symbol AND m.date = q.date
    WHERE ($1 IS NULL OR q.symbol = $1) AND ($2 OR q.status = 'open')
    ORDER BY q.symbol, q.date, q.data_source
  $query$, _portfolio_batch.tables_schema()) USING symbol, COALESCE(decided, false);
END
$$;

COMMENT ON FUNCTION _portfolio_batch.quarantined_prices_as_owner(text, boolean) IS
  'Prices of a symbol (default: of all) that did not pass a gate and wait for a decision; with decided, also those '
  'that were accepted or rejected. stored_close is what is used meanwhile, facts is what the gate saw. Decide with '
  'accept_quarantined and reject_quarantined.';

CREATE FUNCTION _portfolio_batch.decide_quarantined(symbol text, first_date date, last_date date, source text,
                                                    decision text)
RETURNS TABLE (decided_symbol text, date date, data_source text, close double precision,
               former_close double precision)
LANGUAGE plpgsql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  tables_schema CONSTANT name := _portfolio_batch.tables_schema();
  verb          CONSTANT text := CASE decision WHEN 'accepted' THEN 'accept' ELSE 'reject' END;
  suspect       record;
  stored        record;
  count_found   bigint := 0;
BEGIN
  IF num_nulls(symbol, first_date) > 0 THEN
    RAISE EXCEPTION '%_quarantined needs a symbol and a date', verb
      USING ERRCODE = 'invalid_parameter_value', HINT = 'quarantined_prices() lists what waits for a decision.';
  END IF;
  PERFORM _portfolio_batch.require_finite('a date of quarantined prices', d.day)
     FROM unnest(ARRAY[first_date, last_date]) AS d (day);
  IF last_date < first_date THEN
    RAISE EXCEPTION 'through % lies before %', last_date, first_date USING ERRCODE = 'invalid_parameter_value';
  END IF;

  -- Who names the source may also undo a rejection.
  FOR suspect IN EXECUTE format(
    'SELECT q.*, count(*) OVER (PARTITION BY q.date) AS sources FROM (SELECT i.* FROM %I.price_quarantine AS i '
    'WHERE i.symbol = $1 AND i.date BETWEEN $2 AND $3 AND ($4 IS NULL OR i.data_source = $4) '
    'AND (i.status = ''open'' OR (i.status = ''rejected'' AND $5 = ''accepted'' AND $4 IS NOT NULL)) FOR UPDATE) AS q '
    'ORDER BY q.date, q.data_source', tables_schema)
    USING symbol, first_date, COALESCE(last_date, first_date), source, decision
  LOOP
    count_found := count_found + 1;
    decided_symbol := suspect.symbol;
    date := suspect.date;
    data_source := suspect.data_source;
    close := suspect.close;
    EXECUTE format('SELECT m.* FROM %I.market_data_cache AS m WHERE m.symbol = $1 AND m.date = $2 FOR UPDATE',
                   tables_schema) INTO stored USING suspect.symbol, suspect.date;
    former_close := stored.close;
    IF decision = 'accepted' THEN
      IF suspect.sources > 1 THEN
        RAISE EXCEPTION '% sources have a price of % on % in quarantine', suspect.sources, symbol, suspect.date
          USING ERRCODE = 'cardinality_violation', HINT = 'Name the one to be accepted, as source.';
      END IF;
      IF NOT COALESCE(suspect.close >= 0 AND suspect.close < 'Infinity', false) THEN
        RAISE EXCEPTION 'the price of % on % from % cannot be accepted', symbol, suspect.date, suspect.data_source
          USING ERRCODE = 'check_violation', DETAIL = format('Its close is %s.', COALESCE(suspect.close::text, 'NULL')),
                HINT = 'Reject it, and load the right one.';
      END IF;
      IF stored.symbol IS NOT NULL THEN
        EXECUTE format('INSERT INTO %I.market_data_revisions (symbol, date, open, high, low, close, adj_close, volume, '
                       'adjustment, data_source, is_final, fetched_at, reason, new_source) '
                       'VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, ''accepted'', $13)', tables_schema)
          USING stored.symbol, stored.date, stored.open, stored.high, stored.low, stored.close, stored.adj_close,
                stored.volume, stored.adjustment, stored.data_source, stored.is_final, stored.fetched_at,
                suspect.data_source;
      END IF;
      -- Which splits an adjusted price knows is told by when it was fetched.
      EXECUTE format('INSERT INTO %I.market_data_cache AS m (symbol, date, open, high, low, close, adj_close, volume, '
                     'adjustment, data_source, is_final, fetched_at) '
                     'VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) '
                     'ON CONFLICT (symbol, date) DO UPDATE SET (open, high, low, close, adj_close, volume, adjustment, '
                     'data_source, is_final, fetched_at) = (excluded.open, excluded.high, excluded.low, '
                     'excluded.close, excluded.adj_close, excluded.volume, excluded.adjustment, '
                     'excluded.data_source, excluded.is_final, excluded.fetched_at)', tables_schema)
        USING suspect.symbol, suspect.date, CASE WHEN suspect.open > 0 THEN suspect.open END,
              CASE WHEN suspect.high > 0 THEN suspect.high END, CASE WHEN suspect.low > 0 THEN suspect.low END,
              suspect.close, CASE WHEN suspect.adj_close >= 0 AND suspect.adj_close < 'Infinity'
                                  THEN suspect.adj_close END,
              CASE WHEN suspect.volume >= 0 THEN suspect.volume END, suspect.adjustment, suspect.data_source,
              suspect.is_final, CASE suspect.adjustment WHEN 'split' THEN suspect.created_at ELSE now() END;
    END IF;
    EXECUTE format('UPDATE %I.price_quarantine AS q SET status = $4, decided_by = $5, decided_at = now() '
                   'WHERE q.symbol = $1 AND q.date = $2 AND q.data_source = $3', tables_schema)
      USING suspect.symbol, suspect.date, suspect.data_source, decision, session_user;
    RETURN NEXT;
  END LOOP;

  IF count_found = 0 THEN
    RAISE EXCEPTION 'no price of % % waits for a decision', symbol,
                    CASE WHEN last_date > first_date THEN format('from %s through %s', first_date, last_date)
                         ELSE format('on %s', first_date) END || COALESCE(' from source ' || source, '')
      USING ERRCODE = 'undefined_object', HINT = 'SELECT * FROM quarantined_prices(decided => true) lists all of them.';
  END IF;
END
$$;

COMMENT ON FUNCTION _portfolio_batch.decide_quarantined(text, date, date, text, text) IS
  'What accept_quarantined and reject_quarantined do: decision is accepted or rejected.';

CREATE FUNCTION _portfolio_batch.accept_quarantined_as_owner(symbol text, date date, source text DEFAULT NULL,
                                                             through date DEFAULT NULL)
RETURNS TABLE (accepted_symbol text, session date, data_source text, close double precision,
               former_close double precision)
LANGUAGE sql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT * FROM _portfolio_batch.decide_quarantined(symbol, date, through, source, 'accepted')
$$;

COMMENT ON FUNCTION _portfolio_batch.accept_quarantined_as_owner(text, date, text, date) IS
  'Takes the quarantined price of a symbol and session into market_data_cache, or those of all sessions through a last '
  'one. What was there goes to market_data_revisions, and who decided is kept. source names the one that is meant '
  'where several have a price, and may also be one that was rejected. Returns the prices with those that they took '
  'the place of. Errors: 42704 when none waits, 21000 when several sources have one, 23514 when it is no price that '
  'could be stored, 22023 for a NULL, 22008 for an infinite date. Then nothing is changed.';

CREATE FUNCTION _portfolio_batch.reject_quarantined_as_owner(symbol text, date date, source text DEFAULT NULL,
                                                             through date DEFAULT NULL)
RETURNS TABLE (rejected_symbol text, session date, data_source text, close double precision,
               stored_close double precision)
LANGUAGE sql VOLATILE
SET search_path TO pg_catalog, pg_temp
AS $$
  SELECT * FROM _portfolio_batch.decide_quarantined(symbol, date, through, source, 'rejected')
$$;

COMMENT ON FUNCTION _portfolio_batch.reject_quarantined_as_owner(text, date, text, date) IS
  'Decides that the quarantined price of a symbol and session is wrong, or those of all sessions through a last one, '
  'of one source or of all: what is stored stays, and the same price of the source is not set aside again. Errors: '
  '42704 when none waits, 22023 for a NULL, 22008 for an infinite date.';
