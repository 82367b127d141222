#!/usr/bin/env python3
"""Runs each client's test program against a server on a free port of loopback: test/clients/run.py [NAME…].

Clients are installed by their ordinary package managers, as the environment has them set up. A client that cannot be
installed is SKIPPED, with the reason, and counts as neither passed nor failed. The last line is `N passed, N failed`.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import quern  # noqa: E402

VERSIONS = dict(re.findall(r"^(\w+)=(\S+)$", (HERE / "versions").read_text(), re.M))
PATIENCE = 900  # seconds for one program, or one installation
KEPT = pathlib.Path(quern.BUILD).resolve() / "clients"  # what was installed is there the next time


class Skipped(Exception):
    """A client that cannot be had here."""


def install(*command, where=None, **more):
    """Runs a package manager; what it says last is the reason why there is no such client."""
    try:
        done = subprocess.run(command, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              stdin=subprocess.DEVNULL, timeout=PATIENCE, env={**os.environ, **more})
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Skipped(f"{command[0]}: {error}") from None
    if done.returncode:
        raise Skipped(f"{' '.join(command[:3])}: " + " ".join(done.stdout.split()[-40:]))


def packages(*names):
    """Packages of Debian; root installs what is missing."""
    missing = [name for name in names
               if subprocess.run(["dpkg", "-s", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode]
    if not missing:
        return
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    install(*root, "apt-get", "-qq", "update")
    install(*root, "apt-get", "-qq", "-y", "-o", "DPkg::Lock::Timeout=300", "install", "--no-install-recommends", *missing,
            DEBIAN_FRONTEND="noninteractive")


def need(program, *names):
    """A program on the PATH, or the packages that bring it."""
    if not shutil.which(program):
        packages(*names)
    return program


def python(*names):
    """A virtual environment with these at their versions."""
    wanted = [f"{name.partition('[')[0]}{name[len(name.partition('[')[0]):]}=={VERSIONS[name.partition('[')[0]]}" for name in names]
    place = KEPT / "python"
    if not (place / "bin" / "pip").exists():
        if subprocess.run([sys.executable, "-c", "import ensurepip"], stderr=subprocess.DEVNULL).returncode:
            packages("python3-venv")
        install(sys.executable, "-m", "venv", str(place))
    install(str(place / "bin" / "pip"), "install", "--quiet", *wanted)
    return [str(place / "bin" / "python")]


def psql():
    packages("postgresql-client-15")
    return [sys.executable, HERE / "psql" / "test.py"], {}


def libpq():
    packages("libpq-dev", "gcc", "pkg-config")
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libpq"], capture_output=True, text=True).stdout.split()
    program = KEPT / "libpq_test"
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-o", program, HERE / "libpq" / "test.c", *flags], check=True)
    return [program], {}


def pgbench():
    packages("postgresql-15")
    return [HERE / "pgbench" / "test.sh"], {}


def psycopg():
    return [*python("psycopg[binary]"), HERE / "psycopg" / "test.py"], {}


def asyncpg():
    return [*python("asyncpg"), HERE / "asyncpg" / "test.py"], {}


def sqlalchemy():
    return [*python("psycopg[binary]", "sqlalchemy", "alembic"), HERE / "sqlalchemy" / "test.py"], {}


def pgjdbc():
    need("javac", "default-jdk-headless")
    packages("libpostgresql-jdbc-java")
    jar, classes = "/usr/share/java/postgresql.jar", KEPT / "java"
    subprocess.run(["javac", "-d", classes, "-cp", jar, HERE / "pgjdbc" / "Test.java"], check=True)
    return ["java", "-cp", f"{jar}:{classes}", "Test"], {}


def node():
    need("npm", "nodejs", "npm")
    place = KEPT / "node"
    place.mkdir(exist_ok=True)
    wanted = [f"{name}@{VERSIONS['node_' + name.replace('-', '_')]}" for name in ("pg", "pg-cursor", "pg-copy-streams")]
    install("npm", "install", "--no-audit", "--no-fund", "--prefix", str(place), *wanted)
    return ["node", HERE / "node" / "test.js"], {"NODE_PATH": str(place / "node_modules")}


def pgx():
    need("go", "golang-go")
    place = KEPT / "pgx"
    shutil.copytree(HERE / "pgx", place, dirs_exist_ok=True)
    if f"pgx/v5 {VERSIONS['pgx']}" not in (place / "go.mod").read_text():
        raise RuntimeError("test/clients/pgx/go.mod names another version of pgx than test/clients/versions")
    install("go", "mod", "download", where=place, GOTOOLCHAIN="local")
    subprocess.run(["go", "build", "-o", "test", "."], cwd=place, check=True, env={**os.environ, "GOTOOLCHAIN": "local"})
    return [place / "test"], {}


CLIENTS = [psql, libpq, pgbench, psycopg, asyncpg, sqlalchemy, pgjdbc, node, pgx]


def run(client):
    """A server of its own, whose end is looked at too."""
    command, more = client()
    with tempfile.TemporaryDirectory() as scratch, quern.Server("--tls", "auto") as server:
        own = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "ASAN_", "UBSAN_"))}
        own |= {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "quern", "PGDATABASE": "quern", "SCRATCH": scratch,
                "SCRAM_USER": "ann", "SCRAM_PASSWORD": "secret", **more}
        with server.connect() as session:
            session.query("create user ann password 'secret'")
        done = subprocess.run([str(word) for word in command], env=own, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=PATIENCE)
        if done.returncode:
            raise RuntimeError(f"ended with {done.returncode}\n{done.stdout[-6000:]}")
        return [line for line in done.stdout.splitlines() if line.startswith("left out")]


def main():
    chosen = [client for client in CLIENTS if not sys.argv[1:] or client.__name__ in sys.argv[1:]]
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / "java").mkdir(exist_ok=True)
    passed = failed = 0
    for client in chosen:
        try:
            left_out = run(client)
            passed += 1
            print(f"passed  {client.__name__}", *left_out, sep="\n        ", flush=True)
        except Skipped as why:
            print(f"SKIPPED {client.__name__}: {why}", flush=True)
        except Exception as error:  # any: the other clients are run all the same
            failed += 1
            print(f"FAILED  {client.__name__}: {error}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not chosen else 0


sys.exit(main())
