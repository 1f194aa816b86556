# shellcheck shell=bash
# Shared by the scripts: servers of versions that the system's packages do not have. Source lib.sh, then this; do not
# run it. Each such server is one of a Debian release, which is installed into a folder (a chroot) of the cache and kept
# there. The scripts run inside of it as they run here, with PB_SERVER set.
# PB_CACHE names the folder of the cache; it takes 2 GB a release.

PB_CACHE=${PB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/portfolio_batch}
PB_FRESH_DAYS=30

# What is installed when the folder is made. The scripts that run inside of it add what else they need.
server_packages() {
  build_packages "$1"
  server_test_packages "$1"
  printf '%s\n' ccache ca-certificates
}

# release_of SERVER: the Debian release whose packages have that server.
release_of() {
  case $1 in
    15) printf 'bookworm\n' ;;
    17) printf 'trixie\n' ;;
    18) printf 'forky\n' ;;
    *) die "no Debian release has a server of version $1: 15, 17 or 18" ;;
  esac
}

# The mirror that apt uses here.
debian_mirror() {
  local found
  # shellcheck disable=SC2016
  found=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    grep -m1 -E '/debian/?$' || true)
  printf '%s\n' "${found:-http://deb.debian.org/debian}"
}

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }

# install_release RELEASE FOLDER SERVER: signatures are checked by the keys of Debian's archive. The mirror may be one
# that was copied months ago, hence the time for which its index counts.
install_release() {
  local include
  include=$(server_packages "$3" | paste -sd,)
  as_root rm -rf "$2.new"
  as_root mmdebstrap --variant=apt --include="$include" --dpkgopt=force-unsafe-io \
    --aptopt='Acquire::Min-ValidTime "31536000"' --aptopt='APT::Install-Recommends "false"' \
    --setup-hook='mkdir -p "$1/etc/postgresql-common/createcluster.d"' \
    --setup-hook='echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.d/portfolio_batch.conf"' \
    "$1" "$2.new" "$(debian_mirror)" >"$PB_CACHE/$1.log" 2>&1 || { as_root rm -rf "$2.new"; return 1; }
  as_root mkdir "$2.new/portfolio_batch" "$2.new/shared" "$2.new/ccache"
  as_root touch "$2.new/etc/resolv.conf"
  server_packages "$3" | as_root tee "$2.new/packages" >/dev/null
  as_root rm -rf "$2"
  as_root mv "$2.new" "$2"
}

# Whether the folder has all of it, and was made not long ago.
is_fresh() {
  [ -f "$1/packages" ] && [ -z "$(find "$1/packages" -mtime +$PB_FRESH_DAYS)" ] &&
    [ "$(server_packages "$2")" = "$(cat "$1/packages")" ]
}

# why_not LOG: its first error, or what it says last.
why_not() { { grep -E '^E: ' "$1" || tail -n 1 "$1"; } | head -n 1; }

# prepare_server SERVER: makes its folder unless it is there. Fails with the reason in server_failure where the mirror
# does not deliver, or nothing can be mounted; an old folder is better than none.
prepare_server() {
  local release folder
  release=$(release_of "$1")
  folder=$PB_CACHE/$release
  if ! as_root unshare --mount true 2>/dev/null; then
    server_failure="this machine does not let $(id -un) mount folders (unshare --mount)"
    return 1
  fi
  install_packages mmdebstrap debian-archive-keyring
  mkdir -p "$PB_CACHE/ccache"
  exec {server_lock}>"$PB_CACHE/$release.lock"
  flock "$server_lock"
  if ! is_fresh "$folder" "$1"; then
    say "Installing Debian $release with PostgreSQL $1 into $folder …"
    if ! install_release "$release" "$folder" "$1"; then
      server_failure="Debian $release could not be installed: $(why_not "$PB_CACHE/$release.log")"
      [ -f "$folder/packages" ] || { exec {server_lock}>&-; return 1; }
      say "$server_failure. What was installed $(date -r "$folder/packages" +%F) is used."
    fi
  fi
  exec {server_lock}>&-
}

# in_server SERVER COMMAND …: runs it in a copy of the project, in the folder of the server. The mounts, and what is
# written to /tmp, go away with it; with PB_KEEP they stay as long as what it has started, until stop_in_server.
in_server() (
  server=$1
  folder=$PB_CACHE/$(release_of "$server")
  shift
  work=$(mktemp -d "${TMPDIR:-/tmp}/portfolio_batch.XXXXXX")
  trap '[ -n "${PB_KEEP:-}" ] && [ $? -eq 0 ] || as_root rm -rf --one-file-system "$work"' EXIT
  printf '%s\n' "$work" >"$work/in_server"
  mkdir "$work/project" "$work/tmp"
  chmod 755 "$work" "$work/project"
  chmod 1777 "$work/tmp"
  copy_sources "$work/project"
  as_root unshare --mount env FOLDER="$folder" WORK="$work" CACHE="$PB_CACHE/ccache" DATA="${PB_SHARED_DATA:-}" \
    PB_SERVER="$server" bash -euc '
      mount --bind "$WORK/project" "$FOLDER/portfolio_batch"
      mount --bind "$WORK/tmp" "$FOLDER/tmp"
      mount --bind "$CACHE" "$FOLDER/ccache"
      mount --rbind /proc "$FOLDER/proc"
      mount --rbind /dev "$FOLDER/dev"
      mount --bind /etc/resolv.conf "$FOLDER/etc/resolv.conf"
      [ -z "$DATA" ] || mount --bind "$DATA" "$FOLDER/shared"
      exec chroot "$FOLDER" env -i -C /portfolio_batch HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 CI="${CI:-}" \
        PATH=/usr/lib/ccache:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin CCACHE_DIR=/ccache \
        PB_SERVER="$PB_SERVER" PB_OUTER_TMP="$WORK/tmp" ${DATA:+PB_SHARED_DATA=/shared} "$@"' in_server "$@"
)

# The sources without what was made of them: that of one server does not serve another.
copy_sources() {
  tar -C "$PB_ROOT" --exclude='*.o' --exclude='*.d' --exclude='*.so' --exclude=./build --exclude=./.git \
    --exclude=./results --exclude=./output_iso -c . | tar -C "$1" -x --no-same-owner
}

# around_server FOLDER: of a cluster that in_server left running, the folder in which all of it is; else nothing.
around_server() {
  local around
  around=$(cd "$1/../.." && pwd)
  [ "$(cat "$around/in_server" 2>/dev/null)" != "$around" ] || printf '%s\n' "$around"
}

# stop_in_server FOLDER AROUND: ends that cluster, whose user is one of the other release, and removes all of it.
stop_in_server() {
  local process
  process=$(as_root head -n 1 "$1/data/postmaster.pid")
  as_root kill -QUIT "$process"
  while as_root kill -0 "$process" 2>/dev/null; do sleep 0.1; done
  as_root rm -rf --one-file-system "$2"
}
