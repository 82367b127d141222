#!/bin/bash
# Formats the lines of C that differ from HEAD by .clang-format, and no others: tools/format.sh [REVISION].
set -u
cd "$(dirname "$0")/.." || exit 2
tools/bootstrap.sh format || exit 1
git clang-format --quiet --force --extensions c,h "${1:-HEAD}" -- src sim bench test examples include >/dev/null
git diff --stat
