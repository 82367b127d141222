"""What a maker knows of the tables that it made."""


class Column:
    def __init__(self, name, kind, unique=False, null=True, generated=False):
        self.name, self.kind, self.unique, self.null, self.generated = name, kind, unique, null, generated


class Table:
    """A table, or a view (nothing to change then)."""

    def __init__(self, name, columns, key=(), is_view=False):
        self.name, self.columns, self.key, self.is_view = name, columns, key, is_view
        self.is_updatable = self.counts = False  # a view to change; whether a sequence numbers its rows
        self.own = [column for column in columns if not column.generated]  # what one may set

    def drop(self, column):
        self.columns.remove(column)
        self.own = [other for other in self.own if other is not column]
        self.key = [] if column in self.key else self.key
