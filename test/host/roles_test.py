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


def test_workflows(server):
    """A workflow's statements run with its owner's rights, as they are when the row comes."""
    with server.connect() as client:
        client.query("create role own login; create role giver login; grant create on schema public to own, giver")
    with server.connect() as client, server.connect(user="own") as owner, server.connect(user="giver") as giver:
        client.query("create table secret (k int, n int); insert into secret values (1, 5); create table results (k int, n int)")
        owner.query("create source given (k int) with (connector = 'push')")
        text = "create workflow w as insert into results select g.k, s.n from given g join secret s on s.k = g.k"
        expect(fails(owner, "42501", text), "permission denied for table secret")
        client.query("grant select on secret to own")
        expect(fails(owner, "42501", text), "permission denied for table results")
        client.query("grant insert on results to own")
        owner.query(text)
        expect(fails(giver, "42501", "insert into given values (1)"), "permission denied for source given")
        owner.query("grant insert on given to giver")
        giver.query("insert into given values (1)")  # whoever gives the row needs nothing of what the workflow does with it
        expect(fails(giver, "42501", "select * from results"), "permission denied for table results")
        expect(fails(giver, "42501", "select * from secret"), "permission denied for table secret")
        expect(client.rows("select * from results"), [["1", "5"]])
        expect(fails(giver, "42501", "alter workflow w set (state = 'paused')"), "must be owner of workflow w")
        expect(fails(giver, "42501", "drop workflow w"), "must be owner of workflow w")
        client.query("revoke insert on results from own")
        fails(giver, "42501", "insert into given values (1)")
        expect(client.rows("select * from results"), [["1", "5"]])
        client.query("grant insert on results to own")
        giver.query("insert into given values (1)")
        expect(client.rows("select count(*) from results"), [["2"]])
        client.query("alter workflow w owner to giver")
        fails(giver, "42501", "insert into given values (1)")
        client.query("alter workflow w owner to own")
        giver.query("insert into given values (1)")
        expect(client.rows("select count(*) from results"), [["3"]])


def test_outside(server, folder):
    """What reads, writes or tells of the world outside, and of others, is not for everyone."""
    with server.connect(user="own") as owner, server.connect() as client:
        path = os.path.join(folder, "rows.csv")
        text = f"create source lines (k int) with (connector = 'file', path = '{path}', format = 'csv')"
        expect(fails(owner, "42501", text), 'permission denied to use connector "file"')
        expect(fails(owner, "42501", "select quern_backup('x')"), "permission denied for function quern_backup")
        expect(fails(owner, "42501", "select * from quern.source_errors"), "permission denied for view source_errors")
        expect(fails(owner, "42501", "select rolpassword from pg_authid"), "permission denied for table pg_authid")
        client.query("create table hidden (k int primary key check (k < 100), n text); grant insert on hidden to own; "
                     "insert into hidden values (1, 'told')")
        expect(owner.query("select query from pg_stat_activity where usename = 'quern'").rows, [["<insufficient privilege>"]])
        for text, code in [("insert into hidden values (1, 'x')", "23505"), ("insert into hidden values (1000, 'x')", "23514")]:
            try:
                owner.query(text)
            except quern.Failure as failure:
                expect((failure.sqlstate, "told" in str(failure.fields), failure.fields.get("D")), (code, False, None))
        with server.connect() as blocker, server.connect() as waiting:
            blocker.query("begin; update hidden set n = 'x' where k = 1")
            blocker.query("select * from hidden where k = 1 for update")
            waiting.send(waiting.message("Q", b"update hidden set n = 'y' where k = 1\0"))
            while not client.rows("select 1 from quern.transactions where waits_for is not null"):
                pass
            expect(owner.rows("select waits_for from quern.transactions where blocked_by is not null"), [[None]])
            blocker.query("rollback")
            waiting.collect()
        client.query("create sequence numbers; select nextval('numbers')")
        expect(owner.rows("select last_value from pg_sequences"), [[None]])
        client.query("grant pg_read_server_files, pg_monitor to own")
        owner.query(f"create source lines (k int) with (connector = 'file', path = '{path}', format = 'csv', state = 'paused')")
        owner.query("select * from quern.source_errors")
        expect(fails(client, "2BP01", "drop role own"), 'role "own" cannot be dropped because some objects depend on it')


def main():
    with tempfile.TemporaryDirectory() as folder:
        test_survive(folder)
    with quern.Server() as server:
        test_sessions(server)
    with tempfile.TemporaryDirectory() as folder, quern.Server("--files", folder) as server:
        test_workflows(server)
        test_outside(server, folder)
    print("ok: roles last")


if __name__ == "__main__":
    main()
