# shellcheck shell=bash
# What the TAP programs of this folder share: numbered results, a throwaway cluster, psql. Source it; do not run it.
# PB_STAGE names a folder into which the extension is already installed; without it each program builds its own.

. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

tap_planned=
tap_run=0
tap_failed=0

# plan NUMBER: how many tests the program has, before the first of them. A program that runs fewer, or more, fails.
# With PB_PLAN_ONLY the program says so much and ends.
plan() {
  tap_planned=$1
  printf '1..%d\n' "$tap_planned"
  if [ -n "${PB_PLAN_ONLY:-}" ]; then
    tap_done=1
    exit 0
  fi
}

# report STATUS NAME [DIAGNOSIS …]: one result; a diagnosis is shown when it failed.
report() {
  local status=$1 name=$2
  shift 2
  tap_run=$((tap_run + 1))
  if [ "$status" -eq 0 ]; then
    printf 'ok %d - %s\n' "$tap_run" "$name"
  else
    tap_failed=$((tap_failed + 1))
    printf 'not ok %d - %s\n' "$tap_run" "$name"
    [ $# -eq 0 ] || printf '%s\n' "$@" | sed 's/^/# /'
  fi
}

# skip NUMBER REASON: as many tests that cannot run here.
skip() {
  local left
  for ((left = $1; left > 0; left--)); do
    tap_run=$((tap_run + 1))
    printf 'ok %d # SKIP %s\n' "$tap_run" "$2"
  done
}

# skip_rest REASON: ends the program without the tests that are left.
skip_rest() {
  skip $((tap_planned - tap_run)) "$1"
  done_testing
  exit
}

note() { printf '%s\n' "$*" | sed 's/^/# /'; }

# is GOT WANTED NAME
is() {
  local status=0
  [ "$1" = "$2" ] || status=1
  report "$status" "$3" "got:" "$1" "wanted:" "$2"
}

# like TEXT PATTERN NAME (extended regular expression, over the whole text); unlike is its opposite.
like() {
  local status=0
  [[ $1 =~ $2 ]] || status=1
  report "$status" "$3" "no match of: $2" "in:" "$1"
}

unlike() {
  local status=0
  [[ ! $1 =~ $2 ]] || status=1
  report "$status" "$3" "match of: $2" "in:" "$1"
}

# holds NUMBER OPERATOR NUMBER NAME, with awk's operators.
holds() {
  local status=0
  awk -v a="${1:-nan}" -v b="$3" "BEGIN { exit !(a + 0 $2 b + 0) }" </dev/null || status=1
  [ -n "$1" ] || status=1
  report "$status" "$4" "not so: ${1:-(nothing)} $2 $3"
}

done_testing() {
  tap_done=1
  [ -n "$tap_planned" ] || note 'the program states no plan'
  [ "${tap_planned:-0}" -eq "$tap_run" ] || note "planned ${tap_planned:-0} tests, ran $tap_run"
  [ "$tap_failed" -eq 0 ] && [ "${tap_planned:-0}" -eq "$tap_run" ]
}

# The cluster of this program. It goes away with it, also when the program fails or is interrupted.
tap_folder=
tap_done=0

clean_up() {
  local status=$?
  trap - EXIT
  set +e
  # What still runs in the background would keep the folder busy.
  # shellcheck disable=SC2046
  kill $(jobs -p) 2>/dev/null
  if [ -n "$tap_folder" ]; then
    if [ "$tap_done" -eq 0 ] && [ -f "$tap_folder/server.log" ]; then
      echo '# the end of the server log:'
      as_server tail -n 30 "$tap_folder/server.log" | sed 's/^/# /'
    fi
    stop_cluster "$tap_folder"
    rm -rf "$tap_folder"
  fi
  # prove takes the program for failed: it ran fewer tests than it planned.
  [ "$tap_done" -eq 1 ] || echo '# the program ended early'
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Starts a cluster of the staged extension, further lines of configuration as arguments, and points psql at it.
begin_cluster() {
  local stage=${PB_STAGE:-}
  tap_folder=$(new_folder)
  if [ -z "$stage" ]; then
    stage=$tap_folder/stage
    mkdir "$stage"
    build_into "$stage"
  fi
  # shellcheck disable=SC2034  # for the programs that read this file
  tap_stage=$stage
  start_cluster "$tap_folder" "$stage"
  use_cluster "$tap_folder"
  if [ $# -gt 0 ]; then
    printf '%s\n' "$@" | as_server tee -a "$tap_folder/data/postgresql.conf" >/dev/null
    as_server "$PB_BIN/pg_ctl" -D "$tap_folder/data" -m fast -w stop >/dev/null
    restart_cluster "$tap_folder"
  fi
}

# Statements as arguments, or on standard input; unaligned, the first error ends it.
sql() {
  if [ $# -gt 0 ]; then
    local statement arguments=()
    for statement in "$@"; do arguments+=(-c "$statement"); done
    psql -XAtq -v ON_ERROR_STOP=1 "${arguments[@]}" </dev/null
  else
    psql -XAtq -v ON_ERROR_STOP=1 -f -
  fi
}

# The complete error, and whatever else psql says, of statements that are meant to fail.
sql_error() {
  local statement arguments=()
  for statement in "$@"; do arguments+=(-c "$statement"); done
  psql -XAtq -v VERBOSITY=verbose "${arguments[@]}" </dev/null 2>&1 || true
}

# wait_until SECONDS QUERY: waits until the query says t; fails, and says so, when it never does.
wait_until() {
  local deadline=$((SECONDS + $1))
  until [ "$(sql "$2" 2>/dev/null)" = t ]; do
    if [ $SECONDS -ge "$deadline" ]; then
      note "waited $1 s in vain for: $2"
      return 1
    fi
    sleep 0.1
  done
}

# Schedules made after this, and what is asked about them, see one and the same minute: pg_cron fires at full ones.
begin_of_minute() {
  local second=$((10#$(date +%S)))
  [ "$second" -lt 40 ] || sleep $((61 - second))
}

# wait_for_activity PATTERN: waits inside the server, hence without delay, until some session shows such a query.
wait_for_activity() {
  sql "DO \$\$
DECLARE deadline CONSTANT timestamptz := clock_timestamp() + interval '20 s';
BEGIN
    WHILE NOT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '$1' AND state = 'active')
          AND clock_timestamp() < deadline LOOP
        PERFORM pg_sleep(0.001);
        PERFORM pg_stat_clear_snapshot();
    END LOOP;
END \$\$"
}

# Waits until the server answers again after a crash.
wait_for_server() {
  wait_until 30 'SELECT NOT pg_is_in_recovery()'
}

# make_book FIRST PORTFOLIOS: a database "book" with the extension, its tables and the book of book.sql, from which
# tests copy theirs with CREATE DATABASE … TEMPLATE book.
make_book() {
  sql 'CREATE DATABASE book'
  PGDATABASE=book sql "CREATE EXTENSION portfolio_batch" "SELECT FROM create_analytics_tables()"
  PGDATABASE=book psql -Xq -v ON_ERROR_STOP=1 -v first="$1" -v portfolios="$2" -f "$PB_ROOT/test/tap/book.sql"
}

# results DATABASE [UNTIL]: the results of the batch, one line a row; those dated up to a day, or everything.
results() {
  psql -XAtq -v ON_ERROR_STOP=1 -d "$1" ${2:+-v until="$2"} -f "$PB_ROOT/test/tap/results.sql"
}

# same_results DATABASE DATABASE UNTIL NAME: an empty UNTIL compares everything.
same_results() {
  local status=0 difference
  results "$1" "$3" >"$tap_folder/one"
  results "$2" "$3" >"$tap_folder/other"
  [ -s "$tap_folder/one" ] || status=1
  difference=$(diff "$tap_folder/one" "$tap_folder/other" | cut -c1-300 | head -n 10) || status=1
  report "$status" "$4" "$(wc -l <"$tap_folder/one") rows against $(wc -l <"$tap_folder/other")" "$difference"
}

# open_session NAME: a psql that is told what to do by tell NAME …, and stays open in between; what it says goes to
# $tap_folder/NAME.out. tell waits until the statements are done, tell_only does not.
declare -A tap_sessions=()

open_session() {
  local name=$1 channel
  rm -f "$tap_folder/$name.in"
  mkfifo "$tap_folder/$name.in"
  PGAPPNAME=$name psql -XAtq -v VERBOSITY=verbose -f - <"$tap_folder/$name.in" >"$tap_folder/$name.out" 2>&1 &
  exec {channel}>"$tap_folder/$name.in"
  tap_sessions[$name]=$channel
}

tell_only() {
  local name=$1 statement
  shift
  for statement in "$@"; do printf '%s;\n' "$statement" >&"${tap_sessions[$name]}"; done
  printf '\\echo done %s\n' "$((tap_tells += 1))" >&"${tap_sessions[$name]}"
}
tap_tells=0

# Waits until a session has done what it was told last; fails when that takes longer than 30 s.
wait_for() {
  local name=$1 deadline=$((SECONDS + 30))
  until grep -qx "done $tap_tells" "$tap_folder/$name.out"; do
    [ $SECONDS -lt $deadline ] || { note "session $name does not come back"; return 1; }
    sleep 0.01
  done
}

tell() {
  tell_only "$@"
  wait_for "$1"
}

close_session() {
  local channel=${tap_sessions[$1]}
  exec {channel}>&-
}
