#!/usr/bin/env python3
"""Who comes in: passwords by SCRAM-SHA-256, with channel binding and without, TLS, rules of a file; wrong passwords, half
handshakes and floods of connections, which disturb nobody."""

import base64
import hashlib
import hmac
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("QUERN_SOURCE", "."), "test", "support"))
import quern

SSL_REQUEST = struct.pack("!ii", 8, 80877103)


def expect(got, wanted):
    if got != wanted:
        raise AssertionError(f"{got!r} instead of {wanted!r}")


def digest(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


class Login(quern.Client):
    """A client that logs in step by step."""

    def __init__(self, port, user="test", password=None, tls=None, bind=None, host="127.0.0.1", source=None, start=True, **pairs):
        self.socket = socket.create_connection((host, port), quern.PATIENCE, source_address=(source, 0) if source else None)
        self.buffer, self.status, self.parameters = b"", None, {}
        self.user, self.password, self.bind, self.salt = user, password, bind, None
        if tls:
            self.send(SSL_REQUEST)
            expect(self.socket.recv(1), b"S")
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        if start:
            self.send_start({"user": user, **pairs})
            self.log_in()
            self.collect()

    def send_start(self, pairs):
        body = b"".join(f"{k}\0{v}\0".encode() for k, v in pairs.items()) + b"\0"
        self.send(struct.pack("!ii", len(body) + 8, 196608) + body)

    def expect_reply(self, kind):
        """The body of an authentication request of this kind; a failure is raised."""
        message = self.read_message()
        if message is None:
            raise ConnectionError("the server closed the connection")
        if message[0] == b"E":
            raise quern.Failure(self.fields(message[1]))
        expect((message[0], struct.unpack("!i", message[1][:4])[0]), (b"R", kind))
        return message[1][4:]

    def log_in(self):
        if self.password is None:
            self.expect_reply(0)
            return
        offered = self.expect_reply(10).rstrip(b"\0").split(b"\0")
        self.offered = [name.decode() for name in offered]
        header = b"p=tls-server-end-point,," if self.bind else b"y,," if self.bind is False else b"n,,"
        mechanism = b"SCRAM-SHA-256-PLUS" if self.bind else b"SCRAM-SHA-256"
        bare = b"n=,r=0123456789abcdef"
        first = header + bare
        self.send(self.message("p", mechanism + b"\0" + struct.pack("!i", len(first)) + first))
        challenge = self.expect_reply(11)
        parts = dict(part.split(b"=", 1) for part in challenge.split(b","))
        self.salt = base64.b64decode(parts[b"s"])
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), self.salt, int(parts[b"i"]))
        binding = hashlib.sha256(self.socket.getpeercert(True)).digest() if self.bind else b""
        if self.bind == "wrong":
            binding = b"\0" * 32
        without = b"c=" + base64.b64encode(header + binding) + b",r=" + parts[b"r"]
        text = bare + b"," + challenge + b"," + without
        key = digest(salted, b"Client Key")
        signature = digest(hashlib.sha256(key).digest(), text)
        proof = bytes(a ^ b for a, b in zip(key, signature))
        self.send(self.message("p", without + b",p=" + base64.b64encode(proof)))
        final = self.expect_reply(12)
        expect(final, b"v=" + base64.b64encode(digest(digest(salted, b"Server Key"), text)))
        self.expect_reply(0)


def refused(sqlstate, message, *arguments, **options):
    try:
        Login(*arguments, **options)
    except quern.Failure as failure:
        expect((failure.fields["S"], failure.sqlstate, failure.message), ("FATAL", sqlstate, message))
        return
    raise AssertionError(f"{arguments} {options} came in")


def ends(client):
    """Reads to the end; gives what came."""
    got = b""
    try:
        while True:
            more = client.socket.recv(65536)
            if not more:
                return got
            got += more
    except ConnectionResetError:
        return got


def test_open(server):
    """Without rules: who has a password gives it; others come in, and unknown names as the first superuser, until it has one."""
    port = server.port
    with Login(port, "anybody") as client:
        expect(client.rows("select current_user, usesuper from pg_user where usename = current_user"), [["quern", "t"]])
        client.query("create user ann password 'secret'; create user bob; create role group1; create user old password 'x' "
                     "valid until '2001-01-01'; create user 'ü' password 'ü'".replace("'ü' password", '"ü" password'))
    with Login(port, "ann", "secret") as client:
        expect(client.offered, ["SCRAM-SHA-256"])
        expect(client.rows("select current_user"), [["ann"]])
    with Login(port, "ü", "ü") as client:
        expect(client.rows("select current_user"), [["ü"]])
    with Login(port, "bob") as client:
        expect(client.rows("select current_user"), [["bob"]])
    refused("28P01", 'password authentication failed for user "ann"', port, "ann", "wrong")
    refused("28P01", 'password authentication failed for user "old"', port, "old", "x")
    refused("28000", 'role "group1" is not permitted to log in', port, "group1")
    with Login(port, "anybody") as client:
        client.query("alter role quern password 'root'")
        refused("28P01", 'password authentication failed for user "nobody"', port, "nobody", "root")
        with Login(port, "quern", "root") as root:
            expect(root.rows("select current_user"), [["quern"]])
        with Login(port, "bob") as bob:
            expect(bob.rows("select current_user"), [["bob"]])
        client.query("alter role quern password null")


def salt_of(port, user):
    client = Login(port, user, "x", start=False)
    client.send_start({"user": user})
    try:
        client.log_in()
    except quern.Failure as failure:
        expect(failure.sqlstate, "28P01")
    client.close()
    return client.salt


def test_names_not_told(folder):
    """A name that is no role's is asked for its password like any other, with the same salt each time."""
    rules = os.path.join(folder, "hba")
    data = os.path.join(folder, "secret")
    with open(rules, "w") as file:
        file.write("host all all 127.0.0.0/8 scram-sha-256\n")
    salts = []
    for _ in range(2):
        with quern.Server("--hba", rules, data=data) as server:
            salts += [salt_of(server.port, "nobody"), salt_of(server.port, "nobody"), salt_of(server.port, "other")]
            refused("28P01", 'password authentication failed for user "quern"', server.port, "quern", "")
    expect(salts[0], salts[1])
    expect(salts[:3], salts[3:])
    expect(len(set(salts)), 2)
    expect(len(salts[0]), 16)


def test_rules(folder):
    rules = os.path.join(folder, "hba")
    with open(rules, "w") as file:
        file.write("host all quern,+staff 127.0.0.1/32 trust\nhost shop all 127.0.0.2/32 scram-sha-256\n"
                   "host all all 127.0.0.3/32 reject\nhostssl all all 127.0.0.4/32 scram-sha-256\n")
    with quern.Server("--hba", rules, "--tls", "auto") as server:
        port = server.port
        with Login(port, "quern") as client:
            client.query("create user ann password 'secret'; create role staff; create user carl in role staff")
        with Login(port, "carl") as client:
            expect(client.rows("select current_user"), [["carl"]])
        no_entry = 'no pg_hba.conf entry for host "{}", user "ann", database "{}", {}'
        refused("28000", no_entry.format("127.0.0.1", "ann", "no encryption"), port, "ann", "secret")
        with Login(port, "ann", "secret", source="127.0.0.2", database="shop") as client:
            expect(client.rows("select current_database()"), [["shop"]])
        refused("28000", no_entry.format("127.0.0.2", "ann", "no encryption"), port, "ann", "secret", source="127.0.0.2")
        refused("28000", 'pg_hba.conf rejects connection for host "127.0.0.3", user "ann", database "ann", no encryption', port,
                "ann", "secret", source="127.0.0.3")
        refused("28000", no_entry.format("127.0.0.4", "ann", "no encryption"), port, "ann", "secret", source="127.0.0.4")
        tls = ssl._create_unverified_context()
        with Login(port, "ann", "secret", tls=tls, source="127.0.0.4") as client:
            expect(client.offered, ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"])
        refused("28000", no_entry.format("127.0.0.9", "ann", "SSL encryption"), port, "ann", "secret", tls=tls,
                source="127.0.0.9")


def start_fails(*options):
    process = subprocess.run([os.path.join(quern.BUILD, "quern"), "serve", *options], capture_output=True, timeout=quern.PATIENCE)
    if process.returncode == 0:
        raise AssertionError(f"{options}: the server came up")
    return process.stderr.decode()


def test_start(folder):
    """What the server does not start with."""
    rules = os.path.join(folder, "bad")
    with open(rules, "w") as file:
        file.write("host all all 0.0.0.0/0 trust\n")
    key = os.path.join(folder, "open.key")
    with open(key, "w") as file:
        file.write("x")
    os.chmod(key, 0o644)
    for options, words in [
        (["--listen", "0.0.0.0:0"], "--allow-remote-without-tls"),
        (["--hba", rules], 'line 1: "trust" is for addresses within'),
        (["--hba", rules + "x"], "could not open file"),
        (["--tls-cert", key], "--tls-cert and --tls-key go together"),
        (["--tls", "on"], '--tls takes "auto"'),
        (["--tls-cert", rules, "--tls-key", key], "has group or world access"),
        (["--tls-cert", rules, "--tls-key", rules + "x"], "could not load the certificate"),
        (["--login-timeout", "0"], "is not a number of seconds"),
    ]:
        said = start_fails("--in-memory", *options)
        if words not in said:
            raise AssertionError(f"{options}: {said}")
    process = subprocess.Popen([os.path.join(quern.BUILD, "quern"), "serve", "--in-memory", "--listen", "0.0.0.0:0", "--tls", "auto"],
                               stdout=subprocess.PIPE)
    expect(b"listening on 0.0.0.0" in process.stdout.readline(), True)
    process.terminate()
    expect(process.wait(quern.PATIENCE), 0)
    process.stdout.close()


def test_tls(folder):
    data = os.path.join(folder, "tls")
    with quern.Server("--tls", "auto", data=data) as server:
        port = server.port
        tls = ssl.create_default_context(cafile=os.path.join(data, "tls.crt"))
        expect(os.stat(os.path.join(data, "tls.key")).st_mode & 0o77, 0)
        with Login(port, "me", tls=tls) as client:
            client.query("create user ann password 'secret'; create table t (a int, b text)")
            expect(client.value("select sum(length(repeat('x', 1000))) from generate_series(1, 1000)"), "1000000")
            expect(len(client.rows("select g, repeat('x', 1000) from generate_series(1, 20000) g")), 20000)
            rows = "".join(f"{i}\t{'y' * 500}\n" for i in range(20000)).encode()
            client.copy_in("copy t from stdin", rows)
            expect(client.rows("select count(*), sum(length(b)) from t"), [["20000", "10000000"]])
        for bind in (True, None):
            with Login(port, "ann", "secret", tls=tls, bind=bind) as client:
                expect(client.rows("select current_user"), [["ann"]])
        refused("28000", "SCRAM channel binding check failed", port, "ann", "secret", tls=tls, bind="wrong")
        refused("28P01", 'password authentication failed for user "ann"', port, "ann", "wrong", tls=tls, bind=True)
        with tempfile.NamedTemporaryFile("w") as out:
            for options in ["sslmode=verify-full sslrootcert=" + os.path.join(data, "tls.crt"), "sslmode=require channel_binding=require"]:
                text = subprocess.run(["psql", "-X", "-At", f"host=localhost port={port} user=ann password=secret dbname=d {options}",
                                       "-c", "select current_user"], stdout=subprocess.PIPE, stderr=out, check=True).stdout
                expect(text, b"ann\n")
    with open(os.path.join(data, "tls.crt")) as file:
        before = file.read()
    with quern.Server("--tls-cert", os.path.join(data, "tls.crt"), "--tls-key", os.path.join(data, "tls.key")) as server:
        with Login(server.port, "me", tls=tls) as client:
            expect(client.rows("select 1"), [["1"]])
    with quern.Server("--tls", "auto", data=data) as server, Login(server.port, "me", tls=tls) as client:
        expect(client.rows("select count(*) from t"), [["20000"]])
    with open(os.path.join(data, "tls.crt")) as file:
        expect(file.read(), before)
    subprocess.run([os.path.join(quern.BUILD, "quern"), "check", "--data", data], check=True, stdout=subprocess.DEVNULL)


def test_stuffed():
    """Plain text behind the request for TLS is refused; what is no handshake ends the connection; others go on."""
    with quern.Server("--tls", "auto", "--login-timeout", "1") as server:
        with Login(server.port, "me") as other:
            client = Login(server.port, start=False)
            client.send(SSL_REQUEST + struct.pack("!ii", 16, 196608) + b"user\0x\0\0\0")
            expect(ends(client)[:1], b"E")
            client.close()
            client = Login(server.port, start=False)
            client.send(SSL_REQUEST)
            expect(client.socket.recv(1), b"S")
            client.send(b"SELECT 1" * 100)
            ends(client)
            client.close()
            halves = []
            for sent in [b"", SSL_REQUEST, b"\0\0"]:  # a handshake that does not go on, and start-ups that do not
                halves.append(Login(server.port, start=False))
                halves[-1].send(sent)
            proving = Login(server.port, start=False)
            other.query("create user ann password 'secret'")
            proving.send_start({"user": "ann"})
            proving.expect_reply(10)
            for half in [*halves, proving]:
                ends(half)  # the server ends them
                half.close()
            expect(other.rows("select 1"), [["1"]])
            for message in [b"Q\0\0\0\x0dselect 1\0", b"p\0\0\0\x08abc\0", b"p\x7f\xff\xff\xff", b"p\0\0\0\x04"]:
                client = Login(server.port, start=False)
                client.send_start({"user": "ann"})
                client.expect_reply(10)
                client.send(message)
                got = ends(client)
                expect((got[:1], b"08P01" in got), (b"E", True))
                client.close()


def test_flood():
    """Hundreds of connections that never log in do not keep a client out, nor do wrong passwords."""
    with quern.Server("--login-timeout", "600") as server:
        with Login(server.port, "me") as client:
            client.query("create user ann password 'secret'")
            flood = [Login(server.port, start=False) for _ in range(400)]
            with Login(server.port, "ann", "secret") as ann:
                expect(ann.rows("select current_user"), [["ann"]])
            for one in flood[:150]:  # the oldest have made room
                ends(one)
            for one in flood:
                one.close()
            for _ in range(50):
                refused("28P01", 'password authentication failed for user "ann"', server.port, "ann", "wrong")
            expect(client.rows("select 1"), [["1"]])


def main():
    with quern.Server() as server:
        test_open(server)
    with tempfile.TemporaryDirectory() as folder:
        test_names_not_told(folder)
        test_rules(folder)
        test_start(folder)
        test_tls(folder)
    test_stuffed()
    test_flood()
    print("ok: logins")


if __name__ == "__main__":
    main()
