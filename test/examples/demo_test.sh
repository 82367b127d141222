#!/usr/bin/env bash
# The demo as `make demo` runs it, without a terminal: it ends by itself with exit code 0, has told all of its steps,
# and leaves nothing behind.
set -euo pipefail
source=${QUERN_SOURCE:-.}
build=${QUERN_BUILD:-build}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

status=0
mkdir "$folder/tmp"
TMPDIR=$folder/tmp "$source/examples/monitor/demo.sh" "$build" >"$folder/out" 2>"$folder/errors" </dev/null || status=$?

fail() {
  echo "FAIL $1"
  cat "$folder/out" "$folder/errors"
  exit 1
}
[ "$status" = 0 ] || fail "exit code $status"
[ ! -s "$folder/errors" ] || fail "something on standard error"
for step in 1 2 3 4 5 6 7; do
  grep -q "^$step\. " "$folder/out" || fail "step $step is missing"
done
grep -q "^That was it" "$folder/out" || fail "the end is missing"
if grep -q $'\033' "$folder/out"; then fail "escape sequences without a terminal"; fi
[ -z "$(ls -A "$folder/tmp")" ] || fail "files are left behind: $(ls -A "$folder/tmp")"
echo "ok   demo"
