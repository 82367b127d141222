"""The 22 queries of TPC-H in Quern beside PostgreSQL without parallel workers, on one connection; called by bench/run.sh.

The rows come from tpchgen-cli of PyPI, at scale BENCH_TPCH_SCALE (0.1). Both have the primary keys and an index on each
foreign key; BENCH_TPCH_INDEXES=none leaves the latter out. In each round both run every query once, one after the other; a ratio is the
median of the rounds' own ratios. A query whose answers differ has no ratio. Whoever needs longer than TIMEOUT_SECONDS
is counted with it. BENCH_ONLY is the number of a query.
"""
import math
import os
import re
import statistics
import subprocess
import sys

from bench import Absent, connection, complaint, machine, main, say, start_postgres, start_quern

TPCHGEN = "tpchgen-cli==4.0.0"
TIMEOUT_SECONDS = 60
AIM_MEAN, AIM_EACH = 1.5, 0.5

TABLES = {
    "region": "r_regionkey int PRIMARY KEY, r_name char(25) NOT NULL, r_comment varchar(152)",
    "nation": "n_nationkey int PRIMARY KEY, n_name char(25) NOT NULL, n_regionkey int NOT NULL, n_comment varchar(152)",
    "part": "p_partkey int PRIMARY KEY, p_name varchar(55) NOT NULL, p_mfgr char(25) NOT NULL, p_brand char(10) NOT NULL, "
            "p_type varchar(25) NOT NULL, p_size int NOT NULL, p_container char(10) NOT NULL, "
            "p_retailprice numeric(15,2) NOT NULL, p_comment varchar(23) NOT NULL",
    "supplier": "s_suppkey int PRIMARY KEY, s_name char(25) NOT NULL, s_address varchar(40) NOT NULL, "
                "s_nationkey int NOT NULL, s_phone char(15) NOT NULL, s_acctbal numeric(15,2) NOT NULL, "
                "s_comment varchar(101) NOT NULL",
    "partsupp": "ps_partkey int, ps_suppkey int, ps_availqty int NOT NULL, ps_supplycost numeric(15,2) NOT NULL, "
                "ps_comment varchar(199) NOT NULL, PRIMARY KEY (ps_partkey, ps_suppkey)",
    "customer": "c_custkey int PRIMARY KEY, c_name varchar(25) NOT NULL, c_address varchar(40) NOT NULL, "
                "c_nationkey int NOT NULL, c_phone char(15) NOT NULL, c_acctbal numeric(15,2) NOT NULL, "
                "c_mktsegment char(10) NOT NULL, c_comment varchar(117) NOT NULL",
    "orders": "o_orderkey int PRIMARY KEY, o_custkey int NOT NULL, o_orderstatus char(1) NOT NULL, "
              "o_totalprice numeric(15,2) NOT NULL, o_orderdate date NOT NULL, o_orderpriority char(15) NOT NULL, "
              "o_clerk char(15) NOT NULL, o_shippriority int NOT NULL, o_comment varchar(79) NOT NULL",
    "lineitem": "l_orderkey int, l_partkey int NOT NULL, l_suppkey int NOT NULL, l_linenumber int, "
                "l_quantity numeric(15,2) NOT NULL, l_extendedprice numeric(15,2) NOT NULL, "
                "l_discount numeric(15,2) NOT NULL, l_tax numeric(15,2) NOT NULL, l_returnflag char(1) NOT NULL, "
                "l_linestatus char(1) NOT NULL, l_shipdate date NOT NULL, l_commitdate date NOT NULL, "
                "l_receiptdate date NOT NULL, l_shipinstruct char(25) NOT NULL, l_shipmode char(10) NOT NULL, "
                "l_comment varchar(44) NOT NULL, PRIMARY KEY (l_orderkey, l_linenumber)",
}
FOREIGN_KEYS = (("nation", "n_regionkey"), ("supplier", "s_nationkey"), ("partsupp", "ps_suppkey"),
                ("customer", "c_nationkey"), ("orders", "o_custkey"), ("lineitem", "l_partkey, l_suppkey"),
                ("lineitem", "l_suppkey"))


def queries():
    """[(number, text)]"""
    with open(os.path.join(os.path.dirname(__file__), "tpch.sql"), encoding="utf-8") as file:
        parts = re.split(r"^-- (\d+)\n", file.read(), flags=re.M)
    return [(int(number), text.strip()) for number, text in zip(parts[1::2], parts[2::2])]


def generate(directory, scale):
    """CSV files, by a virtual environment of their own."""
    place = f"{directory}/tpch"
    for command in ([sys.executable, "-m", "venv", f"{directory}/venv"],
                    [f"{directory}/venv/bin/pip", "install", "-q", TPCHGEN],
                    [f"{directory}/venv/bin/tpchgen-cli", "csv", "-s", scale, "--output-dir", place]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Absent(f"{os.path.basename(command[0])}: {complaint(done.stderr)}")
    return place


def psql(server, script, output="/dev/null"):
    command = ["psql", *connection(server.port), "-qXAtv", "ON_ERROR_STOP=1", "-o", output]
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Absent(f"{server.name}: {complaint(done.stderr)}")
    return done.stdout


def fill(server, place):
    say(f"{server.name}: loading")
    script = ""
    for table, columns in TABLES.items():
        script += f"CREATE TABLE {table} ({columns});\n\\copy {table} FROM '{place}/{table}.csv' WITH (FORMAT csv, HEADER)\n"
    if os.environ.get("BENCH_TPCH_INDEXES") != "none":
        for table, columns in FOREIGN_KEYS:
            script += f"CREATE INDEX ON {table} ({columns});\n"
    psql(server, script + "ANALYZE;\n")


def ask(server, query, output):
    """Milliseconds until the whole answer is there."""
    settings = f"SET statement_timeout = {TIMEOUT_SECONDS * 1000};\n"
    if server.name == "PostgreSQL":
        settings += "SET max_parallel_workers_per_gather = 0;\n"
    try:
        text = psql(server, f"{settings}\\timing on\n{query}\n", output)
    except Absent as reason:
        if "timeout" in str(reason):
            return TIMEOUT_SECONDS * 1000
        raise
    return float(re.search(r"Time: ([0-9.]+) ms", text).group(1))


def answer(path):
    """Numbers as such: how many digits a quotient has is no part of the answer."""
    with open(path, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("|") for line in file if not line.startswith("Time:")]
    return [[f"{float(cell):.4f}" if re.fullmatch(r"-?\d+(\.\d+)?", cell) else cell for cell in row] for row in rows]


def measure(servers, rounds, directory, only):
    """{query: [(Quern's, PostgreSQL's milliseconds)]}, of those whose answers agree."""
    found = {}
    for number in range(rounds):
        for query, text in queries():
            if only and str(query) != only:
                continue
            took = {}
            for server in servers[number % 2:] + servers[:number % 2]:
                try:
                    took[server.name] = ask(server, text, f"{directory}/{server.name}.out")
                except Absent as reason:
                    say(f"query {query}: {reason}")
            if len(took) < 2:
                continue
            say(f"round {number + 1}/{rounds}: query {query}: " + ", ".join(f"{n} {ms:,.1f} ms" for n, ms in took.items()))
            has_ended = max(took.values()) < TIMEOUT_SECONDS * 1000
            if has_ended and answer(f"{directory}/Quern.out") != answer(f"{directory}/PostgreSQL.out"):
                say(f"query {query}: the answers differ")
                continue
            found.setdefault(query, []).append((took["Quern"], took["PostgreSQL"]))
    return found


def print_table(found, scale, rounds, directory):
    print(f"{machine(directory)}; scale {scale}, {rounds} interleaved rounds, one connection.\n")
    print("| query | Quern, ms | PostgreSQL, ms | ratio |")
    print("| ---: | ---: | ---: | ---: |")
    ratios = []
    for query, pairs in sorted(found.items()):
        ratios.append(statistics.median(theirs / ours for ours, theirs in pairs))
        ours, theirs = (statistics.median(side) for side in zip(*pairs))
        print(f"| {query} | {ours:,.1f} | {theirs:,.1f} | {ratios[-1]:.2f} |")
    if ratios:
        mean = math.exp(statistics.fmean(map(math.log, ratios)))
        met = "yes" if mean >= AIM_MEAN and min(ratios) >= AIM_EACH and len(ratios) == 22 else "**no**"
        print(f"\nGeometric mean {mean:.2f} (≥ {AIM_MEAN}), least {min(ratios):.2f} (≥ {AIM_EACH}), "
              f"{len(ratios)} of 22 queries: {met}")


def run(build, directory, rounds, _seconds, only):
    scale = os.environ.get("BENCH_TPCH_SCALE", "0.1")
    place = generate(directory, scale)
    servers = []
    try:
        servers.append(start_quern(build, f"{directory}/quern"))
        servers.append(start_postgres(directory))
        for server in servers:
            fill(server, place)
        print_table(measure(servers, rounds, directory, only), scale, rounds, directory)
    finally:
        for server in servers:
            server.close()


if __name__ == "__main__":
    main(run)
