#!/usr/bin/env python3
"""Claims as clients see them: who waits, who goes on, what everybody is told."""

import os
import sys

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
import quern  # noqa: E402
from steps import Bench, equal  # noqa: E402


TABLE = ("create table t (k int primary key, v int, w text)", "insert into t values (1, 0, 'a'), (2, 0, 'b'), (3, 0, 'c')")
BOTH = (False, True)  # the simple protocol and the extended one


def test_for_update_is_a_queue():
    for extended in BOTH:
        with Bench(*TABLE) as bench:
            for name in "abc":
                bench.does(name, "begin", extended=extended)
            equal(bench.does("a", "select v from t where k = 1 for update", extended=extended), ["0"])
            bench.waits("b", "select v from t where k = 1 for update", extended)
            bench.waits("c", "select v from t where k = 1 for update", extended)
            bench.does("a", "update t set v = v + 1 where k = 1", "commit", extended=extended)
            equal(bench.answer("b"), ["1"])
            assert not bench.answered("c")
            bench.does("b", "update t set v = v + 1 where k = 1", "commit", extended=extended)
            equal(bench.answer("c"), ["2"])
            equal(bench.does("c", "update t set v = v + 1 where k = 1", "commit", extended=extended), "COMMIT")
            equal(bench.value("select v from t where k = 1"), "3")


def test_rollback_lets_the_next_one_go():
    with Bench(*TABLE) as bench:
        bench.does("a", "begin", "select v from t where k = 1 for update")
        bench.does("b", "begin")
        bench.waits("b", "select v from t where k = 1 for update")
        bench.does("a", "rollback")
        equal(bench.answer("b"), ["0"])
        bench.does("a", "begin")
        bench.waits("a", "delete from t where k = 1")
        bench.does("b", "select 1 / (v) from t where k = 1")  # fails: its claims go
        equal(bench.answer("a"), "DELETE 1")


def test_a_vanished_client_lets_the_next_one_go():
    with Bench(*TABLE) as bench:
        bench.does("a", "begin", "select v from t where k = 1 for update")
        bench.does("b", "begin")
        bench.waits("b", "select v from t where k = 1 for update")
        bench.does("c", "begin")
        bench.waits("c", "select v from t where k = 1 for update")
        bench.clients.pop("b").close()
        bench.clients.pop("a").close()
        equal(bench.answer("c"), ["0"])


def test_two_update_then_select():
    for extended in BOTH:
        with Bench(*TABLE) as bench:
            for name in "ab":
                bench.does(name, "begin", "update t set v = v + 1 where k = 1", extended=extended)
            equal(bench.does("a", "select v from t where k = 1", extended=extended), ["1"])
            bench.waits("b", "select v from t where k = 1", extended)
            equal(bench.does("a", "commit", extended=extended), "COMMIT")
            equal(bench.answer("b"), ["2"])
            equal(bench.does("b", "commit", extended=extended), "COMMIT")


def test_a_blind_writer_waits_at_its_commit():
    for extended in BOTH:
        with Bench(*TABLE) as bench:
            bench.does("b", "begin", "update t set v = v + 10 where k = 1", extended=extended)
            bench.does("a", "begin", "select v from t where k = 1 for update", extended=extended)
            bench.waits("b", "commit", extended)
            equal(bench.does("a", "update t set v = v + 1 where k = 1", "commit", extended=extended), "COMMIT")
            equal(bench.answer("b"), "COMMIT")
            equal(bench.value("select v from t where k = 1"), "11")


def test_blind_increments_never_wait():
    with Bench(*TABLE) as bench:
        for name in "abcd":
            bench.does(name, "begin", "update t set v = v + 2 where k = 1", "update t set v = v - 1 where v > 0 and k = 1")
        for name in "abcd":
            equal(bench.does(name, "commit"), "COMMIT")


def test_an_update_that_sets_what_is_there_claims_the_row():
    for extended in BOTH:
        with Bench(*TABLE) as bench:
            for name in "ab":
                bench.does(name, "begin", extended=extended)
            equal(bench.does("a", "update t set k = k where k = 1", extended=extended), "UPDATE 1")
            bench.waits("b", "update t set v = v where k = 1", extended)
            equal(bench.does("a", "select v from t where k = 1", "update t set v = 7 where k = 1", "commit", extended=extended), "COMMIT")
            equal(bench.answer("b"), "UPDATE 1")
            equal(bench.does("b", "select v from t where k = 1", extended=extended), ["7"])
            equal(bench.does("b", "commit", extended=extended), "COMMIT")


def test_returning_is_a_queue():
    with Bench(*TABLE) as bench:
        for name in "ab":
            bench.does(name, "begin")
        equal(bench.does("a", "update t set v = v + 1 where k = 1 returning v"), ["1"])
        bench.waits("b", "update t set v = v + 1 where k = 1 returning v")
        bench.does("a", "commit")
        equal(bench.answer("b"), ["2"])
        equal(bench.does("b", "commit"), "COMMIT")


def test_version_columns():
    with Bench(*TABLE) as bench:
        for name in "ab":
            bench.does(name, "begin")
        equal(bench.does("a", "update t set v = v + 1 where k = 1 and v = 0"), "UPDATE 1")
        bench.waits("b", "update t set v = v + 1 where k = 1 and v = 0")
        bench.does("a", "commit")
        equal(bench.answer("b"), "UPDATE 0")
        equal(bench.does("b", "commit"), "COMMIT")


def test_get_or_create():
    with Bench(*TABLE) as bench:
        for name in "ab":
            bench.does(name, "begin")
            equal(bench.does(name, "select v from t where k = 9"), "SELECT 0")
        equal(bench.does("a", "insert into t values (9, 1) on conflict do nothing"), "INSERT 0 1")
        bench.waits("b", "insert into t values (9, 2) on conflict do nothing")
        bench.does("a", "commit")
        equal(bench.answer("b"), "40001")  # it had been told that there is no row


def test_get_or_create_without_looking_first():
    with Bench(*TABLE) as bench:
        for name in "ab":
            bench.does(name, "begin")
        equal(bench.does("a", "insert into t values (9, 1) on conflict do nothing"), "INSERT 0 1")
        bench.waits("b", "insert into t values (9, 2) on conflict do nothing")
        bench.does("a", "commit")
        equal(bench.answer("b"), "INSERT 0 0")
        equal(bench.does("b", "select v from t where k = 9"), ["1"])
        equal(bench.does("b", "commit"), "COMMIT")


def test_an_absent_key_can_be_claimed():
    with Bench(*TABLE) as bench:
        for name in "ab":
            bench.does(name, "begin")
        equal(bench.does("a", "select v from t where k = 9 for update"), "SELECT 0")
        bench.waits("b", "select v from t where k = 9 for update")
        bench.waits("c", "insert into t values (9, 5)")
        bench.does("a", "insert into t values (9, 1)", "commit")
        equal(bench.answer("b"), ["1"])
        bench.does("b", "commit")
        equal(bench.answer("c"), "23505")


def test_unique_keys():
    with Bench("create table u (k int primary key, a text unique)") as bench:
        for name in "ab":
            bench.does(name, "begin")
        bench.does("a", "insert into u values (1, 'x')")
        bench.waits("b", "insert into u values (2, 'x')")
        bench.waits("c", "insert into u values (3, 'x')")
        bench.does("d", "insert into u values (4, 'y')")
        bench.does("a", "commit")
        equal(bench.answer("b"), "23505")
        equal(bench.answer("c"), "23505")


def test_one_shots_wait_and_run_again():
    for extended in BOTH:
        with Bench(*TABLE) as bench:
            bench.does("a", "begin", "select v from t where k = 1 for update", extended=extended)
            bench.waits("b", "update t set v = v + 10 where k = 1", extended)
            bench.waits("c", "insert into t values (1, 5, 'x') on conflict (k) do update set v = t.v + 100", extended)
            bench.waits("d", "delete from t where k = 1 returning v", extended)
            equal(bench.does("e", "select v from t where k = 1", extended=extended), ["0"])
            equal(bench.does("e", "update t set v = 5 where k = 2", extended=extended), "UPDATE 1")
            bench.does("a", "update t set v = v + 1 where k = 1", "commit", extended=extended)
            equal(bench.answer("b"), "UPDATE 1")
            equal(bench.answer("c"), "INSERT 0 1")
            equal(bench.answer("d"), ["111"])


def test_a_one_shot_of_several_statements_is_undone_whole():
    with Bench(*TABLE) as bench:
        bench.does("a", "begin", "select v from t where k = 1 for update")
        bench.waits("b", "update t set v = 7 where k = 2; update t set v = 8 where k = 1; select v from t where k = 2")
        equal(bench.value("select v from t where k = 2"), "0")
        bench.does("a", "commit")
        equal(bench.answer("b"), ["7"])


def test_one_shots_that_cross_do_not_hand_each_other_claims_for_ever():
    """Each of those who wake has the row that another needs, and behind it in the queue stands one like itself."""
    for statement in "update t set v = v + 1 where k = {}", "select v from t where k = {} for update":
        up, down = ("; ".join(statement.format(k) for k in keys) for keys in ((1, 2), (2, 1)))
        with Bench(*TABLE) as bench:
            bench.does("t", "begin", "select v from t for update")
            for name, text in zip("abcdef", (up, down) * 3):
                bench.waits(name, text)
            bench.does("t", "commit")
            told = [bench.answer(name) for name in "abcdef"]
            equal(told, ["UPDATE 1"] * 6 if "update t" in statement else [["0", "0"]] * 6)


def test_groups_that_are_branches_wait_at_their_end():
    with Bench(*TABLE) as bench:
        bench.does("a", "begin", "select v from t where k = 1 for update")
        client = bench.client("b")
        update = client.parse("update t set v = v + 1 where k = 1") + client.bind() + client.execute()
        client.send(update + client.message("H"))
        equal(client.collect("C").tags, ["UPDATE 1"])
        client.send(client.message("S"))
        assert not bench.answered("b")
        bench.does("a", "update t set v = 5 where k = 1", "commit")
        client.collect()
        equal(bench.value("select v from t where k = 1"), "6")
        bench.does("a", "begin", "select v from t where k = 3 for update")
        bench.waits("b", "begin; update t set v = 3 where k = 3; commit; select v from t where k = 3")
        bench.does("a", "commit")
        equal(bench.answer("b"), ["3"])


def test_modes():
    with Bench(*TABLE) as bench:
        for name in "abcd":
            bench.does(name, "begin")
        equal(bench.does("a", "select v from t where k = 1 for key share"), ["0"])
        equal(bench.does("b", "select v from t where k = 1 for share"), ["0"])
        equal(bench.does("e", "update t set v = v where k = 2"), "UPDATE 1")
        bench.waits("e", "update t set v = v + 1 where k = 1")
        bench.waits("c", "select v from t where k = 1 for no key update")
        bench.does("b", "commit")
        equal(bench.answer("e"), "UPDATE 1")
        equal(bench.answer("c"), ["1"])
        bench.waits("e", "delete from t where k = 1")
        bench.does("c", "commit")
        assert not bench.answered("e")
        bench.does("a", "commit")
        equal(bench.answer("e"), "DELETE 1")


def test_nowait_and_skip_locked():
    with Bench(*TABLE) as bench:
        bench.does("a", "begin", "select v from t where k = 1 for update")
        equal(bench.does("b", "select v from t where k = 1 for update nowait"), "55P03")
        bench.does("b", "begin")
        equal(bench.does("b", "select k from t order by k for update skip locked limit 1"), ["2"])
        equal(bench.does("c", "select k from t order by w for update skip locked limit 1"), ["3"])
        equal(bench.does("c", "update t set v = 9 where k = (select k from t order by k for update skip locked limit 1) returning k"), ["3"])
        equal(bench.does("c", "select k from t where k < 3 for update skip locked"), "SELECT 0")
        equal(bench.does("b", "select v from t where k = 1 for update nowait"), "55P03")
        equal(bench.does("b", "commit"), "ROLLBACK")


def test_the_youngest_of_a_deadlock_gives_way():
    for extended in BOTH:
        with Bench(*TABLE) as bench:
            for name in "ab":
                bench.does(name, "begin", f"select v from t where k = {'ab'.index(name) + 1} for update", extended=extended)
            bench.waits("a", "select v from t where k = 2 for update", extended)
            equal(bench.does("b", "select v from t where k = 1 for update", extended=extended), "40P01")
            equal(bench.answer("a"), ["0"])
            equal(bench.does("b", "rollback", extended=extended), "ROLLBACK")
            bench.does("a", "commit", extended=extended)
            # The same, with the youngest waiting first.
            bench.does("a", "begin", "select v from t where k = 1 for update", extended=extended)
            bench.does("c", "begin", "select v from t where k = 2 for update", extended=extended)
            bench.waits("c", "select v from t where k = 1 for update", extended)
            equal(bench.does("a", "select v from t where k = 2 for update", extended=extended), ["0"])
            equal(bench.answer("c"), "40P01")
            equal(bench.does("c", "select 1", extended=extended), "25P02")


def test_who_holds_a_row_and_asks_for_more_does_not_stand_behind_others():
    for extended in BOTH:
        with Bench(*TABLE) as bench:
            for name in "ab":
                bench.does(name, "begin", extended=extended)
            bench.does("b", "select v from t where k = 2 for update", extended=extended)
            equal(bench.does("a", "update t set v = 5 where k = 1 returning v", extended=extended), ["5"])
            bench.waits("b", "select v from t where k = 1 for update", extended)
            equal(bench.does("a", "delete from t where k = 1", "commit", extended=extended), "COMMIT")
            equal(bench.answer("b"), "SELECT 0")


def test_a_statement_of_its_own_is_no_victim_of_a_deadlock():
    with Bench(*TABLE) as bench:
        bench.does("a", "begin", "update t set v = 5 where k = 1 returning v")
        bench.does("b", "begin", "select v from t where k = 2 for update")
        bench.waits("c", "delete from t where k = 1")
        bench.waits("b", "insert into t values (1, 7) on conflict do nothing")  # behind the DELETE
        bench.send("a", "select v from t where k = 2 for update")  # closes the circle: a, b, c
        equal(bench.answer("b"), "INSERT 0 0")
        bench.does("b", "commit")
        equal(bench.answer("a"), ["0"])
        equal(bench.does("a", "commit"), "COMMIT")
        equal(bench.answer("c"), "DELETE 1")


def test_commits_are_part_of_deadlocks():
    with Bench(*TABLE) as bench:
        bench.does("a", "begin", "update t set v = 1 where k = 2", "select v from t where k = 1 for update")
        bench.does("b", "begin", "update t set v = 2 where k = 1", "select v from t where k = 2 for update")
        bench.waits("a", "commit")
        equal(bench.does("b", "commit"), "40P01")
        equal(bench.answer("a"), "COMMIT")
        equal(bench.does("b", "select v from t where k = 2"), ["1"])


def test_lock_table():
    with Bench(*TABLE) as bench:
        for name in "abc":
            bench.does(name, "begin")
        equal(bench.does("a", "lock table t in share mode"), "LOCK TABLE")
        equal(bench.does("b", "lock t in access share mode"), "LOCK TABLE")
        equal(bench.does("b", "select v from t where k = 1 for update"), ["0"])
        bench.waits("d", "update t set v = 1 where k = 2")
        equal(bench.does("c", "lock table t in exclusive mode nowait"), "55P03")
        bench.does("c", "rollback", "begin")
        bench.waits("c", "lock table t in exclusive mode")
        bench.does("a", "commit")
        equal(bench.answer("d"), "UPDATE 1")
        assert not bench.answered("c")
        bench.does("b", "commit")
        equal(bench.answer("c"), "LOCK TABLE")
        equal(bench.does("c", "select sum(v) from t"), ["1"])
        bench.waits("b", "insert into t values (7, 7)")
        bench.waits("d", "truncate t")
        bench.does("c", "commit")
        equal(bench.answer("b"), "INSERT 0 1")
        equal(bench.answer("d"), "TRUNCATE TABLE")
        equal(bench.does("a", "lock table t"), "25P01")


def test_truncate_waits_for_claims_on_rows():
    with Bench(*TABLE) as bench:
        bench.does("a", "begin", "select v from t where k = 1 for update")
        bench.waits("b", "truncate t")
        bench.does("a", "commit")
        equal(bench.answer("b"), "TRUNCATE TABLE")


def test_a_claim_on_what_has_changed_moves_the_branch():
    for extended in BOTH:
        with Bench(*TABLE) as bench:
            bench.does("a", "begin", "select v from t where k = 2", "update t set v = v + 1 where k = 1", extended=extended)
            bench.does("b", "update t set v = v + 10 where k = 1")
            equal(bench.does("a", "select v from t where k = 1", extended=extended), ["11"])
            equal(bench.does("a", "commit", extended=extended), "COMMIT")
            bench.does("a", "begin", "select v from t where k = 1", extended=extended)
            bench.does("b", "update t set v = v + 10 where k = 1")
            equal(bench.does("a", "select v from t where k = 1 for update", extended=extended), "40001")
            equal(bench.does("a", "commit", extended=extended), "ROLLBACK")


def test_a_copy_without_begin_fails_with_its_own_error():
    with Bench(*TABLE) as bench:
        client = bench.client("a")
        for key, outcome in (("9", "23505"), ("10", "COPY 1")):
            client.send(client.message("Q", b"copy t (k, v) from stdin\0"))
            client.collect("G")
            client.send(client.message("d", key.encode() + b"\t1\n"))
            bench.does("b", "insert into t values (9, 9) on conflict do nothing", "update t set v = v + 1 where k = 1")
            client.send(client.message("c"))
            equal(bench.answer("a"), outcome)


def test_lock_timeout():
    with Bench(*TABLE) as bench:
        bench.does("a", "begin", "select v from t where k = 1 for update")
        bench.does("b", "set lock_timeout = '20ms'", "begin")
        for text in ("select v from t where k = 1 for update", "rollback", "update t set v = 1 where k = 1"):
            bench.send("b", text)
            equal(bench.answer("b"), "ROLLBACK" if text == "rollback" else "55P03")
        bench.does("a", "commit")
        equal(bench.does("b", "update t set v = 1 where k = 1"), "UPDATE 1")


STREAM = (
    "create table c (k int primary key, n bigint)",
    "create source g (k int) with (connector = 'generator', k.kind = 'random', k.min = '1', k.max = '3')",
    "create workflow w as insert into c select k, 1 from g on conflict (k) do update set n = c.n + 1",
)


def test_a_claim_does_not_stall_a_stream():
    with Bench(*STREAM) as bench:
        read = "select rows from quern.sources where name = 'g'"
        quern.wait_until(lambda: int(bench.value(read)) > 0 and bench.value("select count(*) from c") == "3", "rows")
        for _ in range(20):  # these are over before the stream loses its patience, most of them
            bench.does("a", "begin")
            bench.send("a", "select n from c where k = 1 for update")
            if not isinstance(bench.answer("a"), str):
                bench.does("a", "update c set n = n + 0 where k = 1")
                bench.send("a", "commit")
                bench.answer("a")
            else:
                bench.does("a", "rollback")
        bench.does("a", "begin")
        bench.send("a", "select n from c where k = 1 for update")
        told = bench.answer("a")
        rows = int(bench.value(read))
        quern.wait_until(lambda: int(bench.value(read)) > rows + 10000, "the stream to go on")
        bench.does("a", f"update c set n = {told[0]} + 1 where k = 1")
        bench.send("a", "commit")
        equal(bench.answer("a"), "40001")
        bench.does("b", "alter source g set (state = 'paused')")
        equal(bench.value("select sum(n) from c"), bench.value(read))


def test_workers_who_skip_what_is_locked():
    with Bench("create table j (k int primary key, done bool)", "insert into j select g, false from generate_series(2, 9) g") as bench:
        take = "select k from j where not done order by k limit 2 for update skip locked"
        for name in "abc":
            bench.does(name, "begin")
        equal(bench.does("a", take), ["2", "3"])
        equal(bench.does("b", take), ["4", "5"])
        equal(bench.does("c", take), ["6", "7"])
        bench.does("d", "insert into j values (1, false)")  # a better job
        bench.does("a", "rollback")
        for name, job in (("b", 4), ("c", 6)):
            equal(bench.does(name, f"update j set done = true where k = {job}", "commit"), "COMMIT")


def test_a_failure_says_what_changed_and_who_did_it():
    with Bench(*STREAM, *TABLE) as bench:
        a, b = bench.client("a"), bench.client("b")
        bench.does("a", "begin", "select v from t where k = 2", "update t set v = 1 where k = 1")
        bench.does("b", "update t set v = 9 where k = 2")
        failure = a.fails("commit", "40001")
        assert "statement 1" in failure.message and "(k)=(2)" in failure.fields["D"], failure.fields
        assert f"process ID {b.backend[0]}" in failure.fields["D"] and failure.fields["t"] == "t", failure.fields
        quern.wait_until(lambda: bench.value("select count(*) from c") == "3", "rows")
        bench.does("a", "begin", "update t set v = 1 where k = 1", "select sum(n) from c")
        before = int(bench.value("select sum(n) from c"))
        quern.wait_until(lambda: int(bench.value("select sum(n) from c")) > before, "the stream to go on")
        failure = a.fails("commit", "40001")
        assert 'source "g"' in failure.fields["D"] and "statement 2" in failure.message, failure.fields


def test_after_a_failure_absent_keys_are_claimed_too():
    for extended in BOTH:
        with Bench(*TABLE) as bench:
            bench.does("a", "begin", "select v from t where k = 9", "update t set v = 1 where k = 1", extended=extended)
            bench.does("b", "insert into t values (9, 0)")
            equal(bench.does("a", "commit", extended=extended), "40001")
            bench.does("b", "delete from t where k = 9")
            bench.does("a", "begin", "select v from t where k = 9", "update t set v = 1 where k = 1", extended=extended)
            bench.waits("b", "insert into t values (9, 0)")
            equal(bench.does("a", "commit", extended=extended), "COMMIT")
            equal(bench.answer("b"), "INSERT 0 1")
            bench.does("a", "begin", "select v from t where k = 8", extended=extended)
            equal(bench.does("b", "insert into t values (8, 0)"), "INSERT 0 1")
            bench.does("a", "commit", extended=extended)


def test_advisory_locks():
    for extended in BOTH:
        with Bench(*TABLE) as bench:
            bench.does("a", "select pg_advisory_lock(1)", extended=extended)
            equal(bench.does("b", "select pg_try_advisory_lock(1)", extended=extended), ["f"])
            equal(bench.does("b", "select pg_try_advisory_lock(2)", extended=extended), ["t"])
            bench.waits("b", "select pg_advisory_lock(1)", extended)
            bench.does("c", "begin", extended=extended)
            bench.waits("c", "select pg_advisory_xact_lock_shared(1)", extended)
            bench.does("a", "select pg_advisory_unlock(1)", extended=extended)
            equal(bench.answer("b"), [""])
            assert not bench.answered("c")
            equal(bench.does("b", "select pg_advisory_unlock(1)", extended=extended), ["t"])
            equal(bench.answer("c"), [""])
            bench.waits("a", "select pg_advisory_lock(1)", extended)
            bench.does("c", "commit", extended=extended)
            bench.answer("a")
            bench.clients.pop("a").close()
            bench.clients.pop("b").close()
            bench.send("c", "select pg_advisory_lock(1), pg_advisory_lock(2)", extended)
            equal(bench.answer("c"), [" "])


def test_a_transaction_sees_what_was_done_under_an_advisory_lock():
    for extended in BOTH:
        with Bench(*TABLE) as bench:
            bench.does("a", "select pg_advisory_lock(1)", extended=extended)
            bench.does("b", "begin", "update t set v = v + 1 where k = 2", extended=extended)
            bench.waits("b", "select pg_advisory_lock(1)", extended)
            bench.does("a", "update t set v = 5 where k = 1", "select pg_advisory_unlock(1)", extended=extended)
            bench.answer("b")
            equal(bench.does("b", "select v from t where k = 1", extended=extended), ["5"])
            equal(bench.does("b", "select pg_try_advisory_lock(3)", "commit", extended=extended), "COMMIT")
            equal(bench.does("a", "select pg_try_advisory_lock(1)", extended=extended), ["f"])


def test_a_one_shot_that_is_tried_again_takes_its_lock_once():
    with Bench(*TABLE) as bench:
        bench.does("a", "begin", "select v from t where k = 1 for update")
        bench.waits("b", "select pg_advisory_lock(1); update t set v = 1 where k = 1")
        equal(bench.does("c", "select pg_try_advisory_lock(1)"), ["t"])
        equal(bench.does("c", "select pg_advisory_unlock(1)"), ["t"])
        bench.does("a", "commit")
        equal(bench.answer("b"), [""])
        equal(bench.does("b", "select pg_advisory_unlock(1)"), ["t"])
        equal(bench.does("b", "select pg_advisory_unlock(1)"), ["f"])


def test_answers_of_try_are_kept_at_a_second_run():
    with Bench(*TABLE) as bench:
        bench.does("a", "select pg_advisory_lock(1)")
        bench.does("b", "begin", "update t set v = 1 where k = 2")
        equal(bench.does("b", "select pg_try_advisory_lock(1), pg_try_advisory_lock(2)"), ["f t"])
        bench.does("a", "select pg_advisory_unlock(1)", "update t set v = 3 where k = 2")
        equal(bench.does("b", "commit"), "COMMIT")
        equal(bench.does("a", "select pg_try_advisory_lock(1), pg_try_advisory_lock(2)"), ["t f"])


def test_pg_locks_shows_claims():
    with Bench(*TABLE) as bench:
        bench.does("a", "begin", "select v from t where k = 1 for update")
        bench.does("b", "begin")
        bench.waits("b", "select v from t where k = 1 for share")
        a, b = bench.client("a").backend[0], bench.client("b").backend[0]
        rows = bench.probe.rows("select pid, locktype, mode, granted, relation = (select oid from pg_class where relname = 't') "
                                "from pg_locks order by 1, 2, 3")
        equal(rows, sorted([[str(a), "relation", "RowShareLock", "t", "t"], [str(a), "tuple", "AccessExclusiveLock", "t", "t"],
                            [str(b), "relation", "RowShareLock", "t", "t"], [str(b), "tuple", "RowShareLock", "f", "t"]]))
        bench.does("a", "commit")
        bench.answer("b")
        bench.does("b", "commit")
        equal(bench.value("select count(*) from pg_locks"), "0")


def test_cancel_ends_a_wait():
    with Bench(*TABLE) as bench:
        bench.does("a", "begin", "select v from t where k = 1 for update")
        bench.does("c", "begin", "update t set v = 3 where k = 1")
        for name, text, then in (("b", "update t set v = 1 where k = 1", "SELECT 1"), ("c", "commit", "SELECT 1")):
            bench.waits(name, text)
            backend, secret = bench.client(name).backend
            with quern.Client(bench.server.port, start=False) as cancel:
                cancel.send(quern.struct.pack("!iiii", 16, 80877102, backend, secret))
                cancel.read_message()
            equal(bench.answer(name), "57014")
            equal(bench.does(name, "select 1"), ["1"])
        equal(bench.does("a", "commit"), "COMMIT")
        equal(bench.value("select v from t where k = 1"), "0")


def test_two_who_read_and_write_back_both_make_progress():
    with Bench(*TABLE) as bench:
        done = {"a": 0, "b": 0}
        value = {}
        state = {"a": 0, "b": 0}
        for turn in range(400):
            name = "ab"[turn % 2]
            if not state[name]:
                value[name] = None
                bench.does(name, "begin")
                bench.send(name, "select v from t where k = 1")
                state[name] = 1
            elif state[name] == 1:
                if not bench.answered(name):
                    continue
                told = bench.answer(name)
                if isinstance(told, str):
                    bench.does(name, "rollback")
                    state[name] = 0
                    continue
                bench.send(name, f"update t set v = {int(told[0]) + 1} where k = 1")
                state[name] = 2
            elif state[name] == 2:
                if not bench.answered(name):
                    continue
                bench.answer(name)
                bench.send(name, "commit")
                state[name] = 3
            else:
                if not bench.answered(name):
                    continue
                done[name] += bench.answer(name) == "COMMIT"
                state[name] = 0
        assert min(done.values()) > 20, done


def heat(bench, key):
    """A transaction fails on the row: what it read of it is changed before it commits."""
    bench.does("h", "begin", f"select v from t where k = {key}")
    bench.does("o", f"update t set v = v + 1 where k = {key}")
    bench.does("h", "update t set v = v + 1 where k = 3")
    equal(bench.does("h", "commit"), "40001")
    bench.clients.pop("h").close()  # or else its next transaction would claim what it reads


def test_a_hot_row_is_claimed_softly():
    with Bench(*TABLE) as bench:
        bench.does("a", "begin", "select v from t where k = 1")
        bench.does("b", "update t set v = v + 1 where k = 1")  # nobody has failed yet
        bench.does("a", "rollback")
        heat(bench, 1)
        equal(bench.does("a", "begin", "select v from t where k = 1"), ["2"])
        bench.does("c", "begin", "select v from t where k = 1")  # who only reads does not wait for others
        bench.does("c", "commit")
        bench.waits("b", "update t set v = v + 1 where k = 1")
        equal(bench.does("a", "update t set v = v + 1 where k = 2", "commit"), "COMMIT")
        equal(bench.answer("b"), "UPDATE 1")
        bench.does("a", "begin read only", "select v from t where k = 1")  # it cannot fail
        bench.does("b", "update t set v = v + 1 where k = 1")
        bench.does("a", "commit")


def test_who_is_idle_stalls_nobody():
    with Bench(*TABLE) as bench:
        heat(bench, 1)
        bench.does("a", "begin", "select v from t where k = 1")
        bench.send("b", "update t set v = v + 1 where k = 1")
        equal(bench.answer("b"), "UPDATE 1")  # though nobody ends what it waits for
        bench.does("a", "begin", "update t set v = v + 1 where k = 2")
        equal(bench.does("a", "commit"), "40001")
        bench.does("c", "begin", "select v from t where k = 1")
        equal(bench.does("b", "select v from t where k = 1 for update nowait"), ["2"])
        equal(bench.does("c", "commit"), "COMMIT")


def test_two_who_read_what_the_other_writes_end_in_one_failure():
    with Bench(*TABLE) as bench:
        heat(bench, 1)
        heat(bench, 2)
        bench.does("a", "begin", "select v from t where k = 1", "update t set v = v + 1 where k = 2")
        bench.does("b", "begin", "select v from t where k = 2", "update t set v = v + 1 where k = 1")
        bench.send("a", "commit")
        bench.send("b", "commit")
        equal(sorted([bench.answer("a"), bench.answer("b")]), ["40001", "COMMIT"])


quern.run(*[test for name, test in sorted(globals().items()) if name.startswith("test_")])
