#!/bin/bash
# Formats the C files by .clang-format: tools/format.sh [FILE…]; without a file all that git knows.
set -u
cd "$(dirname "$0")/.." || exit 2
tools/bootstrap.sh format || exit 1
if [ $# = 0 ]; then
  mapfile -t files < <(git ls-files '*.c' '*.h')
  set -- "${files[@]}"
fi
clang-format -i "$@"
