"""Measures Quern beside PostgreSQL 15, SQLite and the null server on this machine; called by bench/run.sh.

Every work is measured in rounds: in each round all servers do it one after another, so that what the
machine does meanwhile meets them all. A ratio is the median of the rounds' own ratios, not the ratio of
medians. fdatasync is measured in every round, on the same disk.

Rows that need no server come from C programs: BUILD/bench_NAME DIRECTORY (an empty one of their own).
Each prints lines of five fields with tabs between them:

    work    Quern's figure    peer or -    peer's figure or -    bound

The bound is ">=2" (Quern's figure by the peer's is at least 2), "<=72" without a peer (the figure itself
is at most 72), or "-" (none).
"""
import os
import platform
import pwd
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

POSTGRES = "/usr/lib/postgresql/15/bin"
PROGRAMS = ("bench_embedded", "bench_stream", "bench_rows")
SCALE = 10
CLIENTS = 32

UPDATE = f"""\\set aid random(1, {100000 * SCALE})
UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :aid;
"""


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Absent(Exception):
    """A server or program that is not there or does not do its work; its cells stay empty."""


# --- Servers -----------------------------------------------------------------------------------------


class Server:
    """A process that listens on a loopback port. It is ended by its own process id."""

    def __init__(self, name, command, user=None, end=signal.SIGTERM):
        self.name = name
        self.end = end
        identity = {}
        if user:
            entry = pwd.getpwnam(user)
            identity = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self.log, text=True, cwd="/", **identity
        )
        self.port = None

    def read_port(self):
        """From the line `NAME: listening on HOST:PORT`."""
        line = self.process.stdout.readline()
        match = re.search(r"listening on .*:(\d+)$", line.strip())
        if not match:
            self.close()
            raise Absent(f"{self.name} does not start: {line.strip() or self.log_tail()}")
        self.port = int(match.group(1))
        return self

    def wait_port(self, port, timeout=60):
        """Until the port takes connections and answers a query."""
        deadline = time.monotonic() + timeout
        command = ["psql", *connection(port), "-Atc", "SELECT 1"]
        while subprocess.run(command, capture_output=True, check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise Absent(f"{self.name} does not start: {self.log_tail()}")
            time.sleep(0.1)
        self.port = port
        return self

    def log_tail(self):
        self.log.seek(0)
        lines = self.log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it says nothing"

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(self.end)
            try:
                self.process.wait(120)
            except subprocess.TimeoutExpired:
                say(f"{self.name} does not end; killed")
                self.process.kill()
                self.process.wait()


def connection(port):
    return ["-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-d", "postgres"]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start_postgres(directory):
    """A cluster of its own: PostgreSQL's defaults, but memory for the whole database."""
    if not os.path.exists(f"{POSTGRES}/postgres"):
        raise Absent("PostgreSQL 15 is not installed")
    user = "postgres" if os.getuid() == 0 else None  # PostgreSQL refuses to run as root
    place = f"{directory}/postgres"
    os.mkdir(place)
    if user:
        shutil.chown(place, user, user)
    base = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
    subprocess.run(
        [*base, f"{POSTGRES}/initdb", "-D", f"{place}/data", "-U", "postgres", "-A", "trust", "-E", "UTF8",
         "--locale=C.UTF-8", "--no-instructions"],
        check=True, stdout=subprocess.DEVNULL, cwd="/",
    )
    port = free_port()
    settings = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": place,
                "shared_buffers": "1GB", "max_connections": "100"}
    command = [f"{POSTGRES}/postgres", "-D", f"{place}/data"]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    return Server("PostgreSQL", command, user, end=signal.SIGINT).wait_port(port)


def start_quern(build, place):
    program = f"{build}/quern"
    if not os.path.exists(program):
        raise Absent(f"{program} is not there")
    kept = ["--data", place] if place else ["--in-memory"]
    name = "Quern" if place else "Quern in memory"
    return Server(name, [program, "serve", *kept, "--listen", "127.0.0.1:0"]).read_port()


def start_null(build):
    program = f"{build}/bench_null_server"
    if not os.path.exists(program):
        raise Absent(f"{program} is not there")
    return Server("null server", [program, "0"]).read_port()


def fill(server, scale=SCALE, database="postgres"):
    """The tables of pgbench, by pgbench."""
    say(f"{server.name}: pgbench -i -s {scale}")
    command = ["pgbench", "-i", "-q", "-s", str(scale), *connection(server.port)[:-2], database]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Absent(f"{server.name} cannot be filled: {complaint(done.stderr)}")


def complaint(text):
    """The line of a program's standard error that says what is wrong."""
    lines = text.strip().splitlines() or ["no message"]
    return next((line for line in lines if "error:" in line.lower()), lines[-1])


# --- Measuring ---------------------------------------------------------------------------------------


def pgbench(server, options, seconds):
    """Transactions in a second, and the share of them that failed."""
    command = ["pgbench", "-n", "-c", str(CLIENTS), "-j", "1", "-T", str(seconds), *options,
               *connection(server.port)[:-2], "postgres"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rate = re.search(r"^tps = ([0-9.]+)", done.stdout, re.M)
    failed = re.search(r"^number of failed transactions: \d+ \(([0-9.]+)%\)", done.stdout, re.M)
    if done.returncode != 0 or not rate or float(rate.group(1)) == 0:
        raise Absent(f"pgbench {' '.join(options)} on {server.name}: {complaint(done.stderr)}")
    return float(rate.group(1)), float(failed.group(1)) / 100 if failed else 0.0


class Row:
    """One work, measured once a round for Quern and each peer."""

    def __init__(self, work, bound=None, peer=None, is_durable=False, more=()):
        self.work = work
        self.peer = peer  # the one that the bound is about
        self.bound = bound
        self.is_durable = is_durable
        self.more = more  # others, shown without a bound
        self.rounds = []  # of {server's name: figure}
        self.notes = []

    def figures(self, name):
        return [figures[name] for figures in self.rounds if name in figures]

    def ratios(self, peer):
        return [figures["Quern"] / figures[peer] for figures in self.rounds
                if "Quern" in figures and figures.get(peer)]


WORKS = (
    (Row("point SELECT, prepared", 0.75, "null server", more=("PostgreSQL",)), ["-S", "-M", "prepared"]),
    (Row("point SELECT, simple", 0.75, "null server", more=("PostgreSQL",)), ["-S", "-M", "simple"]),
    (Row("durable UPDATE by key", 3, "PostgreSQL", True, ("Quern in memory", "null server")),
     ["-M", "prepared", "-f", "UPDATE"]),
    (Row(f"durable TPC-B, scale {SCALE}", 2, "PostgreSQL", True, ("Quern in memory", "null server")), []),
)


def measure_servers(servers, rows, rounds, seconds, script):
    complained = set()
    for number in range(rounds):
        for row, options in rows:
            options = [script if option == "UPDATE" else option for option in options]
            figures = {}
            order = [name for name in ("Quern", row.peer, *row.more) if name in servers]
            for name in order[number % len(order):] + order[:number % len(order)] if order else []:
                try:
                    figures[name], failed = pgbench(servers[name], options, seconds)
                    if failed:
                        row.notes.append((name, failed))
                except Absent as reason:
                    if str(reason) not in complained:
                        complained.add(str(reason))
                        say(reason)
            row.rounds.append(figures)
            shown = ", ".join(f"{name} {figure:,.0f}" for name, figure in figures.items())
            say(f"round {number + 1}/{rounds}: {row.work}: {shown or 'nothing to measure'}")
        yield number


def measure_program(program, directory, found):
    """One run; adds its figures to found: {work: Row}."""
    place = tempfile.mkdtemp(dir=directory)
    try:
        done = subprocess.run([program, place], capture_output=True, text=True, check=False)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    if done.returncode != 0:
        raise Absent(f"{os.path.basename(program)} failed: {complaint(done.stderr)}")
    for line in done.stdout.splitlines():
        fields = line.split("\t")
        if len(fields) != 5:
            raise Absent(f"{os.path.basename(program)} prints a line that is not five fields: {line}")
        work, figure, peer, peer_figure, bound = fields
        if work not in found:
            found[work] = Row(work, None if bound == "-" else bound, None if peer == "-" else peer, "durable" in work)
        figures = {"Quern": float(figure)}
        if peer != "-":
            figures[peer] = float(peer_figure)
        found[work].rounds.append(figures)
        say(line.replace("\t", "  "))


def probe(build, directory):
    """p50 and p99 of fdatasync in microseconds; None without the program."""
    program = f"{build}/bench_sync_probe"
    if not os.path.exists(program):
        return None
    done = subprocess.run([program, directory], capture_output=True, text=True, check=False)
    return tuple(float(field) for field in done.stdout.split()) if done.returncode == 0 else None


# --- Tables ------------------------------------------------------------------------------------------


def shown(figures):
    if not figures:
        return "–"
    value = statistics.median(figures)
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def verdict(row):
    """(ratio, bound, met) as text."""
    if isinstance(row.bound, str):
        sign, limit = row.bound[:2], float(row.bound[2:])
    else:
        sign, limit = ">=", row.bound
    ratios = row.ratios(row.peer) if row.peer else row.figures("Quern")
    ratio = statistics.median(ratios) if ratios else None
    text = f"{ratio:.2f}" if ratio is not None and row.peer else "–"
    if limit is None:
        return text, "–", "–"
    bound = f"{'≥' if sign == '>=' else '≤'} {limit:g}"
    if ratio is None:
        return text, bound, "not measured"
    return text, bound, "yes" if (ratio >= limit if sign == ">=" else ratio <= limit) else "**no**"


def print_tables(rows, syncs, rounds, seconds, directory):
    sync = "not measured"
    if syncs:
        sync = f"{statistics.median(s[0] for s in syncs):.0f} / {statistics.median(s[1] for s in syncs):.0f} µs"
    print(f"{machine(directory)}; {rounds} interleaved rounds of {seconds} s, {CLIENTS} clients, one pgbench thread.\n")
    print("| work | Quern | peer | peer's | ratio | bound | met | fdatasync p50 / p99 |")
    print("| --- | ---: | --- | ---: | ---: | ---: | --- | ---: |")
    for row in rows:
        ratio, bound, met = verdict(row)
        peers = shown(row.figures(row.peer)) if row.peer else "–"
        cells = [row.work, shown(row.figures("Quern")), row.peer or "–", peers, ratio, bound, met,
                 sync if row.is_durable else ""]
        print("| " + " | ".join(cells) + " |")
        for peer in row.more:
            ratios = row.ratios(peer)
            ratio = f"{statistics.median(ratios):.2f}" if ratios else "–"
            cells = ["", "", peer, shown(row.figures(peer)), ratio, "", "", ""]
            print("| " + " | ".join(cells) + " |")
    for row in rows:
        for name in sorted({name for name, _ in row.notes}):
            worst = max(share for other, share in row.notes if other == name)
            print(f"\n{row.work}: on {name} at most {worst:.3%} of a round's transactions failed and were not counted.")


def machine(directory):
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    if names:
        model = names[0]
    with open("/proc/meminfo", encoding="utf-8") as file:
        memory = int(file.readline().split()[1]) / 1024 / 1024
    command = ["findmnt", "-no", "FSTYPE", "-T", directory]
    kind = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    if kind in ("tmpfs", "ramfs"):
        say(f"{directory} is in memory: figures of durable rows mean nothing; set BENCH_DIRECTORY")
    return f"{os.cpu_count()} × {model}, {memory:.0f} GiB, Linux {platform.release()}, data on {kind}"


# --- The run -----------------------------------------------------------------------------------------


def setting(name, default):
    text = os.environ.get(name, str(default))
    if not text.isdigit() or int(text) == 0:
        sys.exit(f"bench: {name} must be a positive number, not \"{text}\"")
    return int(text)


def start_servers(build, directory, only_wanted):
    servers = {}
    starts = (
        ("null server", lambda: start_null(build)),
        ("PostgreSQL", lambda: start_postgres(directory)),
        ("Quern", lambda: start_quern(build, f"{directory}/quern")),
        ("Quern in memory", lambda: start_quern(build, None)),
    )
    for name, start in starts:
        if name not in only_wanted:
            continue
        try:
            servers[name] = start()
            if name != "null server":
                fill(servers[name])
        except Absent as reason:
            say(f"{reason}; its cells stay empty")
            if name in servers:
                servers.pop(name).close()
    return servers


def run(build, directory, rounds, seconds, only):
    rows = [(row, options) for row, options in WORKS if only in row.work]
    wanted = {name for row, _ in rows for name in ("Quern", row.peer, *row.more)}
    programs = [f"{build}/{name}" for name in PROGRAMS if not only or not rows]
    script = f"{directory}/update.sql"
    with open(script, "w", encoding="utf-8") as file:
        file.write(UPDATE)
    found, syncs = {}, []
    servers = start_servers(build, directory, wanted)
    try:
        if rows:
            for _ in measure_servers(servers, rows, rounds, seconds, script):
                measured = probe(build, directory)
                if measured:
                    syncs.append(measured)
    finally:
        for server in servers.values():
            server.close()
    for program in programs:
        try:
            if not os.path.exists(program):
                raise Absent(f"{program} is not there; its rows are left out")
            for _ in range(rounds):
                measure_program(program, directory, found)
        except Absent as reason:
            say(reason)
    others = [row for work, row in found.items() if only in work]
    print_tables([row for row, _ in rows] + others, syncs, rounds, seconds, directory)


def main(run, rounds=5, seconds=5):
    """The whole of a script: run(build, directory, rounds, seconds, only) with a directory that is gone afterwards."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: {os.path.basename(sys.argv[0])} BUILD")
    build = os.path.abspath(sys.argv[1])
    rounds, seconds = setting("BENCH_ROUNDS", rounds), setting("BENCH_SECONDS", seconds)
    directory = tempfile.mkdtemp(prefix="quern-bench.", dir=os.environ.get("BENCH_DIRECTORY", "/var/tmp"))
    os.chmod(directory, 0o755)  # PostgreSQL's user must be able to pass
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        run(build, directory, rounds, seconds, os.environ.get("BENCH_ONLY", ""))
    except Absent as reason:
        sys.exit(f"bench: {reason}")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main(run)
