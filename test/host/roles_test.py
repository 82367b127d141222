#!/usr/bin/env python3
"""Roles are rows of the catalog: they survive a kill, a checkpoint and a check; a dropped one's sessions cannot act for
another; CONNECTION LIMIT holds."""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
import quern

ROLES = "select rolname, rolcanlogin, rolconnlimit, oid from pg_roles where oid >= 16384 or oid = 10 order by oid"
MEMBERS = "select m.rolname, r.rolname, admin_option from pg_auth_members a join pg_roles r on a.roleid = r.oid " \
          "join pg_roles m on a.member = m.oid where m.oid >= 16384"


def expect(got, wanted):
    if got != wanted:
        raise AssertionError(f"{got!r} instead of {wanted!r}")


def fails(client, sqlstate, text):
    try:
        client.query(text)
    except quern.Failure as failure:
        expect(failure.sqlstate, sqlstate)
        return failure.message
    raise AssertionError(f"{text} did not fail")


def test_survive(folder):
    data = os.path.join(folder, "data")
    with quern.Server(data=data) as server:
        with server.connect() as client:
            client.query("create role a login connection limit 3; create role b; grant b to a with admin option")
            client.query("create role aide superuser login")
            with server.connect(user="aide") as aide:
                aide.query("alter role quern rename to chief")
            client.query("drop role aide")
            expect(client.query("select current_user").rows, [["chief"]])
            roles, members = client.query(ROLES).rows, client.query(MEMBERS).rows
            expect([row[0] for row in roles], ["chief", "a", "b"])
            expect(members, [["a", "b", "t"]])
        server.kill()
        server.start()
        with server.connect() as client:  # from the log
            expect((client.query(ROLES).rows, client.query(MEMBERS).rows), (roles, members))
        server.stop()
        server.start()
        with server.connect() as client:  # from the checkpoint
            expect((client.query(ROLES).rows, client.query(MEMBERS).rows), (roles, members))
            client.query("create role c")
            oids = [row[3] for row in client.query(ROLES).rows]
            expect(len(set(oids)), 4)
        server.stop()
    subprocess.run([os.path.join(quern.BUILD, "quern"), "check", "--data", data], check=True, stdout=subprocess.DEVNULL)


def test_sessions(server):
    with server.connect() as client:
        client.query("create role once login connection limit 1; create role gone login superuser")
        with server.connect(user="once") as first:
            expect(first.query("select current_user, session_user").rows, [["once", "once"]])
            expect(first.parameters["is_superuser"], "off")
            try:
                server.connect(user="once")
                raise AssertionError("two connections")
            except quern.Failure as failure:
                expect((failure.sqlstate, failure.message), ("53300", 'too many connections for role "once"'))
            expect(fails(first, "42501", "create role x"), "permission denied to create role")
        with server.connect(user="gone") as other:
            other.query("create role made")
            client.query("drop role gone")
            fails(other, "42704", "drop role made")
        client.query("drop role once, made")


def main():
    with tempfile.TemporaryDirectory() as folder:
        test_survive(folder)
    with quern.Server() as server:
        test_sessions(server)
    print("ok: roles last")


if __name__ == "__main__":
    main()
