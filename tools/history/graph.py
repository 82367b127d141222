"""Transactions as a graph: components, and the shortest cycle through an edge.

Nodes below `count` are transactions. Nodes from there on are instants, which make real time cheap: the completions of
all transactions in their order form a chain of instants; a transaction leads to the instant of its completion, and the
last instant before its invocation leads to a transaction. So there is a way from one to another through instants
exactly when the one ended before the other began, with three edges a transaction.
"""

from collections import deque

WW, WR, RW, PREDICATE, PROCESS, TIME = 1, 2, 4, 8, 16, 32
ANTI = RW | PREDICATE  # a read, and the write that it did not see: of a row, or of a row that was not there
DATA = WW | WR | ANTI
ALL = DATA | PROCESS | TIME


class Graph:
    def __init__(self, count):
        self.count = count
        self.out = [[] for _ in range(count)]  # node -> [(node, kind, key)]

    def add(self, source, target, kind, key=None):
        if source != target:
            self.out[source].append((target, kind, key))

    def add_time(self, transactions):
        """Real time, between transactions of which it is known."""
        marks = []
        for transaction in transactions:
            if transaction.start is None:
                continue
            marks.append((transaction.start, 0, transaction.index))  # at one time: invocations come first
            if transaction.status == "ok" and transaction.end is not None:
                marks.append((transaction.end, 1, transaction.index))
        instant = None
        for _, is_end, index in sorted(marks):
            if is_end:
                self.out.append([])
                following = len(self.out) - 1
                self.add(index, following, TIME)
                if instant is not None:
                    self.add(instant, following, TIME)
                instant = following
            elif instant is not None:
                self.add(instant, index, TIME)

    def components(self, mask, nodes=None):
        """Strongly connected components of two and more nodes over edges in the mask (Tarjan, without recursion)."""
        inside = None if nodes is None else set(nodes)
        number, low, on_stack, stack, found = {}, {}, set(), [], []
        for root in range(len(self.out)) if nodes is None else nodes:
            if root in number:
                continue
            number[root] = low[root] = len(number)
            stack.append(root)
            on_stack.add(root)
            work = [(root, iter(self.out[root]))]
            while work:
                node, edges = work[-1]
                for target, kind, _ in edges:
                    if not kind & mask or (inside is not None and target not in inside):
                        continue
                    if target not in number:
                        number[target] = low[target] = len(number)
                        stack.append(target)
                        on_stack.add(target)
                        work.append((target, iter(self.out[target])))
                        break
                    if target in on_stack and number[target] < low[node]:
                        low[node] = number[target]
                else:
                    work.pop()
                    if work and low[node] < low[work[-1][0]]:
                        low[work[-1][0]] = low[node]
                    if low[node] == number[node]:
                        component = []
                        while True:
                            each = stack.pop()
                            on_stack.discard(each)
                            component.append(each)
                            if each == node:
                                break
                        if len(component) > 1:
                            found.append(component)
        return found

    def way(self, source, target, mask, inside, through=0):
        """The edges of a shortest way, counted in transactions; with `through`, over at least one edge of those kinds.

        Also how many edges were looked at. The way may visit a node twice if `through` is given.
        """
        start, goal = (source, not through), (target, True)
        before, near, looked = {start: None}, deque([start]), 0
        done = set()
        while near:
            state = near.popleft()
            if state in done:
                continue
            done.add(state)
            if state == goal:
                edges = []
                while before[state] is not None:
                    state, edge = before[state]
                    edges.append(edge)
                return edges[::-1], looked
            node, passed = state
            for following, kind, key in self.out[node]:
                looked += 1
                if not kind & mask or following not in inside:
                    continue
                reached = following, passed or bool(kind & through)
                if reached in done:
                    continue
                is_free = following >= self.count
                if reached not in before:
                    before[reached] = state, (node, following, kind, key)
                elif not is_free:
                    continue
                else:
                    before[reached] = state, (node, following, kind, key)
                (near.appendleft if is_free else near.append)(reached)
        return None, looked

    def shortest_cycle(self, component, first, mask, through=0, effort=3_000_000):
        """A shortest cycle in a component: an edge of the kinds `first`, and back over edges in the mask.

        Gives [(transaction, transaction, kind, key)], in which real time is one edge, or None. In a large component
        only as many first edges are tried as the effort allows.
        """
        inside, best, looked = set(component), None, 0
        for source in component:
            for target, kind, key in self.out[source]:
                if not kind & first or target not in inside or looked > effort:
                    continue
                back, cost = self.way(target, source, mask, inside, through)
                looked += cost + 1
                if back is None:
                    continue
                cycle = self.without_instants([(source, target, kind, key), *back])
                if len({edge[0] for edge in cycle}) == len(cycle) and (best is None or len(cycle) < len(best)):
                    best = cycle
                    if len(best) == 2:
                        return best
        return best

    def without_instants(self, cycle):
        """Ways through instants become one edge of time. The cycle begins with a transaction."""
        result, begun = [], None
        for source, target, kind, key in cycle:
            if source < self.count and target < self.count:
                result.append((source, target, kind, key))
            elif source < self.count:
                begun = source
            elif target < self.count:
                result.append((begun, target, TIME, None))
        return result
