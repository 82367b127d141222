#!/usr/bin/env python3
"""A few seeds of `make check-peer`: calls and worlds, answered as by PostgreSQL. Without one: nothing."""

import os

import compare
from history.servers import PostgreSQL


def test_random_statements_are_answered_as_by_the_peer():
    if not os.path.exists(os.path.join(PostgreSQL.binaries, "postgres")):
        print("     no PostgreSQL 15 is installed")
        return
    with PostgreSQL(locale=compare.LOCALE) as peer:
        run = compare.Run(peer)
        for seed in range(1, 7):
            run.calls(seed)
        for seed in range(1, 21):
            run.world(seed)
        run.stop()
        assert run.count > 4000 and not run.found, f"{run.count} statements, differences: {run.found}"


if __name__ == "__main__":
    compare.quern.run(test_random_statements_are_answered_as_by_the_peer)
