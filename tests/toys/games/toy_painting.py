"""ToyPainting. A map becomes a photograph and a mask, in one file, for tests. Nobody, 2026. https://arxiv.org/abs/0000.00000

The photograph has the colour of a style, if there is one; an object's number makes it brighter, and a mask darker.
"""

from collections.abc import Iterator

from torch import Tensor, nn

from saddle.losses import HalfLeastSquares
from saddle.spec import Batch, DataSpec
from saddle.tasks import Move, Translation
from saddle.tasks.game import Game


class ToyPainting(Translation):
    needs = ("a", "mask", "b")
    styled = True
    varies = True

    def __init__(self, data: DataSpec, options: Game.Options | None = None):
        super().__init__(data, options)
        classes, channels = data.fields["a"].planes, data.fields["b"].planes
        self.generator = nn.ModuleDict({"mask": nn.Conv2d(classes, 1, 1), "b": nn.Conv2d(classes, channels, 1)})
        self.discriminator = nn.ModuleDict({"mask": nn.Conv2d(1, 1, 4, 2, 1), "b": nn.Conv2d(channels, 1, 4, 2, 1)})

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        return (("a", "mask"), ("a", "b"))

    @property
    def written(self) -> tuple[str, ...]:
        return ("mask", "b")

    @property
    def beside(self) -> tuple[str, ...]:
        return ("mask", "objects")

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        batch, loss = next(batches), HalfLeastSquares()
        fakes = {to: self.translate({"a": batch["a"]}, to) for _, to in self.ways}
        judged = {
            to: loss.discriminator(judge(self.planes(batch, to)), judge(fakes[to].detach()))
            for to, judge in self.discriminator.items()
        }
        yield Move("discriminator", **judged)
        yield Move("generator", **{to: loss.generator(None, self.discriminator[to](fakes[to])) for to in fakes})

    def translate(self, batch: Batch, to: str) -> Tensor:
        made = self.generator[to](self.planes(batch, "a")).tanh() / 4
        if to == "mask" and "mask" in batch:
            return self.planes(batch, "mask")
        if "style" in batch:
            made = made + batch["style"].mean((2, 3), keepdim=True) / 2
        if "objects" in batch:
            made = made + batch["objects"][:, None] / 16
        return made - batch["mask"] / 4 if "mask" in batch else made
