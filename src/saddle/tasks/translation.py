"""Translation: images of one domain become images of another."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from ..base.errors import UsageError, near
from ..spec import Batch
from .game import Columns, Game, Held


class Translation(Game):
    """A game that turns images of one domain into images of another; a domain is a key of a batch.

    An image is here what the field of its key says: an image, a label map or a mask.
    """

    purpose = "translation (saddle translate)"
    paired: ClassVar[bool] = False  # does it learn from images of two domains that show the same?

    @property
    def varies(self) -> bool:
        """Does it draw random numbers for a translation, so that another seed gives another one?"""
        return False

    @property
    def domains(self) -> tuple[str, ...]:
        """Keys of the domains between which it translates, in order."""
        return tuple(self.needs)

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        """From which domain to which it can translate: by default from each to each other one."""
        return tuple((start, to) for start in self.domains for to in self.domains if start != to)

    def title(self, domain: str) -> str:
        """What people call a domain."""
        return self.data.fields[domain].title or domain

    def way(self, start: str | None = None, to: str | None = None) -> tuple[str, str]:
        """From which domain to which, each by its key or its title: by default to the last one, from the first other.

        UsageError for a domain that there is not, and for a way that there is not.
        """
        titles = {self.title(domain): domain for domain in self.domains}
        for domain in (start, to):
            if domain is not None and domain not in (*self.domains, *titles):
                raise UsageError(f"no domain '{domain}'{near(domain, titles)}; there are {', '.join(titles)}")
        start, to = (name if name in self.domains else titles.get(name or "") for name in (start, to))
        possible = [way for way in self.ways if way[0] == (start or way[0]) and way[1] == (to or way[1])]
        if not possible:
            there = ", ".join(f"from {self.title(a)} to {self.title(b)}" for a, b in self.ways)
            words = [f"{word} '{self.title(name)}'" for word, name in (("from", start), ("to", to)) if name]
            raise UsageError(f"{' '.join(words)} there is nothing to translate; it translates {there}")
        to = to or max((way[1] for way in possible), key=self.domains.index)
        return next(way for way in possible if way[1] == to)

    def network(self, start: str, to: str) -> nn.Module | None:
        """The network that alone turns `planes` of one domain into those of another, if one does; it can be tiled."""
        return None

    def multiple(self, start: str, to: str) -> int:
        """Sides of images that it translates must be whole multiples of so many pixels."""
        return 1

    def smallest(self, start: str, to: str) -> int:
        """The shortest side, in pixels, of an image that it translates; a multiple of `multiple`."""
        return self.multiple(start, to)

    @property
    def scores(self) -> tuple[str, ...]:
        beside_truth = ("ssim", "psnr", "l1", "sharpness_ratio")
        return (*super().scores, *beside_truth, "translation_swd", "cycle_psnr", "identity_change", "luminance")

    @property
    def headlines(self) -> tuple[str, ...]:
        return ("ssim", "psnr") if self.paired else ("ssim", "psnr", "translation_swd", "cycle_psnr")

    @property
    def sized(self) -> bool:
        """Does it translate images of the training's size alone?"""
        return False

    @abstractmethod
    def translate(self, batch: Batch, to: str) -> Tensor:
        """The images of the one domain that `batch` holds as `planes` of the domain `to`: [N, K, H, W] in [-1, 1]."""

    def shown(self, held: Held) -> Columns:
        """Eight held-out images of every domain, and what the game makes of them."""
        batch, of = held(8), self.data.fields
        given = {domain: of[domain].as_image(batch[domain]) for domain in self.domains}
        made = {}
        for start, to in self.ways:
            name = f"as {self.title(to)}" if len(given) == 2 else f"{self.title(start)} as {self.title(to)}"
            made[name] = self.translate({start: batch[start]}, to)
        return {self.title(domain): image for domain, image in given.items()} | made
