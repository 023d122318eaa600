"""What games have in common that draw images from label maps in which each object has a number."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..base.errors import UsageError
from ..layers.instances import edges
from ..spec import Batch, DataSpec
from ..tasks import Translation


class Outlined(Translation):
    """A game from a to b whose data may have "instances" too: their outlines keep objects of one class apart."""

    needs: tuple[str, ...] = ("a", "b")

    @dataclass(frozen=True)
    class Options(Translation.Options):
        instances: bool | None = None  # does it see outlines of objects? none: if the data have their numbers

    options: Options

    def __init__(self, data: DataSpec, options: "Options | None" = None):
        asked = options.instances if options else None
        self.outlined = "instances" in data.keys if asked is None else asked
        self.needs = ("a", "b", "instances") if self.outlined else ("a", "b")
        super().__init__(data, options)

    def check_data(self) -> None:
        if "instances" in self.needs and "instances" not in self.data.keys and {"a", "b"} <= {*self.data.keys}:
            raise UsageError(
                "game.instances asks for the numbers of objects, and these data have none; leave it out, or choose "
                "data with numbers, such as --data scenes or, of your own, --data maps:LABEL_DIR,IMAGE_DIR,INSTANCE_DIR"
            )
        super().check_data()

    def instances_of(self, batch: Batch) -> Tensor:
        """Numbers of objects [N, H, W]. UsageError where they are missing."""
        if "instances" not in batch:
            raise UsageError(
                "this game has learned from label maps with the numbers of objects, and there are none with this one; "
                "give them too: --instances FILE"
            )
        return batch["instances"]

    def seen_of(self, batch: Batch) -> Tensor:
        """Planes of a and, of data with objects, their outlines: [N, K, H, W]."""
        planes = self.planes(batch, "a")
        return torch.cat((planes, edges(self.instances_of(batch)).to(planes)), 1) if self.outlined else planes

    @property
    def seen_planes(self) -> int:
        """How many those are."""
        return self.data.fields["a"].planes + self.outlined

    @property
    def domains(self) -> tuple[str, ...]:
        return ("a", "b")

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        return (("a", "b"),)

    @property
    def beside(self) -> tuple[str, ...]:
        return ("instances",) if self.outlined else ()
