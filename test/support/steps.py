"""Steps of several clients on one server: who waits, who goes on, what everybody is told. Standard library only."""

import select

import quern


class Bench:
    """A server in memory, a table, and clients by name. A step that waits is known by what the server does after it:
    frames are handled in their order, so when a later question has been answered twice, what came before it has been
    looked at."""

    def __init__(self, *setup):
        self.server = quern.Server()
        self.clients = {}
        self.setup = setup

    def __enter__(self):
        self.server.start()
        self.probe = self.server.connect()
        for text in self.setup:
            self.probe.query(text)
        return self

    def __exit__(self, *_):
        for client in self.clients.values():
            client.close()
        self.probe.close()
        self.server.stop()

    def client(self, name):
        if name not in self.clients:
            self.clients[name] = self.server.connect()
        return self.clients[name]

    def send(self, name, text, extended=False):
        client = self.client(name)
        if extended:
            client.send(client.parse(text) + client.bind() + client.execute() + client.message("S"))
        else:
            client.send(client.message("Q", text.encode() + b"\0"))

    def answered(self, name):
        for _ in range(2):
            self.probe.query("select 1")
        client = self.client(name)
        while select.select([client.socket], [], [], 0)[0]:
            got = client.socket.recv(1 << 16)
            if not got:
                return True
            client.buffer += got
        at = 0
        while at + 5 <= len(client.buffer) and client.buffer[at : at + 1] != b"Z":
            at += 1 + quern.struct.unpack("!i", client.buffer[at + 1 : at + 5])[0]
        return at + 6 <= len(client.buffer)

    def answer(self, name):
        """What a step is told: the rows, or the tag where there are none, or the SQLSTATE."""
        try:
            result = self.client(name).collect()
        except quern.Failure as failure:
            return failure.sqlstate
        return [" ".join(str(value) for value in row) for row in result.rows] or (result.tags or [""])[-1]

    def does(self, name, *texts, extended=False):
        """Steps that must not wait. Gives the last answer."""
        for text in texts:
            self.send(name, text, extended)
            assert self.answered(name), f"{name} waits: {text}"
            told = self.answer(name)
        return told

    def waits(self, name, text, extended=False):
        self.send(name, text, extended)
        assert not self.answered(name), f"{name} does not wait, but is told {self.answer(name)}: {text}"

    def value(self, text):
        return self.probe.value(text)


def equal(got, wanted):
    assert got == wanted, f"{got} instead of {wanted}"
