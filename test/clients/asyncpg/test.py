"""asyncpg: binary types, prepared statements, cursors, COPY, savepoints, pools, cancel, notices, codecs found by reflection."""
import asyncio
import datetime
import decimal
import io
import os
import uuid

import asyncpg

VALUES = [
    ("boolean", True), ("smallint", -7), ("integer", 2**31 - 1), ("bigint", -2**63), ("real", 1.5), ("float8", 0.1),
    ("numeric", decimal.Decimal("12345678901234567890.0123")), ("text", "ü ' \\ \n"), ("varchar", "abc"),
    ("bytea", bytes(range(256))), ("date", datetime.date(2024, 2, 29)), ("time", datetime.time(1, 2, 3, 456789)),
    ("timestamp", datetime.datetime(1999, 12, 31, 23, 59, 59, 1)),
    ("timestamptz", datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)),
    ("interval", datetime.timedelta(days=3, seconds=4, microseconds=5)),
    ("uuid", uuid.UUID("12345678-1234-5678-1234-567812345678")), ("jsonb", '{"a": [1, null, "x"]}'), ("json", "[1,2]"),
    ("int4[]", [1, None, 3]), ("text[]", ["a", 'b"', None]), ("int8[]", [[1, 2], [3, 4]]),
    ("timestamp[]", [datetime.datetime(2024, 1, 1)]), ("uuid[]", []), ("name", "x"), ("oid", 4000000000),
]


async def raises(kind, awaitable):
    try:
        await awaitable
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


async def types(connection):
    for kind, value in VALUES:
        row = await connection.fetchrow(f"select $1::{kind} as v, null::{kind} as n", value)
        assert row["v"] == value and row["n"] is None, (kind, row["v"])
    await connection.set_type_codec("jsonb", encoder=repr, decoder=len, schema="pg_catalog")
    assert await connection.fetchval("select '[1]'::jsonb") == 3
    await connection.reset_type_codec("jsonb", schema="pg_catalog")


async def kinds(connection):
    """Types of one's own, which asyncpg looks up in pg_type and its kin."""
    try:
        await connection.execute("create type mood as enum ('sad', 'ok')")
    except asyncpg.FeatureNotSupportedError as error:
        print("left out:", error)
        return
    assert await connection.fetchval("select $1::mood", "ok") == "ok"
    assert await connection.fetchval("select $1::mood[]", ["ok", "sad"]) == ["ok", "sad"]
    await connection.execute("drop type mood")


async def prepared(connection):
    await connection.execute("create table items (id int generated always as identity primary key, name text not null)")
    statement = await connection.prepare("insert into items (name) values ($1) returning id, name")
    assert [parameter.name for parameter in statement.get_parameters()] == ["text"]
    assert [(column.name, column.type.name) for column in statement.get_attributes()] == [("id", "int4"), ("name", "text")]
    assert await statement.fetchrow("a") == (1, "a")
    await connection.executemany("insert into items (name) values ($1)", [(str(n),) for n in range(1000)])
    assert await connection.fetchval("select count(*) from items") == 1001
    error = await raises(asyncpg.NotNullViolationError, connection.execute("insert into items (name) values (null)"))
    assert (error.table_name, error.column_name, error.schema_name) == ("items", "name", "public")
    assert await connection.execute("update items set name = 'x' where id <= 3") == "UPDATE 3"
    await connection.execute("alter table items add column extra int default 5")
    assert (await connection.fetchrow("select * from items where id = 1"))["extra"] == 5


async def cursors(connection):
    async with connection.transaction():
        ids = [row["id"] async for row in connection.cursor("select id from items order by id", prefetch=10)]
        assert ids == sorted(ids) and len(ids) == 1001
        cursor = await connection.cursor("select id from items order by id")
        assert len(await cursor.fetch(5)) == 5 and (await cursor.fetchrow())["id"] == 6
        assert [row["id"] for row in await cursor.fetch(2)] == [7, 8]


async def copies(connection):
    records = [(n, f"t{n}", datetime.datetime(2024, 1, 1)) for n in range(500)]
    await connection.execute("create table copied (a int, b text, c timestamp)")
    assert await connection.copy_records_to_table("copied", records=records, columns=["a", "b", "c"]) == "COPY 500"
    assert await connection.copy_to_table("copied", source=io.BytesIO(b'9000,"x,y",\n'), format="csv") == "COPY 1"
    out = io.BytesIO()
    assert await connection.copy_from_query("select a, b from copied where a > $1 order by a", 498, output=out) == "COPY 2"
    assert out.getvalue() == b"499\tt499\n9000\tx,y\n", out.getvalue()
    out = io.BytesIO()
    await connection.copy_from_table("copied", output=out, format="binary")
    assert out.getvalue().startswith(b"PGCOPY\n\xff\r\n\0")
    await connection.execute("drop table copied")


async def transactions(connection, other):
    await connection.execute("create table account (k int primary key, v int)")
    async with connection.transaction():
        await connection.execute("insert into account values (1, 10), (2, 10)")
        try:
            async with connection.transaction():
                await connection.execute("insert into account values (1, 0)")
        except asyncpg.UniqueViolationError as error:
            assert error.constraint_name == "account_pkey" and error.detail == "Key (k)=(1) already exists."
    for one in (connection, other):
        await one.execute("begin isolation level serializable")
        await one.fetchval("select sum(v) from account")
    await connection.execute("update account set v = 0 where k = 1")
    await connection.execute("commit")

    async def finish():
        await other.execute("update account set v = 0 where k = 2")
        await other.execute("commit")
    await raises(asyncpg.SerializationError, finish())
    await other.execute("rollback")
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await raises(asyncpg.ReadOnlySQLTransactionError, connection.execute("delete from account"))
    await connection.execute("drop table account")


async def cancels(connection):
    endless = "select count(*) from generate_series(1, 1000000000) a"
    await raises(asyncio.TimeoutError, connection.fetchval(endless, timeout=0.2))
    assert await connection.fetchval("select 1") == 1


async def messages(connection, other):
    seen = []
    connection.add_log_listener(lambda _, message: seen.append(message.message))
    await connection.execute("drop table if exists nothing_here")
    await connection.fetchval("select 1")
    assert seen == ['table "nothing_here" does not exist, skipping'], seen
    heard = asyncio.Queue()
    try:
        await connection.add_listener("news", lambda *told: heard.put_nowait(told[2:]))
    except asyncpg.FeatureNotSupportedError as error:
        print("left out:", error)
        return
    await other.execute("notify news, 'hello'")
    assert await asyncio.wait_for(heard.get(), 60) == ("news", "hello")
    await connection.reset()


async def pools(connection):
    try:
        await connection.execute("unlisten *")  # a pool says so of each connection that comes back
    except asyncpg.FeatureNotSupportedError as error:
        print("left out:", error)
        return
    async with asyncpg.create_pool(min_size=2, max_size=4, ssl=False) as pool:
        values = await asyncio.gather(*(pool.fetchval("select $1::int", n) for n in range(50)))
        assert values == list(range(50))


async def main():
    print("asyncpg", asyncpg.__version__)
    connection, other = await asyncpg.connect(ssl=False), await asyncpg.connect(ssl=False)
    assert connection.get_server_version().major >= 15 and connection.get_settings().client_encoding == "UTF8"
    for test, *arguments in ((types, connection), (kinds, connection), (prepared, connection), (cursors, connection),
                             (copies, connection), (transactions, connection, other), (cancels, connection),
                             (messages, connection, other), (pools, connection)):
        await test(*arguments)
        print("ok", test.__name__)
    await connection.execute("drop table items")
    await connection.close()
    await other.close()
    secret = dict(user=os.environ["SCRAM_USER"], password=os.environ["SCRAM_PASSWORD"], ssl="require")
    connection = await asyncpg.connect(**secret)
    assert await connection.fetchval("select current_user") == secret["user"]
    await connection.close()
    await raises(asyncpg.InvalidPasswordError, asyncpg.connect(**{**secret, "password": "wrong"}))
    print("ok login")


asyncio.run(main())
