#!/usr/bin/env bash
# examples/flights says what stands in its expected.txt.
exec "${QUERN_SOURCE:-.}/test/examples/run_example.py" flights
