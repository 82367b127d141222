#!/usr/bin/env python3
"""Runs examples/NAME/run.sh without a terminal: run_example.py NAME [--write]. It must end by itself with exit code 0, say
what its expected.txt says, and leave nothing behind.

In expected.txt stands `#` for a number, where numbers are the machine's, and a line `…` for any lines; blanks and the
width of tables do not count. --write makes the file anew, without those."""

import os
import re
import subprocess
import sys
import tempfile

SOURCE = os.environ.get("QUERN_SOURCE", ".")
BUILD = os.environ.get("QUERN_BUILD", "build")


def plain(text):
    return [re.sub(r"-{2,}", "--", " ".join(line.split())) for line in text.splitlines()]


def matches(expected, line):
    return re.fullmatch(r"-?[0-9][0-9:.]*".join(re.escape(part) for part in expected.split("#")), line) is not None


def complaint(expected, said):
    """None, or what is not as expected."""
    at, anything = 0, False
    for number, line in enumerate(expected, 1):
        if line == "…":
            anything = True
            continue
        last = len(said) if anything else min(at + 1, len(said))
        found = next((i for i in range(at, last) if matches(line, said[i])), None)
        if found is None:
            instead = said[at] if at < len(said) else "(nothing)"
            return f'line {number} of expected.txt, "{line}": it says "{instead}"'
        at, anything = found + 1, False
    return None if anything or at == len(said) else f'it says more: "{said[at]}"'


def main(name, write=False):
    folder = os.path.join(SOURCE, "examples", name)
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run([os.path.join(folder, "run.sh"), BUILD], env={**os.environ, "TMPDIR": scratch}, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said = done.stdout.replace(f" {BUILD}/", " build/")
        left = os.listdir(scratch)
    if write:
        with open(os.path.join(folder, "expected.txt"), "w", encoding="utf-8") as file:
            file.write(re.sub(r"[ \t]+$", "", said, flags=re.M))
    with open(os.path.join(folder, "expected.txt"), encoding="utf-8") as file:
        wrong = complaint(plain(file.read()), plain(said))
    complaints = [
        (done.returncode != 0, f"exit code {done.returncode}"),
        (done.stderr, "something on standard error"),
        ("\033" in done.stdout, "escape sequences without a terminal"),
        (left, f"files are left behind: {left}"),
        (wrong, wrong),
    ]
    for is_so, text in complaints:
        if is_so:
            print(f"{done.stdout}{done.stderr}FAIL {text}")
            return 1
    print(f"ok   {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], "--write" in sys.argv[2:]))
