#!/bin/bash
# Builds the fuzzers with clang and libFuzzer into build-fuzz and runs each for FUZZ_SECONDS (600):
# tools/fuzz.sh [NAME…]. It starts from test/fuzz/corpus/NAME, with the words of test/fuzz/NAME.dict; what it finds goes
# to build-fuzz/corpus/NAME and, with FUZZ_KEEP=1, what of that reaches new code is added to the kept corpus at the end.
# Exits 1 if a fuzzer found a failure; the input is then in build-fuzz/NAME-….
set -u
cd "$(dirname "$0")/.." || exit 2
seconds=${FUZZ_SECONDS:-600}
build=build-fuzz

tools/bootstrap.sh fuzz || exit 1
cmake -S . -B $build -G Ninja -DCMAKE_C_COMPILER=clang -DQUERN_FUZZ=ON >/dev/null || exit 1
cmake --build $build --target fuzzers -j "${JOBS:-$(nproc)}" || exit 1

if [ $# = 0 ]; then
  for source in test/fuzz/*_fuzz.c; do
    [ -e "$source" ] || { echo "fuzz: there is no test/fuzz/NAME_fuzz.c"; exit 1; }
    set -- "$@" "$(basename "$source" _fuzz.c)"
  done
fi

export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
status=0
for name in "$@"; do
  program=$build/test/fuzz/${name}_fuzz
  kept=test/fuzz/corpus/$name
  found=$build/corpus/$name
  dictionary=test/fuzz/$name.dict
  [ -e "$dictionary" ] || dictionary=
  [ -x "$program" ] || { echo "fuzz: there is no fuzzer $name"; exit 2; }
  mkdir -p "$kept" "$found"
  echo "fuzz: $name for $seconds s"
  if ! "$program" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=4096 -max_len=65536 -print_final_stats=1 \
    ${dictionary:+-dict="$dictionary"} \
    -artifact_prefix="$build/$name-" "$found" "$kept"; then
    echo "fuzz: $name failed; its input is $(ls -t "$build/$name-"* | head -1)"
    status=1
  fi
  if [ "${FUZZ_KEEP:-0}" = 1 ]; then
    "$program" -merge=1 "$kept" "$found" || status=1
  fi
done
exit $status
