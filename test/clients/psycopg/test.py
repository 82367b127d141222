"""psycopg 3: types in text and binary, prepared statements, pipelines, COPY, savepoints, cursors, cancel, notices, errors."""
import datetime
import decimal
import os
import threading
import uuid

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

VALUES = [
    ("boolean", True), ("smallint", -7), ("integer", 2**31 - 1), ("bigint", -2**63), ("real", 1.5), ("float8", 0.1),
    ("numeric", decimal.Decimal("12345678901234567890.0123")), ("text", "ü ' \\ \n"), ("varchar(9)", "abc"),
    ("bytea", bytes(range(256))), ("date", datetime.date(2024, 2, 29)), ("time", datetime.time(1, 2, 3, 456789)),
    ("timestamp", datetime.datetime(1999, 12, 31, 23, 59, 59, 1)),
    ("timestamptz", datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)),
    ("interval", datetime.timedelta(days=3, seconds=4, microseconds=5)),
    ("uuid", uuid.UUID("12345678-1234-5678-1234-567812345678")), ("jsonb", {"a": [1, None, "x"]}), ("json", [1, 2]),
    ("int4[]", [1, None, 3]), ("text[]", ["a", 'b"', None]), ("int8[]", [[1, 2], [3, 4]]),
]


def wrapped(kind, value):
    return Jsonb(value) if kind.startswith("json") else value


def types(connection):
    for binary in (False, True):
        for kind, value in VALUES:
            with connection.cursor(binary=binary) as cursor:
                cursor.execute(f"select %s::{kind}, null::{kind}", (wrapped(kind, value),))
                assert cursor.fetchone() == (value, None), (kind, binary)
        with connection.cursor(binary=binary) as cursor:
            assert cursor.execute("select %b::int4 + %t::int4", (1, 2)).fetchone() == (3,)
            assert cursor.execute("select 2 = any(%s), 'b' = any(%s)", ([1, 2], ["a"])).fetchone() == (True, False)


def prepared(connection):
    for number in range(10):
        row = connection.execute("select a + %s from (values (1)) v(a)", (number,), prepare=True).fetchone()
        assert row == (number + 1,)
    connection.execute("create table plans (a int)")
    assert connection.execute("select * from plans", prepare=True).fetchall() == []
    with connection.cursor() as cursor:
        cursor.executemany("insert into plans values (%s) returning a * 2", [(1,), (2,), (3,)], returning=True)
        seen = [cursor.fetchone()[0]]
        while cursor.nextset():
            seen.append(cursor.fetchone()[0])
        assert seen == [2, 4, 6]
    connection.execute("drop table plans")
    connection.execute("deallocate all")


def pipelines(connection):
    connection.execute("create table piped (a int primary key)")
    with connection.pipeline() as pipeline:
        results = [connection.execute("insert into piped values (%s) returning a", (n,)) for n in range(100)]
        pipeline.sync()
        assert [result.fetchone()[0] for result in results] == list(range(100))
    try:
        with connection.pipeline():
            connection.execute("insert into piped values (200)")
            connection.execute("insert into piped values (1)")
            connection.execute("insert into piped values (201)")
        raise AssertionError("no error")
    except psycopg.errors.UniqueViolation as error:
        assert error.diag.constraint_name == "piped_pkey" and error.diag.table_name == "piped", error.diag
        assert error.diag.schema_name == "public" and "Key (a)=(1)" in error.diag.message_detail
    assert connection.execute("select count(*) from piped").fetchone() == (100,)
    connection.execute("drop table piped")


def copies(connection):
    connection.execute("create table copied (a int, b text, c timestamptz)")
    moment = datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=datetime.timezone.utc)
    with connection.cursor() as cursor:
        with cursor.copy("copy copied (a, b, c) from stdin") as copy:
            for number in range(1000):
                copy.write_row((number, f"x\t{number}\n\\", moment))
        assert cursor.rowcount == 1000
        with cursor.copy("copy copied from stdin with (format csv)") as copy:
            copy.write('2000,"a,""b""",2024-05-06 07:08:09+00\n')
        with cursor.copy("copy (select a, b from copied where a in (1, 2000) order by a) to stdout") as copy:
            copy.set_types(["int4", "text"])
            assert list(copy.rows()) == [(1, "x\t1\n\\"), (2000, 'a,"b"')]
        try:
            with cursor.copy("copy copied from stdin") as copy:
                copy.write("1\tx\t2024-01-01\nbad\tx\t2024-01-01\n")
            raise AssertionError("no error")
        except psycopg.errors.InvalidTextRepresentation as error:
            assert error.diag.context == 'COPY copied, line 2, column a: "bad"', error.diag.context
        try:
            with cursor.copy("copy copied from stdin") as copy:
                copy.write("1\tx\t2024-01-01\n")
                raise KeyError
        except KeyError:
            pass
        assert cursor.execute("select count(*), min(c) from copied").fetchone() == (1001, moment)
        with cursor.copy("copy copied from stdin (format binary)") as copy:
            copy.set_types(["int4", "text", "timestamptz"])
            copy.write_row((3000, "binary", moment))
            copy.write_row((3001, None, None))
        with cursor.copy("copy (select * from copied where a >= 3000 order by a) to stdout (format binary)") as copy:
            copy.set_types(["int4", "text", "timestamptz"])
            assert list(copy.rows()) == [(3000, "binary", moment), (3001, None, None)]
    connection.execute("drop table copied")


def transactions(connection):
    connection.execute("create table account (k int primary key, v int)")
    with connection.transaction():
        connection.execute("insert into account values (1, 10), (2, 10)")
        try:
            with connection.transaction():
                connection.execute("insert into account values (1, 0)")
        except psycopg.errors.UniqueViolation:
            pass
        with connection.transaction(force_rollback=True):
            connection.execute("delete from account")
        with connection.transaction("named"):
            connection.execute("update account set v = v + 1 where k = 1")
    assert connection.execute("select sum(v) from account").fetchone() == (21,)
    connection.autocommit = False
    connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
    connection.execute("select 1")
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
    try:
        connection.execute("select 1/0")
        raise AssertionError("no error")
    except psycopg.errors.DivisionByZero:
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR
    try:
        connection.execute("select 1")
        raise AssertionError("no error")
    except psycopg.errors.InFailedSqlTransaction:
        connection.rollback()
    connection.read_only = True
    try:
        connection.execute("insert into account values (3, 0)")
        raise AssertionError("no error")
    except psycopg.errors.ReadOnlySqlTransaction:
        connection.rollback()
    connection.read_only = connection.isolation_level = None
    connection.autocommit = True


def conflict(connection):
    """Two that each read what the other writes: one is told to try again, or both have an order."""
    with psycopg.connect() as other:
        connection.autocommit = False
        failed = 0
        try:
            for one in (connection, other):
                one.execute("select sum(v) from account").fetchone()
            connection.execute("update account set v = 0 where k = 1")
            connection.commit()
            other.execute("update account set v = 0 where k = 2")
            other.commit()
        except psycopg.errors.SerializationFailure as error:
            assert error.sqlstate == "40001"
            failed += 1
            other.rollback()
        assert failed == 1
        connection.autocommit = True
    connection.execute("drop table account")


def cursors(connection):
    with connection.transaction():
        with connection.cursor("named", scrollable=True) as cursor:
            cursor.execute("select g from generate_series(1, 1000) g")
            cursor.itersize = 64
            assert sum(row[0] for row in cursor) == 500500
            cursor.scroll(10, mode="absolute")
            assert cursor.fetchone() == (11,)
        with connection.cursor("held", withhold=True) as cursor:
            cursor.execute("select 'a'::text as x, 2 as y")
            assert [column.name for column in cursor.description] == ["x", "y"]
            assert cursor.fetchall() == [("a", 2)]
    with connection.cursor(row_factory=dict_row) as cursor:
        assert cursor.execute("select 1 as one").fetchall() == [{"one": 1}]
        assert [row["g"] for row in cursor.stream("select g from generate_series(1, 5) g")] == [1, 2, 3, 4, 5]


def cancels(connection):
    timer = threading.Timer(0.2, connection.cancel)
    timer.start()
    try:
        connection.execute("select count(*) from generate_series(1, 1000000000) a")
        raise AssertionError("no error")
    except psycopg.errors.QueryCanceled as error:
        assert error.sqlstate == "57014"
    timer.join()
    assert connection.execute("select 1").fetchone() == (1,)


def notices(connection):
    seen = []
    connection.add_notice_handler(lambda diagnostic: seen.append((diagnostic.severity, diagnostic.message_primary)))
    connection.execute("drop table if exists nothing_here")
    assert seen == [("NOTICE", 'table "nothing_here" does not exist, skipping')], seen


def notifications(connection):
    try:
        connection.execute("listen news")
    except psycopg.errors.FeatureNotSupported as error:
        print("left out:", error.diag.message_primary)
        return
    with psycopg.connect(autocommit=True) as other:
        other.execute("select pg_notify('news', 'hello')")
        other.execute("notify news, 'again'")
        got = [(notify.channel, notify.payload) for notify in connection.notifies(timeout=60, stop_after=2)]
        assert got == [("news", "hello"), ("news", "again")], got
        connection.execute("unlisten *")


def errors(connection):
    try:
        connection.execute("select nothing from pg_class")
    except psycopg.errors.UndefinedColumn as error:
        assert error.diag.statement_position == "8" and error.diag.severity == "ERROR", error.diag
    connection.execute("create table strict (a int not null constraint positive check (a > 0))")
    for statement, kind, field, value in (
            ("insert into strict values (null)", psycopg.errors.NotNullViolation, "column_name", "a"),
            ("insert into strict values (-1)", psycopg.errors.CheckViolation, "constraint_name", "positive"),
            ("insert into strict values (99999999999)", psycopg.errors.NumericValueOutOfRange, "sqlstate", "22003"),
            ("select * from missing", psycopg.errors.UndefinedTable, "statement_position", "15"),
            ("selec 1", psycopg.errors.SyntaxError, "statement_position", "1")):
        try:
            connection.execute(statement)
            raise AssertionError(statement)
        except kind as error:
            assert getattr(error.diag, field) == value, (statement, field, getattr(error.diag, field))
    connection.execute("drop table strict")


def main():
    with psycopg.connect(autocommit=True) as connection:
        print("psycopg", psycopg.__version__, psycopg.pq.__impl__)
        assert connection.info.parameter_status("client_encoding") == "UTF8"
        assert connection.info.server_version >= 150000
        for test in (types, prepared, pipelines, copies, transactions, conflict, cursors, cancels, notices, notifications,
                     errors):
            test(connection)
            print("ok", test.__name__)
    secret = dict(user=os.environ["SCRAM_USER"], password=os.environ["SCRAM_PASSWORD"], sslmode="require")
    with psycopg.connect(channel_binding="require", **secret) as connection:
        assert connection.execute("select current_user").fetchone() == (secret["user"],)
        assert connection.pgconn.ssl_in_use
    try:
        psycopg.connect(**{**secret, "password": "wrong"})
        raise AssertionError("a wrong password")
    except psycopg.OperationalError as error:
        assert "password authentication failed" in str(error)
    print("ok login")


main()
