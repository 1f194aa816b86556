# shellcheck shell=bash
# Shared by the scripts of this folder: packages, building, and throwaway clusters. Source it; do not run it.
# Works as root (the server then runs as postgres) and as an ordinary user (sudo only for missing packages).

set -euo pipefail

PB_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# The version of PostgreSQL, of those that the system's packages have.
PB_SERVER=${PB_SERVER:-15}
PB_BIN=/usr/lib/postgresql/$PB_SERVER/bin
export PG_CONFIG=${PG_CONFIG:-$PB_BIN/pg_config}

# Of a server of a version: what builds and runs the extension, and what tests it on a server.
build_packages() {
  printf '%s\n' g++ make "postgresql-$1" "postgresql-server-dev-$1" "postgresql-$1-cron" libeigen3-dev \
    libboost-math-dev libxxhash-dev libcurl4-openssl-dev libsimdjson-dev
}
server_test_packages() {
  printf '%s\n' "postgresql-$1-pgtap" libtap-parser-sourcehandler-pgtap-perl libipc-run-perl python3 openssl
}
# The versions of clang whose findings and whose format count are in the release that has the server 15.
lint_packages() {
  printf '%s\n' shellcheck
  [ "$1" != 15 ] || printf '%s\n' clang-14 clang-tidy-14 clang-format
}
# shellcheck disable=SC2034  # for who reads this file
PB_TEST_PACKAGES="cmake libgtest-dev chromium python3"

say() { printf '%s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Installs the Debian packages among the given ones that are missing; asks for nothing when none is.
install_packages() {
  local package missing=()
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  say "Installing Debian packages: ${missing[*]}"
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "missing packages (${missing[*]}) and no sudo to install them"
    sudo=(sudo)
  fi
  # A cluster that the packages would create is not needed here.
  "${sudo[@]}" mkdir -p /etc/postgresql-common/createcluster.d
  printf 'create_main_cluster = false\n' |
    "${sudo[@]}" tee /etc/postgresql-common/createcluster.d/portfolio_batch.conf >/dev/null
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
    >/dev/null
  "${sudo[@]}" rm -f /etc/postgresql-common/createcluster.d/portfolio_batch.conf
}

# Runs a command as the user under which the server runs: PostgreSQL refuses to run as root.
as_server() {
  if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

# A new folder that the server's user can reach.
new_folder() {
  local folder
  folder=$(mktemp -d "${TMPDIR:-/tmp}/portfolio_batch.XXXXXX")
  chmod 755 "$folder"
  printf '%s\n' "$folder"
}

# show_progress WHAT DONE ALL UNIT: how far something is, in a line that a terminal shows in the place of the one
# before. Where there is no terminal, it shows every fifth of the way.
show_progress() {
  local line="$1: $2 of $3 $4"
  if [ -t 1 ]; then
    printf '\r%s\033[K' "$line"
    [ "$2" -lt "$3" ] || printf '\n'
  elif [ $((5 * $2 / $3)) -ne "${progress_shown:--1}" ]; then
    progress_shown=$((5 * $2 / $3))
    say "$line"
  fi
}

# Compiles the extension, with progress. make says when it begins a folder, so the last ones are not done yet.
compile() {
  local all jobs begun=0 line progress_shown=
  jobs=$(nproc)
  all=$(make -n -C "$PB_ROOT" all | grep -c -- ' -c -o ' || true)
  [ "$all" -eq 0 ] || show_progress Compiling 0 "$all" folders
  make -C "$PB_ROOT" -j"$jobs" all | while read -r line; do
    [[ $line == *' -c -o '* ]] || continue
    begun=$((begun + 1))
    [ $begun -le "$jobs" ] || show_progress Compiling $((begun - jobs)) "$all" folders
  done
  [ "$all" -eq 0 ] || show_progress Compiling "$all" "$all" folders
}

# Builds the extension and installs it below the folder, not into the system.
build_into() {
  local stage=$1
  compile
  make -s -C "$PB_ROOT" install DESTDIR="$stage" >/dev/null
}

# settings_of_stage STAGE: by which a server finds the extension below STAGE. Debian's had a setting of their own for the
# control file before 18.
settings_of_stage() {
  if [ "$PB_SERVER" -ge 18 ]; then
    printf "extension_control_path = '%s/usr/share/postgresql/%s:\$system'\n" "$1" "$PB_SERVER"
  else
    printf "extension_destdir = '%s'\n" "$1"
  fi
  printf "dynamic_library_path = '%s/usr/lib/postgresql/%s/lib:\$libdir'\n" "$1" "$PB_SERVER"
}

# Creates and starts a cluster in FOLDER that finds the extension below STAGE. It listens on a socket in FOLDER only,
# so that any number of clusters can run side by side.
start_cluster() {
  local folder=$1 stage=$2
  [ "$(id -u)" -eq 0 ] && chown postgres "$folder"
  as_server mkdir -p "$folder/socket"
  as_server "$PB_BIN/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
  as_server tee -a "$folder/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = ''
unix_socket_directories = '$folder/socket'
fsync = off
max_worker_processes = 20
shared_preload_libraries = 'pg_cron'
cron.database_name = 'postgres'
cron.use_background_workers = on
$(settings_of_stage "$stage")
CONF
  restart_cluster "$folder"
}

restart_cluster() {
  as_server "$PB_BIN/pg_ctl" -D "$1/data" -l "$1/server.log" -w start >/dev/null ||
    { as_server tail -n 20 "$1/server.log" >&2; die "the server did not start"; }
}

# Makes psql and the tests of this shell talk to the cluster in FOLDER.
use_cluster() {
  export PGHOST=$1/socket PGPORT=5432 PGUSER=postgres PGDATABASE=${2:-postgres}
  unset PGPASSWORD PGSERVICE PGOPTIONS
}

stop_cluster() {
  as_server "$PB_BIN/pg_ctl" -D "$1/data" -m immediate -w stop >/dev/null 2>&1 || true
}
