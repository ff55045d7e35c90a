"""grid.py - a table of outcomes that grows while a test runs, and is printed at its end.

A cell counts how often each outcome came. "ok" is shown by its number alone, others with their name.
"""

FAIL = "FAIL"


class Grid:
    def __init__(self, title, columns):
        self.title, self.columns = title, list(columns)
        self.cells = {}  # row -> column -> outcome -> times
        self.used = {}  # reason -> where it was needed

    def add(self, row, column, outcome):
        cell = self.cells.setdefault(row, {}).setdefault(column, {})
        cell[outcome] = cell.get(outcome, 0) + 1

    def because(self, reason, where):
        self.used.setdefault(reason, []).append(where)

    def total(self, column=None):
        out = {}
        for row in self.cells.values():
            for name, cell in row.items():
                if column in (None, name):
                    for outcome, times in cell.items():
                        out[outcome] = out.get(outcome, 0) + times
        return out

    @staticmethod
    def show(cell, short=False):
        if not cell:
            return "-"
        if short and len(cell) == 1:
            return next(iter(cell))  # one outcome is a word
        return " ".join(
            str(n) if outcome == "ok" else "%d %s" % (n, outcome)
            for outcome, n in sorted(cell.items(), key=lambda x: x[0] != "ok")
        )

    def print(self, short=False, rows=None):
        """`short`: words instead of numbers where a cell has one outcome only."""
        rows = list(self.cells) if rows is None else rows
        texts = {(r, c): self.show(self.cells[r].get(c), short) for r in rows for c in self.columns}
        first = max([len(str(r)) for r in rows] + [len(self.title)])
        wide = {c: max([len(c)] + [len(texts[r, c]) for r in rows]) for c in self.columns}
        print(" ".join([self.title.ljust(first)] + [c.ljust(wide[c]) for c in self.columns]).rstrip())
        for r in rows:
            print(" ".join([str(r).ljust(first)] + [texts[r, c].ljust(wide[c]) for c in self.columns]).rstrip())
        for c in self.columns if len(self.columns) <= 6 else []:
            print("%s: %s" % (c, self.show(self.total(c))))
        print("all: %s\n" % self.show(self.total()))

    def print_reasons(self, title):
        print("%s:" % title)
        for reason, where in sorted(self.used.items(), key=lambda x: str(x[0])):
            named = sorted(set(where))
            print("  %s  [%d: %s%s]" % (reason, len(where), ", ".join(named[:4]), ", ..." if len(named) > 4 else ""))
        print()
