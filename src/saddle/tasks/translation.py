"""Translation: images of one domain become images of another."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from ..base.errors import UsageError, near
from ..spec import Batch
from .game import Columns, Game, Held


class Translation(Game):
    """A game that turns images of one domain into images of another; a domain is a key of a batch."""

    purpose = "translation (saddle translate)"

    @property
    def domains(self) -> tuple[str, ...]:
        """Keys of the domains between which it translates, in order."""
        return tuple(self.needs)

    def way(self, start: str | None = None, to: str | None = None) -> tuple[str, str]:
        """From which domain to which: by default to the last one, and from the first other one.

        UsageError for a domain that there is not, and for two that are the same.
        """
        for domain in (start, to):
            if domain is not None and domain not in self.domains:
                raise UsageError(
                    f"no domain '{domain}'{near(domain, self.domains)}; there are {', '.join(self.domains)}"
                )
        to = to or next(domain for domain in reversed(self.domains) if domain != start)
        start = start or next(domain for domain in self.domains if domain != to)
        if start == to:
            raise UsageError(f"from '{start}' to '{to}' there is nothing to translate; choose two domains")
        return start, to

    @abstractmethod
    def translate(self, batch: Batch, to: str) -> Tensor:
        """The images of the one domain that `batch` holds, [N, C, H, W] in [-1, 1], as images of the domain `to`."""

    def shown(self, held: Held) -> Columns:
        """Eight held-out images of every domain, and what the game makes of them."""
        batch = held(8)
        given = {domain: batch[domain] for domain in self.domains}
        made = {}
        for start, image in given.items():
            for to in given:
                if to != start:
                    name = f"as {to}" if len(given) == 2 else f"{start} as {to}"
                    made[name] = self.translate({start: image}, to)
        return given | made
