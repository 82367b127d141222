"""What is recorded: transactions, their operations, and times.

A history is a workload's name, transactions, and events (kills and starts of the server). Times are whole
microseconds of one monotonic clock. A transaction is

    ok     committed, and the client was told so
    fail   not committed, and the client knows it
    info   unknown: the connection or the server was lost when the commit may have been under way

An operation is a list [name, key, value, start, end]; the times may be missing. Names and values:

    append KEY ELEMENT    r KEY [ELEMENT, ...]            list
    w KEY VALUE           r KEY VALUE or [VALUE, VERSION]  register; null where there is no row
    add KEY ELEMENT       r KEY [ELEMENT, ...]            set
    add KEY AMOUNT        set KEY BALANCE    r KEY BALANCE  bank
    savepoint NAME        rollback NAME      release NAME   in all

`start` is null for transactions whose time nobody knows: the atoms of a stream. They come in the order of the file.

Files have one JSON object a line: the header, then transactions and events; then the next history's, if there is one. Cases made by hand have a text form, read by
parse_text().
"""

import json


class Transaction:
    __slots__ = ("index", "process", "status", "how", "start", "end", "ops", "error")

    def __init__(self, process, status, start, end, ops, how="", error=None):
        self.index = -1
        self.process, self.status, self.start, self.end = process, status, start, end
        self.ops, self.how, self.error = ops, how, error

    def to_json(self):
        return {"process": self.process, "status": self.status, "start": self.start, "end": self.end, "how": self.how,
                "ops": self.ops, **({"error": self.error} if self.error else {})}

    @staticmethod
    def from_json(line):
        return Transaction(line["process"], line["status"], line["start"], line["end"], line["ops"],
                           line.get("how", ""), line.get("error"))


class History:
    def __init__(self, workload, transactions=(), events=(), **settings):
        self.workload = workload
        self.settings = settings  # bank: accounts, balance
        self.transactions = list(transactions)
        self.events = list(events)  # (time, text)
        self.number()

    def number(self):
        for index, transaction in enumerate(self.transactions):
            transaction.index = index

    def save(self, path):
        with open(path, "w", encoding="utf-8") as file:
            print(json.dumps({"workload": self.workload, **self.settings}), file=file)
            for time, text in self.events:
                print(json.dumps({"event": text, "time": time}), file=file)
            for transaction in self.transactions:
                print(json.dumps(transaction.to_json(), separators=(",", ":")), file=file)

    @staticmethod
    def load(path):
        (history,) = load_all(path)
        return history


def load_all(path):
    """The histories of a file: where there are several, each header begins another."""
    histories = []
    with open(path, encoding="utf-8") as file:
        for line in map(json.loads, file):
            if "workload" in line:
                histories.append(History(line.pop("workload"), **line))
            elif "event" in line:
                histories[-1].events.append((line["time"], line["event"]))
            else:
                histories[-1].transactions.append(Transaction.from_json(line))
    for history in histories:
        history.number()
    return histories


# --- Histories as text -------------------------------------------------------------------------------------


def parse_value(word):
    if word.startswith("["):
        return [parse_value(each) for each in word.strip("[]").split()]
    return None if word == "nil" else int(word) if word.lstrip("-").isdigit() else word


def parse_operation(text):
    words = text.replace("[ ", "[").split(None, 2)
    return [words[0], parse_value(words[1]), *map(parse_value, words[2:])]


def parse_text(text):
    """A history of lines `PROCESS START..END STATUS: operation; operation`, the first line its workload.

    `-` for START..END is a stream's atom, `START..` one whose end nobody saw; `event TIME: text` is an event.
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    workload, *settings = lines[0].split()
    history = History(workload, **{name: int(value) for name, value in (each.split("=") for each in settings)})
    for line in lines[1:]:
        head, _, rest = line.partition(":")
        words = head.split()
        if words[0] == "event":
            history.events.append((int(words[1]), rest.strip()))
            continue
        process, times, status = words
        start, _, end = ("", "", "") if times == "-" else times.partition("..")
        ops = [parse_operation(each) for each in rest.split(";") if each.strip()]
        history.transactions.append(
            Transaction(process, status, int(start) if start else None, int(end) if end else None, ops))
    history.number()
    return history
