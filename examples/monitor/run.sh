#!/usr/bin/env bash
# The main job, to be read as well as run: an anomaly monitor on this machine's own measurements.
# It starts a server of its own, watches it work, changes it while it runs, kills it, and starts it again.
set -euo pipefail
build=${1:-build}
example=monitor
# shellcheck source=examples/common.sh
. "$(dirname "$0")/../common.sh"

say "1. One process: quern serve"
start
note "It listens on 127.0.0.1:$port and keeps its state in a directory of its own." \
  "What follows is said to it by psql; lines with > are the statements."

say "2. A source, three tables and a workflow (examples/monitor/monitor.sql)"
sql -f "$here/monitor.sql"
sed -n 's/^CREATE \([A-Z]*\) \([a-z_]*\).*/  created \1 \2/p' "$here/monitor.sql" | tr -s ' ' | sed 's/^/ /'
note "The source reads this machine's /proc every 200 ms. For each row of it the workflow first looks whether" \
  "the value is unusual for its metric, and writes an alert if so; then it brings mean and variance up to date."

say "3. The stream runs, and its state is a table like any other"
note "(waiting for 20 measurements of each metric)"
wait_until "SELECT count(*) >= 10 AND min(n) >= 20 FROM stats"
ask "SELECT metric, n, round((mean / unit)::numeric, 3) AS mean, round((sqrt(m2 / n) / unit)::numeric, 3) AS deviation,
       round((value / unit)::numeric, 3) AS now, in_unit
FROM (SELECT *, CASE WHEN metric LIKE 'cpu%' OR metric LIKE 'load%' THEN 1 ELSE 1048576 END AS unit,
             CASE WHEN metric LIKE 'cpu%' THEN 'of 1' WHEN metric LIKE 'load%' THEN 'processes'
                  WHEN metric LIKE 'memory%' THEN 'MiB' ELSE 'MiB/s' END AS in_unit
      FROM stats) s
ORDER BY metric"
note "These rows change five times a second. The question was asked in the midst of that, of one moment of all."

say "4. A question that nobody foresaw: what varies most, for its size?"
ask "SELECT metric, round((sqrt(m2 / n) / mean)::numeric, 3) AS deviation_by_mean
FROM stats WHERE mean > 0 ORDER BY 2 DESC LIMIT 3"

say "5. The threshold is a row too: a transaction moves it while the stream runs"
note "Alerts so far, at 3 deviations: $(value 'SELECT count(*) FROM alerts')"
moved=$(value "SELECT now()")
ask "BEGIN;
SELECT deviations FROM threshold WHERE name = 'all';
UPDATE threshold SET deviations = 0.5 WHERE name = 'all';
COMMIT"
wait_until "SELECT count(*) >= 5 FROM alerts WHERE deviations < 3 AND at > '$moved'"
note "From the commit on the workflow goes by the new one, and more is unusual:"
ask "SELECT to_char(at, 'HH24:MI:SS.MS') AS at, metric, round(deviations::numeric, 2) AS deviations
FROM alerts ORDER BY alerts.at DESC, metric LIMIT 5"

say "6. kill -9, in the midst of it all"
value "INSERT INTO threshold VALUES ('written just before the end', 1)" >/dev/null
before=$(value "SELECT count(*) FROM alerts")
samples=$(value "SELECT sum(n) FROM stats")
{
  kill -9 "$server"
  wait "$server" || true
} 2>/dev/null
note "It had told us of $before alerts and $samples measurements, and had acknowledged an INSERT a moment ago." \
  "Whatever Quern tells is on the disk before it is told."

say "7. The same directory, a new process"
start
after=$(value "SELECT count(*) FROM alerts")
again=$(value "SELECT sum(n) FROM stats")
kept=$(value "SELECT count(*) FROM threshold WHERE name = 'written just before the end'")
note "It has $after alerts and $again measurements; the row of the INSERT is there: $([ "$kept" = 1 ] && echo yes || echo no)."
[ "$after" -ge "$before" ] && [ "$again" -ge "$samples" ] && [ "$kept" = 1 ] || { echo "$example: something was lost" >&2; exit 1; }
wait_until "SELECT sum(n) > $again FROM stats"
note "The stream has gone on by itself: $(value 'SELECT sum(n) FROM stats') measurements now. Each was counted once:"
ask "SELECT s.name AS source, s.rows, w.name AS workflow, w.rows_in, (SELECT sum(n) FROM stats) AS counted, s.errors
FROM quern.sources s CROSS JOIN quern.workflows w"

say "That was it. Nothing that was acknowledged is lost, and no question had to wait for the stream."
note "By hand:  $build/quern serve --data DIR --listen 127.0.0.1:5433" \
  "          psql -h 127.0.0.1 -p 5433 -f examples/monitor/monitor.sql" \
  "README.md has a tour of five minutes."
