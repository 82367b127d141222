#!/usr/bin/env bash
# Checks that includes go down the layers: a room of src/ may include itself and the rooms
# before it in `order`; the pure rooms may not include os/; edges see only quern.h, base/ and os/.
# Prints every offending line and exits 1.
set -u
cd "$1" || exit 2
order="base os data expr store table txn flow sql partition log host"
pure="data expr store table txn flow sql partition"
edges="wire connect http"
allowed() { # allowed ROOM: the rooms that ROOM may include
  local room=$1 seen=""
  case " $edges " in *" $room "*) echo "$room base os"; return ;; esac
  [ "$room" = main ] && { echo "main wire connect http base os"; return; }
  for r in $order; do
    case " $pure " in *" $room "*) [ "$r" = os ] && continue ;; esac
    [ "$room" = base ] && [ "$r" != base ] && continue
    seen="$seen $r"
    [ "$r" = "$room" ] && break
  done
  echo "$seen"
}
status=0
for folder in src/*/; do
  room=$(basename "$folder")
  may=" $(allowed "$room") "
  while IFS=: read -r file line text; do
    target=$(printf '%s' "$text" | sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p')
    [ -n "$target" ] || continue
    case "$target" in
      quern.h) continue ;;
      */*) other=${target%%/*} ;;
      *) other=$room ;;
    esac
    case "$may" in
      *" $other "*) ;;
      *) echo "layers: $file:$line: $room/ may not include $target"; status=1 ;;
    esac
  done < <(grep -nH -E '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$folder"*.c "$folder"*.h 2>/dev/null)
done
exit $status
