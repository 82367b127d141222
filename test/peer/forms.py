"""Statements of forms that a tree of SELECT has not: sequences, records, VARIADIC, frames by distance, prepared
statements, cursors, COPY, temporary tables, changes through views and in WITH, what definitions there are.

Each form gives a Statement for one table, or None where it does not suit that table.
"""

from session import Statement
from tables import Column, Table
from tree import Node, joined, literal, optional
from values import EXACT, INTEGERS, SORTED, TYPES

VARIADIC = [
    "concat({a}, variadic {t})", "concat_ws('-', variadic {t})", "format('%s|%s|%s', variadic {t})",
    "num_nulls(variadic {t})", "num_nonnulls(variadic {i})", "jsonb_build_array(variadic {t})",
    "json_build_array(variadic {i})", "jsonb_build_object(variadic {t})", "jsonb_extract_path({j}, variadic {t})",
    "jsonb_extract_path_text({j}, variadic {t})", "concat(variadic {i})", "format('%2$s', variadic {i})",
    "json_object({t})", "jsonb_object({t}, {t})", "concat_ws(variadic {t})", "num_nulls(variadic null::int4[])",
]
FETCHES = ["next", "prior", "first", "last", "absolute 2", "absolute -1", "relative 0", "relative 2", "forward 2",
           "backward 2", "all", "forward all", "backward all", "3", "-1", "absolute 0", "0", "backward"]
DISTANCES = {"int2": ["0", "1", "2"], "int4": ["0", "1", "3"], "int8": ["0", "1::int4", "2::int8"],
             "numeric": ["0", "1.5", "2"], "float8": ["0", "0.5", "2"], "float4": ["0", "1.25"],
             "date": ["'1 day'", "'1 month'"], "timestamp": ["'1 hour'", "'1 year'"],
             "timestamptz": ["'12 hours'", "'1 mon'"], "interval": ["'1 day'", "'00:00'"],
             "time": ["'1 hour'", "'00:00:01'"]}


class Forms:
    def learn_forms(self):
        self.prepared, self.cursors, self.sequences = {}, [], []
        self.forms = [self.sequence, self.record, self.variadic, self.range_frame, self.copy_out, self.copy_in,
                      self.prepare, self.execute, self.cursor, self.savepoint, self.chained_changes, self.grouping,
                      self.defined, self.temporary, self.updatable_view, self.wide_merge, self.paged, self.lateral,
                      self.table_function]

    def form(self):
        tables = [table for table in self.tables if table.columns]
        return self.pick(*self.forms)(self.pick(*tables)) if tables else None

    def base(self):
        """A table to change, or None."""
        tables = [table for table in self.tables if not table.is_view and not table.is_updatable]
        return self.pick(*tables) if tables else None

    def query_of(self, *parts, ordered=False):
        return Statement(Node("query", *parts), self.chance(0.5), self.chance(0.4), ordered,
                         binary=self.chance(0.15))

    # --- Sequences -----------------------------------------------------------------------------------

    def sequence(self, _):
        if not self.sequences or self.chance(0.2):
            name = self.name("s")
            parts = [self.pick("", " as int2", " as int4"), self.pick("", " increment 3", " increment by -2"),
                     self.pick("", " minvalue -10", " no minvalue"), self.pick("", " maxvalue 12", " no maxvalue"),
                     self.pick("", " start 5", " start with -3"), self.pick("", " cycle", " no cycle")]
            statement = Statement(Node("alter", f"create sequence {name}", *[optional("clause", p) for p in parts if p]))
            statement.effect = lambda: self.sequences.append(name)
            return statement
        name = self.pick(*self.sequences)
        text = self.pick(f"select nextval('{name}')", f"select nextval('{name}'), currval('{name}')",
                         f"select nextval('{name}') from generate_series(1, 3)", f"select currval('{name}')",
                         "select lastval()", f"select setval('{name}', {self.pick('1', '7', '12', '-4', '100')})",
                         f"select setval('{name}', 3, false)", f"select last_value, is_called from {name}",
                         f"alter sequence {name} restart", f"alter sequence {name} restart with 4",
                         f"alter sequence {name} increment {self.pick('2', '-1', '0')}",
                         f"alter sequence {name} {self.pick('cycle', 'no cycle', 'maxvalue 20', 'minvalue -30')}",
                         "select seqstart, seqincrement, seqmax, seqmin, seqcycle from pg_sequence where seqrelid = "
                         f"'{name}'::regclass", "select sequencename, start_value, min_value, max_value, increment_by, "
                         "cycle, last_value from pg_sequences where schemaname = 'w' order by 1",
                         f"select nextval('{name}'::regclass) + 1 as n")
        return Statement(Node("query" if text.startswith("select") else "alter", text), self.chance(0.5))

    # --- Records -------------------------------------------------------------------------------------

    def record(self, table):
        alias = self.name("a")
        scope = [self.scope_of(table, alias)]
        columns = [column for column in table.columns if column.kind in EXACT] or table.columns
        one, other = self.pick(*columns), self.pick(*columns)
        value, second = self.expression(one.kind, scope, 1), self.expression(other.kind, scope, 1)
        pair = f"({alias}.{one.name}, {alias}.{other.name})"
        way = self.random.randrange(13)
        end = ["", f" from {table.name} {alias}"]
        if way == 0:
            return self.query_of(f"select {alias}{end[1]}")
        if way == 1:
            return self.query_of(f"select ({alias}).{one.name}, {self.pick('to_jsonb', 'row_to_json', 'to_json')}"
                                 f"({alias}){end[1]}")
        if way == 2:
            operator = self.pick("=", "<>", "<", ">=", "is distinct from", "is not distinct from")
            return self.query_of("select row(", value, ", ", second, f") {operator} row{pair}{end[1]}")
        if way == 3:
            return self.query_of(f"select row{pair} is {self.pick('', 'not ')}null, {alias} is {self.pick('', 'not ')}null"
                                 f"{end[1]}")
        if way == 4:
            return self.query_of(f"select {self.pick('count', 'array_agg', 'max', 'min')}(distinct ",
                                 self.pick(alias, f"row{pair}"), f"){end[1]}")
        if way == 5:
            return self.query_of(f"select row{pair}{end[1]} order by row{pair}, 1", self.pick("", " desc"))
        if way == 6:
            return self.query_of(f"select {alias}.{one.name}{end[1]} where row{pair} {self.pick('', 'not ')}in (",
                                 self.query([one.kind, other.kind], [], 2), ")")
        if way == 7:
            return self.query_of(f"select row{pair}, count(*){end[1]} group by row{pair}")
        if way == 8:
            return self.query_of(f"select (x.r).{one.name}, x.* from (select {alias} as r{end[1]}) x")
        if way == 9:
            return self.query_of("select row(", value, ", ", second, f")::text, ({alias}.*)::text{end[1]}")
        if way == 10:
            return self.query_of(f"select distinct {alias}{end[1]}")
        if way == 11:
            return self.query_of(f"select (row(1, 'a'::text, 2.5)).{self.pick('f1', 'f2', 'f3', 'f4', '*')}")
        operator = self.pick("=", "<", ">")
        return self.query_of(f"select row{pair} {operator} {self.pick('all', 'any')} (",
                             self.query([one.kind, other.kind], scope, 1), f"){end[1]}")

    def variadic(self, table):
        alias = self.name("a")
        scope = [self.scope_of(table, alias)]
        call = self.pick(*VARIADIC)
        parts = []
        for piece in call.replace("{", "\0{").replace("}", "}\0").split("\0"):
            kind = {"{a}": "text", "{t}": "text[]", "{i}": "int4[]", "{j}": "jsonb"}.get(piece)
            parts.append(self.expression(kind, scope, 1) if kind else piece)
        return self.query_of("select ", *parts, f" from {table.name} {alias}")

    # --- Windows and groups --------------------------------------------------------------------------

    def range_frame(self, table):
        """Frames by distances, and windows of their own; what is asked for does not depend on the order of equals."""
        ordered = [column for column in table.columns if column.kind in DISTANCES]
        if not ordered:
            return None
        column = self.pick(*ordered)
        numbers = [c.name for c in table.columns if c.kind in ("int2", "int4", "int8", "numeric")] or ["1"]
        calls = []
        for _ in range(self.random.randint(1, 3)):
            mode = self.pick("range", "range", "groups")
            distances = DISTANCES[column.kind] if mode == "range" else ["0", "1", "2"]
            places = ["unbounded preceding", f"{self.pick(*distances)} preceding", "current row",
                      f"{self.pick(*distances)} following", "unbounded following"]
            first, last = sorted((self.random.randrange(4), self.random.randrange(1, 5)))
            exclude = self.pick("", "", " exclude current row", " exclude group", " exclude ties", " exclude no others")
            partition = f"partition by {self.pick(*table.columns).name} " if self.chance(0.3) else ""
            call = self.pick("count(*)", f"sum({self.pick(*numbers)})", f"min({self.pick(*numbers)})",
                             f"max({self.pick(*numbers)})", f"avg({self.pick(*numbers)})", "rank()", "dense_rank()",
                             "percent_rank()", "cume_dist()", f"count(distinct {self.pick(*numbers)})")
            direction = self.pick("", " desc", " nulls first", " desc nulls last")
            frame = optional("clause", f" {mode} between {places[first]} and {places[last]}{exclude}")
            calls.append(Node("call", f"{call} over ({partition}order by {column.name}{direction}", frame, ")"))
        return self.query_of(f"select {column.name}, ", joined(calls), f" from {table.name}")

    def grouping(self, table):
        columns = [column.name for column in table.columns if column.kind in EXACT]
        if len(columns) < 2:
            return None
        one, two = self.random.sample(columns, 2)
        by = self.pick(f"rollup ({one}, {two})", f"cube ({one}, {two})", f"grouping sets (({one}, {two}), {one}, ())",
                       f"{one}, rollup ({two})", f"grouping sets (rollup ({one}), cube ({two}))",
                       f"distinct rollup ({one}), rollup ({one}, {two})", f"rollup (({one}, {two}))",
                       f"grouping sets ((), ()), {one}")
        asked = f"{one}, {two}, " if two in by else f"{one}, "
        names = f"{one}, {two}" if two in by else one
        having = self.pick("", "", f" having grouping({one}) = 0", " having count(*) > 1")
        return self.query_of(f"select {asked}grouping({names}), count(*), max({one}::text) from {table.name} group by {by}"
                             f"{having}")

    def lateral(self, table):
        one, two = self.name("a"), self.name("b")
        scope = [self.scope_of(table, one)]
        kinds = [self.pick(*self.exact) for _ in range(2)]
        query = self.query(kinds, scope, 2)
        join = self.pick(", lateral (", " cross join lateral (", " left join lateral (", " join lateral (")
        on = " on true" if "left" in join or join.startswith(" join") else ""
        return self.query_of(f"select {one}.{self.pick(*table.columns).name}, {two}.* from {table.name} {one}{join}",
                             query, f") {two} (x, y){on}")

    def table_function(self, _):
        alias = self.name("f")
        call = self.pick("generate_series(1, 4)", "generate_series(3, 1, -1)", "unnest(array[1,2,null])",
                         "generate_series('2024-01-30'::timestamp, '2024-03-01', '1 month')",
                         "jsonb_array_elements('[1, {\"a\": 2}]')", "jsonb_each('{\"a\": 1, \"b\": null}')",
                         "jsonb_object_keys('{\"a\": 1, \"b\": 2}')", "regexp_matches('abcabc', '(a)(.)', 'g')",
                         "regexp_split_to_table('a,b,c', ',')", "string_to_table('a,b,,c', ',', '')",
                         "unnest(array['a','b'], array[1,2,3])", "jsonb_array_elements_text('[1, \"x\", null]')",
                         "generate_subscripts(array[[1,2],[3,4]], 2)", "json_each_text('{\"a\": 1, \"b\": null}')",
                         "jsonb_to_recordset('[{\"a\": 1, \"b\": \"x\"}, {\"a\": 2}]')",
                         "rows from (generate_series(1, 3), unnest(array['x', 'y']))",
                         "jsonb_path_query('[1, 2, 3]', '$[*] ? (@ > 1)')")
        if "recordset" in call:
            return self.query_of(f"select * from {call} as {alias} (a int4, b text)")
        ordinality = self.pick("", " with ordinality")
        target = self.pick("*", alias, f"{alias}.*", "count(*)", f"to_jsonb({alias})")
        return self.query_of(f"select {target} from {call}{ordinality} {alias}")

    # --- COPY ----------------------------------------------------------------------------------------

    def copy_options(self, way):
        options = {"text": ["", "", "delimiter '|'", "null 'N'", "header"],
                   "csv": ["", "header", "delimiter ';'", "null 'N'", "quote ''''", "escape '\\'"],
                   "binary": [""]}[way]
        chosen = [f"format {way}"] + [option for option in {self.pick(*options)} if option]
        if way == "csv" and self.chance(0.2):
            chosen.append("force_quote *")
        return chosen

    def copy_out(self, table):
        way = self.pick("text", "csv", "csv", "binary")
        options = f" with ({', '.join(self.copy_options(way))})"
        if way != "binary" and not table.is_view and not table.is_updatable and self.chance(0.6):
            columns = self.random.sample(table.columns, self.random.randint(1, len(table.columns)))
            return Statement(Node("query", f"copy {table.name} ({', '.join(c.name for c in columns)}) to stdout{options}"))
        kinds = [self.pick(*self.exact) for _ in range(self.random.randint(1, 3))]
        order = ", ".join(str(index + 1) for index in range(len(kinds)))
        return Statement(Node("query", "copy (select * from (", self.query(kinds, [], 2),
                              f") q order by {order}) to stdout{options}"), ordered=True)

    def copied_text(self, column):
        text = str(self.constant(column.kind, 0.1).value[0])
        return None if text == "None" else text

    def copy_in(self, _):
        table = self.base()
        if not table or not table.own:
            return None
        columns = self.random.sample(table.own, self.random.randint(1, len(table.own)))
        columns += [column for column in table.key if column not in columns and column in table.own]
        is_csv = self.chance(0.5)
        delimiter, null = self.pick(*((",", ""), (";", "N")) if is_csv else (("\t", "\\N"), ("|", "N")))
        lines = []
        for _ in range(self.random.randint(0, 4)):
            values = []
            for column in columns:
                if column in table.key and column.kind in INTEGERS and self.chance(0.9):
                    text = str(self.random.randrange(60, 400))
                else:
                    text = self.copied_text(column)
                if text is None:
                    values.append(null)
                elif is_csv:
                    values.append('"' + text.replace('"', '""') + '"' if self.chance(0.7) else text)
                else:
                    values.append(text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n"))
            if self.chance(0.04):
                values = values[1:] if self.chance(0.5) else values + ["x"]
            lines.append(delimiter.join(values))
        end = self.pick("\n", "\n", "\n", "\r\n")
        data = "".join(line + end for line in lines)
        if self.chance(0.1):
            data = data[:-len(end)] if data else data
        if self.chance(0.1):
            data += "\\." + end
        options = [f"format {'csv' if is_csv else 'text'}", f"delimiter {quoted_delimiter(delimiter)}", f"null '{null}'"]
        where = optional("clause", " where ", self.simple_condition([self.scope_of(table)])) if self.chance(0.15) else ""
        return Statement(Node("insert", f"copy {table.name} ({', '.join(c.name for c in columns)}) from stdin with "
                                        f"({', '.join(options)})", where), data=data.encode())

    # --- Prepared statements, cursors, savepoints ----------------------------------------------------

    def prepare(self, table):
        name, alias = self.name("p"), self.name("a")
        kinds = [self.pick(*table.columns).kind for _ in range(self.random.randint(1, 2))]
        scope = [self.scope_of(table, alias), [("", [(f"${index + 1}", kind) for index, kind in enumerate(kinds)])]]
        tells = self.chance(0.8)
        listed = f" ({', '.join(kinds)})" if tells else ""
        way = self.random.randrange(3)
        base = self.base()
        if way == 0 and base:
            made = Node("update", f"update {base.name} {alias} set ",
                        self.assignments(base, [self.scope_of(base, alias), scope[1]], base.key) or "k = k", " where ",
                        self.comparison([self.scope_of(base, alias), scope[1]], 1))
        elif way == 1:
            made = Node("query", f"select $1, {alias}.* from {table.name} {alias} where ",
                        self.comparison([scope[1] + scope[0]], 1))
        else:
            made = Node("query", f"select * from {table.name} {alias} where ", self.condition([scope[0] + scope[1]], 1))
        statement = Statement(Node("prepare", f"prepare {name}{listed} as ", made))
        statement.effect = lambda: self.prepared.update({name: kinds})
        return statement

    def execute(self, _):
        if not self.prepared:
            return None
        name = self.pick(*self.prepared)
        if self.chance(0.06):
            self.prepared = {other: kinds for other, kinds in self.prepared.items() if other != name}
            return Statement(Node("control", f"deallocate {name}"))
        kinds = self.prepared[name]
        values = [self.constant(kind) if self.chance(0.8) else self.expression(kind, [], 1) for kind in kinds]
        if self.chance(0.05):
            values = values[1:]
        call = ["(", *[p for value in values for p in (", ", value)][1:], ")"] if values else []
        return Statement(Node("query", f"execute {name}", *call))

    def cursor(self, table):
        if not self.cursors or self.chance(0.3):
            name = self.name("c")
            kind = self.pick("", "scroll ", "scroll ", "no scroll ", "binary ", "insensitive ")
            hold = self.pick("", "", " with hold", " without hold")
            query, ordered = self.top_query()
            if not ordered:
                order = ", ".join(column.name for column in table.columns if column.kind in EXACT)
                if not order or not table.key or table.is_updatable:
                    return None
                query = Node("query", f"select * from {table.name} order by {table.key[0].name}, {order}")
            statement = Statement(Node("declare", f"declare {name} {kind}cursor{hold} for ", query))
            statement.effect = lambda: self.cursors.append(name)
            return statement
        name = self.pick(*self.cursors)
        way = self.random.random()
        if way < 0.1:
            return Statement(Node("control", f"close {self.pick(name, name, 'all')}"))
        if way < 0.15:
            return Statement(Node("query", "select name, is_holdable, is_binary, is_scrollable from pg_cursors "
                                           "where name like 'c%' order by 1"))
        if way < 0.25 and self.base():
            base = self.base()
            change = self.pick(f"delete from {base.name}", f"update {base.name} set {base.columns[-1].name} = null")
            return Statement(Node("update", f"{change} where current of {name}"))
        return Statement(Node("query", f"{self.pick('fetch', 'fetch', 'fetch', 'move')} {self.pick(*FETCHES)} "
                                       f"{self.pick('from', 'in')} {name}"), self.chance(0.3), ordered=True)

    def savepoint(self, _):
        name = self.pick("s", "s2", "s3")
        return Statement(Node("control", self.pick(f"savepoint {name}", f"savepoint {name}", f"rollback to {name}",
                                                   f"release {name}", f"rollback to savepoint {name}", "begin",
                                                   "commit and chain", "rollback and chain", "start transaction",
                                                   "begin isolation level repeatable read", "begin read only",
                                                   "set constraints all deferred", "set constraints all immediate")))

    def paged(self, _):
        """A portal that is read a few rows at a time."""
        tree, ordered = self.top_query()
        return Statement(tree, True, self.chance(0.5), ordered, limit=self.pick(1, 2, 5))

    # --- Changes -------------------------------------------------------------------------------------

    def chained_changes(self, _):
        one, two = self.base(), self.base()
        if not one or one is two or not two.own:
            return None
        first, second = self.name("w"), self.name("w")
        moved = self.pick(*one.columns)
        fitting = [column for column in two.own if column.kind == moved.kind]
        text = f"with {first} as (delete from {one.name} where {one.columns[0].name} is not null "
        end = f"returning {moved.name})"
        if fitting and two.key and self.pick(*fitting) not in two.key and two.key[0].kind in INTEGERS:
            column = self.pick(*[c for c in fitting if c not in two.key] or fitting)
            keys = ", ".join(c.name for c in two.key[:1])
            return Statement(Node("insert", f"{text}and ", self.simple_condition([self.scope_of(one)]), f" {end}, {second} "
                                  f"as (insert into {two.name} ({keys}, {column.name}) select 500 + row_number() over "
                                  f"(order by {moved.name}), {moved.name} from {first} returning *) select count(*) "
                                  f"from {second}"))
        return Statement(Node("update", f"{text}and ", self.simple_condition([self.scope_of(one)]),
                              f" {end}, {second} as (update {two.name} set {two.own[-1].name} = null returning 1 as n) "
                              f"select (select count(*) from {first}), (select sum(n) from {second}), count(*) from "
                              f"{two.name}"))

    def wide_merge(self, _):
        """Rows of a list of values; several may find one row."""
        table = self.base()
        if not table or not table.key or table.counts:
            return None
        key, source, target = table.key[0], self.name("n"), self.name("m")
        column = self.pick(*table.own)
        rows = joined([Node("row", "(", self.key_value(key), ", ", self.constant(column.kind), ")")
                       for _ in range(self.random.randint(1, 3))])
        theirs = [(source, [("x", key.kind), ("y", column.kind)])]
        both = [self.scope_of(table, target) + theirs]
        tree = Node("merge", f"merge into {table.name} as {target} using (values ", rows, f") {source} (x, y) on "
                             f"{target}.{key.name} = {source}.x")
        for _ in range(self.random.randint(1, 3)):
            condition = optional("clause", " and ", self.condition(both, 1)) if self.chance(0.4) else ""
            done = self.pick("delete", "do nothing", f"update set {column.name} = {source}.y",
                             f"update set {column.name} = default")
            tree.parts.append(optional("clause", " when matched", condition, f" then {done}"))
        done = self.pick("do nothing", f"insert ({key.name}, {column.name}) values ({source}.x, {source}.y)",
                         f"insert ({key.name}) values ({source}.x)", "insert default values")
        tree.parts.append(optional("clause", " when not matched", f" then {done}"))
        return Statement(tree, self.chance(0.5), self.chance(0.3))

    def updatable_view(self, _):
        table = self.base()
        if not table or len([t for t in self.tables if t.is_updatable]) > 2:
            return None
        name = self.name("u")
        chosen = [column for column in table.columns if column in table.key or self.chance(0.7)] or table.columns[:1]
        columns = [Column(f"{name}_{index}" if self.chance(0.5) else column.name, column.kind, column.unique, column.null,
                          column.generated) for index, column in enumerate(chosen)]
        targets = [f"{old.name} as {new.name}" for old, new in zip(chosen, columns)]
        if self.chance(0.3):
            targets.append("1 as one")
            columns.append(Column("one", "int4", generated=True))
        condition = optional("clause", " where ", self.simple_condition([self.scope_of(table)])) if self.chance(0.6) else ""
        check = optional("clause", self.pick(" with check option", " with local check option")) if self.chance(0.4) else ""
        view = Table(name, columns, [new for old, new in zip(chosen, columns) if old in table.key])
        view.is_updatable, view.counts = True, table.counts
        if len(view.key) != len(table.key):
            view.key = []
        statement = Statement(Node("alter", f"create view {name} as select {', '.join(targets)} from {table.name}",
                                   condition, check))
        statement.effect = lambda: self.tables.append(view)
        return statement

    # --- Definitions ---------------------------------------------------------------------------------

    def temporary(self, _):
        name = self.name("x")
        kinds = [self.pick(*self.exact) for _ in range(self.random.randint(1, 3))]
        columns = [Column(f"{name}_{index}", kind) for index, kind in enumerate(kinds)]
        temporary = self.pick("temp ", "temporary ", "")
        after = self.pick("", " on commit drop", " on commit delete rows", " on commit preserve rows") if temporary else ""
        if self.chance(0.5):
            listed = ", ".join(f"{column.name} {column.kind}" for column in columns)
            statement = Statement(Node("create", f"create {temporary}table {name} ({listed}){after}"))
        else:
            names = ", ".join(column.name for column in columns)
            statement = Statement(Node("create", f"create {temporary}table {name} ({names}){after} as ",
                                       self.query(kinds, [], 2), self.pick("", "", " with no data")))
        if "drop" not in after:
            statement.effect = lambda: self.tables.append(Table(name, columns))
        return statement

    def defined(self, _):
        table = self.base()
        if not table:
            return None
        column, kind = self.pick(*table.columns), self.pick(*TYPES)
        name = self.name("l")
        text = self.pick(
            f"alter table {table.name} alter {column.name} type {kind} using null",
            f"alter table {table.name} alter {column.name} type text",
            f"alter table {table.name} alter {column.name} drop default",
            f"alter table {table.name} alter {column.name} drop expression",
            f"alter table {table.name} alter {column.name} add generated by default as identity",
            f"alter table {table.name} alter {column.name} drop identity if exists",
            f"alter table {table.name} add unique ({column.name})",
            f"create table {name} (like {table.name} including all)",
            f"create unique index on {table.name} ({column.name})",
            f"comment on column {table.name}.{column.name} is 'x'",
            f"alter type mood add value if not exists 'calm' after 'ok'",
            f"alter domain whole {self.pick('drop', 'set')} not null",
            f"alter table {table.name} rename to {name}",
            f"drop table {table.name}", f"drop table if exists {name}", f"drop view if exists {name} cascade",
            f"alter table if exists {name} add x int4",
            f"alter table {table.name} add constraint {name} check ({column.name} is not null) not valid",
            f"alter table {table.name} drop constraint if exists {name}",
            f"alter table {table.name} drop constraint {table.name}_pkey",
            f"select column_name::text, data_type::text, is_nullable::text, is_generated::text, is_identity::text from "
            f"information_schema.columns where table_schema = 'w' and table_name = '{table.name}' order by 1",
            "select conname, contype, pg_get_constraintdef(oid) from pg_constraint where connamespace = "
            "'w'::regnamespace and conrelid <> 0 order by 1",
            "select indexname, indexdef from pg_indexes where schemaname = 'w' order by 1",
            f"select pg_get_viewdef(oid) is null from pg_class where relname = '{table.name}'",
            f"select attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated from pg_attribute "
            f"where attrelid = '{table.name}'::regclass and attnum > 0 and not attisdropped order by 1")
        statement = Statement(Node("query" if text.startswith("select") else "alter", text), self.chance(0.3))
        if "rename to" in text:
            statement.effect = lambda: setattr(table, "name", name)
        elif text.startswith("drop table ") and "if exists" not in text:
            statement.effect = lambda: self.tables.remove(table)
        elif " type " in text and text.startswith("alter table"):
            statement.effect = lambda: setattr(column, "kind", "text" if text.endswith("type text") else kind)
        elif "drop constraint" in text and text.endswith("_pkey"):
            statement.effect = lambda: setattr(table, "key", [])
        return statement


def quoted_delimiter(delimiter):
    return "E'\\t'" if delimiter == "\t" else f"'{delimiter}'"
