"""The judge of one run: is there a serial order of what was committed that explains what everybody was told?

1. A transaction that committed, and a single statement that was answered, must be told in its place of the order what it
   was told: rows (in their order only under ORDER BY), tags, errors with their constraint.
2. The order agrees with real time: what was answered before another one's first statement was sent comes before it.
   Of one that changed something it is the COMMIT that counts: until that was sent it could still be rolled back.
3. The tables at the end are those of the run.
4. A transaction that did not commit leaves nothing; what it was told until it failed must be true somewhere in that
   order, so that nobody ever sees a state that never was.

The orders are tried one after another by running them, alone, on the same server and fresh tables. What a serial order
answers depends on nothing else, so it is kept for all runs of the case.
"""

import re

from bench import CIRCUMSTANCES, CONTROL, SteppingClient

SKIP_LOCKED = re.compile(r"\s+(limit \d+\s+)?for (no key )?(update|key share|share) skip locked", re.I)

MISTAKES = {"0A000", "42601", "42883"}  # what is not there, or is not SQL: such a case would prove nothing
WROTE = re.compile(r"(INSERT 0|UPDATE|DELETE|COPY|MERGE) [1-9]|(CREATE|ALTER|DROP|TRUNCATE) ")


class Transaction:
    """A transaction of one client: the events between two moments without one."""

    def __init__(self, client):
        self.client, self.events = client, []

    def __str__(self):
        return f"{self.events[0].step.name}..{self.events[-1].step.name}" if len(self.events) > 1 else self.events[0].step.name

    @property
    def is_single(self):
        return len(self.events) == 1 and self.events[0].status == "I"

    @property
    def failure(self):
        """The error of circumstance that ended it."""
        states = [event.answer.sqlstate for event in self.events if event.answer.sqlstate in CIRCUMSTANCES]
        return states[0] if states and not self.is_committed else None

    @property
    def is_committed(self):
        last = self.events[-1].answer
        if self.is_single and "COMMIT" not in last.tags:
            return last.sqlstate not in CIRCUMSTANCES
        return not last.sqlstate and last.tags[-1:] == ["COMMIT"]

    @property
    def began(self):
        return next((event.sent for event in self.events if not is_control(event.step)), None)

    @property
    def earliest(self):
        """Before this moment it cannot stand in the order if it has an effect: until then it could be rolled back."""
        return self.events[-1].sent if self.is_committed and self.has_written else self.began

    @property
    def has_written(self):
        if any(event.step.text.startswith("rollback to") for event in self.events):
            return False  # perhaps it has not
        tags = [tag for event in self.events for tag in event.answer.tags]
        return any(WROTE.match(tag) for tag in tags)

    @property
    def ended(self):
        return self.events[-1].answered

    def told(self):
        """What is to be explained: all of it, or of what did not commit what came before it failed."""
        if self.is_committed:
            return self.events
        events = []
        for event in self.events:
            is_end = event.status == "I" and event.answer.tags[-1:] == ["ROLLBACK"]
            if event.answer.sqlstate in CIRCUMSTANCES or is_end:
                break
            events.append(event)
            if event.answer.sqlstate:
                break
        return events

    def key(self):
        """What a serial run of it depends on."""
        replaced = tuple(event.step.name for event in self.told() if event.answer.sqlstate in CIRCUMSTANCES)
        return self.client, tuple(event.step.name for event in self.told()), self.is_committed, replaced


def is_control(step):
    return step.text.lower().startswith(CONTROL) and len(step.statements()) == 1


def is_setting(step):
    return step.text.lower().startswith("set ")


def transactions_of(transcript):
    """The transactions, in the order of their first statements."""
    found, current = [], {}
    for event in transcript.events:
        transaction = current.setdefault(event.step.client, Transaction(event.step.client))
        transaction.events.append(event)
        if event.status == "I":
            del current[event.step.client]
            if transaction.began is not None and not (transaction.is_single and is_setting(event.step)):
                found.append(transaction)
    return sorted(found, key=lambda transaction: transaction.began)


def is_same(event, replayed):
    """Does the serial run tell the same?"""
    told = event.answer
    if SKIP_LOCKED.search(event.step.text):  # it promises the rows that it gave, no others
        left = list(replayed.rows)
        for row in told.rows:
            if row not in left:
                return False
            left.remove(row)
        return told.sqlstate == replayed.sqlstate
    rows, replayed_rows = told.rows, replayed.rows
    if "order by" not in event.step.text:
        rows, replayed_rows = sorted(rows), sorted(replayed_rows)
    return (rows, told.tags, told.sqlstate, told.constraint) == (
        replayed_rows, replayed.tags, replayed.sqlstate, replayed.constraint)


class Judge:
    """Judges the runs of one case."""

    def __init__(self, bench, case):
        self.bench, self.case = bench, case
        self.answers, self.finals = {}, {}  # of serial runs, by the keys of their transactions

    # --- Serial runs ---------------------------------------------------------------------------------------

    def replay(self, keys):
        """The answers that the last of these transactions is given when they run one after another."""
        if keys in self.answers:
            return self.answers[keys]
        self.bench.reset(self.case)
        clients = {}
        for at, (name, steps, is_committed, replaced) in enumerate(keys):
            if name not in clients:
                clients[name] = SteppingClient(self.bench.server.port)
            self.answers[keys[: at + 1]] = [self.replay_step(clients[name], step, step in replaced) for step in steps]
            if not is_committed and clients[name].status != "I":
                clients[name].query("rollback")
        for client in clients.values():
            client.close()
        self.finals[keys] = self.bench.final(self.case)
        return self.answers[keys]

    def replay_step(self, client, name, is_replaced):
        if is_replaced:  # what failed for a reason that lies outside fails here too
            client.fails("select 1 / 0", "22012")
            return None
        step = self.case.step(name)
        if SKIP_LOCKED.search(step.text):
            step = type(step)(step.client, int(step.name[len(step.client):]), SKIP_LOCKED.sub("", step.text))
        client.begin(step, False)
        return client.answer()

    def final(self, keys):
        if keys and keys not in self.finals:
            self.answers.pop(keys, None)
            self.replay(keys)
        if not keys and keys not in self.finals:
            self.bench.reset(self.case)
            self.finals[keys] = self.bench.final(self.case)
        return self.finals[keys]

    # --- The search ------------------------------------------------------------------------------------------

    def explains(self, keys, transaction):
        """Is what the transaction was told what it is told behind these?"""
        replayed = self.replay(keys + (transaction.key(),))
        pairs = zip(transaction.told(), replayed)
        return all(other is None or is_same(event, other) for event, other in pairs)

    def has_effect(self, before, transaction):
        """Does it leave other tables than it finds? An UPDATE that sets what is there already does not."""
        keys = tuple(one.key() for one in before)
        return self.final(keys) != self.final(keys + (transaction.key(),))

    def orders(self, done, left):
        """The serial orders of `left` behind `done` that explain each transaction."""
        if not left:
            yield done
            return
        for transaction in left:
            others = [other for other in left if other is not transaction]
            if any(other.ended < transaction.began for other in others):
                continue
            if any(other.ended < transaction.earliest for other in others) and self.has_effect(done, transaction):
                continue
            if self.explains(tuple(one.key() for one in done), transaction):
                yield from self.orders(done + [transaction], others)

    def place(self, order, failed):
        """Does some moment of the order explain what a transaction was told that did not commit?"""
        for at in range(len(order) + 1):
            in_time = (all(one.earliest < failed.ended or not self.has_effect(order[:i], one)
                           for i, one in enumerate(order[:at])) and
                       not any(one.ended < failed.began for one in order[at:]))
            if in_time and self.explains(tuple(one.key() for one in order[:at]), failed):
                return True
        return False

    def objection(self, transcript):
        """None, or why no serial order explains the run."""
        transactions = transactions_of(transcript)
        committed = [one for one in transactions if one.is_committed]
        failed = [one for one in transactions if not one.is_committed and one.told()]
        reason = f"no serial order explains {', '.join(map(str, committed))}"
        for order in self.orders([], committed):
            if self.final(tuple(one.key() for one in order)) != transcript.final:
                reason = f"after {', '.join(map(str, order))} other tables were left"
                continue
            unplaced = [one for one in failed if not self.place(order, one)]
            if not unplaced:
                return None
            reason = f"{unplaced[0]}, which did not commit, was told what never was"
        return reason


# --- What else must hold of every run ------------------------------------------------------------------------

def failures_of(transcript):
    return [one for one in transactions_of(transcript) if one.failure]


def liveness_objection(case, transcript):
    """None, or what a run must not do, however true its answers are."""
    transactions = transactions_of(transcript)
    failures = failures_of(transcript)
    for event in transcript.events:
        if event.answer.sqlstate in case.never | MISTAKES:
            return f"{event.step.name} was answered {event.answer.sqlstate}"
        if event.waited and "waits" in case.never:
            return f"{event.step.name} waited"
    for transaction in failures:
        if transaction.is_single and transaction.failure in ("40001", "40P01"):
            return f"{transaction}, a single statement, was answered {transaction.failure}"
    if case.most_failures is not None and len(failures) > case.most_failures:
        return f"{len(failures)} failed: {', '.join(map(str, failures))}"
    if failures and len(failures) == len(transactions):
        return "all failed"
    return None


def expectation_objection(case, order, transcript):
    """None, or where the run of a named order differs from what stands there."""
    for event in transcript.events:
        name, answer = event.step.name, event.answer
        expected = order.expected.get(name, [])
        if not expected and answer.sqlstate:
            return f"{name}: {answer.lines()[0]}"
        waits = [line for line in expected if line.split(" ")[0] == "waits"]
        if event.waited and not waits and name not in order.awaited:
            return f"{name} waited"
        if waits and not event.waited:
            return f"{name} did not wait"
        if waits and waits[0] not in ("waits", f"waits for {event.released_by}"):
            return f"{name} waited for {event.released_by}"
        expected = [line for line in expected if line not in waits]
        if expected and not is_expected(expected, answer):
            return f"{name}: {' / '.join(answer.lines())}"
    return None


def is_expected(expected, answer):
    if expected[0].startswith("error ") or answer.sqlstate:
        words = expected[0].split(" ", 2)
        return words[:2] == ["error", answer.sqlstate] and (len(words) < 3 or words[2] == answer.message)
    tags = [line for line in expected if line.startswith("tag ")]
    rows = [line for line in expected if not line.startswith("tag ")]
    return rows == answer.rows and (not tags or tags == ["tag " + tag for tag in answer.tags])
