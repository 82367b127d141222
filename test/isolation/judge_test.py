#!/usr/bin/env python3
"""The permutation tests tested: a judge that never objects proves nothing. Each answer of good runs is altered, one at a
time, and the judge must object; so it must to the anomalies, made up by hand; and the runner must see who waits."""

import copy
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bench
import casefile
import judge
import permutations
import quern

FORMAT = """
case transfer
tables
create table t (k int primary key, v int);
insert into t values (1, 10), (2, 20);
client a
begin;
select v from t where k = 1;
update t set v = v - 1 where k = 1;
update t set v = v + 1 where k = 2
  and v > 0;
select sum(v) from t;
commit;
client b
insert into t values (3, 5);
select sum(v) from t;
insert into t values (3, 6);
client c
begin;
select k, v from t order by k;
rollback;

case writes
tables
create table t (k int primary key, v int);
insert into t values (1, 0), (2, 0);
client a
begin;
select v from t where k = 1;
update t set v = 1 where k = 2;
commit;
client b
begin;
select v from t where k = 2;
update t set v = 1 where k = 1;
commit;
client c
select v from t where k = 1;
select v from t where k = 2;

case queue
# One waits for the other.
tables
create table t (k int primary key);
client a
begin;
insert into t values (1);
commit;
client b
insert into t values (1) on conflict do nothing;
insert into t values (2);
never 40001
at most 1 fails
order a1 a2 b1 b2 a3
b1 waits for a3
b1 tag INSERT 0 0
order a1 b1 a2 a3
a2 error 23505
a3 tag ROLLBACK

case streams
tables
create table t (k int primary key, v int);
client a
select v from t where k = 1;
stream t
(1, 5)
(1, 6)
"""


class Fixture:
    def __enter__(self):
        self.path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases", "made-up.test")
        reader = casefile.Reader(self.path)
        for number, line in enumerate(FORMAT.split("\n"), 1):
            reader.line(number, line)
        self.cases = {case.name: case for case in reader.cases}
        self.server = quern.Server()
        self.server.start()
        self.bench = bench.Bench(self.server)
        return self

    def __exit__(self, *_):
        self.bench.close()
        self.server.stop()

    def run(self, name, order, extended=False):
        case = self.cases[name]
        return self.bench.run(case, casefile.Order(0, order.split()), extended), judge.Judge(self.bench, case)


def replace_answer(transcript, at, **changes):
    """The same run with another answer; the answers that are not altered are shared."""
    altered = copy.copy(transcript)
    altered.events = [copy.copy(event) for event in transcript.events]
    altered.events[at].answer = copy.copy(altered.events[at].answer)
    for name, value in changes.items():
        setattr(altered.events[at].answer, name, value)
    return altered


def test_good_runs_are_explained():
    with Fixture() as fixture:
        for order in ("a1 a2 a3 a4 a5 a6 b1 b2 b3 c1 c2 c3", "c1 c2 b1 b2 a1 a2 a3 a4 a5 a6 c3 b3",
                      "a1 a2 c1 c2 b1 a3 b2 a4 c3 a5 b3 a6"):
            for extended in (False, True):
                transcript, one = fixture.run("transfer", order, extended)
                assert one.objection(transcript) is None, one.objection(transcript)


def test_each_altered_answer_is_objected_to():
    with Fixture() as fixture:
        transcript, one = fixture.run("transfer", "c1 c2 b1 b2 a1 a2 a3 a4 a5 a6 c3 b3")
        assert one.objection(transcript) is None
        altered = 0
        for at, event in enumerate(transcript.events):
            if judge.is_control(event.step):
                continue
            if event.answer.rows:
                wrong = [row.replace("0", "7").replace("5", "8") for row in event.answer.rows]
                assert one.objection(replace_answer(transcript, at, rows=wrong)), event.step.name
                assert one.objection(replace_answer(transcript, at, rows=[])), event.step.name
                altered += 2
            if event.answer.tags and not event.answer.rows:
                assert one.objection(replace_answer(transcript, at, tags=["UPDATE 0"])), event.step.name
                altered += 1
            if event.answer.sqlstate:
                other = replace_answer(transcript, at, sqlstate=None, tags=["INSERT 0 1"])
                assert one.objection(other), event.step.name
                assert one.objection(replace_answer(transcript, at, constraint="t_v_key")), event.step.name
                altered += 2
        assert altered == 13, altered


def test_order_counts_only_under_order_by():
    with Fixture() as fixture:
        transcript, one = fixture.run("transfer", "c1 c2 c3 b1 b2 b3 a1 a2 a3 a4 a5 a6")
        rows = transcript.events[1].answer.rows
        assert len(rows) == 2
        assert one.objection(replace_answer(transcript, 1, rows=rows[::-1]))


def test_a_lost_write_is_objected_to():
    """A COMMIT that was answered and is not in the tables; a rolled back write that is."""
    with Fixture() as fixture:
        transcript, one = fixture.run("transfer", "a1 a2 a3 a4 a5 a6 b1 b2 b3 c1 c2 c3")
        lost = copy.copy(transcript)
        lost.final = {query: rows[:-1] for query, rows in transcript.final.items()}
        assert "other tables" in one.objection(lost)
        assert one.objection(replace_answer(transcript, 5, tags=["ROLLBACK"]))


def test_write_skew_is_objected_to():
    with Fixture() as fixture:
        transcript, one = fixture.run("writes", "a1 b1 a2 b2 a3 b3 a4 b4 c1 c2")
        failed = [event for event in transcript.events if event.answer.sqlstate == "40001"]
        assert [event.step.name for event in failed] == ["b4"] and one.objection(transcript) is None
        at = transcript.events.index(failed[0])
        skewed = replace_answer(transcript, at, sqlstate=None, tags=["COMMIT"])
        skewed = replace_answer(skewed, at + 1, rows=["1"])
        skewed.final = {"select * from t": ["1 | 1", "2 | 1"]}
        assert "no serial order" in one.objection(skewed)


def test_stale_reads_are_objected_to():
    """In some order all would be well; in the order of time it is not."""
    with Fixture() as fixture:
        transcript, one = fixture.run("writes", "a1 a2 a3 a4 b1 b2 b3 b4 c1 c2")
        assert one.objection(transcript) is None
        for at in (8, 9):
            assert one.objection(replace_answer(transcript, at, rows=["0"]))


def test_a_write_is_not_seen_before_its_commit_was_sent():
    with Fixture() as fixture:
        transcript, one = fixture.run("writes", "a1 a2 c1 a3 c2 a4 b1 b2 b3 b4")
        assert one.objection(transcript) is None
        assert transcript.events[4].step.name == "c2"
        assert one.objection(replace_answer(transcript, 4, rows=["1"]))


def test_what_failed_saw_a_state_that_was():
    with Fixture() as fixture:
        transcript, one = fixture.run("transfer", "a1 a2 a3 c1 c2 a4 a5 a6 c3 b1 b2 b3")
        assert transcript.events[4].answer.rows == ["1 | 10", "2 | 20"]
        half = replace_answer(transcript, 4, rows=["1 | 9", "2 | 20"])
        assert "what never was" in one.objection(half)
        whole = replace_answer(transcript, 4, rows=["1 | 9", "2 | 21"])
        assert one.objection(whole) is None, "what overlaps may have been seen"


def test_who_waits_is_seen():
    with Fixture() as fixture:
        for extended in (False, True):
            transcript, one = fixture.run("queue", "a1 a2 b1 b2 a3", extended)
            assert transcript.names == ("a1", "a2", "b1", "a3", "b2"), transcript.names
            assert [(event.step.name, event.released_by) for event in transcript.events if event.waited] == [("b1", "a3")]
            assert one.objection(transcript) is None


def test_expectations_are_compared():
    with Fixture() as fixture:
        case = fixture.cases["queue"]
        for order in case.orders:
            assert fixture.bench.run(case, order)
            transcript = fixture.bench.run(case, order)
            assert judge.expectation_objection(case, order, transcript) is None
            for name, lines in order.expected.items():
                for at, line in enumerate(lines):
                    other = copy.deepcopy(order)
                    other.expected[name][at] = "waits for b2" if line.startswith("waits") else "tag INSERT 0 7"
                    assert judge.expectation_objection(case, other, transcript), line
            unsaid = copy.deepcopy(order)
            del unsaid.expected[next(iter(unsaid.expected))]
            assert judge.expectation_objection(case, unsaid, transcript), "neither waiting nor failing goes unsaid"


def test_liveness_is_checked():
    with Fixture() as fixture:
        case = copy.copy(fixture.cases["writes"])
        transcript, _ = fixture.run("writes", "a1 b1 a2 b2 a3 b3 a4 b4 c1 c2")
        assert judge.liveness_objection(case, transcript) is None
        case.never = {"40001"}
        assert judge.liveness_objection(case, transcript)
        case.never, case.most_failures = set(), 0
        assert judge.liveness_objection(case, transcript)
        single = replace_answer(transcript, 8, sqlstate="40001", rows=[])
        assert "single" in judge.liveness_objection(fixture.cases["writes"], single)
        mistaken = replace_answer(transcript, 8, sqlstate="42601", rows=[])
        assert "42601" in judge.liveness_objection(fixture.cases["writes"], mistaken)
        transcript, _ = fixture.run("queue", "a1 a2 b1 b2 a3")
        case = copy.copy(fixture.cases["queue"])
        case.never = {"waits"}
        assert judge.liveness_objection(case, transcript)


def test_every_order_is_tried():
    with Fixture() as fixture:
        case = fixture.cases["transfer"]
        queues = [permutations.chunks_of(steps) for steps in case.steps.values()]
        assert [len(queue) for queue in queues] == [5, 3, 2] and queues[0][0] == ["a1", "a2"]
        orders = {tuple(order) for order in permutations.all_orders(queues)}
        assert len(orders) == permutations.count_orders([5, 3, 2]) == 2520
        for order in permutations.drawn_orders(queues, 20, 1):
            assert tuple(order) in orders
        assert list(permutations.drawn_orders(queues, 3, 1)) == list(permutations.drawn_orders(queues, 3, 1))


def test_streams_have_three_ways_into_a_table():
    with Fixture() as fixture:
        for case in fixture.cases["streams"].variants():
            transcript = fixture.bench.run(case, casefile.Order(0, "s1 a1 s2".split()))
            assert transcript.events[1].answer.rows == ["5"], case.name
            assert judge.Judge(fixture.bench, case).objection(transcript) is None, case.name
            assert transcript.final["select * from t"] == ["1 | 6"], case.name


def test_mistakes_in_a_file_are_named():
    for text in ("nonsense", "case x\nclient", "case x\nat most two fail"):
        reader = casefile.Reader("made-up.test")
        try:
            for number, line in enumerate(text.split("\n"), 1):
                reader.line(number, line)
        except ValueError:
            continue
        raise AssertionError(text)


if __name__ == "__main__":
    quern.run(*(test for name, test in list(globals().items()) if name.startswith("test_")))
