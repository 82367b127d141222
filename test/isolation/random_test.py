#!/usr/bin/env python3
"""Permutations of random clients: cases from a seed, a few orders of each, judged as the written ones are. What fails is
made smaller, step by step, and shown in the format of test/isolation/cases.

  random_test.py [--seed N] [--cases N] [--orders N]
"""

import argparse
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import permutations
import quern
from bench import Bench, Stuck
from casefile import Case, Order, Step
from judge import Judge, liveness_objection

TABLES = [
    "create table t (k int primary key, v int, w text);",
    "create index t_w on t (w);",
    "create table u (k int primary key, n int unique);",
    "create source push (k int, v int) with (connector = 'push');",
    "create workflow flow as (insert into t select k, v, 'p' from push on conflict (k) do update set v = t.v + excluded.v);",
    "create table p (id int primary key, n int);",
    "create table c (id int primary key, p int references p on delete cascade);",
    "insert into t values (1, 10, 'x'), (2, 20, 'x'), (3, 30, 'y');",
    "insert into u values (1, 1), (2, 2);",
    "insert into p values (1, 0), (2, 0);",
    "insert into c values (1, 1);",
    "create source g (k int, v int) with (connector = 'generator', rows = '3', k.start = '1', v.start = '40', "
    "state = 'paused');",
    "create workflow gather as (insert into t select k, v, 'g' from g on conflict (k) do update set v = excluded.v);",
]
MANY = [  # with so many rows it is worth to ask which statements of a transaction must run again at its COMMIT
    "insert into t select 1000 + i, 0, 'z' from generate_series(1, 120) as i;",
    "insert into u select 1000 + i, 1000 + i from generate_series(1, 120) as i;",
]
READS = [
    "select v from t where k = {k}", "select sum(v) from t", "select count(*) from t where w = '{w}'",
    "select k, v from t where v > {v} order by k limit 2", "select k, w from t where w = '{w}' order by k",
    "select count(*) from t join u using (k)", "select k from u where n = {n}", "select sum(n) from u",
    "select k from t where k not in (select k from u)", "select max(k) from t", "select p, count(*) from c group by p",
    "select n from p where id = {k}", "select count(*) from c where p = {k}",
]
CLAIMS = [
    "select v from t where k = {k} for update", "select v from t where k = {k} for share",
    "select k, v from t where w = '{w}' for update", "select v from t where k = {k} for update nowait",
    "select k from t where w = '{w}' order by k limit 1 for update skip locked",
    "select n from u where n = {n} for no key update", "select n from p where id = {k} for key share",
]
WRITES = [
    "update t set v = v + {n} where k = {k}", "update t set v = {v} where k = {k}", "update t set w = '{w}' where k = {k}",
    "update t set v = v + 1 where w = '{w}'", "update t set v = v + 1 where k = {k} returning v",
    "update t set v = 0 where k = {k} and v = {v}", "update t set v = (select sum(n) from u) where k = {k}",
    "delete from t where k = {k}", "delete from t where v > 25", "delete from t where k = {k} returning v",
    "insert into t values ({k}, {v}, '{w}')", "insert into t values ({k}, {v}, '{w}') on conflict do nothing",
    "insert into t values ({k}, {n}, '{w}') on conflict (k) do update set v = t.v + excluded.v",
    "insert into t values ({k}, {n}, '{w}') on conflict (k) do update set v = t.v + excluded.v returning v",
    "merge into t using (values ({k}, {n})) s (i, d) on t.k = s.i when matched then update set v = v + d when not matched then insert values (i, d, '{w}')",
    "merge into t using u on u.k = t.k when matched and v > {v} then delete when matched then update set v = n",
    "merge into u using t on t.v = u.n when not matched and w = '{w}' then insert values (t.k, t.v) when matched then do nothing",
    "insert into u values ({k}, {n})", "insert into u values ({k}, {n}) on conflict do nothing",
    "insert into u values ({k}, {n}) on conflict (n) do update set k = u.k returning k",
    "update u set n = {n} where k = {k}", "update u set n = n + 1 where n = {n}", "delete from u where n = {n}",
    "insert into u select min(k) - 1, min(n) - 1 from u", "insert into push values ({k}, {n})",
    "insert into push values ({k}, {n}), ({n}, {k})", "insert into c values ({n}, {k})", "delete from p where id = {k}",
    "update p set n = n + 1 where id = {k}", "insert into p values ({k}, 0) on conflict do nothing",
    "update c set p = {k} where id = {n}",
]
DEFINITIONS = [
    "create index on t (v)", "drop index if exists t_w", "alter table t add column z int default 1",
    "alter table u add check (n < 4)", "alter table t alter column w set default 'y'", "truncate u", "lock table t",
    "lock table u in share mode", "alter table t rename to t2", "create table t2 (k int primary key)",
    "alter table t add constraint small check (v < 1000)", "create unique index on t (v)",
]


def statement(source, texts):
    return source.choice(texts).format(k=source.randint(1, 4), n=source.randint(1, 4), v=source.choice((10, 20, 30)),
                                       w=source.choice("xy"))


def statements(source):
    kinds = [source.choice((READS, READS, CLAIMS, WRITES, WRITES, WRITES)) for _ in range(source.randint(1, 4))]
    if source.random() < 0.08:
        kinds.append(DEFINITIONS)
    return [statement(source, kind) + ";" for kind in kinds]


def with_savepoint(source, texts):
    """The statements with a savepoint somewhere, and perhaps the way back to it."""
    first = source.randint(0, len(texts))
    second = source.randint(first, len(texts))
    end = source.choice(("rollback to s;", "rollback to s;", "release s;"))
    return texts[:first] + ["savepoint s;"] + texts[first:second] + [end] + texts[second:]


def transaction(source):
    """The steps of one transaction, or a few single ones."""
    kind = source.random()
    texts = statements(source)
    if kind < 0.2:
        return texts[:2]
    if kind < 0.3:
        return [source.choice(("", "pipeline ")) + " ".join(texts)]
    if source.random() < 0.25:
        texts = with_savepoint(source, texts)
    return ["begin;", *texts, "rollback;" if kind > 0.93 else "commit;"]


def random_case(seed):
    source = random.Random(seed)
    case = Case("random", seed, f"seed {seed}")
    case.tables = TABLES + MANY * (seed % 2)
    for client in "abc"[: source.choice((2, 2, 3, 3))]:
        texts = transaction(source)
        if len(texts) < 4 and source.random() < 0.4:
            texts += transaction(source)
        if client == "b" and source.random() < 0.15:
            texts = ["run g 3;"]
        case.steps[client] = [Step(client, i, text) for i, text in enumerate(texts, 1)]
    return case


def shown(case, order):
    lines = [f"case {case.name}", "tables", *case.tables]
    for client, steps in case.steps.items():
        lines += [f"client {client}"] + [f"{'pipeline ' if step.is_pipeline else ''}{step.text}" for step in steps]
    return "\n".join(lines + ["", f"order {' '.join(order)}"])


def objection(server, case, order, extended=False, judge=None):
    """None, or what is wrong with this order, and the transcript."""
    bench = judge.bench if judge else Bench(server)
    try:
        transcript = bench.run(case, Order(0, order), extended)
        judge = judge or Judge(bench, case)
        return liveness_objection(case, transcript) or judge.objection(transcript), transcript
    except Stuck as stuck:
        return f"all wait: {stuck}", None


def without(case, order, name):
    """The case without one of its steps."""
    smaller = Case(case.path, case.line, case.name)
    smaller.tables = case.tables
    smaller.steps = {client: [step for step in steps if step.name != name] for client, steps in case.steps.items()}
    return smaller, [other for other in order if other != name]


def smallest(server, case, order, extended):
    """Leaves out what is not needed for the failure."""
    for name in list(order):
        smaller, rest = without(case, order, name)
        if objection(server, smaller, rest, extended)[0]:
            case, order = smaller, rest
    return case, order


def run_case(server, case, options):
    """The number of runs, and whether one failed."""
    bench = Bench(server)
    judge = Judge(bench, case)
    queues = [permutations.chunks_of(steps) for steps in case.steps.values()]
    waiting = permutations.Waiting()
    runs = 0
    for number, order in enumerate(permutations.drawn_orders(queues, options.orders, case.line)):
        if waiting.has_run(case, order):
            continue
        runs += 1
        reason, transcript = objection(server, case, order, number % 2 == 1, judge)
        reason = reason or waiting.objection(transcript)
        if reason:
            small, rest = smallest(server, case, order, number % 2 == 1)
            again, transcript = objection(server, small, rest, number % 2 == 1)
            print(f"{case.name}: {reason}; made smaller: {again}\n{shown(small, rest)}")
            if transcript:
                print(f"{transcript.show()}\n    at the end: {transcript.final}")
            return runs, True
    bench.close()
    return runs, False


def main():
    parser = argparse.ArgumentParser(description="permutations of random clients")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=24)
    parser.add_argument("--orders", type=int, default=6)
    options = parser.parse_args()
    runs = wrong = 0
    with quern.Server() as server:
        for seed in range(options.seed, options.seed + options.cases):
            count, has_failed = run_case(server, random_case(seed), options)
            runs, wrong = runs + count, wrong + has_failed
    print(f"{options.cases} cases, {runs} orders, {wrong} cases failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
