# What the examples' scripts share, to be sourced after `example=NAME` and `build=DIR`: a server of their own on a free
# port of loopback, in a directory that goes with it; psql to ask it; and ways to show what is done.
here=$(cd "$(dirname "$0")" && pwd)
data=$(mktemp -d)
server=""
unset "${!PG@}" # psql is to ask our server, whatever the environment says

bold="" plain=""
if [ -t 1 ]; then
  bold=$'\033[1m' plain=$'\033[0m'
fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
note() { printf '  %s\n' "$@"; }

start() { # start [OPTION…]: starts the server and waits for its line
  : >"$data/out"
  "$build/quern" serve --data "$data/state" --listen 127.0.0.1:0 "$@" >"$data/out" 2>>"$data/log" &
  server=$!
  until grep -q 'listening on' "$data/out"; do
    kill -0 "$server" 2>/dev/null || { cat "$data/log" >&2; exit 1; }
    sleep 0.05
  done
  port=$(sed -n 's/.*listening on .*://p' "$data/out")
}

stop() {
  if [ -n "$server" ] && kill -0 "$server" 2>/dev/null; then
    kill "$server"
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$data"
}
trap stop EXIT

sql() { psql -X -q -v ON_ERROR_STOP=1 -P pager=off -P footer=off -h 127.0.0.1 -p "$port" -U demo -d quern "$@"; }
value() { sql -At -c "$1"; }
show() { printf '%s\n' "$1" | sed 's/^/  > /'; }
ask() { # shows a statement, then runs it
  show "$1"
  sql -c "$1" | sed '/^$/d; s/^/    /'
}
wait_until() { # wait_until QUERY: until it gives t, for a minute at most
  for _ in $(seq 300); do
    [ "$(value "$1")" = t ] && return
    sleep 0.2
  done
  echo "$example: gave up waiting for: $1" >&2
  exit 1
}
