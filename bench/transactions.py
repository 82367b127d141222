"""Measures transactions under contention, and streams beside them; called by bench/run.sh after bench.py.

The manner is that of bench.py: interleaved rounds, a ratio is the median of the rounds' own ratios. What is counted
are transactions that committed; pgbench does not try again, so a share that failed is 40001 and 40P01 together, and
how many were which stands beside it. The same variables change a run.
"""
import os
import re
import signal
import statistics
import subprocess
import tempfile
import time

from bench import (CLIENTS, Absent, complaint, connection, fill, machine, main, say, start_postgres,
                   start_quern)

CUSTOMERS, HOT_CUSTOMERS = 10000, 100
ZIPF_ROWS = 100000

TABLES = f"""
CREATE TABLE counter (id int PRIMARY KEY, n bigint NOT NULL);
INSERT INTO counter VALUES (1, 0);
CREATE TABLE checking (id int PRIMARY KEY, balance bigint NOT NULL);
CREATE TABLE savings (id int PRIMARY KEY, balance bigint NOT NULL);
INSERT INTO checking SELECT g, 10000 FROM generate_series(1, {CUSTOMERS}) g;
INSERT INTO savings SELECT g, 10000 FROM generate_series(1, {CUSTOMERS}) g;
CREATE TABLE zipf (id int PRIMARY KEY, n bigint NOT NULL);
INSERT INTO zipf SELECT g, 0 FROM generate_series(1, {ZIPF_ROWS}) g;
"""

# --- Scripts of pgbench --------------------------------------------------------------------------------

COUNTER = "BEGIN;\nUPDATE counter SET n = n + 1 WHERE id = 1;\nCOMMIT;\n"
COUNTER_SHOWN = "BEGIN;\nUPDATE counter SET n = n + 1 WHERE id = 1 RETURNING n;\nCOMMIT;\n"

# Nine of ten transactions meet the hot customers.
CUSTOMER = "\n".join(
    f"\\set hot{name} random(1, 10)\n\\if :hot{name} < 10\n\\set {name} random(1, {HOT_CUSTOMERS})\n\\else\n"
    f"\\set {name} random(1, {CUSTOMERS})\n\\endif" for name in "ab")

BALANCE = f"""{CUSTOMER}
BEGIN;
SELECT balance FROM checking WHERE id = :a;
SELECT balance FROM savings WHERE id = :a;
COMMIT;
"""


def small_bank(lock, is_blind):
    """The four transactions of SmallBank that write. They read what they change, with `lock` or without, unless
    blind writes do."""
    def change(table, name, sign, amount):
        if is_blind:
            return f"UPDATE {table} SET balance = balance {sign} {amount}::bigint WHERE id = :{name};\n"
        return (f"SELECT balance AS was FROM {table} WHERE id = :{name}{lock} \\gset\n"
                f"UPDATE {table} SET balance = :was::bigint {sign} {amount}::bigint WHERE id = :{name};\n")

    head = CUSTOMER + "\n\\set v random(1, 100)\nBEGIN;\n"
    return (
        BALANCE,
        head + change("checking", "a", "+", ":v") + "COMMIT;\n",
        head + change("savings", "a", "+", ":v") + "COMMIT;\n",
        head + change("savings", "a", "-", ":v") + change("checking", "b", "+", ":v") + "COMMIT;\n",
        head + "SELECT balance FROM savings WHERE id = :a;\n" + change("checking", "a", "-", ":v") + "COMMIT;\n",
    )


def zipf_key(name):
    """By the inverse of the distribution as a continuous one: pgbench's own takes no exponent below 1."""
    key = f"pow((pow({ZIPF_ROWS + 1}.0, 0.01) - 1) * :u / 1000000000.0 + 1, 100) - 0.5"
    return (f"\\set u random(1, 1000000000)\n\\set {name} least({ZIPF_ROWS}, int({key}))\n"
            f"\\set {name} greatest(1, :{name})\n")


def zipf(lock, is_blind):
    """Two rows are read and two are written: the same ones; with blind writes others. In the order of their keys."""
    text = "".join(zipf_key(name) for name in ("x", "y", "p", "q"))
    text += "\\set a least(:x, :y)\n\\set b greatest(:x, :y)\n\\set c least(:p, :q)\n\\set d greatest(:p, :q)\nBEGIN;\n"
    if is_blind:
        text += "".join(f"SELECT n FROM zipf WHERE id = :{name};\n" for name in "ab")
        text += "".join(f"UPDATE zipf SET n = n + 1 WHERE id = :{name};\n" for name in "cd")
    else:
        text += "".join(f"SELECT n AS n{name} FROM zipf WHERE id = :{name}{lock} \\gset\n" for name in "ab")
        text += "".join(f"UPDATE zipf SET n = :n{name}::bigint + 1 WHERE id = :{name};\n" for name in "ab")
    return (text + "COMMIT;\n",)


# --- Works -------------------------------------------------------------------------------------------

COMMITTED, SERIALIZABLE = "PostgreSQL READ COMMITTED", "PostgreSQL SERIALIZABLE"


class Work:
    """bounds: of Quern's rate by that of a contender. aborts: Quern's share of failures by the contender's is at most
    this; 0: none at all."""

    def __init__(self, name, place, scripts, bounds, aborts):
        self.name, self.place, self.scripts = name, place, scripts
        self.bounds, self.aborts = bounds, aborts
        self.rounds = []  # of {contender: Result}


class Result:
    def __init__(self, text):
        def number(pattern):
            match = re.search(pattern, text, re.M)
            return float(match.group(1)) if match else 0.0

        self.rate = number(r"^tps = ([0-9.]+)")
        self.done = number(r"^number of transactions actually processed: (\d+)")
        self.serialization = number(r"^number of serialization failures: (\d+)")
        self.deadlocks = number(r"^number of deadlock failures: (\d+)")

    def share(self):
        failed = self.serialization + self.deadlocks
        return failed / (self.done + failed) if failed else 0.0


def works():
    both = {COMMITTED: 3, SERIALIZABLE: 8}
    yield Work("TPC-B, scale 10", "scale 10", None, both, 0)
    yield Work("TPC-B, scale 1", "scale 1", None, both, 0)
    yield Work("TPC-B, scale 50", "scale 50", None, {COMMITTED: None}, 0)
    yield Work("one counter, blind", "small", (COUNTER,), {COMMITTED: 3}, 0)
    yield Work("one counter, RETURNING", "small", (COUNTER_SHOWN,), {COMMITTED: 1}, 0)
    for name, make in (("SmallBank", small_bank), ("Zipf 0.99, 2 reads + 2 writes", zipf)):
        yield Work(f"{name}, plain reads", "small", make("", False), {SERIALIZABLE: 2}, 1)
        yield Work(f"{name}, FOR UPDATE", "small", make(" FOR UPDATE", False), {SERIALIZABLE: 2}, 0.1)
        yield Work(f"{name}, blind writes", "small", make("", True), {SERIALIZABLE: 2}, 0.1)


class Places:
    """Where works run: a server of Quern's for each scale, a database of PostgreSQL's."""

    def __init__(self, build, directory, names, with_postgres):
        self.quern, self.postgres, self.names = {}, None, names
        try:
            self.postgres = start_postgres(directory) if with_postgres else None
        except Absent as reason:
            say(reason)
        for name in names:
            self.quern[name] = start_quern(build, f"{directory}/quern {name}")
            self.prepare(self.quern[name], name, "postgres")
            if self.postgres:
                database = name.replace(" ", "")
                sql(self.postgres.port, f"CREATE DATABASE {database}")
                self.prepare(self.postgres, name, database)
        if self.postgres:
            sql(self.postgres.port, "CHECKPOINT")  # not in the middle of a short round

    def prepare(self, server, name, database):
        if name.startswith("scale"):
            fill(server, int(name.split()[1]), database)
        elif name == "small":
            sql(server.port, TABLES, database)

    def contender(self, name, place):
        """Port, database and options of the server's; None: it is not there."""
        if name == "Quern":
            return self.quern[place].port, "postgres", ""
        level = "serializable" if name == SERIALIZABLE else "read committed"
        options = "-c default_transaction_isolation=" + level.replace(" ", "\\ ")
        return (self.postgres.port, place.replace(" ", ""), options) if self.postgres else None

    def close(self):
        for server in [*self.quern.values(), self.postgres]:
            if server:
                server.close()


def sql(port, text, database="postgres"):
    """Each statement by itself; gives what the last one answers."""
    command = ["psql", *connection(port)[:-1], database, "-v", "ON_ERROR_STOP=1", "-AtqX"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Absent(f"psql: {complaint(done.stderr)}")
    return done.stdout.strip()


def pgbench(directory, contender, work, seconds):
    port, database, options = contender
    command = ["pgbench", "-n", "-c", str(CLIENTS), "-j", "1", "-T", str(seconds), "-M", "prepared",
               "--failures-detailed", *connection(port)[:-2]]
    for number, text in enumerate(work.scripts or ()):
        script = f"{directory}/script{number}.sql"
        with open(script, "w", encoding="utf-8") as file:
            file.write(text)
        command += ["-f", script]
    done = subprocess.run([*command, database], capture_output=True, text=True, check=False,
                          env={**os.environ, "PGOPTIONS": options})
    result = Result(done.stdout)
    if done.returncode != 0 or not result.rate:
        raise Absent(f"{work.name}: {complaint(done.stderr)}")
    return result


def measure_contention(build, directory, chosen, rounds, seconds):
    places = Places(build, directory, sorted({work.place for work in chosen}), True)
    try:
        for number in range(rounds):
            for work in chosen:
                results = {}
                names = ["Quern", *work.bounds]
                for name in names[number % len(names):] + names[:number % len(names)]:
                    contender = places.contender(name, work.place)
                    try:
                        if contender:
                            results[name] = pgbench(directory, contender, work, seconds)
                    except Absent as reason:
                        say(f"{name}: {reason}")
                work.rounds.append(results)
                shown = ", ".join(f"{name} {one.rate:,.0f} ({one.share():.2%})" for name, one in results.items())
                say(f"round {number + 1}/{rounds}: {work.name}: {shown}")
    finally:
        places.close()


# --- Streams, and one connection -----------------------------------------------------------------------

STREAM = """
CREATE TABLE counts (k bigint PRIMARY KEY, n bigint NOT NULL);
INSERT INTO counts SELECT g, 0 FROM generate_series(0, 99999) g;
CREATE SOURCE numbers (k bigint) WITH (connector = 'generator', seed = '1', k.kind = 'random', k.min = '0',
                                       k.max = '99999');
CREATE WORKFLOW counting AS INSERT INTO counts SELECT k, 1 FROM numbers
  ON CONFLICT (k) DO UPDATE SET n = counts.n + 1;
"""
# Of 100,000 keys that the stream meets all the time: the ten that are claimed are in nearly every batch.
CLAIMS = "\\set k random(0, 9)\nBEGIN;\nSELECT n FROM counts WHERE k = :k FOR UPDATE;\nCOMMIT;\n"
# pgbench keeps microseconds in 32 bits: it would not sleep at all for an hour.
IDLE = ("\\set k random(0, 99999)\nBEGIN;\nSELECT n FROM counts WHERE k = :k;\n"
        "UPDATE counts SET n = n + 1 WHERE k = :k;\n\\sleep 2000 s\nCOMMIT;\n")


def stream_rate(server, seconds):
    """Rows in a second, and in a second of the server's processor time: the second one bears a busy machine."""
    def look():
        with open(f"/proc/{server.process.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
        used = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return int(sql(server.port, "SELECT rows FROM quern.sources")), time.monotonic(), used

    before = look()
    time.sleep(seconds)
    rows, wall, used = (now - then for now, then in zip(look(), before))
    return rows / wall, rows / max(used, 0.01)


class Load:
    """pgbench in the background, ended by its process id."""

    def __init__(self, directory, port, clients, text):
        script = f"{directory}/load.sql"
        with open(script, "w", encoding="utf-8") as file:
            file.write(text)
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            ["pgbench", "-n", "-c", str(clients), "-j", "1", "-T", "3600", "-M", "prepared", "-f", script,
             *connection(port)[:-2], "postgres"], stdout=subprocess.DEVNULL, stderr=self.log)

    def close(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.seek(0)
        text = self.log.read().decode(errors="replace")
        if "error:" in text:
            raise Absent(f"pgbench beside a stream: {complaint(text)}")


def measure_streams(build, directory, rounds, seconds):
    """Rows a second: alone, with 100 open transactions, with claims of its hottest rows; once a round each."""
    server = start_quern(build, f"{directory}/quern stream")
    figures = []
    try:
        sql(server.port, STREAM)
        stream_rate(server, 1)
        for number in range(rounds):
            figure = {"alone": stream_rate(server, seconds)}
            for name, clients, text in (("open", 100, IDLE), ("claimed", CLIENTS, CLAIMS)):
                load = Load(directory, server.port, clients, text)
                while name == "open" and sql(server.port, "SELECT count(*) FROM quern.transactions") != str(clients):
                    time.sleep(0.1)
                time.sleep(1)
                figure[name] = stream_rate(server, seconds)
                load.close()
                time.sleep(0.5)
            figures.append(figure)
            shown = ", ".join(f"{name} {rate:,.0f}" for name, (rate, _) in figure.items())
            say(f"round {number + 1}/{rounds}: stream: {shown}")
    finally:
        server.close()
    return figures


def measure_pipeline(build, directory, rounds, seconds):
    server = start_quern(build, f"{directory}/quern pipeline")
    figures = []
    try:
        fill(server, 1)
        for _ in range(rounds):
            command = [f"{build}/bench_pipeline", str(server.port), str(seconds)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Absent(complaint(done.stderr))
            figures.append(float(done.stdout))
            say(f"pipelined: {figures[-1]:,.0f}")
    finally:
        server.close()
    return figures


# --- Tables ------------------------------------------------------------------------------------------


def yes(is_met):
    return "yes" if is_met else "**no**"


def print_work(work):
    def results(name):
        return [results[name] for results in work.rounds if name in results]

    mine = results("Quern")
    if not mine:
        print(f"| {work.name} | not measured |  |  |  |  |  |")
        return
    share = statistics.median(result.share() for result in mine)
    failures = sum(result.serialization for result in mine), sum(result.deadlocks for result in mine)
    met = yes(not any(failures)) if work.aborts == 0 else ""
    bound = "no failures" if work.aborts == 0 else ""
    rate = statistics.median(result.rate for result in mine)
    failed = f"{share:.2%} | {failures[0]:.0f} + {failures[1]:.0f}"
    print(f"| {work.name} | Quern | {rate:,.0f} | {failed} | | {bound} | {met} |")
    for name, limit in work.bounds.items():
        theirs = results(name)
        if not theirs:
            continue
        ratio = statistics.median(
            both["Quern"].rate / both[name].rate for both in work.rounds if "Quern" in both and name in both)
        other = statistics.median(result.share() for result in theirs)
        failures = sum(result.serialization for result in theirs), sum(result.deadlocks for result in theirs)
        bounds = [f"rate ≥ {limit}"] if limit else []
        is_met = not limit or ratio >= limit
        if work.aborts:
            bounds.append(f"failures ≤ {work.aborts:g}")
            is_met = is_met and share <= other * work.aborts
        rate = statistics.median(result.rate for result in theirs)
        print(f"| | {name} | {rate:,.0f} | {other:.2%} | {failures[0]:.0f} + {failures[1]:.0f} | {ratio:.2f} | "
              f"{', '.join(bounds)} | {yes(is_met) if bounds else ''} |")


def print_simple(name, rate, ratio, limit, is_met):
    print(f"| {name} | Quern | {rate:,.0f} | | | {ratio} | {limit} | {yes(is_met)} |")


def print_tables(chosen, streams, pipelined):
    print("| work | | committed/s | failed | 40001 + 40P01 | Quern by it | bound | met |")
    print("| --- | --- | ---: | ---: | ---: | ---: | --- | --- |")
    for work in chosen:
        print_work(work)
    scales = {work.name: work for work in chosen}
    one, fifty = scales.get("TPC-B, scale 1"), scales.get("TPC-B, scale 50")
    if one and fifty:
        pairs = [(a["Quern"], b["Quern"]) for a, b in zip(one.rounds, fifty.rounds) if "Quern" in a and "Quern" in b]
        ratios = [a.rate / b.rate for a, b in pairs]
        if ratios:
            ratio = statistics.median(ratios)
            print(f"| TPC-B, scale 1 by scale 50 | Quern | | | | {ratio:.2f} | ≥ 0.8 | {yes(ratio >= 0.8)} |")
    for name, key, limit in (("stream beside 100 open transactions", "open", 0.7),
                             ("stream whose hottest rows are claimed", "claimed", 0.4)):
        if streams:
            ratio, by_processor = (statistics.median(figure[key][i] / figure["alone"][i] for figure in streams)
                                   for i in range(2))
            rate = statistics.median(figure[key][0] for figure in streams)
            shown = f"{ratio:.2f} of alone ({by_processor:.2f} by processor time)"
            print_simple(f"{name}, rows/s", rate, shown, f"≥ {limit}", ratio >= limit)
    if pipelined:
        rate = statistics.median(pipelined)
        print_simple("BEGIN; SELECT; COMMIT, pipelined, one connection", rate, "", "≥ 100,000", rate >= 100000)


def run(build, directory, rounds, seconds, only):
    chosen = [work for work in works() if only in work.name]
    streams, pipelined = [], []
    try:
        if chosen:
            measure_contention(build, directory, chosen, rounds, seconds)
        if only in "stream beside 100 open transactions":
            streams = measure_streams(build, directory, rounds, seconds)
        if only in "pipelined":
            pipelined = measure_pipeline(build, directory, rounds, seconds)
    except Absent as reason:
        say(f"{reason}; what is missing stays empty")
    print(f"{machine(directory)}; {rounds} interleaved rounds of {seconds} s, {CLIENTS} clients, durable.\n")
    print_tables(chosen, streams, pipelined)


if __name__ == "__main__":
    main(run)
