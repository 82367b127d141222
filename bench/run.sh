#!/bin/bash
# Builds Quern and the benchmark programs into BUILD (build) and measures them beside their peers:
# bench/run.sh [SCRIPT …] of bench, load, transactions, tpch, bulk (these five without a name) and paper. Progress goes to standard error, the
# tables (markdown) to standard output.
# BENCH_ROUNDS, BENCH_SECONDS, BENCH_DIRECTORY (/var/tmp) and BENCH_ONLY (part of a row's name) change a run.
set -u
cd "$(dirname "$0")/.." || exit 2
build=${BUILD:-build}
jobs=${JOBS:-$(nproc)}

if grep -qsE '^QUERN_(SANITIZE|THREAD_SANITIZE|FUZZ):BOOL=ON' "$build/CMakeCache.txt"; then
  echo "bench: $build is built with a sanitizer; measure another one: BUILD=DIRECTORY bench/run.sh" >&2
  exit 2
fi
cmake -S . -B "$build" -G Ninja >/dev/null || exit 1
targets=$(ninja -C "$build" -t targets all | sed -n 's/^\(quern\|bench_[a-z_]*\): .*/\1/p')
for target in $targets; do
  cmake --build "$build" -j "$jobs" --target "$target" >&2 || echo "bench: $target does not build; its rows are left out" >&2
done
[ $# -gt 0 ] || set -- bench load transactions tpch bulk
for script in "$@"; do
  python3 "bench/$script.py" "$build" || exit 1
  echo
done
