"""Quern under the load of a client that is not the limit (bench/load.c), beside its peers; called by bench/run.sh.

Pipelined point queries beside the null server and Redis, durable updates beside PostgreSQL and Quern without fdatasync,
the latency of point queries beside a long aggregate and beside checkpoints, and a CSV file into a keyed table beside
PostgreSQL's COPY of it. The manner and the variables are those of bench.py; BENCH_TABLE_ROWS (10,000,000) and
BENCH_CSV_ROWS (1,000,000) as well.
"""
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time

from bench import Absent, Server, complaint, connection, free_port, machine, main, probe, say, setting, start_null, start_postgres
from paper import AIM_P99_MS, AIM_RATE, ROWS, load, make_table, median, milliseconds, serve

CLIENTS, PIPELINED = 32, 16
FREE_P99_MS = 1  # a p99 up to this is good whatever it is without
WINDOW_SECONDS = 1  # of a measurement of latency: not longer than a checkpoint takes
BALLAST_ROWS, BALLAST_BYTES = 64, 200000


def psql(server, *statements):
    """What the last of them gives."""
    command = ["psql", *connection(server.port), "-Atqv", "ON_ERROR_STOP=1"]
    for statement in statements:
        command += ["-c", statement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Absent(f"{server.name}: {complaint(done.stderr)}")
    return done.stdout.strip()


def median_ratio(ours, theirs):
    return statistics.median(a / b for a, b in zip(ours, theirs) if b)


# --- Pipelined point queries, and durable updates --------------------------------------------------------


def start_redis():
    port = free_port()
    if not shutil.which("redis-server") or not shutil.which("redis-benchmark"):
        raise Absent("Redis is not installed")
    server = Server("Redis", ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                              "--daemonize", "no", "--loglevel", "warning"])
    server.port = port
    deadline = time.monotonic() + 30
    while subprocess.run(["redis-cli", "-p", str(port), "ping"], capture_output=True, check=False).stdout != b"PONG\n":
        if server.process.poll() is not None or time.monotonic() > deadline:
            server.close()
            raise Absent("Redis does not start")
        time.sleep(0.05)
    redis(server, "set", 5 * ROWS)
    return server


def redis(server, work, requests):
    """Requests in a second, by redis-benchmark."""
    command = ["redis-benchmark", "-p", str(server.port), "-c", str(CLIENTS), "-P", str(PIPELINED), "-n", str(requests),
               "-r", str(ROWS), "-t", work, "--csv"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rate = re.search(rf'^"{work.upper()}","([0-9.]+)"', done.stdout, re.M)
    if not rate:
        raise Absent(f"redis-benchmark: {complaint(done.stderr)}")
    return float(rate.group(1))


def measure_pairs(build, servers, rounds, seconds):
    """{(what, server's name): figures of the rounds}; Redis gives a rate alone."""
    found, redis_requests = {}, 500000 * seconds
    works = (
        ("select", "key", PIPELINED, ("Quern", "null server", "Redis")),
        ("update", "update-one", 1, ("Quern", "Quern without sync", "PostgreSQL")),
    )
    for number in range(rounds):
        for what, work, depth, names in works:
            names = [name for name in names if name in servers]
            for name in names[number % len(names):] + names[:number % len(names)]:
                try:
                    if name == "Redis":
                        figure = redis(servers[name], "get", redis_requests)
                        redis_requests = int(figure * seconds) + 1
                    else:
                        figure = load(build, servers[name].port, CLIENTS, depth, seconds, work)
                    found.setdefault((what, name), []).append(figure)
                    say(f"round {number + 1}/{rounds}: {what}: {name} {figure if name == 'Redis' else figure.rate:,.0f}")
                except Absent as reason:
                    say(reason)
    return found


def rates(found, what, name):
    return [getattr(figure, "rate", figure) for figure in found.get((what, name), [])]


def print_pairs(found):
    print("| work | Quern | p99, ms | peer | peer's | ratio | bound | met |")
    print("| --- | ---: | ---: | --- | ---: | ---: | --- | --- |")
    selects = found.get(("select", "Quern"))
    if selects:
        figure = median(selects)
        met = "yes" if figure.rate >= AIM_RATE and figure.p99 <= AIM_P99_MS else "**no**"
        print(f"| point queries by key on one loop thread | {figure.rate:,.0f} | {milliseconds(figure.p99)} | published | 29,000 at "
              f"8.58 ms | {figure.rate / 29000:.1f} | ≥ {AIM_RATE:,}/s at p99 ≤ {AIM_P99_MS} ms | {met} |")
    bounds = (("select", f"point SELECT, {CLIENTS} clients, {PIPELINED} pipelined", (("null server", 0.5), ("Redis", 0.7))),
              ("update", f"durable autocommit UPDATE, {CLIENTS} clients", (("PostgreSQL", 4), ("Quern without sync", 0.7))))
    for what, title, peers in bounds:
        ours = rates(found, what, "Quern")
        for peer, bound in peers:
            theirs = rates(found, what, peer)
            if not ours or not theirs:
                print(f"| {title} | – | – | {peer} | – | – | ≥ {bound} | not measured |")
                continue
            ratio = median_ratio(ours, theirs)
            print(f"| {title} | {statistics.median(ours):,.0f} | {milliseconds(median(found[what, 'Quern']).p99)} | {peer} | "
                  f"{statistics.median(theirs):,.0f} | {ratio:.2f} | ≥ {bound} | {'yes' if ratio >= bound else '**no**'} |")
            title = ""


# --- A CSV file into a keyed table -------------------------------------------------------------------------

CSV_COLUMNS = "k bigint PRIMARY KEY, v int, name text, share float8"


def write_csv(path, rows, order):
    draw = random.Random(1)
    keys = list(range(rows))
    if order == "random":
        draw.shuffle(keys)
    with open(path, "w", encoding="utf-8") as file:
        for k in keys:
            file.write(f"{k},{draw.randrange(1000000)},name {k % 1000},{draw.random():.4f}\n")
    os.chmod(path, 0o644)


def csv_into_quern(server, path, rows, name):
    """Rows in a second, from the moment when the source may read to an answer that says that all are there."""
    columns = CSV_COLUMNS.replace(" PRIMARY KEY", "")
    psql(server, f"CREATE TABLE csv_{name} ({CSV_COLUMNS})",
         f"CREATE SOURCE file_{name} ({columns}) WITH (connector = 'file', path = '{path}', state = 'paused')",
         f"CREATE WORKFLOW load_{name} AS INSERT INTO csv_{name} SELECT * FROM file_{name}")
    start = time.monotonic()
    psql(server, f"ALTER SOURCE file_{name} SET (state = 'running')")
    while psql(server, f"SELECT rows FROM quern.sources WHERE name = 'file_{name}'") != str(rows):
        if time.monotonic() - start > 300:
            raise Absent("the file's rows do not come")
        time.sleep(0.02)
    took = time.monotonic() - start
    if psql(server, f"SELECT count(*) FROM csv_{name}") != str(rows):
        raise Absent("rows of the file are missing")
    psql(server, f"DROP WORKFLOW load_{name}", f"DROP SOURCE file_{name}", f"DROP TABLE csv_{name}")
    return rows / took


def csv_into_postgres(server, path, rows, name):
    psql(server, f"CREATE TABLE csv_{name} ({CSV_COLUMNS})")
    start = time.monotonic()
    psql(server, f"COPY csv_{name} FROM '{path}' WITH (FORMAT csv)")
    took = time.monotonic() - start
    psql(server, f"DROP TABLE csv_{name}")
    return rows / took


def measure_csv(servers, directory, rounds):
    """(rows, {order of the keys: (Quern's rates, PostgreSQL's)})"""
    rows, found = setting("BENCH_CSV_ROWS", 1000000), {}
    for order in ("ascending", "random"):
        path = f"{directory}/files/{order}.csv"
        write_csv(path, rows, order)
        ours, theirs = found[order] = [], []
        for number in range(rounds):
            name = f"{order}_{number}"
            ours.append(csv_into_quern(servers["Quern"], path, rows, name))
            if "PostgreSQL" in servers:
                theirs.append(csv_into_postgres(servers["PostgreSQL"], path, rows, name))
            say(f"round {number + 1}/{rounds}: CSV, keys {order}: Quern {ours[-1]:,.0f}" +
                (f", PostgreSQL {theirs[-1]:,.0f}" if theirs else ""))
        os.remove(path)
    return rows, found


def print_csv(rows, order, ours, theirs):
    rate = statistics.median(ours)
    print(f"| CSV file of {rows / 1e6:g} million rows, keys {order}, into a keyed table, durable | {rate:,.0f} | | – | – | – | "
          f"≥ 500,000/s | {'yes' if rate >= 500000 else '**no**'} |")
    if theirs:
        ratio = median_ratio(ours, theirs)
        print(f"| | | | PostgreSQL's COPY | {statistics.median(theirs):,.0f} | {ratio:.2f} | ≥ 2 | "
              f"{'yes' if ratio >= 2 else '**no**'} |")


# --- Latency beside long work ----------------------------------------------------------------------------------


class Beside:
    """Something that a thread does again and again until the block ends."""

    def __init__(self, work):
        self.work = work
        self.is_over = threading.Event()
        self.times = 0
        self.reason = None
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        try:
            while not self.is_over.is_set():
                self.work()
                self.times += 1
        except Absent as reason:
            self.reason = reason

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()
        if self.reason and sys.exc_info()[0] is None:
            raise self.reason


def running(server):
    return psql(server, "SELECT value FROM quern.metrics WHERE name = 'quern_checkpoint_running'") == "1"


def until_checkpoint_runs(server):
    """Fills the log with large rows until a checkpoint begins."""
    change = f"UPDATE ballast SET v = repeat(chr(97 + (random() * 25)::int), {BALLAST_BYTES})"
    deadline = time.monotonic() + 120
    while not running(server):
        if time.monotonic() > deadline:
            raise Absent("no checkpoint begins")
        psql(server, change)


def measure_latency(build, directory, rounds, seconds):
    """(rate, rows, {what beside: figures}, shares of the time in which a checkpoint ran)"""
    rows = setting("BENCH_TABLE_ROWS", 10000000)
    server = serve(build, f"{directory}/latency")
    try:
        say(f"latency: a table of {rows:,} rows")
        psql(server, "CREATE TABLE big (k bigint PRIMARY KEY, v bigint)", "CREATE TABLE ballast (k int PRIMARY KEY, v text)",
             f"INSERT INTO ballast SELECT g, '' FROM generate_series(1, {BALLAST_ROWS}) g",
             *(f"INSERT INTO big SELECT g, g % 1000 FROM generate_series({at}, {min(at + 250000, rows) - 1}) g"
               for at in range(0, rows, 250000)))
        most = statistics.median(load(build, server.port, CLIENTS, PIPELINED, seconds, "key").rate for _ in range(3))
        rate = int(most / 4)
        found, ran = {"nothing": [], "aggregate": [], "checkpoint": []}, []

        def once():
            return load(build, server.port, CLIENTS, 4 * PIPELINED, WINDOW_SECONDS, "key", ROWS, rate)

        for number in range(rounds):
            while running(server):
                time.sleep(0.1)
            found["nothing"].append(once())
            with Beside(lambda: psql(server, "SELECT count(*), sum(v), max(v) FROM big WHERE k % 3 <> 1")):
                found["aggregate"].append(once())
            until_checkpoint_runs(server)
            found["checkpoint"].append(once())
            ran.append(running(server))
            say(f"round {number + 1}/{rounds}: p99, ms: " + ", ".join(f"{k} {v[-1].p99:.2f}" for k, v in found.items()) +
                ("" if ran[-1] else "; the checkpoint ended before the measurement"))
        return rate, rows, found, ran
    finally:
        server.close()


def print_latency(rate, rows, found, ran):
    alone = median(found["nothing"])
    print(f"\nPoint queries by key at {rate:,}/s, a quarter of the maximal rate, {CLIENTS} clients; a table of "
          f"{rows / 1e6:g} million rows beside theirs. A checkpoint outlasted {sum(ran)} of {len(ran)} measurements.\n")
    print("| beside | requests/s | p50, ms | p99, ms | bound, ms | met |")
    print("| --- | ---: | ---: | ---: | ---: | --- |")
    limit = max(3 * alone.p99, FREE_P99_MS)
    titles = {"nothing": "nothing", "aggregate": f"an aggregate of {rows / 1e6:g} million rows, again and again",
              "checkpoint": "a checkpoint"}
    for name, title in titles.items():
        figure = median(found[name])
        met = "" if name == "nothing" else "yes" if figure.p99 <= limit else "**no**"
        print(f"| {title} | {figure.rate:,.0f} | {figure.p50:.2f} | {figure.p99:.2f} | "
              f"{'' if name == 'nothing' else f'{limit:.2f}'} | {met} |")


# --- The run ---------------------------------------------------------------------------------------------------------


def start_servers(build, directory):
    def prepared(start):
        server = start()
        make_table(server)
        return server

    starts = (
        ("Quern", lambda: serve(build, f"{directory}/quern", "--files", f"{directory}/files")),
        ("Quern without sync", lambda: serve(build, f"{directory}/unsynced", "--without-sync")),
        ("PostgreSQL", lambda: prepared(lambda: start_postgres(directory))),
        ("Redis", start_redis),
        ("null server", lambda: start_null(build)),
    )
    servers = {}
    for name, start in starts:
        try:
            servers[name] = start()
        except Absent as reason:
            say(f"{reason}; its cells stay empty")
    return servers


def run(build, directory, rounds, seconds, only):
    os.mkdir(f"{directory}/files")
    os.chmod(f"{directory}/files", 0o755)
    pairs, csv, latency, syncs = {}, None, None, None
    servers = start_servers(build, directory) if only in "pairs csv" else {}
    try:
        if only in "pairs":
            pairs = measure_pairs(build, servers, rounds, seconds)
            syncs = probe(build, directory)
        if only in "csv" and "Quern" in servers:
            csv = measure_csv(servers, directory, rounds)
    except Absent as reason:
        say(f"{reason}; what is missing stays empty")
    finally:
        for server in servers.values():
            server.close()
    try:
        if only in "latency":
            latency = measure_latency(build, directory, rounds, seconds)
    except Absent as reason:
        say(f"{reason}; what is missing stays empty")
    sync = f"; fdatasync of 4 KiB: p50 {syncs[0]:.0f} µs, p99 {syncs[1]:.0f} µs" if syncs else ""
    print(f"{machine(directory)}; {rounds} interleaved rounds of {seconds} s{sync}.\n")
    print_pairs(pairs)
    if csv:
        rows, found = csv
        for order, figures in found.items():
            print_csv(rows, order, *figures)
    if latency:
        print_latency(*latency)


if __name__ == "__main__":
    main(run)
