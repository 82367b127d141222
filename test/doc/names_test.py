#!/usr/bin/env python3
"""What the manual names is there: the limits with their values, the tests of faults, the files of architecture."""
import ast
import os
import pathlib
import re
import sys

source = pathlib.Path(os.environ.get("QUERN_SOURCE", "."))
complaints = []


def text(path):
    return (source / path).read_text(encoding="utf-8")


def evaluate(expression):
    """A product of whole numbers, as in `(64 * 1024)`."""
    tree = ast.parse(re.sub(r"(\d)(?:u?ll|ull)\b", r"\1", expression), mode="eval").body

    def walk(node):
        if isinstance(node, ast.Constant):
            return node.value
        return walk(node.left) * walk(node.right)

    return walk(tree)


def as_written(value):
    """The ways in which the manual may write a number."""
    ways = {f"{value:,}"}
    for unit, size in (("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)):
        if value % size == 0:
            ways.add(f"{value // size} {unit}")
    return ways


limits = dict(re.findall(r"^#define ((?:LIMIT|DEFAULT)_\w+) (.*?)\s*(?://.*)?$", text("src/base/limits.h"), re.M))
rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", text("doc/limits.md"), re.M))
for name, expression in limits.items():
    if name not in rows:
        complaints.append(f"doc/limits.md does not have {name}")
    elif not any(re.match(rf"{re.escape(way)}\b", rows[name]) for way in as_written(evaluate(expression))):
        complaints.append(f"doc/limits.md: {name} is {expression}, not \"{rows[name]}\"")
for name in rows:
    if name not in limits:
        complaints.append(f"doc/limits.md: there is no {name} in src/base/limits.h")

for line in text("doc/faults.md").splitlines():
    for test in re.findall(r"`(\w+/\w+)`", line.rstrip(" |").rpartition("|")[2]):
        room, name = test.split("/")
        if not list((source / "test" / room).glob(f"{name}_*.*")):
            complaints.append(f"doc/faults.md: there is no test {test}")

for document in ("README.md", "doc/architecture.md", "doc/limits.md", "doc/faults.md", "doc/performance.md", "doc/transactions.md", "doc/embedding.md", "doc/security.md"):
    folder = (source / document).parent
    for target in re.findall(r"\]\(([\w./]+)\)", text(document)):
        if not (folder / target).exists():
            complaints.append(f"{document}: there is no {target}")
    for path in re.findall(r"`((?:src|test|include|bench|doc|tools)/[\w./]+\.\w+)`", text(document)):
        if not re.search(r"ROOM|NAME", path) and not (source / path).exists():
            complaints.append(f"{document}: there is no {path}")

print("\n".join(complaints) or "the manual's names are there")
sys.exit(1 if complaints else 0)
