#!/usr/bin/env bash
# The demo, as `make demo` runs it.
exec "${QUERN_SOURCE:-.}/test/examples/run_example.py" monitor
