"""Statements over millions of rows in Quern beside PostgreSQL, on one connection; called by bench/run.sh.

PostgreSQL has no parallel workers and as much memory for a sort or a hash table as Quern gives to a whole statement
(work_mem 256 MB). In each round both do every work once; a ratio is the median of the rounds' own ratios. Each query
gives one row, which must be the same. BENCH_BULK_SCALE is a share of the rows (1). BENCH_ONLY is part of a work's name.
"""
import os
import re
import socket
import statistics
import struct
import subprocess
import time

from bench import Absent, complaint, connection, machine, main, say, start_postgres, start_quern

MILLION = int(1000000 * float(os.environ.get("BENCH_BULK_SCALE", "1")))
FIVE_JOINS = """SELECT count(*) FROM a AS a{0} JOIN b ON a{0}.k = b.k JOIN a AS c ON c.id = b.id JOIN b AS d ON d.id = c.k
  JOIN a AS e ON e.id = d.id JOIN b AS f ON f.id = e.k WHERE a{0}.id = {0} AND f.k > {0}"""

TABLES = f"""
CREATE TABLE a (id int8 PRIMARY KEY, k int8 NOT NULL);
CREATE TABLE b (id int8 PRIMARY KEY, k int8 NOT NULL);
CREATE TABLE sorted (id int8 PRIMARY KEY, v int8 NOT NULL);
CREATE TABLE grouped (id int8 PRIMARY KEY, g int8 NOT NULL);
INSERT INTO a SELECT i, i * 7368787 % {MILLION} FROM generate_series(1::int8, {MILLION}) AS i;
INSERT INTO b SELECT i, i * 15485863 % {MILLION} FROM generate_series(1::int8, {MILLION}) AS i;
INSERT INTO sorted SELECT i, i * 2654435761 % 4294967296 FROM generate_series(1::int8, {5 * MILLION}) AS i;
INSERT INTO grouped SELECT i, i * 7368787 % {MILLION} FROM generate_series(1::int8, {10 * MILLION}) AS i;
CREATE TABLE accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84));
"""
QUERIES = {
    "hash join 1M × 1M on int8": "SELECT count(*) FROM a JOIN b ON a.k = b.k",
    "sort of 5M int8 rows": f"SELECT v FROM sorted ORDER BY v OFFSET {5 * MILLION - 1}",
    "10M rows into 1M groups": "SELECT count(*), max(n) FROM (SELECT g, count(*) AS n FROM grouped GROUP BY g) AS t",
}


def psql(server, script, output="/dev/null"):
    command = ["psql", *connection(server.port), "-qXAtv", "ON_ERROR_STOP=1", "-o", output]
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Absent(f"{server.name}: {complaint(done.stderr)}")
    return [float(ms) / 1000 for ms in re.findall(r"^Time: ([0-9.]+) ms", done.stdout, re.M)]


def settings(server):
    return "SET max_parallel_workers_per_gather = 0;\nSET work_mem = '256MB';\n" if server.name == "PostgreSQL" else ""


def ask(server, query, output):
    return psql(server, f"{settings(server)}\\timing on\n{query};\n", output)[-1]


def copy(server, place):
    """Seconds of COPY in, COPY out."""
    script = f"TRUNCATE accounts;\n\\timing on\n\\copy accounts FROM '{place}'\n\\copy accounts TO '/dev/null'\n"
    return tuple(psql(server, script)[-2:])


def rows_file(directory):
    path = f"{directory}/accounts.copy"
    with open(path, "w", encoding="utf-8") as file:
        for number in range(1, 5 * MILLION + 1):
            file.write(f"{number}\t{(number - 1) // 100000 + 1}\t0\t{'':84}\n")
    return path


# --- First rows, and memory ----------------------------------------------------------------------------


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024


class Wire:
    """A connection that reads what a query gives as it comes."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        parameters = b"user\0postgres\0database\0postgres\0\0"
        self.socket.sendall(struct.pack(">ii", len(parameters) + 8, 196608) + parameters)
        self.left = b""
        while self.message()[0:1] != b"Z":
            pass

    def message(self):
        while len(self.left) < 5 or len(self.left) < 1 + struct.unpack_from(">i", self.left, 1)[0]:
            got = self.socket.recv(1 << 16)
            if not got:
                raise Absent("the connection has ended")
            self.left += got
        size = 1 + struct.unpack_from(">i", self.left, 1)[0]
        found, self.left = self.left[:size], self.left[size:]
        if found[0:1] == b"E":
            raise Absent(found.decode(errors="replace"))
        return found

    def query(self, text):
        payload = text.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack(">i", len(payload) + 4) + payload)

    def first_row(self, text):
        """Seconds until the first row."""
        begin = time.perf_counter()
        self.query(text)
        while self.message()[0:1] != b"D":
            pass
        return time.perf_counter() - begin

    def run(self, text):
        begin = time.perf_counter()
        self.query(text)
        while self.message()[0:1] != b"Z":
            pass
        return time.perf_counter() - begin

    def drain(self, watch):
        """Reads to the end; the most that `watch` gave meanwhile."""
        most, tail = 0, self.left[-6:]
        count = 0
        while not tail.endswith(b"Z\0\0\0\5I"):
            got = self.socket.recv(1 << 20)
            tail = (tail + got)[-6:]
            count += 1
            if count % 200 == 0:
                most = max(most, watch())
        self.left = b""
        return most


def first_rows(server, found):
    wire = Wire(server.port)
    before = resident(server.process.pid)
    first = wire.first_row("SELECT * FROM grouped")
    most = wire.drain(lambda: resident(server.process.pid))
    found.setdefault("first row of a 10M-row SELECT, ms", []).append(first * 1000)
    found.setdefault("memory that the SELECT takes, MiB", []).append(max(0, most - before))
    for table in ("a", "b"):
        wire.run(f"SELECT count(*) FROM {table} WHERE id < 10")
    took = [wire.run("EXPLAIN " + FIVE_JOINS.format(number)) for number in range(1, 200)]
    found.setdefault("parse and plan of a new 5-join statement, ms", []).append(statistics.median(took) * 1000)
    say(", ".join(f"{name} {figures[-1]:.2f}" for name, figures in found.items()))


BOUNDS = {"first row of a 10M-row SELECT, ms": 5, "memory that the SELECT takes, MiB": 64,
          "parse and plan of a new 5-join statement, ms": 1}


# --- The whole -----------------------------------------------------------------------------------------


def measure_queries(servers, directory, only, ratios):
    for work, query in QUERIES.items():
        if only and only not in work:
            continue
        took, answers = {}, set()
        for server in servers:
            try:
                took[server.name] = ask(server, query, f"{directory}/answer")
                with open(f"{directory}/answer", encoding="utf-8") as file:
                    answers.add(re.sub(r"Time:.*\n", "", file.read()))
            except Absent as reason:
                say(f"{work}: {reason}")
        say(f"{work}: " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in took.items()))
        if len(took) == 2 and len(answers) == 1:
            ratios.setdefault(work, []).append((took["Quern"], took["PostgreSQL"]))


def measure_copies(servers, place, ratios):
    took = {server.name: copy(server, place) for server in servers}
    say("COPY in, out: " + ", ".join(f"{name} {a:.2f} s, {b:.2f} s" for name, (a, b) in took.items()))
    for at, work in enumerate(("COPY in of 5M rows, durable", "COPY out of 5M rows")):
        ratios.setdefault(work, []).append((took["Quern"][at], took["PostgreSQL"][at]))


def print_table(ratios, found, rounds, directory):
    print(f"{machine(directory)}; {rounds} interleaved rounds, one connection, {MILLION / 1e6:g} of all rows.\n")
    print("| work | Quern, s | PostgreSQL, s | ratio | bound | met |")
    print("| --- | ---: | ---: | ---: | ---: | --- |")
    for work, pairs in ratios.items():
        ratio = statistics.median(theirs / ours for ours, theirs in pairs)
        ours, theirs = (statistics.median(side) for side in zip(*pairs))
        print(f"| {work} | {ours:.2f} | {theirs:.2f} | {ratio:.2f} | ≥ 2 | {'yes' if ratio >= 2 else '**no**'} |")
    for work, figures in found.items():
        figure = statistics.median(figures)
        met = "yes" if figure <= BOUNDS[work] else "**no**"
        print(f"| {work} | {figure:.2f} | – | – | ≤ {BOUNDS[work]} | {met} |")


def run(build, directory, rounds, _seconds, only):
    servers, ratios, found = [], {}, {}
    place = None if only else rows_file(directory)
    try:
        servers.append(start_quern(build, f"{directory}/quern"))
        servers.append(start_postgres(directory))
        for server in servers:
            say(f"{server.name}: loading")
            psql(server, TABLES + "ANALYZE;\n")
        for number in range(rounds):
            turned = servers[number % 2:] + servers[:number % 2]
            measure_queries(turned, directory, only, ratios)
            if not only:
                measure_copies(turned, place, ratios)
                first_rows(servers[0], found)
        print_table(ratios, found, rounds, directory)
    finally:
        for server in servers:
            server.close()


if __name__ == "__main__":
    main(run)
