#!/usr/bin/env python3
"""doc/sql.md lists what PostgreSQL has and Quern has not: each statement there is refused with the SQLSTATE beside it."""

import os
import pathlib
import re
import sys

SOURCE = pathlib.Path(os.environ.get("QUERN_SOURCE", "."))
sys.path.insert(0, str(SOURCE / "test" / "support"))
import quern  # noqa: E402

HEADING = "## What PostgreSQL has and Quern has not"


def main():
    section = (SOURCE / "doc" / "sql.md").read_text(encoding="utf-8").split(HEADING, 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\|[^|]*\| `([^`]*)` \| (\w{5}) \|$", section, re.MULTILINE)
    assert len(rows) > 40, len(rows)
    wrong = []
    with quern.Server() as server, server.connect() as client:
        for text, sqlstate in rows:
            try:
                client.query(text)
                wrong.append(f"{text}: is answered")
            except quern.Failure as failure:
                if failure.sqlstate != sqlstate:
                    wrong.append(f"{text}: {failure}")
    assert not wrong, "\n".join(wrong)


main()
