"""A network that is not there: a file that others saved seldom holds all players of a game."""

from typing import Any, NoReturn

from torch import nn

from ..base.errors import UsageError


class Absent(nn.Module):
    """Stands where a network of an imported run would be, without weights. UsageError from whoever calls it."""

    def __init__(self, name: str):
        super().__init__()
        self.name = name

    def forward(self, *given: Any) -> NoReturn:
        raise UsageError(f"the file that this run was imported from holds no {self.name}, so that this cannot be done")
