#!/usr/bin/env bash
# What `make install` puts on a machine: the server runs, programs in C, C++ and Python work with header, library and
# pkg-config file alone, manual pages and the unit are well formed.
set -euo pipefail
source=$(realpath "${QUERN_SOURCE:-.}")
build=$(realpath "${QUERN_BUILD:-build}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
  echo "FAIL $1"
  exit 1
}
cmake --install "$build" --prefix "$folder/usr" >"$folder/log"
cd "$folder"
[ "$(usr/bin/quern --version)" = "quern $(sed -n 's/^project(quern VERSION \([0-9.]*\).*/\1/p' "$source/CMakeLists.txt")" ] ||
  fail "the installed server"
pc=$(find usr -name quern.pc)
export PKG_CONFIG_PATH=$folder/$(dirname "$pc")
sed -i "s,^prefix=.*,prefix=$folder/usr," "$pc" # as if it had been configured with it
flags=$(pkg-config --cflags --libs quern)
library=$folder/$(dirname "$(find usr -name libquern.so)")
sanitize="" preload=""
case $(ldd "$library/libquern.so") in *libasan*)
  sanitize="-fsanitize=address,undefined"
  preload="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)" ;; # Python itself has none
esac
export LD_LIBRARY_PATH=$library

# shellcheck disable=SC2086 # the flags are to be split
gcc -std=c17 -Wall -Werror "$source/examples/embedded.c" $sanitize $flags -o in-c
[ "$(./in-c)" = "2 bed " ] || fail "the example in C"
# shellcheck disable=SC2086,SC2046
gcc -std=c17 "$source/examples/embedded.c" $sanitize $(pkg-config --static --cflags --libs quern | sed 's/-lquern/-l:libquern.a/') -o in-c-static
[ "$(env -u LD_LIBRARY_PATH ./in-c-static)" = "2 bed " ] || fail "the example in C with the static library"
# shellcheck disable=SC2086
g++ -std=c++17 -Wall -Wextra -Werror "$source/examples/embedded.cpp" $sanitize $flags -o in-cpp
[ "$(./in-cpp)" = "be 2
to 2" ] || fail "the example in C++"
# Debian's Python, which has Debian's cffi. What the interpreter keeps to its end is no leak of the library's.
LD_PRELOAD=$preload ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 \
  /usr/bin/python3 "$source/examples/embedded.py" state >in-python || fail "the example in Python"
diff in-python - <<'END' || fail "what the example in Python says"
moved 20.5, in all 99.5
not moved: 23514 new row for relation "account" violates check constraint "account_amount_check"
42703 at 8: column "amuont" does not exist
anna | 50.0 | True | None
ben | 49.5 | True | näh
cleo | 0.0 | False | 
END
[ "$(nm -D --defined-only "$library/libquern.so" | awk '$2 == "T" && $3 !~ /^quern_/ { print $3 }' | head -3)" = "" ] ||
  fail "the library shows more than quern.h"

for page in man1/quern.1 man3/libquern.3; do
  file=$(find usr -path "*$page")
  [ -n "$file" ] && grep -q '^\.SH NAME' "$file" || fail "the manual page $page"
  if command -v groff >/dev/null; then
    [ -z "$(groff -man -Tutf8 -ww -z "$file" 2>&1)" ] || fail "the manual page $page: $(groff -man -Tutf8 -ww -z "$file" 2>&1)"
  fi
done
# The manual page names just the options that the program has.
usr/bin/quern --help | grep -oE '^  --[a-z-]+' | tr -d ' ' | sort -u >of-program
sed 's/\\-/-/g' usr/share/man/man1/quern.1 | sed -n '/OPTIONS OF SERVE/,/EXIT STATUS/p' | grep -oE -e '--[a-z-]+' | sort -u >of-page
diff of-program of-page || fail "options in the manual page"
unit=$(find usr -name quern.service)
grep -q "^ExecStart=/.*/quern serve " "$unit" || fail "the unit"
echo "ok   install"
