"""The published experiment, over the wire, and what each of Quern's optimizations is worth; `make bench-paper`.

100,000 rows, one loop thread, durable: point queries by text and by key, updates of one and of two rows in a
transaction, with 1 to 1,024 requests outstanding, by a client in C (bench/load.c). Then the same without one
optimization after another (quern serve --without). Rounds are interleaved: in each of them every cell is measured once,
and a cell is the median of its rounds. BENCH_ROUNDS (3), BENCH_SECONDS (2) and BENCH_DIRECTORY (/var/tmp) change a run.
"""
import math
import os
import statistics
import subprocess

from bench import Absent, Server, complaint, connection, machine, main, probe, say

ROWS = 100000
WORKS = (("text", "point query by text"), ("key", "point query by key"), ("update-one", "update of one row"),
         ("update-two", "update of two rows"))
OUTSTANDING = (1, 4, 16, 64, 256, 1024)
OUTSTANDING_WITHOUT = 256
WITHOUT = ("plan-cache", "literals", "group-commit", "pipelining", "short-path")
# What was published: requests in a second, and p99 in milliseconds.
PUBLISHED = ("the published engine", 29000, 8.58)
TUNED = ("Flink and Kafka, tuned", 130000, 10)
AIM_RATE, AIM_P99_MS = 300000, 4

TABLE = f"""CREATE TABLE load (k int PRIMARY KEY, v int);
INSERT INTO load SELECT g, 0 FROM generate_series(1, {ROWS}) g;
"""


def serve(build, place, *options):
    """Quern on a data directory, with the table that bench_load works on."""
    program = f"{build}/quern"
    if not os.path.exists(program):
        raise Absent(f"{program} is not there")
    server = Server("Quern", [program, "serve", "--data", place, "--listen", "127.0.0.1:0", *options]).read_port()
    make_table(server)
    return server


def make_table(server):
    command = ["psql", *connection(server.port), "-qv", "ON_ERROR_STOP=1"]
    done = subprocess.run(command, input=TABLE, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        server.close()
        raise Absent(f"{server.name} cannot be filled: {complaint(done.stderr)}")


class Figure:
    """Of one run of bench_load: requests in a second, p50 and p99 in milliseconds."""

    def __init__(self, rate, p50, p99):
        self.rate, self.p50, self.p99 = rate, p50, p99


def load(build, port, connections, depth, seconds, work, *more):
    command = [f"{build}/bench_load", *map(str, (port, connections, depth, seconds, work, *more))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Absent(f"bench_load {' '.join(command[1:])}: {complaint(done.stderr)}")
    rate, p50, p99 = map(float, done.stdout.split())
    return Figure(rate, p50 / 1e3, p99 / 1e3)


def median(figures):
    """Each figure's own median."""
    return Figure(*(statistics.median(getattr(figure, name) for figure in figures) for name in ("rate", "p50", "p99")))


def measure(build, port, work, outstanding, seconds):
    """As many connections as requests on each of them."""
    side = math.isqrt(outstanding)
    return load(build, port, side, side, seconds, work)


def measure_all(build, servers, rounds, seconds):
    """({(work, outstanding): figures}, {(name left out, work): figures})"""
    whole, without = {}, {}
    for number in range(rounds):
        for outstanding in OUTSTANDING:
            for work, _ in WORKS:
                figure = measure(build, servers["nothing"].port, work, outstanding, seconds)
                whole.setdefault((work, outstanding), []).append(figure)
            say(f"round {number + 1}/{rounds}: {outstanding} outstanding")
        names = [name for name in servers]
        for name in names[number % len(names):] + names[:number % len(names)]:
            for work, _ in WORKS:
                figure = measure(build, servers[name].port, work, OUTSTANDING_WITHOUT, seconds)
                without.setdefault((name, work), []).append(figure)
            say(f"round {number + 1}/{rounds}: without {name}")
    return whole, without


def milliseconds(value):
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def print_whole(whole):
    print(f"| work | outstanding | requests/s | p50, ms | p99, ms | by {PUBLISHED[0]}'s {PUBLISHED[1]:,}/s at {PUBLISHED[2]} ms "
          f"| by {TUNED[0]}: {TUNED[1]:,}/s at {TUNED[2]} ms |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for work, title in WORKS:
        for outstanding in OUTSTANDING:
            figure = median(whole[work, outstanding])
            print(f"| {title if outstanding == OUTSTANDING[0] else ''} | {outstanding:,} | {figure.rate:,.0f} | "
                  f"{milliseconds(figure.p50)} | {milliseconds(figure.p99)} | {figure.rate / PUBLISHED[1]:.1f} | "
                  f"{figure.rate / TUNED[1]:.1f} |")


def print_aim(whole):
    print("\n| aim | best | at | p99, ms | bound | met |")
    print("| --- | ---: | --- | ---: | --- | --- |")
    for work, title in WORKS[:2]:
        figures = [(median(whole[work, outstanding]), outstanding) for outstanding in OUTSTANDING]
        good = [pair for pair in figures if pair[0].p99 <= AIM_P99_MS] or figures
        best, outstanding = max(good, key=lambda pair: pair[0].rate)
        met = "yes" if best.rate >= AIM_RATE and best.p99 <= AIM_P99_MS else "**no**"
        print(f"| {title} | {best.rate:,.0f} | {outstanding:,} outstanding | {milliseconds(best.p99)} | "
              f"≥ {AIM_RATE:,} at p99 ≤ {AIM_P99_MS} ms | {met} |")


def print_without(without):
    titles = [f"{title} | | p99, ms" for _, title in WORKS]
    print(f"\n{OUTSTANDING_WITHOUT} outstanding; beside each rate its share of the rate with all of them.\n")
    print("| left out | " + " | ".join(titles) + " |")
    print("| --- |" + " ---: | ---: | ---: |" * len(WORKS))
    for name in ("nothing", *WITHOUT, "all"):
        cells = [name]
        for work, _ in WORKS:
            shares = [figure.rate / full.rate for figure, full in zip(without[name, work], without["nothing", work])]
            figure = median(without[name, work])
            share = statistics.median(shares)
            cells += [f"{figure.rate:,.0f}", f"{share:.2f}" if share >= 0.1 else f"{share:.2g}", milliseconds(figure.p99)]
        print("| " + " | ".join(cells) + " |")


def run(build, directory, rounds, seconds, _only):
    servers, syncs = {}, None
    try:
        for name in ("nothing", *WITHOUT, "all"):
            left_out = {"nothing": (), "all": ("--without", ",".join(WITHOUT))}.get(name, ("--without", name))
            servers[name] = serve(build, f"{directory}/{name}", *left_out)
        whole, without = measure_all(build, servers, rounds, seconds)
        syncs = probe(build, directory)
    finally:
        for server in servers.values():
            server.close()
    sync = f"; fdatasync of 4 KiB: p50 {syncs[0]:.0f} µs, p99 {syncs[1]:.0f} µs" if syncs else ""
    print(f"{machine(directory)}; {rounds} interleaved rounds of {seconds} s{sync}.\n")
    print_whole(whole)
    print_aim(whole)
    print_without(without)


if __name__ == "__main__":
    main(run, rounds=3, seconds=2)
