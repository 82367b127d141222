#!/usr/bin/env python3
"""Settings that roles and the database keep for logins to come, over restarts; what RESET gives back."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
from quern import Server, run


def test_order():
    """All roles' settings, the database's, the role's, the role's in the database, the client's own."""
    with Server() as server:
        admin = server.connect()
        name = admin.value("SELECT current_database()")
        admin.query("CREATE ROLE bob LOGIN; CREATE ROLE eve LOGIN")
        steps = [
            ("ALTER ROLE ALL SET app.level = 'all'", "all", "all"),
            (f"ALTER DATABASE {name} SET app.level = 'database'", "database", "database"),
            ("ALTER ROLE bob SET app.level TO 'role'", "role", "database"),
            (f"ALTER ROLE bob IN DATABASE {name} SET app.level = 'both'", "both", "database"),
            (f"ALTER ROLE bob IN DATABASE {name} RESET app.level", "role", "database"),
            ("ALTER ROLE bob RESET ALL", "database", "database"),
            (f"ALTER DATABASE {name} RESET app.level", "all", "all"),
        ]
        for statement, bobs, eves in steps:
            admin.query(statement)
            for user, level in ("bob", bobs), ("eve", eves):
                with server.connect(user=user) as client:
                    assert client.value("SHOW app.level") == level, (statement, user)
        assert admin.value("SELECT current_setting('app.level', true)") is None
        with server.connect(user="bob", options="-c app.level=own") as client:
            assert client.value("SHOW app.level") == "own"


def test_reset():
    with Server() as server:
        admin = server.connect()
        admin.query("CREATE ROLE bob LOGIN; CREATE SCHEMA s; ALTER ROLE bob SET search_path = s, public; "
                    "ALTER ROLE bob SET statement_timeout = '3s'; ALTER ROLE bob SET \"TimeZone\" = 'Europe/Berlin'")
        with server.connect(user="bob", application_name="mine") as client:
            assert client.parameters["TimeZone"] == "Europe/Berlin"
            for again in "RESET ALL", "DISCARD ALL", "RESET search_path; RESET statement_timeout; RESET timezone; RESET application_name":
                client.query("SET search_path = public; SET statement_timeout = 0; SET timezone = 'UTC'; "
                             "SET application_name = 'other'")
                for statement in again.split(";"):
                    client.query(statement)
                assert client.value("SHOW search_path") == "s, public", again
                assert client.value("SHOW statement_timeout") == "3s"
                assert client.value("SHOW timezone") == "Europe/Berlin"
                assert client.value("SHOW application_name") == "mine"


def test_rights():
    with Server() as server:
        admin = server.connect()
        admin.query("CREATE ROLE bob LOGIN; CREATE ROLE eve LOGIN; CREATE ROLE maker LOGIN CREATEROLE")
        bob, maker = server.connect(user="bob"), server.connect(user="maker")
        bob.query("ALTER ROLE bob SET app.x = 1")
        bob.query("SET app.y = 'now'")
        bob.query("ALTER ROLE CURRENT_USER SET app.y FROM CURRENT")
        bob.fails("ALTER ROLE eve SET app.x = 1", "42501")
        bob.fails("ALTER ROLE ALL SET app.x = 1", "42501")
        bob.fails("ALTER DATABASE " + bob.value("SELECT current_database()") + " SET app.x = 1", "42501")
        maker.query("ALTER ROLE eve SET app.x = 2")
        maker.fails("ALTER ROLE quern SET app.x = 2", "42501")
        admin.fails("ALTER ROLE nobody SET app.x = 1", "42704")
        admin.fails("ALTER DATABASE elsewhere SET app.x = 1", "3D000")
        admin.fails("ALTER ROLE bob SET work_memory = 1", "42704")
        admin.fails("ALTER ROLE bob SET statement_timeout = 'soon'", "22023")
        admin.fails("ALTER ROLE bob SET server_version = '9'", "55P02")
        admin.fails("ALTER ROLE bob SET app.big = '" + "x" * 4096 + "'", "53400")
        assert admin.rows("SELECT rolname, setdatabase, setconfig FROM pg_db_role_setting JOIN pg_roles r ON r.oid = setrole "
                          "ORDER BY 1") == [["bob", "0", "{app.x=1,app.y=now}"], ["eve", "0", "{app.x=2}"]]
        assert admin.value("SELECT rolconfig FROM pg_roles WHERE rolname = 'eve'") == "{app.x=2}"
        assert admin.value("SELECT useconfig FROM pg_user WHERE usename = 'eve'") == "{app.x=2}"
        bob.close()
        admin.query("DROP ROLE bob")
        assert admin.value("SELECT count(*) FROM pg_db_role_setting") == "1"


def test_restart():
    with tempfile.TemporaryDirectory() as place:
        with Server(data=place) as server, server.connect() as admin:
            admin.query("CREATE ROLE bob LOGIN; ALTER ROLE bob SET app.x = 'kept'")
            admin.query("BEGIN; ALTER ROLE bob SET app.x = 'undone'; ROLLBACK")
            server.kill()
        with Server(data=place) as server, server.connect(user="bob") as bob:
            assert bob.value("SHOW app.x") == "kept"


if __name__ == "__main__":
    run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
