#!/bin/sh
# Some hundred worlds with crashes: nothing acknowledged or shown is lost, also where the disk is full, slow or fails, or
# memory is scarce. And the same seed gives the same run.
set -eu
sim=$QUERN_BUILD/sim/quern_sim
"$sim" --seeds 1..120
"$sim" --seeds 1..120 --troubled
"$sim" --seeds 1..100 --tight
"$sim" --seeds 201..240 --tight --troubled
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
