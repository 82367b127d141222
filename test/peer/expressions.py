"""Random expressions of a wanted type, over the columns in scope.

A scope is a list of levels, the innermost first; a level is a list of (alias, [(column, type)]).
"""

from catalog import Function
from tree import Node, joined
from values import CALM, INTEGERS, NUMBERS, SORTED

# Functions and operators that give no error for calm values.
CALM_NAMES = {
    "length", "char_length", "octet_length", "upper", "lower", "initcap", "reverse", "btrim", "ltrim", "rtrim",
    "concat", "concat_ws", "strpos", "position", "left", "right", "md5", "starts_with", "replace", "translate", "ascii",
    "quote_literal", "quote_ident", "quote_nullable", "split_part", "substr", "substring", "bit_length", "trim",
    "abs", "sign", "ceil", "floor", "round", "trunc", "mod", "div", "scale", "min_scale", "num_nulls", "num_nonnulls",
    "date_part", "extract", "date_trunc", "to_char", "isfinite", "justify_days", "justify_hours",
    "array_length", "array_upper", "array_lower", "array_ndims", "cardinality", "array_to_string", "array_append",
    "array_prepend", "array_position", "array_positions", "array_remove", "array_replace", "array_dims",
    "jsonb_typeof", "jsonb_strip_nulls", "jsonb_pretty", "to_jsonb", "jsonb_build_array", "jsonb_extract_path",
    "jsonb_extract_path_text", "json_typeof", "to_json", "encode", "sha256", "bit_count", "cbrt", "atan", "degrees",
    "=", "<>", "<", "<=", ">", ">=", "||", "~~", "!~~", "~~*", "^@", "&", "|", "#", "@>", "<@", "&&", "->", "->>", "?",
    "+", "-", "*", "~>=~", "~<~",
}
# Of these, only those whose arguments cannot overflow by calm values.
GROWING = {"+", "-", "*"}
AGGREGATES = ["count", "min", "max", "sum", "avg", "bool_and", "bool_or", "every"]


class Expressions:
    def learn(self, catalog):
        self.by_result = {kind: [] for kind in CALM}
        for function in catalog.scalar + catalog.operators:
            if function.name in CALM_NAMES and function.result in self.by_result:
                if function.name in ("date_trunc", "date_part", "to_char", "extract", "encode", "->", "->>",
                                     "array_replace", "array_append", "array_prepend"):
                    continue
                self.by_result[function.result].append(function)
        self.aggregates_of = {kind: [] for kind in CALM}
        for function in catalog.aggregates:
            if function.name in AGGREGATES and function.result in self.aggregates_of:
                if not (function.name in ("sum", "avg") and set(function.arguments) & {"float4", "float8"}):
                    self.aggregates_of[function.result].append(function)
        self.by_result["mood"] = [Function("enum_first", ["mood"], "mood"), Function("enum_last", ["mood"], "mood")]
        self.aggregates_of["mood"] = [Function(name, ["mood"], "mood", "a") for name in ("min", "max")]

    def columns_of(self, kind, scope, levels=None):
        found = []
        for level in scope[:levels]:
            for alias, columns in level:
                found += [f"{alias}.{name}" if alias else name for name, of in columns if of == kind]
        return found

    def leaf(self, kind, scope):
        columns = self.columns_of(kind, scope, 1 if self.chance(0.8) else None)
        if columns and self.chance(0.75):
            return Node(kind, self.pick(*columns), simple=[f"null::{kind}"])
        return self.constant(kind)

    def expression(self, kind, scope, depth):
        if depth <= 0 or self.chance(0.35):
            return self.leaf(kind, scope)
        way = self.random.random()
        if way < 0.45 and self.by_result[kind]:
            return self.calling(self.pick(*self.by_result[kind]), scope, depth)
        if kind == "bool" and way < 0.8:
            return self.condition(scope, depth)
        if way < 0.55:
            return self.case(kind, scope, depth)
        if way < 0.75:
            name = self.pick("coalesce", "coalesce", "nullif", "greatest", "least")
            if kind not in SORTED and name != "coalesce":
                return self.leaf(kind, scope)
            return Node(kind, f"{name}(", self.expression(kind, scope, depth - 1), ", ",
                        self.expression(kind, scope, depth - 1), ")")
        if way < 0.85:
            return self.scalar_subquery(kind, scope, depth)
        if way < 0.93:
            source = self.pick(*self.casts_to(kind))
            return Node(kind, "(", self.expression(source, scope, depth - 1), f")::{kind}")
        return self.special(kind, scope, depth)

    def casts_to(self, kind):
        """Types whose calm values become this type without an error."""
        return {"text": self.kinds, "varchar": ["text", "int4", "bpchar"], "int4": ["int2", "bool"],
                "int8": ["int4", "int2"], "numeric": ["int4", "int8", "int2"], "float8": ["int4", "float4", "numeric"],
                "timestamp": ["date"], "timestamptz": ["date", "timestamp"], "interval": ["time"],
                "jsonb": ["json"], "date": ["timestamp", "timestamptz"], "time": ["timestamp", "timetz"],
                "numeric[]": ["int4[]"], "text[]": ["int4[]", "numeric[]"]}.get(kind, [kind])

    def special(self, kind, scope, depth):
        inner = lambda of: self.expression(of, scope, depth - 1)
        if kind == "text":
            return self.pick(
                Node(kind, "substring(", inner("text"), " from 2 for 1)"),
                Node(kind, "trim(both 'a' from ", inner("text"), ")"),
                Node(kind, "to_char(", inner("timestamp"), ", '",
                     self.pick("YYYY-MM-DD", "HH24:MI:SS.US", "Day DD Mon"), "')"),
                Node(kind, "overlay(", inner("text"), " placing 'x' from 1 for 1)"),
                Node(kind, "(", inner("jsonb"), " ->> 'a')"))
        if kind == "numeric":
            return Node(kind, "extract(", self.pick("year", "dow", "epoch", "hour"), " from ", inner("timestamp"), ")")
        if kind == "timestamp":
            return Node(kind, "date_trunc('", self.pick("day", "month", "hour", "week"), "', ", inner("timestamp"), ")")
        if kind == "jsonb":
            return Node(kind, "(", inner("jsonb"), " -> ", self.pick("'a'", "0", "'c'"), ")")
        if kind == "int4[]":
            return Node(kind, "array[", inner("int4"), ", ", inner("int4"), "]")
        if kind == "int4":
            return Node(kind, "(", inner("int4[]"), ")[1]")
        return self.leaf(kind, scope)

    def calling(self, function, scope, depth):
        arguments = [self.expression(kind, scope, depth - 1 if function.name not in GROWING else 0)
                     for kind in function.arguments]
        if function.operator:
            first = [arguments[0], " "] if len(arguments) > 1 else []
            return Node(function.result, "(", *first, function.name, " ", arguments[-1], ")")
        return Node(function.result, f"{function.name}(", *[p for a in arguments for p in (", ", a)][1:], ")")

    def case(self, kind, scope, depth):
        if self.chance(0.3):
            of = self.pick(*self.exact)
            return Node(kind, "case ", self.expression(of, scope, depth - 1), " when ", self.leaf(of, scope), " then ",
                        self.expression(kind, scope, depth - 1), " end")
        return Node(kind, "case when ", self.condition(scope, depth - 1), " then ",
                    self.expression(kind, scope, depth - 1), " else ", self.expression(kind, scope, depth - 1), " end")

    def scalar_subquery(self, kind, scope, depth):
        if self.chance(0.6) and self.aggregates_of[kind]:
            function = self.pick(*self.aggregates_of[kind])
            node, inner = self.sources([*scope], depth - 1)
            arguments = [self.expression(of, inner[:1], 1) for of in function.arguments]
            call = f"{function.name}(", *[p for a in arguments for p in (", ", a)][1:], ")"
            if function.name == "count" and not arguments:
                call = ("count(*)",)
            return Node(kind, "(select ", *call, " from ", node, self.where(inner, depth - 1), ")")
        return Node(kind, "(", self.query([kind], scope, depth - 1, limit=1), ")")

    # --- Conditions ----------------------------------------------------------------------------------

    def comparison(self, scope, depth):
        kind = self.pick(*self.sorted)
        other = self.pick(*NUMBERS) if kind in NUMBERS else kind
        operator = self.pick("=", "=", "=", "<>", "<", "<=", ">", ">=", "is distinct from", "is not distinct from")
        return Node("bool", "(", self.expression(kind, scope, depth - 1), f" {operator} ",
                    self.expression(other, scope, depth - 1), ")", simple=["true", "false", "null::bool"])

    def simple_condition(self, scope):
        columns = [(f"{alias}.{name}" if alias else name, kind) for alias, columns in scope[0] for name, kind in columns
                   if kind in SORTED]
        if not columns:
            return self.constant("bool", 0.02)
        name, kind = self.pick(*columns)
        return Node("bool", f"({name} {self.pick('=', '<', '>', '<=', '<>')} ", self.constant(kind, 0.02), ")",
                    simple=["true", "false"])

    def condition(self, scope, depth):
        if depth <= 0:
            return self.comparison(scope, 0)
        way = self.random.random()
        inner = lambda: self.condition(scope, depth - 1)
        kind = self.pick(*self.sorted)
        if way < 0.35:
            return self.comparison(scope, depth)
        if way < 0.5:
            return Node("bool", "(", inner(), self.pick(" and ", " or "), inner(), ")")
        if way < 0.56:
            return Node("bool", "(not ", inner(), ")")
        if way < 0.62:
            return Node("bool", "(", inner(), " is ", self.pick("true", "false", "unknown", "not true", "not unknown"), ")")
        if way < 0.68:
            return Node("bool", "(", self.expression(kind, scope, depth - 1), f" is {self.pick('', 'not ')}null)")
        if way < 0.76:
            return Node("bool", "(", self.leaf(kind, scope), f" {self.pick('', 'not ')}in (",
                        joined([self.constant(kind) for _ in range(self.random.randint(1, 4))]), "))")
        if way < 0.8:
            return Node("bool", "(", self.leaf(kind, scope), f" {self.pick('', 'not ')}between ",
                        self.pick("", "symmetric "), self.leaf(kind, scope), " and ", self.leaf(kind, scope), ")")
        if way < 0.85:
            return self.row_comparison(scope)
        if way < 0.88:
            return Node("bool", "(", self.expression("text", scope, depth - 1), f" {self.pick('', 'not ')}",
                        self.pick("like", "ilike"), f" '{self.pick('a%', '%b', '_', '%', 'A_', '')}')")
        if way < 0.9:
            of = self.pick("int4", "text", "numeric")
            return Node("bool", "(", self.leaf(of, scope), f" {self.pick('=', '<', '<>')} {self.pick('any', 'all')} (",
                        self.expression(f"{of}[]", scope, depth - 1), "))")
        return self.subquery_condition(scope, depth)

    def row_comparison(self, scope):
        kinds = [self.pick(*self.exact) for _ in range(self.pick(2, 2, 3))]
        left, right = ([self.leaf(kind, scope) for kind in kinds] for _ in range(2))
        row = lambda nodes: [p for n in nodes for p in (", ", n)][1:]
        return Node("bool", "((", *row(left), f") {self.pick('=', '<>', '<', '>=', '>', '<=')} (", *row(right), "))")

    def subquery_condition(self, scope, depth):
        kind = self.pick(*self.exact)
        way = self.random.randrange(5)
        if way == 0:
            return Node("bool", self.pick("", "not "), "exists (", self.query([kind], scope, depth - 1), ")")
        if way == 1:
            kinds = [kind, self.pick(*self.exact)]
            return Node("bool", "((", self.leaf(kinds[0], scope), ", ", self.leaf(kinds[1], scope),
                        f") {self.pick('', 'not ')}in (", self.query(kinds, scope, depth - 1), "))")
        if way == 2:
            return Node("bool", "(", self.leaf(kind, scope), f" {self.pick('=', '<', '>', '<>', '>=')} "
                        f"{self.pick('any', 'all')} (", self.query([kind], scope, depth - 1), "))")
        return Node("bool", "(", self.expression(kind, scope, depth - 1), f" {self.pick('', 'not ')}in (",
                    self.query([kind], scope, depth - 1), "))")
