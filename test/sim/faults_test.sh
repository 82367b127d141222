#!/bin/sh
# Faults put in on purpose are found, by seeds that pass without them.
set -u
sim=$QUERN_BUILD/sim/quern_sim
status=0
for fault in sync-left-out torn-accepted reply-early sink-early 'sync-hidden --troubled' 'full-answered --troubled'; do
  if found=$("$sim" --seeds 1..300 --fault $fault); then
    echo "$fault was not found: $found"
    status=1
  else
    case "$found" in
      "seed "*) echo "$fault: $found" ;;
      *) echo "$fault: the simulator failed otherwise: $found"; status=1 ;;
    esac
  fi
done
exit $status
