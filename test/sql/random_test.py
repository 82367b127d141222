#!/usr/bin/env python3
"""Random queries from a seed, with oracles inside Quern itself (Rigger and Su, 2020):

  - Ternary logic partitioning: the rows where p, where NOT p and where p IS NULL are together all rows.
  - NoREC: the number of rows where p is the number of rows for which p, computed as a column, is true.
  - Windows and grouping sets: a partition's last running count is its group's; ROLLUP adds the total to the groups.
  - Outer joins give the inner one's rows, and those that find no other, once each.
  - Two ways to say the same: IN, BETWEEN, EXISTS and their kin, and what they stand for, are never distinct.

Each holds on tables without and with indexes, and both give the same answers. A failure prints seed and statement;
`random_test.py SEED` runs that seed alone.
"""

import collections
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import quern

SEEDS = 30
QUERIES = 12  # of a seed
COLUMNS = {"i": "int", "g": "int8", "n": "numeric", "f": "float8", "s": "text", "b": "boolean", "d": "timestamp"}
VALUES = {
    "i": ["0", "1", "-1", "2", "3", "7", "2147483647", "null"],
    "g": ["0", "1", "-5", "3", "7", "9223372036854775807", "null"],
    "n": ["0", "1.0", "1.00", "-2.5", "3", "1e20", "'NaN'", "null"],
    "f": ["0", "-0.0", "1", "2.5", "'NaN'", "'Infinity'", "1e-300", "null"],
    "s": ["''", "'a'", "'b'", "'ab'", "'A'", "'ü'", "'1'", "null"],
    "b": ["true", "false", "null"],
    "d": ["'2024-01-01'", "'2024-01-01 00:00:01'", "'infinity'", "'1969-12-31'", "null"],
}
NUMBERS = "ignf"
INDEXES = ["(i)", "(s, i desc)", "(n desc nulls last)", "(f, g)", "(b, d)", "(g desc, s)", "(d nulls first)",
           "(upper(s), i)", "(coalesce(i, 0))", "(sign(i), (i / 2))", "(length(s) desc)", "(i) where i is not null",
           "(s) where i > 0", "(g) where n >= 1", "(i) where b", "(f) where not b", "(d) where s in ('a', 'ab')",
           "(k) where i = 1 or i = 3", "(s desc) where f < 2.5", "(n) where g <> 3 and s > 'a'"]


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, *choices):
        return self.random.choice(choices)

    def column(self, kind, tables):
        return f"{self.pick(*tables)}.{kind}"

    def scalar(self, kind, tables, depth):
        """An expression of this kind that cannot fail."""
        if depth <= 0 or self.random.random() < 0.45:
            if self.random.random() < 0.6:
                return self.column(kind, tables)
            return f"{self.pick(*VALUES[kind])}::{COLUMNS[kind]}"
        inner = lambda: self.scalar(kind, tables, depth - 1)
        forms = [lambda: f"coalesce({inner()}, {inner()})", lambda: f"nullif({inner()}, {inner()})",
                 lambda: f"case when {self.predicate(tables, depth - 1)} then {inner()} else {inner()} end",
                 lambda: f"greatest({inner()}, {inner()})", lambda: f"least({inner()}, {inner()})"]
        if kind == "n":
            forms += [lambda: f"({inner()} + {inner()})", lambda: f"(- {inner()})"]
        if kind == "s":
            forms += [lambda: f"({inner()} || {inner()})", lambda: f"upper({inner()})",
                      lambda: f"substr({inner()}, 1, 1)"]
        if kind == "i":
            forms += [lambda: f"length({self.scalar('s', tables, depth - 1)})", lambda: f"sign({inner()})::int"]
        if kind == "b":
            forms += [lambda: f"({self.predicate(tables, depth - 1)})"]
        return self.pick(*forms)()

    def comparison(self, tables, depth):
        kind = self.pick(*COLUMNS)
        other = self.pick(*NUMBERS) if kind in NUMBERS else kind
        operator = self.pick("=", "=", "<>", "<", "<=", ">", ">=", "is distinct from", "is not distinct from")
        return f"{self.scalar(kind, tables, depth)} {operator} {self.scalar(other, tables, depth)}"

    def subquery(self, tables, depth):
        kind = self.pick(*COLUMNS)
        inner = f"select z.{kind} from u z where {self.predicate(['z'] + tables, depth - 1)}"
        return self.pick(f"{self.scalar(kind, tables, 0)} in ({inner})", f"exists ({inner})",
                         f"{self.scalar(kind, tables, 0)} not in ({inner})",
                         f"(select count(*) from ({inner}) y) > 1")

    def predicate(self, tables, depth):
        """A condition that cannot fail."""
        inner = lambda: self.predicate(tables, depth - 1)
        kind = self.pick(*COLUMNS)
        forms = [lambda: self.comparison(tables, depth - 1)] * 3
        forms += [lambda: f"{self.scalar(kind, tables, depth - 1)} is {self.pick('', 'not ')}null",
                  lambda: f"{self.scalar(kind, tables, 0)} {self.pick('', 'not ')}in "
                          f"({', '.join(self.pick(*VALUES[kind]) for _ in range(3))})",
                  lambda: f"{self.scalar(kind, tables, 0)} {self.pick('', 'not ')}between "
                          f"{self.scalar(kind, tables, 0)} and {self.scalar(kind, tables, 0)}",
                  lambda: f"{self.column('s', tables)} {self.pick('', 'not ')}like '{self.pick('a', 'A', '_', '')}%'",
                  lambda: self.column("b", tables)]
        if depth > 0:
            forms += [lambda: f"({inner()} and {inner()})", lambda: f"({inner()} or {inner()})",
                      lambda: f"(not {inner()})", lambda: f"(({inner()}) is {self.pick('', 'not ')}true)"] * 2
            forms += [lambda: self.subquery(tables, depth)]
        return self.pick(*forms)()

    def same(self, tables):
        """Two conditions that mean the same."""
        kind = self.pick(*COLUMNS)
        a, b, c = (self.scalar(kind, tables, 1) for _ in range(3))
        p, q = self.predicate(tables, 1), self.predicate(tables, 1)
        where = self.predicate(["z"] + tables, 1)
        rows = f"from u z where ({where})"
        return self.pick(
            (f"{a} between {b} and {c}", f"{a} >= {b} and {a} <= {c}"),
            (f"{a} in ({b}, {c}, null)", f"{a} = {b} or {a} = {c} or null"),
            (f"{a} not in ({b}, {c})", f"{a} <> {b} and {a} <> {c}"),
            (f"not ({p} and {q})", f"not ({p}) or not ({q})"),
            (f"{a} is distinct from {b}", f"case when {a} is null or {b} is null then ({a} is null) <> ({b} is null) "
                                          f"else {a} <> {b} end"),
            (f"({a}, {b}) < ({c}, {a})", f"{a} < {c} or ({a} = {c} and {b} < {a})"),
            (f"exists (select 1 {rows})", f"(select count(*) {rows}) > 0"),
            (f"{a} in (select z.{kind} {rows})",
             f"case when exists (select 1 {rows} and z.{kind} = {a}) then true "
             f"when exists (select 1 {rows} and (z.{kind} is null or {a} is null)) then null else false end"))

    def source(self):
        """What stands in FROM, and the names of the tables that it has."""
        form = self.random.randrange(5)
        if form < 2:
            return "t x", ["x"]
        if form == 2:
            return "t x, u y", ["x", "y"]
        kind = self.pick("join", "left join")
        return f"t x {kind} u y on {self.predicate(['x', 'y'], 1)}", ["x", "y"]


def create(client, generator):
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    for table, count in (("t", 30), ("u", 12)):
        client.query(f"create table {table} (k int primary key, {columns})")
        rows = [f"({k}, {', '.join(generator.pick(*VALUES[name]) for name in COLUMNS)})" for k in range(count)]
        client.query(f"insert into {table} values {', '.join(rows)}")


def counted(client, text):
    return collections.Counter(map(tuple, client.rows(text)))


def tables_key(source):
    return "x.k, y.k" if " u y" in source else "x.k"


def check(client, query):
    """Runs the oracles on a query's parts; gives what must be the same with indexes."""
    source, selected, predicate, grouping, (one, other) = query
    distinct = client.value(f"select count(*) from {source} where ({one}) is distinct from ({other})")
    assert distinct == "0", f"not the same in {distinct} rows:\n    {one}\n    {other}"
    everything = counted(client, f"select {selected} from {source}")
    parts = [counted(client, f"select {selected} from {source} where {condition}")
             for condition in (predicate, f"not ({predicate})", f"({predicate}) is null")]
    assert sum(parts, collections.Counter()) == everything, "the parts are not the whole"
    where = int(client.value(f"select count(*) from {source} where {predicate}"))
    column = int(client.value(f"select count(case when ({predicate}) then 1 end) from {source}"))
    inner = f"select ({predicate}) as p from {source}"
    summed = int(client.value(f"select coalesce(sum(case when q.p then 1 else 0 end), 0) from ({inner}) q"))
    assert where == column == summed == sum(parts[0].values()), f"{where} rows, {column} and {summed} computed"
    groups = f"select {grouping}, count(*) from {source} where {predicate} group by {grouping}"
    grouped = counted(client, groups)
    assert sum(int(row[-1]) for row in grouped.elements()) == where, "the groups are not the whole"
    ordered = client.rows(f"{groups} having count(*) > 1 order by {grouping} desc nulls last")
    assert len(ordered) == sum(1 for row in grouped.elements() if int(row[-1]) > 1), "HAVING gives another number"
    counts = sorted(int(row[-1]) for row in grouped.elements())
    running = f"select {grouping} as g, count(*) over (partition by {grouping} order by {tables_key(source)}) as n"
    last = client.rows(f"select g, max(n) from ({running} from {source} where {predicate}) q group by g")
    assert sorted(int(row[-1]) for row in last) == counts, "the partitions are not the groups"
    rolled = client.rows(f"select grouping({grouping}), count(*) from {source} where {predicate} group by rollup ({grouping})")
    assert sorted((int(is_total), int(n)) for is_total, n in rolled) == [(0, n) for n in counts] + [(1, where)], "ROLLUP"
    # A group's key may be shown as any of its equal values (1.0, 1.00), so that only the counts are compared.
    return everything, parts, sorted(row[-1] for row in grouped.elements()), [row[-1] for row in ordered]


def make_query(generator):
    source, tables = generator.source()
    selected = ", ".join(f"{table}.k" for table in tables) + ", " + generator.scalar("i", tables, 1)
    grouping = generator.column(generator.pick(*COLUMNS), tables)
    return source, selected, generator.predicate(tables, 3), grouping, generator.same(tables)


def run_seed(server, seed):
    generator = Generator(seed)
    with server.connect() as client:
        client.query("drop table if exists t, u")
        create(client, generator)
        queries = [make_query(generator) for _ in range(QUERIES)]
        results = []
        for indexed in (False, True):
            for table in ("t", "u") if indexed else ():
                for index in generator.random.sample(INDEXES, 8):
                    client.query(f"create index on {table} {index}")
            for number, query in enumerate(queries):
                try:
                    result = check(client, query)
                    assert not indexed or result == results[number], "an index gives another answer"
                    results.append(result)
                except Exception:
                    print(f"seed {seed}, query {number}{', with indexes' if indexed else ''}:")
                    print(f"  select {query[1]}\n  from {query[0]}\n  where {query[2]}\n  group by {query[3]}")
                    raise


# --- Large tables -------------------------------------------------------------------------------------

LARGE_SEEDS, LARGE_QUERIES, LARGE_ROWS = 3, 4, 12000
JOINS = ["join", "left join", "right join", "full join"]


def create_large(client):
    """Tables of which a query reads more than the loop does by itself: it goes to workers. `h` joins few with few."""
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    for table, count, salt in (("t", LARGE_ROWS, 7), ("u", LARGE_ROWS // 8, 11)):
        client.query(f"create table {table} (k int primary key, h int, {columns})")
        chosen = ", ".join(f"(array[{', '.join(VALUES[name])}]::{kind}[])"
                           f"[1 + k * {salt + at} / 3 % {len(VALUES[name])}]"
                           for at, (name, kind) in enumerate(COLUMNS.items()))
        client.query(f"insert into {table} select k, nullif(k * 5 % {count}, 3), {chosen} "
                     f"from generate_series(1, {count}) k")


def large_source(generator):
    form = generator.random.randrange(6)
    if form == 0:
        return "t x", ["x"]
    if form == 1:
        return f"t x where {generator.pick('', 'not ')}exists (select 1 from u z where z.h = x.h and z.i >= x.i)", ["x"]
    if form == 2:
        return f"t x where x.h {generator.pick('', 'not ')}in (select z.h from u z where z.h is not null)", ["x"]
    return f"t x {generator.pick(*JOINS)} u y on {large_condition(generator)}", ["x", "y"]


def large_condition(generator):
    return "x.h = y.h" + generator.pick("", " and x.i <= y.i", " and x.s = y.s", " and x.b")


def large_sums(client, source, tables, condition):
    """What tells of all rows: their number, and sums over them."""
    word = "and" if " where " in source else "where"
    sums = ", ".join(f"count({table}.k), coalesce(sum({table}.k::int8 * {table}.k), 0)" for table in tables)
    row = client.rows(f"select count(*), {sums} from {source} {word} ({condition})")[0]
    return [int(value) for value in row]


def check_large(client, source, tables, predicate, kind):
    """The oracles; gives what must be the same with indexes."""
    parts = [large_sums(client, source, tables, condition)
             for condition in (predicate, f"not ({predicate})", f"({predicate}) is null")]
    whole = large_sums(client, source, tables, "true")
    assert [sum(column) for column in zip(*parts)] == whole, f"the parts are not the whole: {parts}, {whole}"
    computed = client.value(f"select count(case when ({predicate}) then 1 end) from {source}")
    assert int(computed) == parts[0][0], f"{parts[0][0]} rows, {computed} computed"
    word = "and" if " where " in source else "where"
    groups = client.rows(f"select {tables[-1]}.{kind}, count(*) from {source} {word} ({predicate}) group by 1")
    assert sum(int(row[1]) for row in groups) == parts[0][0], "the groups are not the whole"
    last = client.rows(f"select x.k from {source} {word} ({predicate}) order by x.k desc limit 5")
    return parts, whole, sorted(row[1] for row in groups), last


def check_joins(client, condition):
    """Each kind of join, by its parts."""
    def sums(source):
        return [int(value) for value in client.rows(f"select count(*), coalesce(sum(x.k), 0), coalesce(sum(y.k), 0) "
                                                    f"from {source}")[0]]
    inner = sums(f"t x join u y on {condition}")
    left = sums(f"(select * from t x where not exists (select 1 from u y where {condition})) x "
                "left join u y on false")
    right = sums(f"(select * from u y where not exists (select 1 from t x where {condition})) y left join t x on false")
    for kind, parts in (("left", [inner, left]), ("right", [inner, right]), ("full", [inner, left, right])):
        joined = sums(f"t x {kind} join u y on {condition}")
        expected = [sum(column) for column in zip(*parts)]
        assert joined == expected, f"{kind} join on {condition}: {joined}, its parts {expected}"


def large_tables_agree_with_themselves():
    seeds = [int(argument) for argument in sys.argv[1:]] or range(LARGE_SEEDS)
    with quern.Server() as server, server.connect() as client:
        for seed in seeds:
            generator = Generator(seed)
            client.query("drop table if exists t, u")
            create_large(client)
            queries = []
            for _ in range(LARGE_QUERIES):
                source, tables = large_source(generator)
                # No subqueries: each would read a table for each row.
                generator.subquery = lambda inner, depth: generator.comparison(inner, depth - 1)
                queries.append((source, tables, generator.predicate(tables, 2), generator.pick(*COLUMNS)))
            condition = large_condition(generator)
            plain = []
            for indexed in (False, True):
                if indexed:
                    check_joins(client, condition)
                    for index in ("t (h)", "u (h, i)", "t (i, s)", "u (s, k)", "t (n desc)"):
                        client.query(f"create index on {index}")
                for query in queries:
                    try:
                        plain.append(check_large(client, *query))
                        if indexed:
                            assert plain[-1] == plain[-1 - LARGE_QUERIES], "an index gives another answer"
                    except Exception:
                        print(f"large tables, seed {seed}{', with indexes' if indexed else ''}: from {query[0]}\n"
                              f"  where {query[2]}")
                        raise
            check_joins(client, condition)
        jobs = client.value("select value from quern.metrics where name = 'quern_jobs_total'")
        assert float(jobs) > len(seeds) * LARGE_QUERIES, f"only {jobs} queries went to workers"


def random_queries_agree_with_themselves():
    seeds = [int(argument) for argument in sys.argv[1:]] or range(SEEDS)
    with quern.Server() as server:
        for seed in seeds:
            run_seed(server, seed)


if __name__ == "__main__":
    quern.run(random_queries_agree_with_themselves, large_tables_agree_with_themselves)
