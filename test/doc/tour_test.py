#!/usr/bin/env python3
"""README's tour, as a newcomer types it: its server, its psql, its statements, and what stands behind `-->`."""

import os
import queue
import re
import shlex
import subprocess
import sys
import tempfile
import threading
import time

SOURCE = os.environ.get("QUERN_SOURCE", ".")
sys.path.insert(0, os.path.join(SOURCE, "test", "support"))
from quern import BUILD, PATIENCE, Server, run

README = open(os.path.join(SOURCE, "README.md"), encoding="utf-8").read()
END = "(that was all)"


def tour():
    return README.split("## Five minutes by psql")[1].split("\n## ")[0]


def blocks():
    """(SQL block, the text before it) of the tour."""
    return [(match.group(2), match.group(1)) for match in re.finditer(r"(.*?)```sql\n(.*?)```", tour(), re.S)]


class Psql:
    """The tour's psql command, on the test's port, with rows as `a | b`."""

    def __init__(self, port):
        line = re.search(r"^psql .*$", tour(), re.M).group(0)
        words = shlex.split(line.replace("5433", str(port)))
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        environment["PGUSER"] = "newcomer"
        self.process = subprocess.Popen([*words, "-X", "-q", "-A", "-t", "-F", " | "], env=environment, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def say(self, text):
        """The lines that psql answers."""
        self.process.stdin.write(f"{text}\n\\echo {END}\n")
        self.process.stdin.flush()
        lines = []
        while True:
            line = self.lines.get(timeout=PATIENCE)
            assert line is not None, f"psql ended:\n{text}\n" + "\n".join(lines)
            if line == END:
                return lines
            lines.append(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def pieces(block):
    """(statements, expected lines) in their order."""
    text, expected = "", []
    for line in block.splitlines():
        if line.startswith("--> "):
            expected.append(line[4:])
            continue
        if expected:
            yield text, expected
            text, expected = "", []
        text += line + "\n"
    yield text, expected


def follow(psql, block):
    for text, expected in pieces(block):
        lines = psql.say(text)
        last = text.rstrip().rsplit(";\n", 1)[-1]
        deadline = time.monotonic() + PATIENCE
        while expected and lines[-len(expected) :] != expected and last.startswith("SELECT") and time.monotonic() < deadline:
            time.sleep(0.1)  # the stream may not be there yet: "ask again"
            lines = psql.say(last)
        errors = [line for line in lines if "ERROR" in line and line not in expected]
        assert not errors, f"{text}\n{errors}"
        found = [line for line in lines if not line.startswith(("DETAIL", "HINT"))][-len(expected) :] if expected else []
        assert found == expected, f"{text}\n{lines}, not {expected}"


def test_tour():
    with tempfile.TemporaryDirectory() as folder:
        line = re.search(r"^build/quern serve .*$", tour(), re.M).group(0)
        words = [os.path.join(BUILD, "quern") if word == "build/quern" else word
                 for word in shlex.split(line.replace("/tmp/quern", os.path.join(folder, "quern")).replace(":5433", ":0"))]
        server = Server()
        server.command = lambda: words
        with server:
            psql = Psql(server.port)
            for block, before in blocks():
                if "kill -9" in before:
                    psql.close()
                    server.kill()
                    server.start()
                    psql = Psql(server.port)
                follow(psql, block)
            psql.close()
        assert "kill -9" in tour()


def test_verbs_and_links():
    makefile = open(os.path.join(SOURCE, "Makefile"), encoding="utf-8").read()
    for verb in set(re.findall(r"\bmake ([a-z]+)", README)) - {"to"}:
        assert re.search(rf"^{verb}:", makefile, re.M), f"make {verb} is no target"
    for path in re.findall(r"\]\(([^)]*)\)", README):
        assert os.path.exists(os.path.join(SOURCE, path)), f"{path} is not there"


if __name__ == "__main__":
    run(test_tour, test_verbs_and_links)
