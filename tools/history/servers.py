"""The databases under test: quern, and a cluster of PostgreSQL made for the occasion.

Both have `port` and connect(); both are ended by their process's id.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "test", "support"))
from quern import Client, Server, wait_until


class Quern(Server):
    """On a data directory of its own."""

    def __init__(self, *options, data=None):
        self.folder = None if data else tempfile.mkdtemp(prefix="quern-history-")
        super().__init__(*options, data=data or os.path.join(self.folder, "data"))

    def __exit__(self, *arguments):
        try:
            super().__exit__(*arguments)
        finally:
            if self.folder:
                shutil.rmtree(self.folder, ignore_errors=True)


class Existing:
    """A server that somebody else started."""

    def __init__(self, port, **parameters):
        self.port, self.parameters = port, parameters

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def connect(self):
        return Client(self.port, **self.parameters)


class PostgreSQL:
    """A cluster in a temporary directory, as an unprivileged user when root."""

    binaries = "/usr/lib/postgresql/15/bin"
    settings = {
        "listen_addresses": "127.0.0.1", "fsync": "off", "deadlock_timeout": "20ms", "shared_buffers": "16MB",
        "max_connections": "100", "autovacuum": "off", "logging_collector": "off", "timezone": "UTC",
    }

    def __init__(self, isolation="read committed", locale="C"):
        self.isolation, self.locale = isolation, locale
        self.process = None

    def command(self, *words):
        path = os.path.join(self.binaries, words[0])
        if not os.path.exists(path):
            raise RuntimeError(f"{path} is not there: tools/bootstrap.sh check installs PostgreSQL 15")
        become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        return [*become, path, *words[1:]]

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="quern-history-")
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self):
        data = os.path.join(self.folder, "data")
        subprocess.run(self.command("initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8",
                                    f"--locale={self.locale}"), check=True, cwd="/", stdout=subprocess.DEVNULL)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        words = ["postgres", "-D", data, "-p", str(self.port), "-k", self.folder]
        for name, value in {**self.settings, "default_transaction_isolation": self.isolation}.items():
            words += ["-c", f"{name}={value}"]
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.command(*words), cwd="/", stdout=self.log, stderr=self.log)
        wait_until(self.is_up, "PostgreSQL to start")

    def is_up(self):
        if self.process.poll() is not None:
            self.log.seek(0)
            raise RuntimeError("PostgreSQL did not start:\n" + self.log.read().decode(errors="replace"))
        try:
            self.connect().close()
            return True
        except Exception:
            return False

    def connect(self):
        return Client(self.port, user="postgres", database="postgres")

    def __exit__(self, *_):
        if self.process:
            self.process.send_signal(signal.SIGINT)  # fast shutdown
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
