#!/usr/bin/env bash
# Makes baskets.csv anew, from the list of packages of the Debian 12 that this runs on (`apt-get update` fetches it):
# the games, and which libraries each one depends on. The example itself needs none of this.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
apt-cache dumpavail | python3 -c '
import re, sys

everywhere = {"libc6", "libgcc-s1", "libstdc++6"}
baskets = {}
for paragraph in sys.stdin.read().split("\n\n"):
    field = dict(re.findall(r"^([\w-]+): (.*)$", paragraph, re.M))
    if field.get("Section") != "games" or field["Package"].startswith("lib"):
        continue
    names = {re.split(r"[ :|(]", part.strip())[0] for part in field.get("Depends", "").split(",")}
    libraries = sorted(name for name in names - everywhere if name.startswith("lib"))
    if len(libraries) > 1:
        baskets[field["Package"]] = libraries
print("game,library")
for game in sorted(baskets):
    for library in baskets[game]:
        print(f"{game},{library}")
' >"$here/baskets.csv"
wc -l "$here/baskets.csv"
