#!/usr/bin/env python3
"""Writes the list of all functions, operators and casts into doc/sql.md, from the catalog of an engine that runs.

  builtins.py            writes the list (QUERN_BUILD is the build, QUERN_SOURCE the checkout)
  builtins.py --check    says whether the one that is there is the same
"""

import collections
import os
import pathlib
import sys

SOURCE = pathlib.Path(os.environ.get("QUERN_SOURCE", "."))
sys.path.insert(0, str(SOURCE / "test" / "support"))
import quern

DOCUMENT = SOURCE / "doc" / "sql.md"
FIRST = "<!-- what follows is written by tools/builtins.py -->"
LAST = "<!-- up to here -->"
KINDS = [("f", "f", "Functions"), ("f", "t", "Functions that give rows"), ("a", "f", "Aggregates"),
         ("w", "f", "Window functions")]


def types_of(client):
    names = {row[0]: row[1] for row in client.rows("SELECT oid::text, format_type(oid, NULL) FROM pg_type")}
    names.update({"0": "", "2276": '"any"', "2277": "anyarray", "2283": "anyelement", "2776": "anynonarray",
                  "5077": "anycompatible", "5078": "anycompatiblearray", "2249": "record", "3500": "anyenum"})
    return names


def code(text):
    if "|" not in text:
        return "`" + text + "`"
    return "<code>" + text.replace("|", "&#124;") + "</code>"


def functions(client, types):
    lines = []
    rows = client.rows("SELECT proname, prokind, proretset, proargtypes::text, prorettype::text FROM pg_proc")
    for kind, is_set, title in KINDS:
        found = collections.defaultdict(set)
        for name, its, gives, arguments, result in rows:
            if (its, gives) == (kind, is_set):
                given = ", ".join(types.get(oid, oid) for oid in arguments.strip("{}").replace(",", " ").split())
                found[name].add(f"({given}) → {types.get(result, result)}")
        lines += ["", f"### {title}", ""]
        lines += [f"- {code(name)}: " + "; ".join(sorted(found[name])) for name in sorted(found)]
    return lines


def operators(client, types):
    found = collections.defaultdict(set)
    for name, left, right, result in client.rows(
            "SELECT oprname, oprleft::text, oprright::text, oprresult::text FROM pg_operator"):
        found[name].add(f"{types.get(left, left)} · {types.get(right, right)} → {types.get(result, result)}".lstrip())
    return ["", "### Operators", ""] + [f"- {code(name)}: " + "; ".join(sorted(found[name])) for name in sorted(found)]


def casts(client, types):
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    for source, target, context in client.rows(
            "SELECT castsource::text, casttarget::text, castcontext FROM pg_cast"):
        found[types[source]][context].append(types[target])
    lines = ["", "### Casts", "",
             "Each type becomes text when it is assigned, and is made of text when a cast asks for it. Beside that:", ""]
    for source in sorted(found):
        parts = [f"{word} {', '.join(sorted(found[source][context]))}" for context, word in
                 (("i", "of itself"), ("a", "when assigned"), ("e", "when asked")) if context in found[source]]
        lines.append(f"- {source}: " + "; ".join(parts))
    return lines


def listed():
    with quern.Server() as server, server.connect() as client:
        types = types_of(client)
        lines = functions(client, types) + operators(client, types) + casts(client, types)
    return "\n".join([FIRST] + lines + ["", LAST])


def main():
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(FIRST)
    _, _, after = rest.partition(LAST)
    new = before + listed() + after
    if "--check" not in sys.argv:
        DOCUMENT.write_text(new, encoding="utf-8")
    elif new != text:
        sys.exit("doc/sql.md lists other built-ins than the engine has: run tools/builtins.py")


main()
