#!/usr/bin/env python3
"""Quern inside a Python program, by cffi: accounts in a data directory, a transaction, an error, and all of it again.

Needs Debian's python3-cffi, no compiler. What cffi is told is the installed header itself, found by pkg-config.
Run: embedded.py DIRECTORY
"""
import pathlib
import re
import subprocess
import sys

import cffi


def pkg_config(variable):
    command = ["pkg-config", f"--variable={variable}", "quern"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def declarations(header):
    """The header as cffi reads it: without comments, conditions, and what C++ needs."""
    header = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    header = re.sub(r"#ifdef __cplusplus.*?#endif", "", header, flags=re.S)
    header = re.sub(r"^#(?!define QUERN_\w+ +\w+$).*$", "", header, flags=re.M)
    return header.replace("QUERN_API ", "")


ffi = cffi.FFI()
ffi.cdef(declarations((pathlib.Path(pkg_config("includedir")) / "quern.h").read_text(encoding="utf-8")))
quern = ffi.dlopen(str(pathlib.Path(pkg_config("libdir")) / "libquern.so.0"))


def text_of(chars):
    return ffi.string(chars).decode()


class Error(Exception):
    def __init__(self, error):
        self.sqlstate, self.detail = text_of(error.sqlstate), text_of(error.detail)
        self.status, self.position = error.status, error.position
        super().__init__(text_of(error.message))


def value_of(value):
    if value.kind == quern.QUERN_NULL:
        return None
    if value.kind == quern.QUERN_BOOLEAN:
        return bool(value.integer)
    if value.kind == quern.QUERN_FLOAT:
        return value.number
    if value.kind == quern.QUERN_TEXT:
        return ffi.buffer(value.text, value.size)[:].decode()
    return value.integer


def fill(value, given, kept):
    """Makes *value of a Python value; what it points to is put to `kept`."""
    if given is None:
        value.kind = quern.QUERN_NULL
    elif isinstance(given, bool):
        value.kind, value.integer = quern.QUERN_BOOLEAN, given
    elif isinstance(given, int):
        value.kind, value.integer = quern.QUERN_INTEGER, given
    elif isinstance(given, float):
        value.kind, value.number = quern.QUERN_FLOAT, given
    else:
        data = str(given).encode()
        kept.append(ffi.from_buffer(data))
        value.kind, value.size, value.text = quern.QUERN_TEXT, len(data), kept[-1]


class Engine:
    """An engine with one session. Used by one thread, which gives the engine its time while it waits."""

    def __init__(self, directory):
        path = ffi.new("char[]", str(directory).encode())
        options = ffi.new("struct quern_options *", {"abi": quern.QUERN_ABI, "data_directory": path})
        error, engine = ffi.new("struct quern_error *"), ffi.new("struct quern **")
        if quern.quern_open(options, engine, error):
            raise Error(error)
        self.engine = engine[0]
        self.session = quern.quern_session_open(self.engine, ffi.new("struct quern_session_options *"), error)
        if not self.session:
            quern.quern_close(self.engine)
            raise Error(error)
        self.statements = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        quern.quern_close(self.engine)

    def execute(self, text, *values):
        """The rows, as tuples. Statements are prepared once, by their text."""
        if text not in self.statements:
            self.statements[text] = quern.quern_statement_prepare(self.session, text.encode())
        rows, ends, kept = [], [], []

        @ffi.callback("void(void *, const struct quern_value *, int)")
        def on_row(_, given, count):
            rows.append(tuple(value_of(given[i]) for i in range(count)))

        @ffi.callback("void(void *, const struct quern_result *)")
        def on_done(_, result):
            ends.append(Error(result.error) if result.error else None)

        parameters = ffi.new("struct quern_value[]", max(len(values), 1))
        for parameter, value in zip(parameters, values):
            fill(parameter, value, kept)
        receiver = ffi.new("struct quern_receiver *", {"row": on_row, "done": on_done})
        if quern.quern_statement_execute(self.statements[text], parameters, len(values), receiver) < 0:
            raise RuntimeError("the statement was not begun")
        while not ends:
            status = quern.quern_run(self.engine, 1)
            if status < 0:
                raise Error(quern.quern_failure(self.engine))
            if status == 0 and not ends:
                quern.quern_wait(self.engine, -1)
        if ends[0]:
            raise ends[0]
        return rows

    def transaction(self, work):
        """Calls work() between BEGIN and COMMIT; again, when the engine says that it would go well the next time."""
        while True:
            self.execute("BEGIN")
            try:
                result = work()
                self.execute("COMMIT")
                return result
            except Error as error:
                self.execute("ROLLBACK")
                if error.status != -2:
                    raise


def first_run(engine):
    engine.execute("CREATE TABLE account (owner text PRIMARY KEY, amount float8 CHECK (amount >= 0), is_open boolean,"
                   " note text)")
    for row in (("anna", 70.5, True, None), ("ben", 29, True, "näh"), ("cleo", 0.0, False, "")):
        engine.execute("INSERT INTO account VALUES ($1, $2, $3, $4)", *row)

    def move(amount):
        engine.execute("UPDATE account SET amount = amount - $1 WHERE owner = $2", amount, "anna")
        engine.execute("UPDATE account SET amount = amount + $1 WHERE owner = $2", amount, "ben")
        return engine.execute("SELECT sum(amount) FROM account")[0][0]

    print("moved 20.5, in all", engine.transaction(lambda: move(20.5)))
    try:
        engine.transaction(lambda: move(1000))
    except Error as error:
        print(f"not moved: {error.sqlstate} {error}")
    try:
        engine.execute("SELECT amuont FROM account")
    except Error as error:
        print(f"{error.sqlstate} at {error.position}: {error}")


def main():
    directory = sys.argv[1]
    with Engine(directory) as engine:
        first_run(engine)
    with Engine(directory) as engine:  # what was told is on the disk
        for row in engine.execute("SELECT * FROM account WHERE amount >= $1 ORDER BY owner", 0):
            print(*row, sep=" | ")


if __name__ == "__main__":
    main()
