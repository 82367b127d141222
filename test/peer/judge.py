"""Are two answers the same? What may differ, with its reason; doc/sql.md says the same in words."""

import re
from decimal import Decimal, InvalidOperation

NUMERICS = 1231  # numeric[]


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
    ("22007|22008", "", "(date|time|interval)", "what is wrong in a garbled date"),
    ("22P02", "", "is not a number", "a fault in to_char of PostgreSQL 15"),
    ("", "22009", "time zone displacement out of range", "PostgreSQL makes zones that it could not read again"),
    ("22003", "22P02", "", "a text too large that has a tail: what is wrong first"),
    ("22P02", "22P02", "malformed array literal", "how much of it is shown"),
    ("", "22008", "(timestamp|interval) out of range", "PostgreSQL 15 lets differences of times overflow"),
    ("57014", None, "", "took too long in PostgreSQL"),
    (None, "57014", "", "took too long"),
]


def is_computed(outcome):
    """Is it an error of an expression's values?"""
    return bool(outcome.failure) and (outcome.sqlstate[:2] == "22" or "multidimensional" in outcome.failure["M"])


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
    if modifiers_alone(peer, engine) and re.search("case|coalesce", str(statement.tree)):
        return "PostgreSQL tells the modifier of what is left when constants have been computed"
    if peer.failure and engine.failure and {peer.sqlstate[:2], engine.sqlstate[:2]} == {"23"} and \
            re.search("select|update|merge", str(statement.tree)):
        return "which of a query's rows comes first is the planner's"
    if engine.sqlstate == "42803" and not peer.failure and "with " in str(statement.tree):
        return "an aggregate over a correlated query in WITH counts as that of the outer query"
    if is_computed(peer) and is_computed(engine) and str(statement.tree).count("(") > 2:
        return "which of two faulty arguments is looked at first"
    if is_computed(engine) and peer.rows == [(None,)]:
        return "what stands beside a NULL argument need not be computed"
    if peer.failure and engine.failure and statement.many and (is_computed(peer) or is_computed(engine)) and \
            {peer.sqlstate[:2], engine.sqlstate[:2]} & {"23", "21"}:
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
    elif peer.status != engine.status:
        found = "state of the transaction"
    reason = excuse(peer, engine, statement) if found else None
    if reason and excused is not None:
        excused[reason] += 1
    return None if reason else found
