"""Statements as trees of text, so that one that shows a difference can be made smaller.

A node has a kind (a type's name for an expression, "query", …), its parts (text and nodes) and simple texts that can
stand in its place. A node can also be replaced by one of its kind that stands somewhere in it.
"""


class Node:
    __slots__ = ("kind", "parts", "simple", "value")

    def __init__(self, kind, *parts, simple=(), value=None):
        self.kind, self.parts, self.simple, self.value = kind, list(parts), list(simple), value

    def __str__(self):
        return "".join(map(str, self.parts))

    def nodes(self):
        """This node and all in it."""
        yield self
        for part in self.parts:
            if isinstance(part, Node):
                yield from part.nodes()

    def copy(self):
        parts = [part.copy() if isinstance(part, Node) else part for part in self.parts]
        return Node(self.kind, *parts, simple=self.simple, value=self.value)


def optional(kind, *parts):
    """What can be left out."""
    return Node(kind, *parts, simple=[""])


def joined(nodes, separator=", "):
    """A list of which any but one can be left out."""
    node = Node("list")
    for index, part in enumerate(nodes):
        node.parts += [separator, part] if index else [part]
    return node


def literal(kind, text):
    """A constant with its type; extended statements may take it as a parameter."""
    return Node(kind, "null::" + kind if text is None else f"{quoted(text)}::{kind}", value=(text,))


def quoted(text):
    return ("E'" if "\\" in text else "'") + text.replace("\\", "\\\\").replace("'", "''") + "'"


def reductions(root):
    """Smaller trees, the largest cuts first: (path, replacement)."""
    found = []

    def visit(node, path):
        size = len(str(node))
        for text in node.simple:
            if len(text) < size:
                found.append((size - len(text), path, text))
        for inner in node.nodes():
            if inner is not node and inner.kind == node.kind and inner.kind != "list":
                found.append((size - len(str(inner)), path, inner))
        if node.kind == "list" and len(node.parts) > 1:
            for index in range(0, len(node.parts), 2):
                rest = node.parts[:max(index - 1, 0)] + node.parts[index + (1 if index else 2):]
                found.append((len(str(node.parts[index])), path, Node("list", *rest)))
        for index, part in enumerate(node.parts):
            if isinstance(part, Node):
                visit(part, path + (index,))

    visit(root, ())
    found.sort(key=lambda entry: -entry[0])
    return [(path, replacement) for _, path, replacement in found]


def replaced(root, path, replacement):
    if not path:
        return replacement.copy() if isinstance(replacement, Node) else Node(root.kind, replacement)
    copy = root.copy()
    node = copy
    for index in path[:-1]:
        node = node.parts[index]
    node.parts[path[-1]] = replacement.copy() if isinstance(replacement, Node) else replacement
    return copy
