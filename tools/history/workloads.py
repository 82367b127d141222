"""What the clients do: lists, registers, sets and bank accounts, as statements.

A transaction is made of parts, a part of steps. A step is one statement with the operations that it stands for; `take`
completes them by what it answered. A part is a generator of steps: it may wait for the answer of one before it makes the
next, unless it is asked to be static, for shapes that send all at once.

Keys are used up: when there have been so many writes, clients go on to newer ones, so that versions stay short. Values
are unique. Statements of one operation come in several forms, through keys and through secondary indexes.
"""

STREAM = 1_000_000  # the keys of a stream's rows begin here
STREAM_RUN = 50  # rows of a stream for one pair of keys
LOCKS = (" FOR UPDATE", " FOR UPDATE", " FOR NO KEY UPDATE", " FOR SHARE", " FOR KEY SHARE", " FOR UPDATE NOWAIT")


class Step:
    __slots__ = ("text", "values", "ops", "take")

    def __init__(self, text, values, ops, take=None):
        self.text, self.values, self.ops = text, values, ops
        self.take = take or (lambda rows: self.ops)

    def literal(self):
        """The statement with its values in its text."""
        text = self.text
        for number in range(len(self.values), 0, -1):
            text = text.replace(f"${number}", str(self.values[number - 1]))
        return text


class Context:
    """What a client's workload is given: random numbers, unique values, the count of all clients' writes."""

    def __init__(self, draw, number, clients, writes, stream_at, options):
        self.draw, self.writes, self.stream_at, self.options = draw, writes, stream_at, options
        self.value, self.stride = number + 1, clients

    def next_value(self):
        self.value += self.stride
        return self.value

    def count_write(self):
        with self.writes.get_lock():
            self.writes.value += 1

    def lock(self):
        return self.draw.choice(LOCKS) if self.options.claims and self.draw.random() < 0.5 else ""


class Workload:
    writes_per_key = 40
    keys = 4  # in use at a time
    expected = ()  # SQLSTATEs that its statements may get
    settings = {}

    def __init__(self, context):
        self.context, self.draw = context, context.draw

    def key(self):
        """Some keys are busier than others."""
        base = self.context.writes.value // (self.writes_per_key * self.keys) * self.keys
        return base + min(int(self.draw.expovariate(0.7)), self.keys - 1)

    def two_keys(self):
        first = self.key()
        return first, first + 1 if self.draw.random() < 0.5 else self.key() + self.keys

    def part(self, is_static):
        for _ in range(self.draw.randrange(1, 3)):
            yield self.step()

    def step(self):
        return self.read() if self.draw.random() < 0.5 else self.write()


class Lists(Workload):
    name = "list"
    prefilled = 2000  # of these keys, every second has its row from the beginning

    @classmethod
    def setup(cls, options):
        yield "CREATE TABLE lists (key int PRIMARY KEY, mirror int NOT NULL, elements text NOT NULL)"
        yield "CREATE INDEX ON lists (mirror)"
        yield "INSERT INTO lists VALUES " + ",".join(f"({key}, {key}, '')" for key in range(0, cls.prefilled, 2))
        if options.stream:
            yield "CREATE SOURCE pushes (key int, element int) WITH (connector = 'push')"
            yield ("CREATE WORKFLOW push AS INSERT INTO lists SELECT key, key, element::text FROM pushes"
                   " ON CONFLICT (key) DO UPDATE SET elements = lists.elements || ',' || excluded.elements")
            yield (f"CREATE SOURCE ticks (n bigint) WITH (connector = 'generator', rate = {options.stream},"
                   " n.kind = 'sequence', n.start = 1)")
            halves = (f"INSERT INTO lists SELECT ({STREAM + half} + n / {STREAM_RUN} * 2)::int,"
                      f" ({STREAM + half} + n / {STREAM_RUN} * 2)::int, (-n)::text FROM ticks"
                      " ON CONFLICT (key) DO UPDATE SET elements = lists.elements || ',' || excluded.elements"
                      for half in (0, 1))
            yield f"CREATE WORKFLOW tick AS ({'; '.join(halves)})"

    @staticmethod
    def stream_ops(row):
        """What the stream's row of this number does."""
        key = STREAM + row // STREAM_RUN * 2
        return [["append", key, -row], ["append", key + 1, -row]]

    @classmethod
    def final(cls, seen_keys):
        """Steps that read everything."""
        keys = sorted(seen_keys)
        for at in range(0, len(keys), 100):
            yield cls.read_range(keys[at], keys[min(at + 99, len(keys) - 1)], "key", "")

    def key(self):
        if self.context.options.stream and self.draw.random() < 0.4:
            row = self.context.stream_at.value + self.draw.randrange(STREAM_RUN // 4)
            return STREAM + row // STREAM_RUN * 2 + self.draw.randrange(2)
        return super().key()

    def see(self, elements):
        parsed = [int(each) for each in elements.split(",") if each]
        if self.context.options.stream:
            newest = -min(parsed, default=0)
            if newest > self.context.stream_at.value:
                self.context.stream_at.value = newest
        return parsed

    def read(self):
        form, lock = self.draw.random(), self.context.lock()
        key = self.key()
        if form < 0.6:
            column = self.draw.choice(("key", "mirror"))
            return Step(f"SELECT elements FROM lists WHERE {column} = $1" + lock, [key], [["r", key]],
                        lambda rows: [["r", key, self.see(rows[0][0]) if rows else []]])
        if form < 0.8:
            return self.read_range(key, key + 1, self.draw.choice(("key", "mirror")), lock, self.see)
        keys = [key, key + 1 if key % 2 else key + 2]
        def take(rows):
            found = {int(each[0]): self.see(each[1]) for each in rows}
            return [["r", each, found.get(each, [])] for each in keys]
        return Step("SELECT key, elements FROM lists WHERE key IN ($1, $2)" + lock, keys,
                    [["r", each] for each in keys], take)

    @staticmethod
    def read_range(low, high, column, lock, see=None):
        see = see or (lambda elements: [int(each) for each in elements.split(",") if each])
        def take(rows):
            found = {int(key): see(elements) for key, elements in rows}
            return [["r", key, found.get(key, [])] for key in range(low, high + 1) if key in found or high - low < 9]
        return Step(f"SELECT key, elements FROM lists WHERE {column} BETWEEN $1 AND $2" + lock, [low, high],
                    [["r", low], ["r", high]], take)

    def write(self):
        key, value, form = self.key(), self.context.next_value(), self.draw.random()
        self.context.count_write()
        append = ["append", key, value]
        if self.context.options.stream and form < 0.2:
            return Step("INSERT INTO pushes VALUES ($1, $2)", [key, value], [append])
        back = " RETURNING elements" if self.draw.random() < 0.2 else ""
        take = (lambda rows: [append, ["r", key, self.see(rows[0][0])]]) if back else None
        if form < 0.6 and key % 2 == 0 and key < self.prefilled:
            column = self.draw.choice(("key", "mirror"))
            return Step(f"UPDATE lists SET elements = elements || ',' || $2::text WHERE {column} = $1" + back,
                        [key, value], [append], take)
        if form > 0.9 and not back:
            other = key + 1
            return Step("INSERT INTO lists VALUES ($1, $1, $3::text), ($2, $2, $3::text)"
                        " ON CONFLICT (key) DO UPDATE SET elements = lists.elements || ',' || excluded.elements",
                        [key, other, value], [append, ["append", other, value]])
        return Step("INSERT INTO lists VALUES ($1, $1, $2::text)"
                    " ON CONFLICT (key) DO UPDATE SET elements = lists.elements || ',' || excluded.elements" + back,
                    [key, value], [append], take)

    def copy(self):
        """(statement, data, operations) of a COPY, or None where there is nothing to copy to."""
        if not self.context.options.stream:
            return None
        ops = []
        for _ in range(self.draw.randrange(1, 5)):
            ops.append(["append", self.key(), self.context.next_value()])
            self.context.count_write()
        return "COPY pushes FROM STDIN", "".join(f"{key}\t{value}\n" for _, key, value in ops), ops


class Registers(Workload):
    name = "register"
    table = "registers"

    @classmethod
    def setup(cls, options):
        yield "CREATE TABLE registers (key int PRIMARY KEY, value int NOT NULL, version int NOT NULL)"
        yield "CREATE INDEX ON registers (value)"

    @classmethod
    def final(cls, seen_keys):
        for key in sorted(seen_keys):
            yield cls.read_of(key, "")

    @classmethod
    def read_of(cls, key, lock):
        return Step(f"SELECT value, version FROM registers WHERE key = $1" + lock, [key], [["r", key]],
                    lambda rows: [["r", key, [int(each) for each in rows[0]] if rows else None]])

    def read(self):
        return self.read_of(self.key(), self.context.lock())

    def write(self):
        key, value = self.key(), self.context.next_value()
        self.context.count_write()
        write = ["w", key, value]
        back = " RETURNING value, version" if self.draw.random() < 0.2 else ""
        take = (lambda rows: [write, ["r", key, [int(each) for each in rows[0]]]]) if back else None
        return Step("INSERT INTO registers VALUES ($1, $2, 1)"
                    " ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = registers.version + 1" + back,
                    [key, value], [write], take)


class Keyed(Registers):
    """Registers that are a keyed source: what is inserted takes the place of its key's row."""

    @classmethod
    def setup(cls, options):
        yield "CREATE SOURCE registers (key int PRIMARY KEY, value int) WITH (connector = 'push')"
        yield "CREATE TABLE seen (key int PRIMARY KEY, n int NOT NULL)"
        yield ("CREATE WORKFLOW look AS INSERT INTO seen SELECT key, 1 FROM registers"
               " ON CONFLICT (key) DO UPDATE SET n = seen.n + 1")

    @classmethod
    def read_of(cls, key, lock):
        if not lock and key % 2:  # the workflow counts each row that comes, in its atom
            return Step("SELECT value, n FROM registers, seen WHERE registers.key = $1 AND seen.key = $1", [key],
                        [["r", key]], lambda rows: [["r", key, [int(each) for each in rows[0]] if rows else None]])
        return Step("SELECT value FROM registers WHERE key = $1" + lock, [key], [["r", key]],
                    lambda rows: [["r", key, int(rows[0][0]) if rows else None]])

    def write(self):
        key, value = self.key(), self.context.next_value()
        self.context.count_write()
        return Step("INSERT INTO registers VALUES ($1, $2)", [key, value], [["w", key, value]])


class Sets(Workload):
    name = "set"
    writes_per_key = 15

    @classmethod
    def setup(cls, options):
        yield "CREATE TABLE members (element int PRIMARY KEY, bag int NOT NULL)"
        yield "CREATE INDEX ON members (bag)"

    @classmethod
    def final(cls, seen_keys):
        for key in sorted(seen_keys):
            yield cls.read_of([key], "")

    @staticmethod
    def read_of(bags, lock):
        def take(rows):
            return [["r", bag, sorted(int(element) for element, of in rows if int(of) == bag)] for bag in bags]
        where = " OR ".join(f"bag = ${number + 1}" for number in range(len(bags)))
        return Step(f"SELECT element, bag FROM members WHERE {where}" + lock, list(bags),
                    [["r", bag] for bag in bags], take)

    def read(self):
        return self.read_of(self.two_keys() if self.draw.random() < 0.3 else [self.key()], self.context.lock())

    def write(self):
        bag, element = self.key(), self.context.next_value()
        self.context.count_write()
        if self.draw.random() < 0.1:
            other = self.context.next_value()
            self.context.count_write()
            return Step("INSERT INTO members VALUES ($1, $3), ($2, $3)", [element, other, bag],
                        [["add", bag, element], ["add", bag, other]])
        return Step("INSERT INTO members VALUES ($1, $2)", [element, bag], [["add", bag, element]])


class Bank(Workload):
    name = "bank"
    accounts, balance = 6, 100
    settings = {"accounts": accounts, "balance": balance}
    expected = ("23514",)

    @classmethod
    def setup(cls, options):
        yield "CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL CHECK (balance >= 0))"
        yield f"INSERT INTO accounts SELECT g, {cls.balance} FROM generate_series(0, {cls.accounts - 1}) g"
        if options.stream:
            yield "CREATE SOURCE transfers (sender int, receiver int, amount int) WITH (connector = 'push')"
            yield ("CREATE WORKFLOW transfer AS ("
                   "UPDATE accounts SET balance = balance - t.amount FROM transfers t WHERE id = t.sender;"
                   "UPDATE accounts SET balance = balance + t.amount FROM transfers t WHERE id = t.receiver)")

    @classmethod
    def final(cls, _):
        yield cls.look()

    @classmethod
    def look(cls):
        return Step("SELECT id, balance FROM accounts", [], [["r", each] for each in range(cls.accounts)],
                    lambda rows: [["r", int(each), int(balance)] for each, balance in rows])

    def part(self, is_static):
        sender, receiver = self.draw.sample(range(self.accounts), 2)
        amount, form = self.draw.randrange(1, 6), self.draw.random()
        ops = [["add", sender, -amount], ["add", receiver, amount]]
        if form < 0.3:
            yield self.look()
        elif form < 0.4:
            yield Step("UPDATE accounts SET balance = balance + CASE id WHEN $1 THEN 0 - $3 ELSE $3 END"
                       " WHERE id IN ($1, $2)", [sender, receiver, amount], ops)
        elif form < 0.5 and self.context.options.stream:
            yield Step("INSERT INTO transfers VALUES ($1, $2, $3)", [sender, receiver, amount], ops)
        elif form < 0.7 or is_static:
            yield Step("UPDATE accounts SET balance = balance - $2 WHERE id = $1", [sender, amount], ops[:1])
            yield Step("UPDATE accounts SET balance = balance + $2 WHERE id = $1", [receiver, amount], ops[1:])
        else:
            balances = []
            for account in sender, receiver:
                step = self.read(account)
                yield step
                balances.append(step.ops[0][2])
            if balances[0] >= amount:
                yield self.put(sender, balances[0] - amount)
                yield self.put(receiver, balances[1] + amount)

    def read(self, account):
        def take(rows):
            step.ops = [["r", account, int(rows[0][0])]]
            return step.ops
        step = Step("SELECT balance FROM accounts WHERE id = $1" + self.context.lock(), [account],
                    [["r", account]], take)
        return step

    def put(self, account, balance):
        return Step("UPDATE accounts SET balance = $2 WHERE id = $1", [account, balance], [["set", account, balance]])


WORKLOADS = {"list": Lists, "register": Registers, "keyed": Keyed, "set": Sets, "bank": Bank}
