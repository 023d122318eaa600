"""ToyFrontal. Looks at landmarks beside images of one size, for tests. Nobody, 2026. https://arxiv.org/abs/0000.00000"""

from collections.abc import Iterator

from torch import Tensor, nn
from torch.nn.functional import l1_loss

from saddle.spec import Batch, DataSpec
from saddle.tasks import Move, Restoration


class ToyFrontal(Restoration):
    needs = ("damaged", "image", "landmarks")

    def __init__(self, data: DataSpec, options: Restoration.Options | None = None):
        super().__init__(data, options)
        self.generator = nn.Conv2d(data.fields["damaged"].shape[0], data.fields["image"].shape[0], 3, 1, 1)

    @property
    def beside(self) -> tuple[str, ...]:
        return ("landmarks",)

    @property
    def sized(self) -> bool:
        return True

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        batch = next(batches)
        yield Move("generator", content=l1_loss(self.restore(batch), batch["image"]))

    def restore(self, batch: Batch) -> Tensor:
        drawn = self.generator(batch["damaged"]) + batch["landmarks"].mean(1)[:, None, None, None] / 10
        return drawn.repeat_interleave(self.times, 2).repeat_interleave(self.times, 3)
