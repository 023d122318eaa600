"""The table of the doctor's rules, from their docstrings."""

import inspect

from saddle.doctor import rules


def rules_table() -> list[list[str]]:
    """A row for each rule, in the order in which they are asked: its name, what it looks at and when it rings."""
    return [[f"`{name}`", " ".join((inspect.getdoc(rule) or "").split())] for name, rule in rules().items()]
