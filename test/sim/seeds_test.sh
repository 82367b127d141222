#!/bin/sh
# Some hundred worlds with crashes: nothing acknowledged or shown is lost, also where the disk is full, slow or fails. And the same seed gives the same run.
set -eu
sim=$QUERN_BUILD/sim/quern_sim
"$sim" --seeds 1..300
"$sim" --seeds 1..300 --troubled
first=$("$sim" --seed 77 --steps 1500)
second=$("$sim" --seed 77 --steps 1500)
if [ "$first" != "$second" ]; then
  echo "seed 77 ran differently: $first / $second"
  exit 1
fi
first=$("$sim" --seed 77 --steps 1500 --troubled)
second=$("$sim" --seed 77 --steps 1500 --troubled)
if [ "$first" != "$second" ]; then
  echo "seed 77 ran differently in troubled worlds: $first / $second"
  exit 1
fi
