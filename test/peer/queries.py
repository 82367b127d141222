"""Random queries: what stands in FROM, conditions, groups, set operations, WITH, ORDER BY and LIMIT."""

from tables import Column, Table
from tree import Node, joined, optional
from values import EXACT, SORTED


class Queries:
    def top_query(self):
        """(tree, whether its rows come in one order only)."""
        kinds = [self.pick(*self.kinds_there()) for _ in range(self.random.randint(1, 4))]
        if self.chance(0.08):
            node, inner = self.sources([], 2)
            star = self.pick("*", f"{self.pick(*[alias for alias, _ in inner[0] if alias] or ['a'])}.*")
            return Node("query", f"select {star} from ", node, self.where(inner, 1)), False
        query = self.query(kinds, [], 3)
        if self.chance(0.4) and all(kind in EXACT for kind in kinds):
            order = [f"{index + 1}{self.pick('', '', ' desc', ' nulls first', ' desc nulls last')}"
                     for index in range(len(kinds))]
            tree = Node("query", "select * from (", query, ") q order by ", ", ".join(order))
            if self.chance(0.5):
                tree.parts.append(optional("clause", f" limit {self.random.randrange(6)}"))
            if self.chance(0.2):
                tree.parts.append(optional("clause", f" offset {self.random.randrange(3)}"))
            return tree, True
        return query, False

    def kinds_there(self):
        kinds = [column.kind for table in self.tables for column in table.columns]
        return kinds + EXACT[:6]

    def query(self, kinds, scope, depth, limit=None):
        """A query of these types; at most one row where it says so."""
        way = self.random.random()
        saved = list(self.tables)
        if limit == 1:
            node = self.one_row(kinds, scope, depth)
        elif way < 0.08 and depth > 0:
            node = self.with_query(kinds, scope, depth)
        elif way < 0.2 and depth > 0 and all(kind in EXACT for kind in kinds):
            node = self.set_operation(kinds, scope, depth)
        elif way < 0.24:
            rows = [Node("row", "(", *[p for kind in kinds for p in (", ", self.expression(kind, scope, 1))][1:], ")")
                    for _ in range(self.random.randint(1, 4))]
            node = Node("query", "values ", joined(rows))
        elif way < 0.42:
            node = self.grouped(kinds, scope, depth)
        elif way < 0.5 and all(kind in EXACT for kind in kinds):
            node = self.distinct_on(kinds, scope, depth)
        elif way < 0.6 and depth > 0:
            node = self.windowed(kinds, scope, depth)
        else:
            node = self.plain_select(kinds, scope, depth)
        self.tables = saved
        return node

    def one_row(self, kinds, scope, depth):
        if self.chance(0.5) or not all(kind in EXACT for kind in kinds):
            node = Node("query", "select ")
            for index, kind in enumerate(kinds):
                node.parts += [", "] * bool(index) + [self.expression(kind, scope, depth)]
            return node
        inner = self.query(kinds, scope, depth)
        order = ", ".join(str(index + 1) for index in range(len(kinds)))
        return Node("query", "select * from (", inner, f") q order by {order} limit 1")

    def targets(self, kinds, scope, depth):
        parts = []
        for index, kind in enumerate(kinds):
            alias = f" as x{index}" if self.chance(0.2) else ""
            parts += [", "] * bool(index) + [self.expression(kind, scope, depth), alias]
        return parts

    def plain_select(self, kinds, scope, depth):
        node, inner = self.sources(scope, depth)
        distinct = "distinct " if self.chance(0.15) and all(kind in EXACT for kind in kinds) else ""
        return Node("query", f"select {distinct}", *self.targets(kinds, inner, depth - 1), " from ", node,
                    self.where(inner, depth))

    def where(self, scope, depth):
        if self.chance(0.35):
            return ""
        return optional("where", " where ", self.condition(scope, min(depth, 2)))

    def distinct_on(self, kinds, scope, depth):
        """Its rows are ordered by all that it gives, so that the first one of each group is known."""
        inner = self.query(kinds, scope, depth - 1)
        count = self.random.randint(1, len(kinds))
        names = [f"y{index}" for index in range(len(kinds))]
        return Node("query", f"select distinct on ({', '.join(names[:count])}) * from (", inner,
                    f") q ({', '.join(names)}) order by {', '.join(names)}")

    def grouped(self, kinds, scope, depth):
        node, inner = self.sources(scope, depth)
        targets, groups = [], []
        for kind in kinds:
            aggregates = self.aggregates_of[kind]
            collected = self.ordered_aggregate(kind, inner[:1]) if self.chance(0.2) else None
            if collected:
                targets.append(collected)
            elif aggregates and self.chance(0.6):
                targets.append(self.aggregate(self.pick(*aggregates), inner, depth))
            elif kind in EXACT:
                group = self.expression(kind, inner, 1 if self.chance(0.3) else 0)
                if group.value is None and group.simple:  # a column
                    groups.append(group)
                    targets.append(group)
                else:
                    targets.append(self.constant(kind))
            else:
                targets.append(self.constant(kind))
        having = optional("clause", f" having count(*) {self.pick('>', '=', '<>')} {self.random.randrange(3)}")
        parts = [p for target in targets for p in (", ", target)][1:]
        by = [" group by ", self.group_by(list(map(str, groups)))] if groups else []
        return Node("query", "select ", *parts, " from ", node, self.where(inner, depth), *by,
                    having if self.chance(0.25) else "")

    def group_by(self, groups):
        if self.chance(0.7):
            return ", ".join(groups)
        kind = self.pick("rollup", "cube", "grouping sets")
        if kind != "grouping sets":
            return f"{kind} ({', '.join(groups)})"
        sets = [groups] + [self.random.sample(groups, self.random.randint(0, len(groups)))
                           for _ in range(self.random.randint(1, 3))]
        return f"grouping sets ({', '.join('(' + ', '.join(columns) + ')' for columns in sets)})"

    def ordered_aggregate(self, kind, scope):
        """One that collects values, in an order that says where each belongs; None: there is none of this kind."""
        of = {"int4[]": "int4", "text[]": "text", "text": "text", "jsonb": "int4"}.get(kind, kind)
        value = self.leaf(of, scope)
        order = f" order by {value}{self.pick('', ' desc', ' nulls first')}"
        if kind in ("int4[]", "text[]"):
            return Node(kind, f"array_agg({self.pick('', 'distinct ')}", value, order, ")")
        if kind == "text":
            return Node(kind, "string_agg(", value, f", ','{order})")
        if kind == "jsonb":
            return Node(kind, "jsonb_agg(", value, order, ")")
        if kind in EXACT:
            return Node(kind, f"percentile_disc({self.pick('0', '0.5', '1')}) within group (order by ", value, ")")
        return None

    def aggregate(self, function, scope, depth):
        if not function.arguments:
            return Node(function.result, "count(*)")
        scope = scope[:1]  # over columns of outer queries only, it is theirs, and they are grouped then
        arguments = [self.expression(kind, scope, 1) for kind in function.arguments]
        distinct = "distinct " if self.chance(0.15) and set(function.arguments) <= set(SORTED) else ""
        node = Node(function.result, f"{function.name}({distinct}",
                    *[p for argument in arguments for p in (", ", argument)][1:], ")")
        if self.chance(0.2):
            node.parts.append(optional("clause", " filter (where ", self.condition(scope, 1), ")"))
        return node

    def set_operation(self, kinds, scope, depth):
        operator = self.pick("union", "union all", "intersect", "except", "intersect all", "except all")
        left, right = (self.query(kinds, scope, depth - 1) for _ in range(2))
        return Node("query", "(", left, f") {operator} (", right, ")")

    def with_query(self, kinds, scope, depth):
        if self.chance(0.35):
            return self.recursive(kinds, scope, depth)
        inner_kinds = [self.pick(*self.exact) for _ in range(self.random.randint(1, 2))]
        name = self.name("w")
        materialized = self.pick("", "", "materialized ", "not materialized ")
        made = self.query(inner_kinds, scope, depth - 1)
        self.add_table(name, inner_kinds)
        names = ", ".join(f"{name}_{index}" for index in range(len(inner_kinds)))
        return Node("query", f"with {name} ({names}) as {materialized}(", made, ") ",
                    self.query(kinds, scope, depth - 1))

    def recursive(self, kinds, scope, depth):
        name = self.name("r")
        first = self.query(["int4"], scope, depth - 1)
        union = self.pick("union", "union all")
        self.add_table(name, ["int4"])
        where = f"{name}_0 < {self.pick('5', '12')}" if union == "union" else f"{name}_0 between 0 and 8"
        start = Node("int4", "(select min(z) from (", first, ") q (z))", simple=["0"])
        rounds = f"select {name}_0 + {self.pick('1', '3')} from {name} where {where}"
        return Node("query", f"with recursive {name} ({name}_0) as (select least(greatest(", start,
                    f", 0), 20) {union} {rounds}) ", self.query(kinds, scope, depth - 1))

    def add_table(self, name, kinds):
        columns = [Column(f"{name}_{index}", kind) for index, kind in enumerate(kinds)]
        self.tables = self.tables + [Table(name, columns, is_view=True)] * 2

    # --- FROM ----------------------------------------------------------------------------------------

    def sources(self, scope, depth):
        """(what stands in FROM, the scope with it)."""
        count = self.pick(1, 1, 1, 2, 2, 3) if depth > 0 else 1
        node, level = self.source(scope, depth)
        for _ in range(count - 1):
            node, level = self.join(node, level, scope, depth)
        return node, [level, *scope]

    def source(self, scope, depth, lateral=()):
        alias = self.name("a")
        way = self.random.random()
        if depth > 1 and way < 0.18:
            kinds = [self.pick(*self.exact) for _ in range(self.random.randint(1, 3))]
            names = [f"{alias}_{index}" for index in range(len(kinds))]
            is_lateral = bool(lateral) and self.chance(0.6)
            query = self.query(kinds, [lateral, *scope] if is_lateral else scope, depth - 1)
            return (Node("source", "lateral (" if is_lateral else "(", query, f") {alias} ({', '.join(names)})"),
                    [(alias, list(zip(names, kinds)))])
        if way < 0.22:
            return (Node("source", f"generate_series({self.random.randrange(3)}, {self.random.randrange(6)}) {alias}"),
                    [(alias, [(alias, "int4")])])
        if way < 0.26:
            array = self.expression("int4[]", [lateral, *scope] if lateral else scope, 1)
            return Node("source", "unnest(", array, f") {alias}"), [(alias, [(alias, "int4")])]
        table = self.pick(*self.tables)
        columns = [(column.name, column.kind) for column in table.columns]
        if self.chance(0.1) and not table.is_view:
            new = [(f"{alias}_{index}", kind) for index, (_, kind) in enumerate(columns)]
            return Node("source", f"{table.name} as {alias} ({', '.join(name for name, _ in new)})"), [(alias, new)]
        return Node("source", f"{table.name} {alias}"), [(alias, columns)]

    def join(self, left, level, scope, depth):
        kind = self.pick("join", "join", "left join", "left join", "right join", "full join", "cross join")
        may_look = kind in ("join", "left join", "cross join")
        right, right_level = self.source(scope, depth, level if may_look else ())
        both = level + right_level
        if kind == "cross join":
            return Node("from", left, " cross join ", right), both
        same = self.same_names(level, right_level)
        if same and self.chance(0.3):
            return self.named_join(kind, left, right, same, both)
        equal = self.equality(level, right_level)
        if kind == "full join":
            on = equal or "true"
        else:
            on = self.condition([both, *scope], 1 if self.chance(0.5) else 0)
            if equal and self.chance(0.7):
                on = equal if self.chance(0.6) else Node("bool", "(", equal, " and ", on, ")")
        return Node("from", left, f" {kind} ", right, " on ", on), both

    @staticmethod
    def same_names(left, right):
        """The columns that two sides have by one name and of one type, each once."""
        def once(level):
            names = [(name, kind) for _, columns in level for name, kind in columns]
            return {name: kind for name, kind in names if [n for n, _ in names].count(name) == 1}
        one, other = once(left), once(right)
        return [(name, kind) for name, kind in one.items() if other.get(name) == kind and kind in EXACT]

    def named_join(self, kind, left, right, same, both):
        """With USING: the columns are one then, which has no table's name."""
        chosen = self.random.sample(same, self.random.randint(1, min(2, len(same))))
        names = [name for name, _ in chosen]
        rest = [(alias, [column for column in columns if column[0] not in names]) for alias, columns in both]
        return Node("from", left, f" {kind} ", right, f" using ({', '.join(names)})"), rest + [("", chosen)]

    def equality(self, left, right):
        pairs = [(f"{a}.{x}" if a else x, f"{b}.{y}" if b else y) for a, columns in left for x, kind in columns
                 for b, others in right for y, other in others if kind == other and kind in SORTED]
        if not pairs:
            return None
        one, other = self.pick(*pairs)
        return Node("bool", f"{one} = {other}", simple=["true", "false"])
