"""Random changes: INSERT, UPDATE, DELETE in all their forms, and definitions amid them."""

from tree import Node, joined, literal, optional
from values import SORTED


class Changes:
    def change(self):
        table = self.pick(*[table for table in self.tables if not table.is_view and table.own])
        way = self.random.random()
        if way < 0.35:
            return self.insert(table)
        if way < 0.62:
            return self.update(table)
        if way < 0.8:
            return self.delete(table)
        if way < 0.88:
            return self.change_in_with(table)
        if way < 0.93:
            return self.fill(table)
        if way < 0.97:
            return self.merge(table)
        return self.definition(self.base())

    def scope_of(self, table, alias=""):
        return [(alias, [(column.name, column.kind) for column in table.columns])]

    def returning(self, scope, part=0.35, star="*"):
        if not self.chance(part):
            return ""
        if self.chance(0.4):
            return optional("clause", f" returning {star}")
        kinds = [kind for _, columns in scope[0] for _, kind in columns]
        return optional("clause", " returning ", self.expression(self.pick(*kinds), scope, 1), ", ",
                        self.expression(self.pick(*kinds), scope, 1))

    def insert(self, table):
        columns = self.random.sample(table.own, self.random.randint(1, len(table.own)))
        if table.key and self.chance(0.9):
            columns += [column for column in table.key if column not in columns]
        names = ", ".join(column.name for column in columns)
        is_drawn = self.chance(0.4)
        if is_drawn and not (table.counts and any(column.kind not in SORTED for column in columns)):
            query = self.query([column.kind for column in columns], [], 2)
            exact = all(column.kind in SORTED for column in columns)
            order = ", ".join(str(index + 1) for index in range(len(columns)))
            source = Node("rows", "select * from (", query, f") q order by {order}") if exact else query
        else:
            rows = []
            for _ in range(self.random.randint(1, 3)):
                values = ["default" if self.chance(0.08) else self.expression(column.kind, [], 1) for column in columns]
                values = [self.key_value(column) if column in table.key and self.chance(0.7) else value
                          for column, value in zip(columns, values)]
                rows.append(Node("row", "(", *[p for value in values for p in (", ", value)][1:], ")"))
            source = Node("rows", "values ", joined(rows))
        alias = self.name("i")
        # Of rows in no order it would be nobody's business which of them comes first.
        conflict = "" if source.kind == "query" else self.conflict(table, alias)
        return Node("insert", f"insert into {table.name} as {alias} ({names}) ", source, conflict,
                    self.returning([self.scope_of(table, alias)]))

    def key_value(self, column):
        return literal(column.kind, str(self.random.randrange(60))) if column.kind.startswith("int") \
            else self.constant(column.kind, 0)

    def conflict(self, table, alias):
        if not self.chance(0.35):
            return ""
        if self.chance(0.4) or not table.key:
            return optional("clause", " on conflict do nothing")
        target = ", ".join(column.name for column in table.key)
        scope = [self.scope_of(table, alias) + self.scope_of(table, "excluded")]
        sets = self.assignments(table, scope, avoid=table.key)
        if not sets:
            return optional("clause", f" on conflict ({target}) do nothing")
        return optional("clause", f" on conflict ({target}) do update set ", sets, self.where(scope, 1))

    def assignments(self, table, scope, avoid=()):
        columns = [column for column in table.own if column not in avoid]
        if not columns:
            return None
        chosen = self.random.sample(columns, min(len(columns), self.pick(1, 1, 2)))
        if len(chosen) == 2 and self.chance(0.2):
            return Node("set", f"({', '.join(column.name for column in chosen)}) = (",
                        self.expression(chosen[0].kind, scope, 1), ", ", self.expression(chosen[1].kind, scope, 1), ")")
        return joined([Node("set", f"{column.name} = ",
                            "default" if self.chance(0.05) else self.expression(column.kind, scope, 2))
                       for column in chosen])

    def update(self, table):
        alias = self.name("u")
        scope = [self.scope_of(table, alias)]
        avoid = () if self.chance(0.1) else table.key
        source = ""
        condition = scope
        if self.chance(0.25) and table.key:
            # Each row must find one row at most, or which one it gets is nobody's business: by a whole key.
            others = [other for other in self.tables if not other.is_view and len(other.key) == 1]
            same = [(column, other) for other in others for column in table.columns
                    if column.kind == other.key[0].kind]
            if same:
                column, other = self.pick(*same)
                inner = self.name("f")
                scope = [scope[0] + self.scope_of(other, inner)]
                sets = self.assignments(table, scope, avoid)
                if sets:
                    return Node("update", f"update {table.name} {alias} set ", sets,
                                f" from {other.name} {inner} where "
                                f"{alias}.{column.name} = {inner}.{other.key[0].name}",
                                self.extra_condition(scope), self.returning(scope))
        sets = self.assignments(table, scope, avoid)
        if not sets:
            return self.delete(table)
        return Node("update", f"update {table.name} {alias} set ", sets, source, self.where(condition, 2),
                    self.returning(scope))

    def extra_condition(self, scope):
        return optional("clause", " and ", self.condition(scope, 1)) if self.chance(0.4) else ""

    def merge(self, table):
        """Each row of the table finds one row of the other at most, by its key."""
        same = [(column, other) for other in self.tables if not other.is_view and len(other.key) == 1
                for column in table.columns if column.kind == other.key[0].kind]
        if not same or table.counts:
            return self.update(table)
        column, other = self.pick(*same)
        target, source = self.name("m"), self.name("n")
        theirs = self.scope_of(other, source)
        both = [self.scope_of(table, target) + theirs]
        tree = Node("merge", f"merge into {table.name} {target} using {other.name} {source} on "
                             f"{target}.{column.name} = {source}.{other.key[0].name}")
        for _ in range(self.random.randint(1, 3)):
            matched = self.chance(0.5)
            condition = optional("clause", " and ", self.condition(both if matched else [theirs], 1))
            sets = self.assignments(table, both, table.key)
            if matched:
                done = [self.pick("delete", "do nothing", "")]
                done = ["update set ", sets] if not done[0] and sets else [done[0] or "do nothing"]
            else:
                values = [self.expression(c.kind, [theirs], 1) for c in table.own]
                done = [f"insert ({', '.join(c.name for c in table.own)}) values (",
                        *[p for value in values for p in (", ", value)][1:], ")"]
                done = done if self.chance(0.8) else ["do nothing"]
            tree.parts.append(optional("clause", f" when {'' if matched else 'not '}matched",
                                       condition if self.chance(0.5) else "", " then ", *done))
        return tree

    def delete(self, table):
        alias = self.name("d")
        scope = [self.scope_of(table, alias)]
        if self.chance(0.3):
            source, level = self.source([], 1)
            both = [scope[0] + level]
            return Node("delete", f"delete from {table.name} {alias} using ", source, " where ",
                        self.equality(scope[0], level) or self.condition(both, 1), self.extra_condition(both),
                        self.returning(scope, star=f"{alias}.*"))
        return Node("delete", f"delete from {table.name} {alias} where ", self.simple_condition(scope),
                    self.extra_condition(scope), self.returning(scope))

    def change_in_with(self, table):
        made = self.pick(self.insert, self.update, self.delete)(table)
        name = self.name("w")
        made.parts.pop()  # its RETURNING
        saved = list(self.tables)
        self.add_table(name, ["int4"])
        query = self.query([self.pick(*table.columns).kind, "int4"], [], 1)
        self.tables = saved
        returned = self.pick(*[column.name for column in table.columns if column.kind == "int4"] or ["1"])
        words = str(made).split(" ")
        alias = words[2] if words[0] == "update" else words[4] if words[0] == "insert" else words[3]
        shown = returned if returned == "1" else f"{alias}.{returned}"
        return Node("query", f"with {name} ({name}_0) as (", made, f" returning {shown}) ", query)

    def definition(self, table):
        way = self.random.randrange(4)
        column = self.pick(*table.columns)
        if way == 0:
            return self.index(table)
        if way == 1:
            return Node("alter", f"alter table {table.name} alter {column.name} set default ",
                        self.constant(column.kind, 0))
        if way == 2:
            return Node("alter", f"alter table {table.name} add check (",
                        self.simple_condition([self.scope_of(table)]), ")")
        return Node("alter", f"alter table {table.name} alter {column.name} {self.pick('set', 'drop')} not null")
