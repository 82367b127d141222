"""All of test/sql/cases in the peer: what is expected there is still what PostgreSQL says, in both protocols."""

import os

import session  # the path to what is shared
from sql import text_test


def run(peer):
    """The number of cases that failed. `peer` is a PostgreSQL that is up."""
    failed = count = 0
    for path in text_test.paths_of([]):
        cases = text_test.read_cases(path)
        said = [case for case in cases if case.text]
        if any("simple protocol only" in comment for case in cases for comment in case.comments):
            continue
        count += len(said)
        failed += text_test.run_file(path, cases, False, text_test.Peer(peer.port, "postgres"), says_all=False)
    print(f"{count} cases of {os.path.relpath(text_test.CASES)}, {failed} failed", flush=True)
    return failed
