"""How the text of tests shows values and messages."""

ESCAPES = [("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")]


def show_value(value):
    if value is None:
        return "∅"
    for plain, escaped in ESCAPES:
        value = value.replace(plain, escaped)
    if value == "" or value != value.strip() or value.startswith('"'):
        value = f'"{value}"'
    return value


def show_escaped(line):
    return line.replace("\n", "\\n").replace("\t", "\\t")
