#!/usr/bin/env bash
# Flight delays as a stream, with corrections by SQL while it runs. What this prints stands in expected.txt.
set -euo pipefail
build=${1:-build}
example=flights
# shellcheck source=examples/common.sh
. "$(dirname "$0")/../common.sh"

feeder=""
trap '[ -z "$feeder" ] || kill "$feeder" 2>/dev/null || true; stop' EXIT
files=$data/files
mkdir "$files"
head -1 "$here/flights.csv" >"$files/departures.csv"

feed() { # the flights of the extract, a hundred at a time
  tail -n +2 "$here/flights.csv" | split -l 100 - "$data/piece."
  for piece in "$data"/piece.*; do
    cat "$piece" >>"$files/departures.csv"
    sleep 0.02
  done
}

correct() { # correct DEPARTURE CARRIER FLIGHT ORIGIN DELAY: a 40001 means that it goes well the next time
  until sql -v VERBOSITY=verbose -v departure="$1" -v carrier="$2" -v flight="$3" -v origin="$4" -v delay="$5" \
    -f "$here/correct.sql" 2>"$data/complaint"; do
    grep -q 'ERROR:  40001' "$data/complaint" || { cat "$data/complaint" >&2; exit 1; }
  done
}

wrong() { # wrong TABLE COLUMN EXPRESSION: how many rows of a statistic are not what the flights give, at one moment
  value "SELECT count(*) FROM $1 s JOIN
    (SELECT $3 AS key, count(*) AS flights, count(*) - count(arr_delay) AS cancelled,
            count(*) FILTER (WHERE arr_delay > 15) AS late, coalesce(sum(arr_delay), 0) AS minutes
     FROM flight GROUP BY $3) f
    ON f.key = $2 WHERE (f.flights, f.cancelled, f.late, f.minutes) <> (s.flights, s.cancelled, s.late, s.minutes)"
}
compare() {
  note "Statistics that are not what the flights give: $(wrong carrier_delay s.carrier carrier) of carriers, $(
    wrong airport_delay "s.airport || s.day" "origin || departure::date") of airports and days."
}

say "1. A server that may read files in one folder, a source, the tables, a workflow (examples/flights/flights.sql)"
start --files "$files"
sql -f "$here/flights.sql"
sed -n 's/^CREATE \([A-Z]*\) \([a-z_]*\).*/  created \1 \2/p' "$here/flights.sql"

say "2. The flights come in, and corrections meanwhile (examples/flights/correct.sql)"
feed &
feeder=$!
while IFS=, read -r departure carrier flight origin delay; do
  wait_until "SELECT count(*) = 1 FROM flight
    WHERE departure = '$departure' AND carrier = '$carrier' AND flight = $flight AND origin = '$origin'"
  correct "$departure" "$carrier" "$flight" "$origin" "$delay"
  note "$departure $carrier $flight from $origin: $delay"
  compare >>"$data/compared" # whenever it is asked, in the midst of it
done <"$here/corrections.csv"
sort -u "$data/compared"
wait "$feeder"
feeder=""
rows=$(($(wc -l <"$here/flights.csv") - 1))
wait_until "SELECT rows = $rows FROM quern.sources WHERE name = 'departures'"

say "3. All are in: carriers by their mean delay, and where it was worst"
ask "SELECT carrier, flights, cancelled, late, round(minutes::numeric / (flights - cancelled), 1) AS mean
FROM carrier_delay WHERE flights > 100 ORDER BY minutes::numeric / (flights - cancelled) DESC"
ask "SELECT airport, day, flights, cancelled, late, round(minutes::numeric / (flights - cancelled), 1) AS mean
FROM airport_delay ORDER BY late DESC, airport LIMIT 3"
compare

say "4. A row that is late: four days behind, and it still counts for its day"
before="SELECT flights, minutes FROM airport_delay WHERE airport = 'JFK' AND day = '2013-01-01'"
ask "$before"
echo '2013-01-01 23:58,B6,9999,JFK,SJU,55,61' >>"$files/departures.csv"
wait_until "SELECT count(*) = 1 FROM flight WHERE flight = 9999"
ask "$before"
ask "SELECT * FROM late_row"

say "5. Rows that cannot be taken: one twice, one that is none, and the stream goes on"
printf '%s\n' '2013-01-01 23:58,B6,9999,JFK,SJU,55,61' '2013-01-05 24:61,B6,1,JFK,SJU,0,0' '2013-01-06 00:05,B6,2,JFK,SJU,3,-4' \
  >>"$files/departures.csv"
wait_until "SELECT count(*) = 1 FROM flight WHERE flight = 2 AND origin = 'JFK' AND departure = '2013-01-06 00:05'"
ask "SELECT sqlstate, reason, text FROM quern.source_errors ORDER BY sqlstate DESC"
ask "SELECT s.name, s.rows, s.errors, (SELECT count(*) FROM flight) AS flights FROM quern.sources s"
compare
