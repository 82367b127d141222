#!/usr/bin/env bash
# examples/recommender says what stands in its expected.txt.
exec "${QUERN_SOURCE:-.}/test/examples/run_example.py" recommender
