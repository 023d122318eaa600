"""Detection: how unusual is an image, and where?"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from torch import Tensor

from .form import Form, Forms, Port, examples, seen
from .game import Columns, Game, Held


class Finding(NamedTuple):
    """What is unusual in images: higher is more so."""

    score: Tensor  # [N]
    map: Tensor  # [N, 1, H, W], from 0 up
    parts: Mapping[str, Tensor] = MappingProxyType({})  # what the score is made of, by name: [N] each
    normal: Tensor | None = None  # the normal images that these were compared with  [N, C, H, W]
    quantile: Tensor | None = None  # the share of good images with a lower score, [N]: from a run that is calibrated
    anomalous: Tensor | None = None  # bool [N]: from a run that has a threshold

    def picture(self, least: float | None = None, most: float | None = None) -> Tensor:
        """The maps to look at, in [-1, 1]: from black for the least value to white for the greatest, of these maps.

        [N, 1, H, W]
        """
        low = self.map.amin() if least is None else self.map.new_tensor(least)
        high = self.map.amax() if most is None else self.map.new_tensor(most)
        return 2 * (self.map - low) / (high - low).clamp(min=1e-12) - 1


class Detection(Game):
    """A game that learned normal images, and says of others how far from normal they are."""

    purpose = "detection (saddle detect, saddle calibrate)"

    @property
    def scores(self) -> tuple[str, ...]:
        image = ("auroc", "average_precision", "f1_max", "recall_1", "recall_5")
        return (*super().scores, *image, "pixel_auroc", "aupro", "query_ms")

    @property
    def early_scores(self) -> tuple[str, ...] | None:
        return ("auroc",)

    def detect_with(self, image: Tensor, use: Detection.Use) -> Finding:
        """As `detect` for images [N, C, H, W], with what was chosen."""
        return self.detect(image)

    @abstractmethod
    def detect(self, image: Tensor) -> Finding:
        """How unusual images [N, C, H, W] in [-1, 1] are, and every pixel of them.

        An image's result depends neither on the other images nor on what was looked at before, and no buffer changes.
        """

    def shown(self, held: Held) -> Columns:
        """Eight held-out images, the normal ones that they were compared with, if any, and their maps."""
        image = held(8)[self.needs[0]]
        found = self.detect(image)
        normal = {} if found.normal is None else {"normal": found.normal}
        return {"image": image, **normal, "map": found.picture()}

    def forms(self) -> Forms:
        """Images → how unusual they are, and where, as "detect"."""
        return super().forms() | {"detect": self._found()}

    def _found(self) -> Form | str:
        key = self.needs[0]
        field = self.data.fields[key]

        def compute(image: Tensor) -> tuple[Tensor, ...]:
            found = self.detect(image)
            return found.score, found.map

        return Form(
            compute=compute,
            draw=lambda n, larger: (examples(field, n),),
            inputs=(seen(key, field),),
            outputs=(
                Port("score", "how unusual an image is: higher is more so"),
                Port("map", "how unusual every pixel is, from 0 up"),
            ),
        )
