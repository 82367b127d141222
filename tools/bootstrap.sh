#!/bin/bash
# Installs the Debian 12 packages that a verb of the Makefile needs: tools/bootstrap.sh [GROUP…].
# Without a group: what building and the demo need. check, peer, bench, fuzz, format add to that; run is for itself.
# Quick and silent when all is there; needs nothing but a base system itself.
set -u

build="gcc libc6-dev cmake ninja-build pkg-config python3 tzdata postgresql-client-15
  libpg-query-dev libprotobuf-c-dev libxxhash-dev libgmp-dev libzstd-dev libpcre2-dev libutf8proc-dev libedit-dev libssl-dev libcmocka-dev"
# pgbench lives in the server's package; the tests start no server.
check="postgresql-15 g++ python3-cffi"
peer="postgresql-15"
bench="postgresql-15 libpq-dev libsqlite3-dev redis-server python3-venv"
fuzz="clang libclang-rt-14-dev"
format="clang-format git"
# What an installed server needs, and nothing else.
run="libpg-query1504.0 libxxhash0 libgmp10 libzstd1 libpcre2-8-0 libutf8proc2 libedit2 libssl3"

wanted=$build
for group in "$@"; do
  case $group in
    check | peer | bench | fuzz | format) wanted="$wanted ${!group}" ;;
    run) wanted=$run ;;
    *) echo "bootstrap: unknown group \"$group\"; there are check, peer, bench, fuzz, format, run" >&2; exit 2 ;;
  esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "bootstrap: this is not a Debian system; install what is the same there as:" $wanted >&2
  exit 1
fi

# shellcheck disable=SC2086 # the list is to be split
installed=" $(dpkg-query -W -f '${db:Status-Status}=${Package} ' $wanted 2>/dev/null)"
missing=""
for package in $wanted; do
  case "$installed" in
    *" installed=$package "*) ;;
    *) case " $missing " in *" $package "*) ;; *) missing="$missing $package" ;; esac ;;
  esac
done
[ -z "$missing" ] && exit 0

root=""
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "bootstrap: packages are missing, and there is neither root nor sudo to install them. As root, run:" >&2
    echo "  apt-get install --no-install-recommends$missing" >&2
    exit 1
  fi
  root="sudo"
fi

# A server package would start its server: a drop-in keeps postgresql-15 from making a cluster, and a
# policy keeps services (redis-server) from starting. Both are taken away again; what is there stays.
no_cluster=/etc/postgresql-common/createcluster.d/quern.conf
policy=/usr/sbin/policy-rc.d
put=""
put() { # put FILE MODE TEXT
  [ -e "$1" ] && return
  $root mkdir -p "$(dirname "$1")" && printf '%s\n' "$3" | $root tee "$1" >/dev/null &&
    $root chmod "$2" "$1" && put="$put $1"
}
# shellcheck disable=SC2086
finish() { [ -z "$put" ] || $root rm -f $put; }
trap finish EXIT
trap 'exit 130' INT TERM

echo "bootstrap: installing$missing"
case "$missing" in
  *postgresql-15*) put $no_cluster 644 'create_main_cluster = false' ;;
esac
case "$missing" in
  *postgresql-15* | *redis-server*) put $policy 755 '#!/bin/sh
exit 101' ;;
esac
# shellcheck disable=SC2086
if ! $root env DEBIAN_FRONTEND=noninteractive apt-get -qq update ||
  ! $root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 install \
    --no-install-recommends $missing >/dev/null; then
  echo "bootstrap: apt-get could not install$missing" >&2
  echo "bootstrap: look at its message above (network, package source of Debian 12), then run this again" >&2
  exit 1
fi
