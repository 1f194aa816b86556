#!/bin/bash
# Portfolios of two tenants in the same tables. What one of them can read, and what functions answer to him, is compared
# with a database in which the other never was.

. "$(dirname "$0")/tap.bash"
plan 26

begin_cluster
export PGOPTIONS='-c portfolio_batch.beta_window=60 -c portfolio_batch.correlation_window=60'
sql 'CREATE ROLE desk LOGIN' 'CREATE ROLE tenant_a LOGIN' 'CREATE ROLE tenant_b LOGIN' 'CREATE ROLE clerk_a LOGIN' \
  'GRANT tenant_a TO clerk_a' 'CREATE DATABASE two'
export PGDATABASE=two
sql 'CREATE EXTENSION portfolio_batch' 'GRANT CREATE ON SCHEMA public TO desk' \
  'GRANT EXECUTE ON ALL ROUTINES IN SCHEMA public, _portfolio_batch TO desk' \
  "SET ROLE desk; SELECT FROM create_analytics_tables(); RESET ROLE" \
  "SELECT FROM grant_analytics_roles(NULL, 'tenant_a')" "SELECT FROM grant_analytics_roles(NULL, 'tenant_b')" \
  "SELECT FROM grant_analytics_roles('clerk_a', NULL)" >/dev/null
sql <<'SQL' >/dev/null
SELECT FROM load_sample_data(portfolios => 4, positions => 8, sessions => 6, last_session => '2024-07-12');
UPDATE portfolios SET owner = CASE WHEN name ~ '[13] ' THEN 'tenant_a' ELSE 'tenant_b' END,
                      name = CASE WHEN name ~ '[13] ' THEN 'Alpha ' ELSE 'Zebra ' END || name;
-- The other tenant holds symbols that nobody else holds, one of them without prices, in a sector of its own.
INSERT INTO market_data_cache (symbol, date, close, adj_close)
SELECT 'ZEBRASYM', date, close * 1.1, adj_close * 1.1 FROM market_data_cache WHERE symbol = 'STK0001';
INSERT INTO company_profiles (symbol, company_name, sector) VALUES ('ZEBRASYM', 'Zebra', 'Zebrasector');
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date)
SELECT f.id, s.id, s.symbol, 'LONG', 777777, 100, '2024-07-08'
FROM (SELECT id FROM portfolios WHERE owner = 'tenant_b' ORDER BY name LIMIT 1) AS f
CROSS JOIN (VALUES ('2eb7a000-0000-4000-8000-000000000001'::uuid, 'ZEBRASYM'),
                   ('2eb7a000-0000-4000-8000-000000000002', 'ZEBRANOPRICE')) AS s (id, symbol);
-- A portfolio without initial equity fails, with its name in the error; a tag of its owner.
INSERT INTO portfolios (id, name, owner, inception_date)
VALUES ('2eb7a000-0000-4000-8000-00000000000f', 'Zebra without equity', 'tenant_b', '2024-07-08');
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date)
VALUES ('2eb7a000-0000-4000-8000-00000000000f', '2eb7a000-0000-4000-8000-000000000003', 'ZEBRASYM', 'LONG', 10, 100,
        '2024-07-08');
-- A collection names what anybody holds.
INSERT INTO collections (kind, target_date, status, detail) VALUES ('market_data', '2024-07-12', 'success', '{"missing": ["ZEBRASYM"]}');
INSERT INTO collection_results (collection_id, symbol, kind, provider, outcome, message)
SELECT 1, s.symbol, 'prices', 'hand', 'NO_DATA', s.note
FROM (SELECT min(p.symbol), 'ours' FROM positions AS p JOIN portfolios AS f ON f.id = p.portfolio_id
      WHERE f.owner = 'tenant_a' UNION ALL VALUES ('ZEBRASYM', 'theirs')) AS s (symbol, note);
INSERT INTO tags (owner, name) VALUES ('tenant_b', 'zebra candidates'), ('tenant_a', 'alpha candidates');
SQL
sql 'CREATE DATABASE only_a TEMPLATE two'
for table in position_realized_events equity_changes positions; do
  PGDATABASE=only_a sql "DELETE FROM $table USING portfolios f WHERE f.id = portfolio_id AND f.owner = 'tenant_b'"
done
PGDATABASE=only_a sql "DELETE FROM portfolios WHERE owner = 'tenant_b'" "DELETE FROM tags WHERE owner = 'tenant_b'"

# Policies --------------------------------------------------------------------------------------------------------------

for database in only_a two; do
  enabled=$(PGDATABASE=$database PGUSER=desk sql "SELECT action, count(*) FROM enable_tenant_security('owner') GROUP BY 1")
done
tables=$(sql "SELECT count(DISTINCT d.table_name) FROM analytics_columns() d JOIN analytics_columns() k USING (table_name)
              WHERE k.column_name IS NULL AND k.data_type <> 'view' AND (d.column_name = 'portfolio_id' OR d.table_name IN
                ('portfolios', 'batch_runs', 'batch_schedule_records', 'tags', 'collections', 'collection_results'))")
is "$enabled" "created|$tables" 'the owner of the tables makes a policy for each table of portfolios'
is "$(PGUSER=desk sql "SELECT DISTINCT action FROM enable_tenant_security('owner')")" exists 'a second call changes nothing'
is "$(sql "SELECT count(*) FROM pg_class c JOIN analytics_columns() d ON c.oid = to_regclass(d.table_name)
           WHERE d.data_type = 'view' AND d.column_name IS NULL AND NOT 'security_invoker=true' = ANY (c.reloptions)")" \
  0 'every view reads with the rights of whoever asks'
like "$(PGUSER=tenant_a sql_error "SELECT FROM enable_tenant_security('name')")" '42501' 'a tenant cannot change that'
like "$(PGUSER=desk sql_error "SELECT FROM enable_tenant_security('landlord')")" \
  '42703: column "landlord" of public.portfolios does not exist' 'a column that is not there is named'
like "$(PGUSER=desk sql_error "SELECT FROM enable_tenant_security('created_at')")" \
  '42804: column "created_at" of public.portfolios is of type timestamp with time zone' 'and one that holds no name'
is "$(PGUSER=desk sql 'BEGIN' 'ALTER TABLE portfolios ADD landlord text' 'ALTER POLICY portfolio_batch_tenant ON positions
                                                                          USING (true)' \
  'CREATE POLICY house ON positions FOR SELECT USING (false)' \
  "SELECT table_name, policy_name, action FROM enable_tenant_security('landlord') WHERE action <> 'exists' ORDER BY 1, 2" \
  'ROLLBACK')" 'portfolios|portfolio_batch_tenant|replaced
positions|house|other
positions|portfolio_batch_tenant|replaced' \
  'another column, and a policy that was altered, replace what it made itself; the policies of others are shown'
like "$(PGUSER=desk sql_error 'BEGIN' 'COMMENT ON POLICY portfolio_batch_tenant ON positions IS NULL' \
  "SELECT FROM enable_tenant_security('owner')")" \
  '42710: policy "portfolio_batch_tenant" of public.positions was not made by enable_tenant_security' \
  'a policy of its name that somebody else made is left alone'

# The batch, by the owner, a superuser and in workers, sees everything -----------------------------------------------------

for database in only_a two; do
  PGDATABASE=$database PGUSER=desk sql "CALL daily_batch('2024-07-10')" >/dev/null 2>&1
  PGDATABASE=$database sql "CALL daily_batch('2024-07-11', workers => 2)" \
    "SELECT FROM run_daily_batch_with_backfill('2024-07-12')" >/dev/null 2>&1
done
is "$(sql "SELECT owner, count(DISTINCT portfolio_id), count(*) FROM portfolio_snapshots s JOIN portfolios f
           ON f.id = portfolio_id WHERE snapshot_date >= '2024-07-10' GROUP BY 1 ORDER BY 1")" 'tenant_a|2|6
tenant_b|2|6' 'the owner and a superuser run the portfolios of all tenants'

portfolio=$(sql "SELECT id FROM portfolios WHERE owner = 'tenant_a' ORDER BY name LIMIT 1")
# probe DATABASE ROLE FILE
probe() {
  PGDATABASE=$1 PGUSER=$2 psql -XAtq -v ON_ERROR_STOP=1 -v portfolio="$portfolio" -f "$PB_ROOT/test/tap/tenants.sql" \
    </dev/null >"$tap_folder/$3" 2>"$tap_folder/$3.notices" || cat "$tap_folder/$3.notices"
  LC_ALL=C sort -o "$tap_folder/$3" "$tap_folder/$3"
}

# What tenants share: models of symbols, unless they are made private, and of each run what there was to do and how much
# of it failed. Of a report on a run the lines with names are compared.
of_symbols='^relation (symbol_model_fits|symbol_volatility|symbol_factor_exposures) |^function purge_results .*"symbol_'
of_symbols+='|^function model_quality .*"portfolio_id": null'
of_market='^relation (company_profiles|market_data_cache|tags|tag_usage) '
without_counts() {
  sed -E -e '/^relation batch_jobs .*"portfolio_id": null/ d' \
    -e '/^relation batch_runs / s/"(status|rows_written|error_count|(portfolio_|)dates(_processed|))": ("[a-z]*"|[0-9]+)/COUNT/g' \
    -e '/^function batch_report / { /"metric": "(coverage|error)"/! d; s/"value": "[^"]*"/COUNT/ }' \
    -e '/^function batch_audit(_summary)? (.*"section": "(batch|verdict)"|gives )/ d' \
    -e '/^function cancel_run / s/status is [a-z]*/COUNT/' \
    -e '/^function portfolio_report / s/(<tr data-run=[^>]*>)(<td[^>]*>[^<]*<.td>)*/\1 COUNT/g' "$tap_folder/$1"
}
differences() {
  diff <(without_counts "$1" | LC_ALL=C sort) <(without_counts "$2" | LC_ALL=C sort) |
    grep '^[<>]' | cut -c1-600
}

probe only_a tenant_a alone
probe two tenant_a beside
holds "$(grep -c ^relation "$tap_folder/beside")" '>' 5000 'the probe reads relations'
is "$(grep -o '^relation [a-z_]*' "$tap_folder/beside" | sort -u | wc -l)" "$(grep -o '^relation [a-z_]*' "$tap_folder/alone" |
  sort -u | wc -l)" 'as many of both'
is "$(cut -d' ' -f1,2 "$tap_folder/beside" | grep '^function' | sort -u | wc -l)" "$(sql "SELECT count(DISTINCT p.proname)
  FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid JOIN pg_extension e ON e.oid = d.refobjid
  WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e' AND e.extname = 'portfolio_batch' AND p.prokind = 'f'
    AND p.pronamespace = 'public'::regnamespace")" 'the probe calls every public function'
is "$(differences alone beside | grep -vE "${of_symbols//^/^[<>] }" || true)" '' \
  'beside another, a tenant reads what he would read alone, but for counts of runs and models of symbols'
is "$(cat "$tap_folder/beside" "$tap_folder/beside.notices" | grep -i zebra | grep -vE "$of_symbols|$of_market" |
  cut -c1-600 || true)" '' 'nothing that he can read names what is of the other'
probe two postgres everything
holds "$(grep -i zebra "$tap_folder/everything" | grep -vcE "$of_symbols|$of_market")" '>' 20 \
  'while the probe of a superuser finds it'
holds "$(grep -c '^relation batch_jobs .*Zebra without equity' "$tap_folder/everything")" '>' 0 'in the log too'
is "$(sql "SELECT count(*) FROM batch_jobs WHERE portfolio_id IS NULL AND batch_jobs::text ~* 'zebra'")" 0 \
  'where no row without a portfolio names anything'
is "$(PGUSER=tenant_b sql "SELECT count(*) > 0 FROM batch_report() WHERE detail LIKE '%missing: %ZEBRANOPRICE%'" \
  "SELECT count(*) > 0 FROM batch_report() WHERE detail LIKE '%Zebra without equity%'" | paste -sd' ')" 't t' \
  'the other reads in the report what is missing and what failed of his'
is "$(PGUSER=tenant_a sql 'SELECT count(*) FROM collections' 'SELECT string_agg(message, NULL) FROM collection_results' |
  paste -sd' ')" '0 ours' 'of what is collected a tenant sees what was answered about symbols of his'
is "$(PGUSER=desk sql 'SELECT count(*) FROM collections' 'SELECT count(*) FROM collection_results' | paste -sd' ')" '1 2' \
  'the owner of the tables sees all'
is "$(PGUSER=clerk_a sql 'SELECT count(*) FROM portfolios')" 2 'a member of a tenant sees what the tenant sees'

# Private symbols ------------------------------------------------------------------------------------------------------------

for database in only_a two; do
  enabled=$(PGDATABASE=$database PGUSER=desk sql \
    "SELECT table_name, action FROM enable_tenant_security('owner', symbols => true) WHERE action <> 'exists'")
done
is "$enabled" 'symbol_model_fits|created
symbol_volatility|created' 'tables of symbols get a policy when asked for'
probe only_a tenant_a alone
probe two tenant_a beside
is "$(differences alone beside)" '' 'then the models of symbols tell nothing either'

# A failure of a whole engine ------------------------------------------------------------------------------------------------

sql "ALTER TABLE symbol_model_fits ADD CONSTRAINT house_rule CHECK (symbol <> 'ZEBRASYM') NOT VALID" >/dev/null
sql "SELECT FROM run_daily_batch('2024-07-12', force => true)" \
  'ALTER TABLE symbol_model_fits DROP CONSTRAINT house_rule' >/dev/null 2>&1
run='run_id = (SELECT max(run_id) FROM batch_runs)'
is "$(sql "SELECT j.job_type, f.owner, j.error_detail LIKE '%ZEBRASYM%' FROM batch_jobs j LEFT JOIN portfolios f
           ON f.id = j.portfolio_id WHERE j.$run AND j.job_name = 'market_betas' ORDER BY 1")" 'engine||
portfolio|tenant_b|t' 'its row says what it was, and the portfolios that it is about have the rest'
is "$(PGUSER=tenant_a sql "SELECT count(*) FROM batch_jobs j WHERE j::text ~* 'zebra'")" 0 'which another cannot read'
is "$(PGUSER=desk sql "SELECT table_name, action FROM enable_tenant_security('owner', symbols => false)
                       WHERE action <> 'exists'")" 'symbol_model_fits|removed
symbol_volatility|removed' 'the policies of symbols can be removed again'

done_testing
