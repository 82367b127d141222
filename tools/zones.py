#!/usr/bin/env python3
"""Time zones for the engine: zones.py FOLDER OUT.c writes the zones of a tz database (TZif files, RFC 8536) as
tables of src/data/zone_table.h. They are compiled in, so that what a zone means depends on the build alone: the
engine's pure rooms read no files, and a simulation repeats on any machine."""

import os
import re
import struct
import sys

OTHER_FILES = {"posix", "right", "posixrules", "localtime", "Factory", "leapseconds"}


def read_zone(data):
    """Transitions, kinds and the rule for later years of one file; of its two bodies the second, with 64 bits."""
    def counts(at):
        return struct.unpack(">6l", data[at + 20:at + 44])  # isut, isstd, leap, time, type, char

    isut, isstd, leap, times, types, chars = counts(0)
    at = 44 + times * 5 + types * 6 + chars + leap * 8 + isstd + isut
    isut, isstd, leap, times, types, chars = counts(at)
    at += 44
    moments = struct.unpack(f">{times}q", data[at:at + times * 8])
    at += times * 8
    indexes = data[at:at + times]
    at += times
    raw = [struct.unpack(">lBB", data[at + 6 * i:at + 6 * i + 6]) for i in range(types)]
    at += types * 6
    names = data[at:at + chars]
    at += chars + leap * 12 + isstd + isut
    kinds = [(offset, is_dst, names[name:names.index(0, name)].decode()) for offset, is_dst, name in raw]
    rule = data[at:].strip(b"\n").decode()
    # fat files begin with a transition that only says which kind was first
    return moments, [kinds[i] for i in indexes], kinds[0], parse_rule(rule)


def parse_time(text):
    """Seconds of [+-]hh[:mm[:ss]]."""
    sign = -1 if text.startswith("-") else 1
    parts = [int(part) for part in text.lstrip("+-").split(":")] + [0, 0]
    return sign * (parts[0] * 3600 + parts[1] * 60 + parts[2])


def parse_rule(text):
    """A POSIX TZ string with a daylight saving time whose changes are of the form Mm.w.d; None for any other."""
    name, time = r"(?:<([^>]+)>|([A-Za-z]+))", r"([+-]?[0-9:]+)"
    change = rf",M(\d+)\.(\d+)\.(\d+)(?:/{time})?"
    match = re.fullmatch(rf"{name}{time}{name}{time}?{change}{change}", text)
    if not match:
        return None
    groups = match.groups()
    standard = -parse_time(groups[2])
    daylight = -parse_time(groups[5]) if groups[5] else standard + 3600
    changes = [tuple(int(v) for v in groups[i:i + 3]) + (parse_time(groups[i + 3] or "2"),) for i in (6, 10)]
    return (standard, 0, groups[0] or groups[1]), (daylight, 1, groups[3] or groups[4]), changes


def zone_files(folder):
    for root, folders, files in os.walk(folder):
        if root == folder:
            folders[:] = [name for name in folders if name not in OTHER_FILES]
        for name in files:
            path = os.path.join(root, name)
            if root == folder and name in OTHER_FILES:
                continue
            with open(path, "rb") as file:
                data = file.read()
            if data.startswith(b"TZif"):
                yield os.path.relpath(path, folder), data


def main():
    folder, out = sys.argv[1:]
    zones = sorted(zone_files(folder), key=lambda zone: zone[0].lower())
    if not zones:
        sys.exit(f"zones: no time zones in {folder}: Debian has them in the package tzdata")
    kinds, places, moments, uses, bodies, names = {}, {}, [], [], [], []

    def kind_of(kind):
        return kinds.setdefault(kind, len(kinds))

    for name, data in zones:
        if data not in places:
            times, of_times, first, rule = read_zone(data)
            places[data] = len(bodies)
            standard, daylight, changes = rule if rule else ((0, 0, ""), (0, 0, ""), [(0, 0, 0, 0)] * 2)
            shown = ", ".join("{%d, %d, %d, %d}" % change for change in changes)
            bodies.append("{%d, %d, %d, %s, %d, %d, {%s}}" % (
                len(moments), len(times), kind_of(first), "true" if rule else "false",
                kind_of(standard), kind_of(daylight), shown))
            moments += times
            uses += [kind_of(kind) for kind in of_times]
        names.append('{"%s", %d}' % (name, places[data]))
    with open(out, "w", encoding="ascii") as file:
        def table(text, rows):
            file.write(f"{text} = {{\n" + "".join(f"  {row},\n" for row in rows) + "};\n\n")

        file.write('// Made by tools/zones.py.\n#include "data/zone_table.h"\n\n')
        shown = ('{%d, %s, "%s"}' % (offset, "true" if is_dst else "false", name) for offset, is_dst, name in kinds)
        table("const struct zone_kind zone_kinds[]", shown)
        table("const int64_t zone_moments[]", (str(moment) for moment in moments))
        table("const uint16_t zone_uses[]", (str(use) for use in uses))
        table("const struct zone_body zone_bodies[]", bodies)
        table("const struct zone_name zone_names[]", names)
        file.write(f"const int zone_name_count = {len(names)};\n")


if __name__ == "__main__":
    main()
