"""The names of cycles, and the search for them.

A cycle's name is that of the weakest promise that it breaks: with write dependencies alone G0; with reads of what the
other wrote G1c; with one read of what the other wrote over G-single; with more of them G2-item, and G2 if one is of a
predicate. It has "-process" or "-realtime" behind it if it is a cycle only because a client did the one after the other,
or because the one ended before the other began. In brackets stands what the cycle is known as.
"""

from history.graph import ALL, ANTI, DATA, PREDICATE, PROCESS, RW, TIME, WR, WW


class Anomaly:
    def __init__(self, name, transactions, texts=(), cycle=()):
        self.name = name
        self.transactions = transactions
        self.texts = list(texts)
        self.cycle = cycle

    def is_called(self, name):
        """By its whole name, or one of its parts: G-single, lost update."""
        return name in (self.name, self.name.split(" (")[0], *self.name[:-1].split(" (")[1:])


def name_of(cycle, inference):
    kinds = [edge[2] for edge in cycle]
    if kinds == [RW, RW] and cycle[0][3] == cycle[1][3]:
        return "G-single (lost update)"  # one of the two writes came later, whichever it was
    anti = [at for at, kind in enumerate(kinds) if kind & ANTI]
    if not anti:
        name = "G1c" if WR in kinds else "G0"
    elif len(anti) == 1:
        name = "G-single"
    else:
        name = "G2" if PREDICATE in kinds else "G2-item"
    suffix = "-realtime" if TIME in kinds else "-process" if PROCESS in kinds else ""
    known = known_as(cycle, kinds, anti, inference, suffix)
    return name + suffix + (f" ({known})" if known else "")


def known_as(cycle, kinds, anti, inference, suffix):
    if not anti:
        return "circular information flow" if WR in kinds else "dirty write" if WW in kinds else None
    if len(anti) == 1:
        if len(cycle) == 2:
            (reader, writer, _, key), = (edge for edge in cycle if edge[2] & ANTI)
            back, = (edge for edge in cycle if not edge[2] & ANTI)
            if back[2] == WW and back[3] == key:
                return "lost update"
            if back[2] in (TIME, PROCESS):
                return "stale read"
            if back[2] == WR and writer != reader:
                return "read skew"
        return "read skew" if WR in kinds and not suffix else None
    if suffix:
        return None
    if len(anti) == len(cycle) == 2:
        return "write skew" if kinds[0] == kinds[1] == RW else "predicate write skew"
    count = len(cycle)
    if count == 4 and anti in ([0, 2], [1, 3]) and kinds.count(WR) == 2:
        return "long fork"
    if count == 3 and kinds.count(WR) == 1:
        reader = cycle[kinds.index(WR)][1]
        if not inference.views[reader].writes:
            return "read-only anomaly"
    return None


# What must stand in the cycle, the other edges that may, and what must be met once more on the way.
SEARCHES = ((WW, WW, 0), (WR, WW | WR, 0), (ANTI, WW | WR, 0), (ANTI, DATA, ANTI))


def find_cycles(inference, is_realtime):
    """One shortest cycle of each kind in each component. Real time counts only if it was promised."""
    graph = inference.graph
    if is_realtime:
        graph.add_time([each for each in inference.transactions if each.index in inference.committed])
    found = []
    for whole in graph.components(ALL):
        explained = set()
        for order in (0, PROCESS, PROCESS | TIME):
            if order & TIME and not is_realtime:
                continue
            met = set()
            for first, others, through in SEARCHES:
                search_component(inference, whole, (first, others, through, order), explained, met, found)
            explained |= met
    unique = {}
    for anomaly in found:
        unique.setdefault((anomaly.name, frozenset(anomaly.transactions)), anomaly)
    return list(unique.values())


def search_component(inference, whole, search, explained, met, found):
    first, others, through, order = search
    graph = inference.graph
    for component in graph.components(first | others | order, whole):
        members = set(component)
        if order and not members.isdisjoint(explained):
            continue
        cycle = graph.shortest_cycle(component, first, others | order, through)
        if cycle is None:
            continue
        met |= members
        found.append(Anomaly(name_of(cycle, inference), [edge[0] for edge in cycle], cycle=cycle))
