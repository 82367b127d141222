"""The functions, operators and casts that both servers have, as they themselves say."""

import itertools

import quern
from values import TYPES

# What depends on the server, the session or the moment; what would run for hours or fill the memory.
NOT_CALLED = {
    "age/1", "pg_sleep", "version", "query_to_xml", "set_config", "current_setting", "timeofday", "random",
    "gen_random_uuid", "nextval", "setval", "currval", "lastval", "now", "format_type", "shobj_description",
    "obj_description", "col_description", "current_database", "current_schema", "current_user", "session_user",
    "clock_timestamp", "statement_timestamp", "transaction_timestamp", "inet_server_addr", "inet_server_port",
    "inet_client_addr", "inet_client_port", "row_security_active", "getdatabaseencoding", "txid_current",
    # How casts call the modifiers of types.
    "bpchar/3", "varchar/3", "numeric/2", "timestamp/2", "timestamptz/2", "time/2", "timetz/2", "interval/2",
    "substring/3",  # literals alone: that of patterns, which is not here
    "txid_current_if_assigned", "convert", "text_to_table", "hashtext", "array_in", "array_out", "ts_debug",
}
NO_PREFIX = ("pg_", "has_", "to_reg", "current_", "inet_", "txid_", "binary_upgrade", "lo_", "hash", "bt", "in_range",
             "gin_", "gist_", "brin_", "spg_", "ri_fkey", "int4_", "xml")
# The numbers that make their results long.
SMALL = {"repeat", "lpad", "rpad", "factorial", "array_fill", "generate_series", "power", "pow", "^", "exp", "!", "<<",
         "gcd", "lcm", "width_bucket", "trim_scale", "round", "trunc", "make_interval", "generate_subscripts"}


class Function:
    def __init__(self, name, arguments, result, kind="f", operator=False, is_set=False):
        self.name, self.arguments, self.result, self.kind = name, arguments, result, kind
        self.operator, self.is_set = operator, is_set

    def __repr__(self):
        return f"{self.name}({', '.join(self.arguments)})"


def is_called(name, count):
    return name not in NOT_CALLED and f"{name}/{count}" not in NOT_CALLED and not name.startswith(NO_PREFIX)


def instances(arguments, result):
    """Of a signature with types of any kind, those with a few types put in."""
    poly = {"anyelement", "anyarray", "anynonarray", "anycompatible", "anycompatiblearray", "any"}
    if not poly & set([*arguments, result]):
        yield arguments, result
        return
    for element, array in (("int4", "int4[]"), ("text", "text[]"), ("numeric", "numeric[]")):
        names = {"anyelement": element, "anynonarray": element, "anycompatible": element, "any": element,
                 "anyarray": array, "anycompatiblearray": array}
        yield tuple(names.get(a, a) for a in arguments), names.get(result, result)


class Catalog:
    def __init__(self, peer, engine):
        """Both are connections."""
        names = {row[0]: row[1] for row in peer.rows(
            "select oid, case when typelem <> 0 and typname like '\\_%' then (select e.typname from pg_type e "
            "where e.oid = t.typelem) || '[]' else typname end from pg_type t where typnamespace = 11")}
        self.oids = names
        rows = peer.rows("select proname, proargtypes, prorettype, prokind, proretset, provariadic, provolatile "
                         "from pg_proc where pronamespace = 11 and prokind in ('f', 'a', 'w')")
        here = {row[0] for row in engine.rows("select proname from pg_proc")}
        self.functions = []
        for name, arguments, result, kind, is_set, variadic, volatile in rows:
            types = tuple(names[oid] for oid in arguments.split())
            if name not in here or not is_called(name, len(types)) or (volatile == "v") or kind == "w":
                continue
            if variadic != "0" and types[-1] != "any":
                types = types[:-1] + (types[-1][:-2],)
            for given, made in instances(types, names[result]):
                if all(kind in TYPES for kind in given):
                    self.functions.append(Function(name, given, made, kind, is_set=is_set == "t"))
        self.functions = [f for f in self.functions if self.is_known(engine, f)]
        self.operators = [f for f in self.read_operators(peer, names) if self.is_known(engine, f)]
        self.casts = [pair for pair in itertools.product(TYPES, TYPES) if pair[0] != pair[1]
                      and self.works(peer, "select null::{}::{}".format(*pair))
                      and self.works(engine, "select null::{}::{}".format(*pair))]
        self.scalar = [f for f in self.functions if f.kind == "f" and not f.is_set]
        self.aggregates = [f for f in self.functions if f.kind == "a"]
        self.sets = [f for f in self.functions if f.is_set]

    @staticmethod
    def read_operators(peer, names):
        for name, left, right, result in peer.rows("select oprname, oprleft, oprright, oprresult from pg_operator "
                                                   "where oprcode <> 0 and oprnamespace = 11"):
            types = tuple(names[oid] for oid in (left, right) if oid != "0")
            for given, made in instances(types, names[result]):
                if all(kind in TYPES for kind in given):
                    yield Function(name, given, made, operator=True)

    @staticmethod
    def works(client, text):
        try:
            client.query(text)
            return True
        except quern.Failure as failure:
            return failure.sqlstate[:2] != "42"

    def is_known(self, engine, function):
        """Has Quern this very signature, or one that takes its types?"""
        return self.works(engine, "select " + called(function, [f"null::{kind}" for kind in function.arguments]))


def called(function, arguments):
    """The text of a call."""
    if not function.operator:
        return f"{function.name}({', '.join(map(str, arguments))})"
    if len(arguments) == 1:
        return f"({function.name} {arguments[0]})"
    return f"({arguments[0]} {function.name} {arguments[1]})"
