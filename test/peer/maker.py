"""Random worlds: a schema, its rows, and statements over it. All of it from one seed.

Expressions over many rows are of functions that do not fail for calm values, so that errors are rare and say something.
"""

import random

from changes import Changes
from expressions import Expressions
from queries import Queries
from session import Statement
from tables import Column, Table
from tree import Node, joined, literal, optional
from values import CALM, EXACT, INTEGERS, SORTED, TYPES, WILD
from windows import Windows


class Maker(Expressions, Queries, Windows, Changes):
    def __init__(self, catalog, seed):
        self.random = random.Random(seed)
        self.catalog = catalog
        self.tables = []
        self.number = 0
        self.learn(catalog)

    # --- Drawing -------------------------------------------------------------------------------------

    def chance(self, part):
        return self.random.random() < part

    def pick(self, *choices):
        return self.random.choice(choices)

    def name(self, prefix):
        self.number += 1
        return f"{prefix}{self.number}"

    def constant(self, kind, null=0.08):
        if self.chance(null):
            return literal(kind, None)
        return literal(kind, self.random.choice(CALM[kind] if self.chance(0.93) else WILD[kind] + CALM[kind]))

    # --- Schema --------------------------------------------------------------------------------------

    def schema(self):
        """The statements that make the world."""
        statements = []
        for number in range(self.random.randint(2, 3)):
            statements += self.table(f"t{number}")
        for table in list(self.tables):
            statements += [self.fill(table) for _ in range(self.pick(1, 1, 2))]
        for _ in range(self.pick(0, 1, 2)):
            statements.append(self.view())
        return [Statement(tree, self.chance(0.3), tree.kind == "insert") for tree in statements]

    def forget(self, statement):
        """A table or view that could not be made."""
        if statement.tree.kind in ("create", "view"):
            self.tables = [table for table in self.tables if table.name != str(statement.tree).split(" ")[2]]

    def table(self, name):
        kinds = self.random.sample(TYPES, self.random.randint(2, 6))
        if not set(kinds) & set(INTEGERS):
            kinds.append(self.pick(*INTEGERS))
        columns = []
        for index, kind in enumerate(kinds):
            telling = kind.replace("[]", "s").replace("float", "f")
            columns.append(Column(f"{telling}_{index}" if self.chance(0.7) else f"c{index}", kind))
        key = []
        if self.chance(0.75):
            columns.insert(0, Column("k", self.pick("int4", "int4", "int8", "int2"), True, False))
            key = [columns[0]]
            if self.chance(0.2):
                second = self.pick(*columns[1:])
                key += [second] if second.kind in SORTED else []
        parts = []
        for column in columns:
            parts.append(self.column_definition(column, key))
        if key:
            parts.append(optional("constraint", f"primary key ({', '.join(column.name for column in key)})"))
            for column in key:
                column.null = False
        if self.chance(0.2):
            parts.append(self.generated_column(columns))
        table = Table(name, columns, key)
        parts += self.constraints(table)
        self.tables.append(table)
        create = Node("create", f"create table {name} (", joined([part for part in parts]), ")")
        return [create] + [self.index(table) for _ in range(self.random.randint(0, 3))]

    def column_definition(self, column, key):
        modifier = {"numeric": ["", "", "(12,2)", "(8)"], "varchar": ["", "(20)"], "bpchar": ["(4)", "(12)"],
                    "timestamp": ["", "(3)"]}.get(column.kind, [""])
        node = Node("column", f"{column.name} {column.kind}{self.pick(*modifier)}")
        if column not in key:
            if self.chance(0.15):
                node.parts.append(optional("clause", " default ", self.constant(column.kind, 0)))
            if self.chance(0.1):
                column.null = False
                node.parts.append(optional("clause", " not null"))
        return node

    def generated_column(self, columns):
        base = self.pick(*columns)
        column = Column("g", base.kind, generated=True)
        columns.append(column)
        value = Node(base.kind, f"coalesce({base.name}, ", self.constant(base.kind, 0), ")", simple=[base.name])
        return optional("column", f"g {base.kind} generated always as (", value, ") stored")

    def constraints(self, table):
        parts = []
        if self.chance(0.2):
            unique = self.random.sample([c for c in table.columns if c.kind in SORTED], 1)
            parts.append(optional("constraint", f"unique ({', '.join(column.name for column in unique)})"))
        if self.chance(0.25):
            scope = [[("", [(column.name, column.kind) for column in table.columns])]]
            check = self.simple_condition(scope)
            parts.append(optional("constraint", "check (", check, " or ", self.bare(table), " is not null)"))
        if self.chance(0.3) and self.tables:
            other = self.pick(*self.tables)
            mine = [column for column in table.columns if len(other.key) == 1 and column.kind == other.key[0].kind
                    and column not in table.key]
            if mine:
                action = self.pick("", " on delete cascade", " on delete set null", " on update cascade",
                                   " on delete restrict")
                parts.append(optional("constraint", f"foreign key ({self.pick(*mine).name}) references {other.name}",
                                      optional("clause", action)))
        return parts

    def bare(self, table):
        return self.pick(*table.columns).name

    def index(self, table):
        columns = [column for column in table.columns if column.kind in SORTED]
        chosen = self.random.sample(columns, min(len(columns), self.pick(1, 1, 2, 3)))
        unique = "unique " if self.chance(0.05) else ""
        shown = [self.index_part(column) + self.pick("", "", "", " desc", " nulls first", " desc nulls last")
                 for column in chosen]
        node = Node("index", f"create {unique}index on {table.name} ({', '.join(shown)})")
        if self.chance(0.15):
            node.parts.append(optional("clause", f" include ({self.bare(table)})"))
        if self.chance(0.2):
            scope = [[("", [(column.name, column.kind) for column in table.columns])]]
            condition = self.simple_condition(scope) if self.chance(0.6) else f"{self.bare(table)} is not null"
            node.parts.append(optional("clause", " where ", condition))
        return node

    def index_part(self, column):
        if self.chance(0.8):
            return column.name
        if column.kind == "text":
            return f"lower({column.name})"
        return f"(coalesce({column.name}, {self.constant(column.kind, 0)}))"

    def fill(self, table):
        """An INSERT of rows whose first key column counts."""
        rows = []
        names = ", ".join(column.name for column in table.own)
        first = self.random.randint(0, 30)
        for number in range(self.random.randint(1, 14)):
            values = []
            for column in table.own:
                if table.key and column is table.key[0]:
                    values.append(literal(column.kind, str(first + number)))
                else:
                    values.append(self.constant(column.kind, 0.2 if column.null else 0))
            rows.append(Node("row", "(", *[part for value in values for part in (", ", value)][1:], ")"))
        return Node("insert", f"insert into {table.name} ({names}) values ", joined(rows),
                    optional("clause", " on conflict do nothing"))

    def view(self):
        kinds = [self.pick(*EXACT) for _ in range(self.random.randint(1, 3))]
        name = self.name("v")
        columns = [Column(f"{name}_{index}", kind) for index, kind in enumerate(kinds)]
        query = self.query(kinds, [], 2)
        self.tables.append(Table(name, columns, is_view=True))
        return Node("view", f"create view {name} ({', '.join(column.name for column in columns)}) as ", query)

    # --- Statements ----------------------------------------------------------------------------------

    def statement(self, status):
        """The next one, where the transaction's state is this."""
        if not [table for table in self.tables if not table.is_view]:
            return Statement(self.table(self.name("t"))[0])
        way = self.random.random()
        if status == "E" and self.chance(0.5):
            return Statement(Node("control", self.pick("rollback", "rollback", "commit", "rollback to s")))
        extended, parameters = self.chance(0.5), self.chance(0.5)
        ordered = False
        if way < 0.04 and status == "I":
            return self.script()
        if way < 0.06 and status == "I":
            return self.alteration()
        if way < 0.66:
            tree, ordered = self.top_query()
        elif way < 0.93:
            tree = self.change()
        elif way < 0.98:
            tree = Node("control", self.pick("begin", "begin", "commit", "rollback", "savepoint s", "rollback to s",
                                             "commit"))
        else:
            tree = Node("query", f"select * from {self.pick(*self.tables).name}")
        return Statement(tree, extended, parameters and tree.kind not in ("alter", "index"), ordered)

    def script(self):
        """Several statements in one message, a transaction of their own; or a cursor in one."""
        if self.chance(0.5):
            parts = [self.change() if self.chance(0.6) else self.top_query()[0]
                     for _ in range(self.random.randint(2, 4))]
            return Statement(joined(parts, "; "))
        query, ordered = self.top_query()
        if not ordered:
            return Statement(query)
        moves = [self.pick("fetch 2 from c", "move 1 in c", "fetch all from c", "fetch prior from c",
                           "fetch first from c", "fetch absolute 2 from c", "fetch relative -1 from c", "fetch backward 2 from c", "fetch c")
                 for _ in range(self.random.randint(1, 4))]
        return Statement(Node("script", "begin; declare c scroll cursor for ", query, "; ",
                              joined([Node("move", move) for move in moves], "; "), "; commit"), ordered=True)

    def alteration(self):
        """Of a table's columns, or all of its rows at once."""
        table = self.pick(*[table for table in self.tables if not table.is_view])
        way = self.random.randrange(4)
        column = self.pick(*table.columns)
        if way == 0:
            new = Column(self.name("x"), self.pick(*TYPES))
            statement = Statement(Node("alter", f"alter table {table.name} add column {new.name} {new.kind}",
                                       optional("clause", " default ", self.constant(new.kind, 0))))
            statement.effect = lambda: (table.columns.append(new), table.own.append(new))
        elif way == 1:
            statement = Statement(Node("alter", f"alter table {table.name} drop column {column.name}"))
            statement.effect = lambda: table.drop(column)
        elif way == 2:
            name = self.name("y")
            statement = Statement(Node("alter", f"alter table {table.name} rename column {column.name} to {name}"))
            statement.effect = lambda: setattr(column, "name", name)
        else:
            statement = Statement(Node("alter", f"truncate {table.name}", optional("clause", " cascade")))
        return statement

    def contents(self):
        """What tells all that the tables hold."""
        return [Statement(Node("query", f"select * from {table.name}")) for table in self.tables]
