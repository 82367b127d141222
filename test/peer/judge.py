"""Are two answers the same? What may differ, with its reason; doc/sql.md says the same in words."""

import re
from decimal import Decimal, InvalidOperation

from session import OWN_TYPES

NUMERICS = 1231  # numeric[]
RECORD = 2249


def plain_number(text):
    try:
        number = Decimal(text)
        return str(number.normalize()) if number.is_finite() else text
    except InvalidOperation:
        return text


def rounded(text):
    try:
        return f"{float(text):.9g}".replace("-0", "0") if float(text) == 0 else f"{float(text):.9g}"
    except ValueError:
        return text


def normal_row(row, columns):
    """A row where values that are equal look the same: 1.0 and 1.00, sums of fractions in another order."""
    shown = []
    for value, (_, kind, _) in zip(row, columns):
        if value is not None and kind == 1700:
            value = plain_number(value)
        elif value is not None and kind == NUMERICS:
            value = re.sub(r"[^{},]+", lambda match: plain_number(match.group()), value)
        elif value is not None and kind in (700, 701):
            value = rounded(value)
        shown.append((value is not None, value))
    return tuple(shown)


def rows_differ(peer, engine, ordered):
    one, other = peer.rows, engine.rows
    if one == other:
        return False
    one, other = ([normal_row(row, peer.columns) for row in rows] for rows in (one, other))
    return one != other if ordered else sorted(one) != sorted(other)


def copies_differ(peer, engine, ordered):
    one, other = peer.copied, engine.copied
    return one != other and (ordered or sorted(one.split(b"\n")) != sorted(other.split(b"\n")))


def messages_differ(peer, engine):
    """With names, but without what only the layout of a text can change."""
    fields = [{letter: failure.get(letter) for letter in "CM"} for failure in (peer.failure, engine.failure)]
    return fields[0] != fields[1]


# SQLSTATEs of PostgreSQL, of Quern (None: any, empty: success), what the messages say: reason.
EXCUSES = [
    (None, "0A000", "", "not there: doc/limits.md, or refused in so many words"),
    (None, "54001", "", "nesting has a limit of its own"),
    ("42725", None, "is not unique", "PostgreSQL has more functions of that name, for types that are not here"),
    (None, "22007", "invalid input syntax for type (date|time|interval)", "stray signs in a date are refused"),
    ("22007|22008|22023|22009|22015", "22007|22008|22023|22009|22015", "", "what is wrong first in a garbled date"),
    ("", "22023", "time zone .* not recognized", "PostgreSQL takes any text for a zone in POSIX's form"),
    ("22007|22008|22009", "", "(date|time|interval|zone)", "what is wrong in a garbled date"),
    ("22P02", "", "is not a number", "a fault in to_char of PostgreSQL 15"),
    ("", "22009", "time zone displacement out of range", "PostgreSQL makes zones that it could not read again"),
    ("22003", "22P02", "", "a text too large that has a tail: what is wrong first"),
    ("22P02", "22P02", "malformed array literal", "how much of it is shown"),
    ("", "22008", "(timestamp|interval) out of range", "PostgreSQL 15 lets differences of times overflow"),
    ("0A000", "22008", "timestamp out of range", "PostgreSQL 15 lets differences of times overflow"),
    ("55000", "", "cursor can only scan forward", "a cursor that is neither SCROLL nor NO SCROLL scrolls"),
    ("0A000", None, "subquery in EXECUTE", "arguments of EXECUTE may be queries"),
    ("55006", "", "used by active queries", "a cursor reads what was when it was opened: definitions may change"),
    ("0A000", "42883", "DISTINCT is not implemented for window", "which of two faults is found first"),
    ("57014", None, "", "took too long in PostgreSQL"),
    (None, "57014", "", "took too long"),
]


def is_computed(outcome):
    """Is it an error of an expression's values?"""
    return bool(outcome.failure) and (outcome.sqlstate[:2] == "22" or
                                     re.search("multidimensional|cannot be binned|value for domain|^domain", outcome.failure["M"]))


def without_casts(rows):
    return sorted(re.sub(r"::[a-z]+( precision| varying| with(out)? time zone)?|[() ]", "", "|".join(map(str, row))) for row in rows)


def rows_of_tables(peer, engine):
    """Are the types of columns the same but for rows: record, where PostgreSQL has a table's type?"""
    plain = [[(name, RECORD if kind == OWN_TYPES else kind, modifier) for name, kind, modifier in outcome.columns]
             for outcome in (peer, engine)]
    return plain[0] == plain[1] and peer.columns != engine.columns and not rows_differ(peer, engine, False)


def modifiers_alone(peer, engine):
    """Do only modifiers of types differ?"""
    return not (peer.failure or engine.failure) and [column[:2] for column in peer.columns] == \
        [column[:2] for column in engine.columns] and not rows_differ(peer, engine, False)


def matches(sqlstates, outcome):
    """Of an excuse's: None is any answer, an empty one success."""
    return sqlstates is None or (outcome.sqlstate or "") in sqlstates.split("|")


def excuse(peer, engine, statement):
    """The reason why these two may differ, or None."""
    for one, other, words, reason in EXCUSES:
        if matches(one, peer) and matches(other, engine):
            said = " ".join((outcome.failure or {}).get("M", "") for outcome in (peer, engine))
            if re.search(words, said):
                return reason
    if modifiers_alone(peer, engine) and \
            re.search("case|coalesce|[ .][vu][0-9]", str(statement.tree)):
        return "PostgreSQL tells the modifier of what is left when constants have been computed"
    if modifiers_alone(peer, engine) and any(column[1:] == (1043, 10) for column in peer.columns):
        return "a function's value of a domain's type has no modifier"
    if peer.failure and engine.failure and {peer.sqlstate[:2], engine.sqlstate[:2]} == {"23"} and \
            re.search("select|update|merge", str(statement.tree)):
        return "which of a query's rows comes first is the planner's"
    if "23505" in (peer.sqlstate, engine.sqlstate) and not (peer.failure and engine.failure) and \
            re.search("update|merge", str(statement.tree)):
        return "unique keys are looked at row by row: which comes first is the planner's"
    if engine.sqlstate == "42803" and not peer.failure and "with " in str(statement.tree):
        return "an aggregate over a correlated query in WITH counts as that of the outer query"
    if is_computed(peer) and is_computed(engine) and str(statement.tree).count("(") > 1:
        return "which of two faulty arguments is looked at first"
    if "width_bucket" in str(statement.tree):
        return "PostgreSQL 15 rounds and overflows in width_bucket"
    if "pg_get_constraintdef" in str(statement.tree) and peer.rows and engine.rows and \
            without_casts(peer.rows) == without_casts(engine.rows):
        return "constants in a constraint are shown as they have been computed"
    if not peer.failure and not engine.failure and re.search(r"(cube|rollup|sets) \(+E?'", str(statement.tree)):
        return "a constant that is grouped by stays what it is where a set lacks it, in PostgreSQL 15"
    if not peer.failure and not engine.failure and rows_of_tables(peer, engine):
        return "rows of tables have no types of their own"
    if "record" in (engine.failure or {}).get("M", "") or peer.sqlstate == "42883" and \
            "equality operator for type" in peer.failure["M"]:
        return "rows of tables have no types of their own"
    if peer.sqlstate == "42P01" and engine.rows == [] and "::regclass" in str(statement.tree):
        return "constants are not computed before there are rows"
    if statement.data and peer.failure and engine.failure and peer.sqlstate[:2] == engine.sqlstate[:2] == "23":
        return "which of many rows is checked first"
    if is_computed(peer) and engine.sqlstate == "25006":
        return "constants are not computed before the transaction is known to write"
    if is_computed(engine) and peer.rows == [(None,)]:
        return "what stands beside a NULL argument need not be computed"
    if peer.failure and engine.failure and statement.many and (is_computed(peer) or is_computed(engine)) and \
            {peer.sqlstate[:2], engine.sqlstate[:2]} & {"23", "21", "44"}:
        return "which of many rows is computed before another one is written is the planner's"
    computed = [outcome.sqlstate for outcome in (peer, engine) if is_computed(outcome)]
    if statement.many and computed and all(not outcome.failure or is_computed(outcome) for outcome in (peer, engine)):
        return "which of many rows an expression is computed for first, or at all, is the planner's"
    return None


def difference(peer, engine, statement, excused=None):
    """What is not the same, in a few words that do not depend on values; None when all is, or there is an excuse, which
    is counted then.
    """
    found = None
    if peer.failure or engine.failure:
        if not (peer.failure and engine.failure):
            failed = peer.failure or engine.failure
            found = (f"{'PostgreSQL' if peer.failure else 'Quern'} alone fails: {failed['C']} "
                     f"{re.sub(r'[0-9]+', 'N', failed['M'])}")
        elif peer.sqlstate != engine.sqlstate:
            found = f"SQLSTATE {peer.sqlstate}, {engine.sqlstate} {re.sub(r'[0-9]+', 'N', engine.failure['M'])}"
        elif messages_differ(peer, engine):
            found = f"message of {peer.sqlstate}: " + re.sub(r"\"[^\"]*\"|[0-9]+", "N", engine.failure["M"])
    elif [name for name, _, _ in peer.columns] != [name for name, _, _ in engine.columns]:
        found = "names of columns"
    elif peer.columns != engine.columns:
        found = "types of columns"
    elif peer.tags != engine.tags:
        found = "tags"
    elif rows_differ(peer, engine, statement.ordered):
        found = "rows"
    elif copies_differ(peer, engine, statement.ordered):
        found = "what COPY gives"
    elif peer.status != engine.status:
        found = "state of the transaction"
    reason = excuse(peer, engine, statement) if found else None
    if reason and excused is not None:
        excused[reason] += 1
    return None if reason else found
