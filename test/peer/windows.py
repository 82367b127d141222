"""Queries with window functions. A query's one window is ordered by all columns that there are, so that only equal
rows can change places; frames have all forms.
"""

from tables import Column
from tree import Node, optional
from values import EXACT

PLACES = {"int8": ["row_number()", "rank()", "dense_rank()", "count(*)"], "float8": ["percent_rank()", "cume_dist()"],
          "int4": ["ntile(2)", "ntile(3)"]}
OVER_COLUMNS = ["first_value({})", "last_value({})", "nth_value({}, 2)", "lag({})", "lead({}, 2)", "lag({}, 1, {})",
                "min({})", "max({})"]
NOT_MINIMAL = {"bool", "uuid", "bytea"}


class Windows:
    def windowed(self, kinds, scope, depth):
        inner = [kind if kind in EXACT else self.pick(*self.exact) for kind in kinds] + [self.pick("int4", "text", "date")]
        alias = self.name("p")
        columns = [Column(f"{alias}_{index}", kind) for index, kind in enumerate(inner)]
        names = ", ".join(column.name for column in columns)
        targets = []
        for kind in kinds:
            targets += [", "] * bool(targets) + [self.window_target(kind, columns)]
        return Node("query", "select ", *targets, " from (", self.query(inner, scope, depth - 1),
                    f") {alias} ({names})", " window w as (", *self.window(columns), ")")

    def window_target(self, kind, columns):
        same = [column.name for column in columns if column.kind == kind]
        calls = list(PLACES.get(kind, []))
        for name in same:
            calls += [form.format(name, name) for form in OVER_COLUMNS
                      if kind not in NOT_MINIMAL or not form.startswith(("min", "max"))]
        if kind == "int8":
            calls += [f"sum({column.name})" for column in columns if column.kind in ("int2", "int4")]
        if not calls:
            return self.constant(kind)
        call = self.pick(*calls)
        node = Node(kind, call)
        if call.startswith(("sum", "count", "min", "max")) and self.chance(0.2):
            node.parts.append(optional("clause", f" filter (where {self.pick(*columns).name} is not null)"))
        node.parts.append(" over w")
        return node

    def window(self, columns):
        parts = []
        if self.chance(0.5):
            parts.append(optional("clause", f"partition by {self.pick(*columns).name}"))
        chosen = self.random.sample(columns, len(columns))
        order = [column.name + self.pick("", "", " desc", " nulls first", " desc nulls last") for column in chosen]
        parts.append(f" order by {', '.join(order)}")
        if self.chance(0.5):
            parts.append(optional("clause", " ", self.frame()))
        return parts

    def frame(self):
        mode = self.pick("rows", "rows", "groups", "range")
        number = ["0", "1", "2"] if mode != "range" else []
        starts = ["unbounded preceding", "current row"] + [f"{n} preceding" for n in number]
        ends = ["unbounded following", "current row"] + [f"{n} following" for n in number]
        exclude = self.pick("", "", "", " exclude current row", " exclude group", " exclude ties")
        if self.chance(0.2):
            return f"{mode} {self.pick(*starts)}{exclude}"
        return f"{mode} between {self.pick(*starts)} and {self.pick(*ends)}{exclude}"
