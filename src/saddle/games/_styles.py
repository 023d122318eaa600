"""Objects with a look of their own: a code of each, clusters of the codes of each class, and a choice among these.

Wang et al., 2018, Section 3.4. https://arxiv.org/abs/1711.11585
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..base import rng
from ..base.errors import UsageError
from ..base.precision import full
from ..base.ranges import NonNegativeInt, PositiveInt
from ..layers.clusters import Kept
from ..layers.instances import Objects, objects
from ..nets.translator import translator
from ..spec import Batch
from ..tasks import Port
from ._outlined import Outlined

LARGE = 1 / 64  # of an image: the code of what is larger is kept


class Styles(Outlined):
    """A game from a to b whose data may have "instances" too. It calls `add_encoder` in its `__init__`."""

    @dataclass(frozen=True)
    class Options(Outlined.Options):
        features: NonNegativeInt = 3  # numbers in the code of how an object looks; 0, or data without objects: no code
        clusters: PositiveInt = 10  # of the codes of each class, at most
        kept: PositiveInt = 256  # newest codes of each class that are clustered
        encoder_width: PositiveInt = 16  # channels of the largest maps of the network that encodes

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.kept < self.clusters:
                raise UsageError(f"{self.clusters} clusters want as many kept codes or more, not {self.kept}")

    options: Options

    @property
    def coded(self) -> bool:
        """Is there a code of how objects look?"""
        return self.outlined and self.options.features > 0

    @property
    def kinds(self) -> int:
        """Classes of objects: those of a label map; without one all objects are of one."""
        field = self.data.fields["a"]
        return field.planes if field.kind == "map" else 1

    def add_encoder(self) -> None:
        o, field = self.options, self.data.fields["b"]
        if self.coded:
            shape = (field.planes, *self.size("b"))
            self.encoder = translator(shape, 0, o.encoder_width, o.features, halvings=o.halvings)  # type: ignore[attr-defined]
            self.kept = Kept(self.kinds, o.kept, o.features)

    def objects_of(self, batch: Batch) -> Objects:
        numbers = self.instances_of(batch)
        field = self.data.fields["a"]
        return objects(numbers, batch["a"] if field.kind == "map" else torch.zeros_like(numbers), self.kinds)

    def encoded(self, batch: Batch) -> Tensor | None:
        """How the objects in image b look: [N, F, H, W], the same all over an object. None without a code."""
        if not self.coded:
            return None
        there = self.objects_of(batch)
        return there.painted(there.means(full(self.encoder(self.planes(batch, "b")))))

    @torch.no_grad()
    def remember(self, batch: Batch, code: Tensor | None) -> None:
        """Keep the codes of what is larger than a 64th of its image, of code [N, K, H, W]."""
        if code is None:
            return
        there = self.objects_of(batch)
        means, large = there.means(code), there.shares() > LARGE
        n, most = len(code), round(1 / LARGE) - 1  # so many objects of an image can be so large
        vectors, kinds = means.new_zeros(n, most, means.shape[1]), there.kind.new_full((n, most), -1)
        for i in range(n):
            rows = (large & (there.image == i)).nonzero().flatten()
            vectors[i, : len(rows)], kinds[i, : len(rows)] = means[rows], there.kind[rows]
        self.kept.add(vectors, kinds)

    def styles(self) -> list[Tensor]:
        """Of each class the centres of its clusters, [K, F], that of the most objects first; [0, F] of one never seen.

        Those of the newest codes that training kept: it ends at a small rate, where they are those of all images.
        """
        return [self.kept.centres(kind, self.options.clusters) for kind in range(self.kinds)]

    def looks(self) -> dict[str, Tensor]:
        return dict(zip(map(self.kind_name, range(self.kinds)), self.styles(), strict=True)) if self.coded else {}

    def imagined(self, batch: Batch) -> Tensor:
        """How objects are to look: [N, F, H, W]. As "code" says, if it is there, or as a cluster's centre.

        "clusters" int64 [N, H, W] asks for clusters, with -1 where nothing is asked; there one is drawn, of a chance
        that an object's number and class alone decide, so that one object's look changes nothing of the others'.
        UsageError for a cluster that there is not.
        """
        if "code" in batch:
            return batch["code"]
        there, styles = self.objects_of(batch), self.styles()
        asked = [-1] * len(there.kind)
        if "clusters" in batch:
            top = torch.full_like(there.kind, -1)
            asked = top.scatter_reduce(0, there.of.flatten(), batch["clusters"].flatten(), "amax").tolist()
        chances = [int(rng.randint(1 << 31, 1)) for _ in range(len(batch["a"]))]
        codes = []
        for image, number, kind, cluster in zip(*(x.tolist() for x in there[1:4]), asked, strict=True):
            centres = styles[kind]
            if cluster >= max(len(centres), 1):
                raise UsageError(f"{self.kind_name(kind)} has {len(centres)} clusters, from 0 on, and no {cluster}")
            if not len(centres):
                codes.append(self.kept.vectors.new_zeros(self.options.features))
                continue
            drawn = rng.number(chances[image], number, kind) % len(centres)
            codes.append(centres[drawn if cluster < 0 else cluster])
        return there.painted(torch.stack(codes))

    def wishes(self, start: str, to: str) -> dict[str, tuple[Port, Callable[[int, int], Tensor]]]:
        """An exported form is given the code of every pixel's object, as `painted` with a look of its class."""
        if not self.coded:
            return super().wishes(start, to)
        looks = {name: centres.tolist() for name, centres in self.looks().items()}
        port = Port(
            "code", "how the object of each pixel looks: a look of its class, at all its pixels", {"looks": looks}
        )
        shape, size = self.options.features, self.size(to)
        code = lambda n, step: rng.randn(n, shape, *(side + step for side in size), device=torch.device("cpu"))  # noqa: E731
        return super().wishes(start, to) | {"code": (port, code)}

    def kind_name(self, kind: int) -> str:
        """What a class is called."""
        names = self.data.fields["a"].names
        return names[kind] if names else "object"

    @property
    def varies(self) -> bool:
        return self.coded
