#!/bin/bash
# Builds everything with ASan and UBSan into BUILD and runs all tests, then runs the tests of threads
# under TSan in BUILD-thread: tools/check.sh BUILD JOBS. Closes with the line `N passed, N failed`.
set -u
cd "$(dirname "$0")/.." || exit 2
build=${1:?usage: tools/check.sh BUILD JOBS}
jobs=${2:-$(nproc)}
passed=0
failed=0

finish() {
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
  exit
}

# gcc 12's sanitizers cannot always place their shadow memory where addresses are randomized by more
# than 28 bits; there the tests run without randomization.
plain=""
bits=$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 28)
if [ "$bits" -gt 28 ] && setarch -R true 2>/dev/null; then
  plain="setarch -R"
fi

# run DIRECTORY [CTEST OPTION…]: runs its tests and adds to passed and failed.
run() {
  local directory=$1 log=$1/check.log summary bad total
  shift
  $plain ctest --test-dir "$directory" -j "$jobs" --output-on-failure --no-tests=error "$@" 2>&1 | tee "$log"
  summary=$(grep -aE '^[0-9]+% tests passed, [0-9]+ tests? failed out of [0-9]+$' "$log" | tail -1)
  if [ -z "$summary" ]; then
    failed=$((failed + 1))
    return
  fi
  bad=$(echo "$summary" | sed 's/.*passed, \([0-9]*\) test.*/\1/')
  total=${summary##* }
  failed=$((failed + bad))
  passed=$((passed + total - bad))
}

tools/bootstrap.sh check || { failed=1; finish; }

mkdir -p "$build" || { failed=1; finish; }
if ! cmake -S . -B "$build" -G Ninja -DQUERN_SANITIZE=ON >"$build/configure.log" 2>&1; then
  cat "$build/configure.log"
  failed=1
  finish
fi
if ! cmake --build "$build" -j "$jobs"; then
  failed=1
  finish
fi

# A refused allocation is an error that the tests look at, not a reason to stop.
export ASAN_OPTIONS=detect_leaks=1:halt_on_error=1:allocator_may_return_null=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1
run "$build"

# Of the build for TSan only what the tests of threads run is made.
thread=$build-thread
if cmake -S . -B "$thread" -G Ninja -DQUERN_THREAD_SANITIZE=ON >/dev/null &&
  cmake --build "$thread" -j "$jobs" --target threads; then
  run "$thread" -L threads
else
  failed=$((failed + 1))
fi
finish
