#!/bin/sh
# The list of built-ins in doc/sql.md is what the engine's catalog says.
exec python3 "$QUERN_SOURCE/tools/builtins.py" --check
