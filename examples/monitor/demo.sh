#!/usr/bin/env bash
# The main job, to be read as well as run: an anomaly monitor on this machine's own measurements.
# It starts a server of its own, watches it work, changes it while it runs, kills it, and starts it again.
set -euo pipefail
build=${1:-build}
here=$(cd "$(dirname "$0")" && pwd)
data=$(mktemp -d)
server=""

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
note() { printf '  %s\n' "$*"; }

start() { # starts the server and waits for its line
  : >"$data/out"
  "$build/quern" serve --data "$data/state" --listen 127.0.0.1:0 >"$data/out" 2>>"$data/log" &
  server=$!
  until grep -q 'listening on' "$data/out"; do
    kill -0 "$server" 2>/dev/null || { cat "$data/log"; exit 1; }
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

sql() { PGOPTIONS='' psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$port" -U demo -d quern "$@"; }
value() { sql -At -c "$1"; }
wait_until() { # wait_until QUERY: until it gives t, for a minute at most
  for _ in $(seq 300); do
    [ "$(value "$1")" = t ] && return
    sleep 0.2
  done
  echo "demo: gave up waiting for: $1" >&2
  exit 1
}

say "1. One process: quern serve"
start
note "It listens on 127.0.0.1:$port and keeps its state in a directory of its own."

say "2. A source, three tables and a workflow, by psql"
sql -f "$here/monitor.sql"
sed -n 's/^CREATE \([A-Z]*\) \([a-z_]*\).*/  created \1 \2/p' "$here/monitor.sql"

say "3. The stream runs: mean and deviation of every metric are rows of a table"
wait_until "SELECT count(*) >= 10 AND min(n) >= 20 FROM stats"
sql -c "SELECT metric, n, round(mean::numeric, 4) AS mean, round(sqrt(m2 / n)::numeric, 4) AS deviation, round(value::numeric, 4) AS now
        FROM stats ORDER BY metric"
note "These rows change five times a second. The question was asked while they did, of one moment of all of them."

say "4. A question that nobody foresaw"
sql -c "SELECT metric, round((m2 / n / mean ^ 2)::numeric, 6) AS restlessness FROM stats WHERE mean > 0 ORDER BY 2 DESC LIMIT 3"

say "5. The threshold is a row too: a transaction moves it while the stream runs"
note "alerts so far, at 3 deviations: $(value 'SELECT count(*) FROM alerts')"
sql <<SQL
BEGIN;
SELECT * FROM threshold;
UPDATE threshold SET deviations = 0.5 WHERE name = 'all';
COMMIT;
SQL
moved=$(value "SELECT now()")
wait_until "SELECT count(*) >= 5 FROM alerts WHERE at > '$moved'"
note "From the next measurement on the workflow goes by the new one:"
sql -c "SELECT to_char(at, 'HH24:MI:SS.MS') AS at, metric, round(value::numeric, 3) AS value, round(mean::numeric, 3) AS mean,
               round(deviations::numeric, 2) AS deviations
        FROM alerts WHERE at > '$moved' ORDER BY at DESC, metric LIMIT 5"

say "6. kill -9, in the middle of it all"
value "INSERT INTO threshold VALUES ('acknowledged just before the end', 1)" >/dev/null
before=$(value "SELECT count(*) FROM alerts")
samples=$(value "SELECT sum(n) FROM stats")
kill -9 "$server"
wait "$server" 2>/dev/null || true
note "At its death: $before alerts, $samples measurements counted, and one row inserted a moment ago."

say "7. The same directory, a new process"
start
after=$(value "SELECT count(*) FROM alerts")
again=$(value "SELECT sum(n) FROM stats")
kept=$(value "SELECT count(*) FROM threshold WHERE name = 'acknowledged just before the end'")
note "It found $after alerts and $again measurements (the stream has gone on already); the row is there: $kept."
[ "$after" -ge "$before" ] && [ "$again" -ge "$samples" ] && [ "$kept" = 1 ] || { echo "demo: something was lost" >&2; exit 1; }
wait_until "SELECT sum(n) > $again FROM stats"
note "And it counts on where it had stopped: $(value 'SELECT sum(n) FROM stats') measurements now."
sql -c "SELECT name, connector, state, rows, errors FROM quern.sources" -c "SELECT * FROM quern.workflows"

say "That was it. Nothing acknowledged was lost, and nobody had to stop anything."
note "Try it yourself:  $build/quern serve --data DIR --listen 127.0.0.1:5433"
note "                  psql -h 127.0.0.1 -p 5433 -f examples/monitor/monitor.sql"
