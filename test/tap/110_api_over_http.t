#!/bin/bash
# The endpoints over HTTP, through an off-the-shelf server of the npm registry, PostGraphile, that connects as a role
# which may only read. Optional: without node, npm and the registry it is skipped.

. "$(dirname "$0")/tap.bash"
plan 28

server=postgraphile@4.14.1
published=2025-10-15 # fixes what it depends on

command -v node >/dev/null && command -v npm >/dev/null || skip_rest 'node and npm are not installed'
node -e 'process.exit(typeof fetch === "function" ? 0 : 1)' || skip_rest 'node is older than 18'
[ "$(timeout 8 npm view "$server" version --fetch-retries=0 --fetch-timeout=4000 --loglevel=silent \
  </dev/null 2>/dev/null)" = "${server#*@}" ] || skip_rest "the npm registry with $server is out of reach"

begin_cluster
unset PGTZ
mkdir "$tap_folder/server"
timeout 120 npm install --prefix "$tap_folder/server" --ignore-scripts --no-audit --no-fund --no-update-notifier \
  --prefer-offline --before="$published" --loglevel=error "$server" </dev/null >"$tap_folder/npm.log" 2>&1 ||
  skip_rest "npm cannot install $server: $(tail -n 1 "$tap_folder/npm.log")"

# Functions in one schema, which the server shows, tables in another, which it does not.
sql 'CREATE DATABASE web'
export PGDATABASE=web
sql "ALTER DATABASE web SET portfolio_batch.schema = 'analytics'"
sql 'CREATE SCHEMA batch' 'CREATE EXTENSION portfolio_batch SCHEMA batch' 'CREATE SCHEMA analytics' \
  "SELECT FROM batch.create_analytics_tables('analytics')" 'SET portfolio_batch.progress = off' \
  "SELECT FROM batch.load_sample_data(portfolios => 3, positions => 8, sessions => 3, last_session => '2024-11-22')" \
  "SELECT FROM batch.run_daily_batch_with_backfill('2024-11-22')" 'CREATE ROLE web_reader LOGIN' \
  "SELECT FROM batch.grant_analytics_roles('web_reader', NULL)" >"$tap_folder/setup.log" 2>&1 ||
  { report 1 'the database is set up' "$(cat "$tap_folder/setup.log")"; done_testing; exit 1; }

node "$tap_folder/server/node_modules/postgraphile/cli.js" \
  --connection "socket://web_reader@$tap_folder/socket?db=web" --schema batch --host 127.0.0.1 --port 0 \
  --include-extension-resources --no-ignore-rbac --dynamic-json --extended-errors errcode,hint --disable-graphiql \
  --disable-query-log </dev/null >"$tap_folder/web.log" 2>&1 &
deadline=$((SECONDS + 20))
until grep -q 'GraphQL API' "$tap_folder/web.log" || [ $SECONDS -ge $deadline ]; do sleep 0.1; done
address=$(sed -n 's/.*GraphQL API: *//p' "$tap_folder/web.log")
like "$address" '^http://127\.0\.0\.1:[0-9]+/graphql$' 'the server listens'

# ask QUERY [VARIABLES]: the body of the answer, as it was sent.
ask() {
  node -e '
    fetch(process.argv[1], {method: "POST", headers: {"Content-Type": "application/json"},
                            signal: AbortSignal.timeout(20000),
                            body: JSON.stringify({query: process.argv[2], variables: JSON.parse(process.argv[3])})})
      .then(answer => answer.text()).then(text => console.log(text))' "$address" "$1" "${2:-{\}}" </dev/null 2>&1
}

# same FIELD CALL BODY NAME: the field of an answer is what psql gets from the call. jsonb compares numbers by value and
# exactly, not as doubles.
same() {
  local status=0 difference
  difference=$(psql -XAtq -v ON_ERROR_STOP=1 -v body="$3" -v field="$1" 2>&1 <<SQL
SELECT 'over HTTP: ' || left((:'body'::jsonb -> 'data' -> :'field')::text, 300) || ' in psql: ' || left((c)::text, 300)
FROM (SELECT $2) AS called (c)
WHERE :'body'::jsonb -> 'data' -> :'field' IS DISTINCT FROM c OR c ->> 'available' IS DISTINCT FROM 'true';
SQL
  ) || status=1
  [ -z "$difference" ] || status=1
  report "$status" "$4" "$difference"
}

fields='apiPortfolioSnapshot(portfolioId: $id) apiPortfolioBetas(portfolioId: $id) apiPortfolioFactors(portfolioId: $id)
  apiPortfolioCorrelations(portfolioId: $id) apiPortfolioStressTests(portfolioId: $id)'
while IFS='|' read -r id name; do
  body=$(ask "query (\$id: UUID!) { $fields }" "{\"id\": \"$id\"}")
  for endpoint in snapshot:Snapshot betas:Betas factors:Factors correlations:Correlations stress_tests:StressTests; do
    same "apiPortfolio${endpoint#*:}" "batch.api_portfolio_${endpoint%:*}('$id')" "$body" "$name: ${endpoint%:*}"
  done
done < <(sql 'SELECT id, name FROM analytics.portfolios ORDER BY name')

lot=$(sql 'SELECT position_id FROM analytics.position_realized_events LIMIT 1')
body=$(ask 'query ($id: UUID!) { apiPosition(positionId: $id) }' "{\"id\": \"$lot\"}")
same apiPosition "batch.api_position('$lot')" "$body" 'a position'

id=$(sql "SELECT id FROM analytics.portfolios WHERE name ~ '^Sample 2'")
body=$(ask 'query ($id: UUID!) { apiPortfolioCorrelations(portfolioId: $id, lookbackDays: 126, minOverlap: 100,
                                                          maxSymbols: 3) }' "{\"id\": \"$id\"}")
same apiPortfolioCorrelations "batch.api_portfolio_correlations('$id', 126, 100, 3)" "$body" 'arguments by name'
body=$(ask 'query ($id: UUID!) { apiPortfolioStressTests(portfolioId: $id, scenarioIds: ["covid_crash_2020"]) }' \
  "{\"id\": \"$id\"}")
same apiPortfolioStressTests "batch.api_portfolio_stress_tests('$id', '{covid_crash_2020}')" "$body" 'and in a list'

# Digits of money. jsonb keeps trailing zeros, JavaScript does not; the value is the same.
value=$(sql "SELECT batch.api_portfolio_snapshot('$id') ->> 'total_value'")
like "$value" '\.[0-9]{4}$' 'psql shows money with four decimals'
body=$(ask "{ apiPortfolioSnapshot(portfolioId: \"$id\") }")
like "$body" "\"total_value\":$(sql "SELECT trim_scale($value)")[,}]" \
  'the same amount is sent'

# What there is none of, what is wrong, and what a reader may not.
nobody=00000000-0000-4000-8000-000000000000
like "$(ask "{ apiPortfolioSnapshot(portfolioId: \"$nobody\") }")" \
  '"available":false' 'an unknown portfolio is an answer'
body=$(ask "{ apiPortfolioStressTests(portfolioId: \"$id\", scenarioIds: [\"nope\"]) }")
like "$body" "scenario 'nope' does not exist" 'a wrong argument is an error'
like "$body" '"errcode":"22023"' 'with its SQLSTATE'
like "$body" '"hint":"SELECT scenario_id, name FROM analytics' 'and hint'
body=$(ask '{ __schema { queryType { fields { name } } mutationType { fields { name } } } }')
like "$body" '"apiPortfolioBetas"' 'the schema lists the endpoints'
unlike "$body" 'runDailyBatch|purgePortfolio|allPortfolios' 'but neither what writes nor tables'
sql 'REVOKE SELECT ON analytics.portfolio_snapshots FROM web_reader'
like "$(ask "{ apiPortfolioSnapshot(portfolioId: \"$id\") }")" '"errcode":"42501"' 'rights are those of the role'

done_testing
