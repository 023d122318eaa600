"""Restoration: damaged, small or incomplete images become whole ones."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from ..base.errors import UsageError, some
from ..spec import Batch
from . import signs
from .form import PADDING, Form, Forms, Port, examples, made, seen
from .game import Columns, Game, Held


class Restoration(Game):
    """A game that gives back what an image has lost. Its batches hold the image and what was left of it.

    A small image is a damaged one too: what is given back has `times` as many rows and columns.
    """

    needs: tuple[str, ...] = ("damaged", "image")
    averaged: ClassVar[tuple[str, ...]] = ("generator",)
    purpose = "restoration (saddle restore)"

    def check_data(self) -> None:
        """UsageError unless sides of whole images are the same whole multiple of those of damaged ones."""
        if {*self.needs} <= {"damaged", "image"} and "damaged" not in self.data.keys:
            raise UsageError(
                f"{type(self).__name__} needs small or damaged images beside whole ones, keys {some(self.needs)}; this "
                f"data has {some(self.data.keys)}. Let them be made of whole ones, such as --data photos "
                "--data.degrade bicubic --data.times 4, or give both: --data pairs:SMALL_DIR,LARGE_DIR"
            )
        super().check_data()
        given, whole = (self.data.fields[key] for key in self.needs[:2])
        if given.is_spatial and whole.is_spatial:
            (h, w), (height, width) = given.shape[-2:], whole.shape[-2:]
            if height % h or width % w or height // h != width // w:
                raise UsageError(
                    f"{type(self).__name__} enlarges by a whole number; here images of {h}×{w} pixels become "
                    f"{height}×{width}, which is {height / h:g} and {width / w:g} times; give images with a whole ratio"
                )

    @property
    def times(self) -> int:
        """How many times as many rows, and columns, a restored image has."""
        given, whole = (self.data.fields[key] for key in self.needs[:2])
        return whole.shape[-1] // given.shape[-1]

    @property
    def sized(self) -> bool:
        """Does it restore images of the training's size alone?"""
        return False

    @property
    def beside(self) -> tuple[str, ...]:
        """Keys of what a batch holds beside the damaged images in use, such as landmarks.

        "landmarks" are float [N, 2 · K], x and y of K points, from -1 at one edge of an image to 1 at the other; a game
        that looks at them is `sized`.
        """
        return ()

    def multiple(self) -> int:
        """Sides of damaged images must be whole multiples of so many pixels."""
        return 1

    def smallest(self) -> int:
        """The shortest side, in pixels, of a damaged image; a multiple of `multiple`."""
        return self.multiple()

    @property
    def blends(self) -> bool:
        """Did it keep the network of its first stage, with which its last one can be mixed?"""
        return False

    def network(self, blend: float = 1.0) -> nn.Module | None:
        """The network that alone turns damaged images into whole ones, if one does; it can be tiled.

        `blend` is the share of the last stage's weights in the mix with the first stage's, where it `blends`.
        """
        return None

    @property
    def reach(self) -> int | None:
        """How far, in pixels of a damaged image, a pixel of the result looks to each side; None: over all of it.

        Tiles that overlap by so much have the same result as the whole image.
        """
        return None

    @property
    def scores(self) -> tuple[str, ...]:
        beside_truth = ("psnr_y", "ssim_y", "ms_ssim", "psnr", "sharpness_ratio")
        return (*super().scores, *beside_truth, "restored_accuracy")

    @property
    def early_scores(self) -> tuple[str, ...] | None:
        return ("psnr_y", "ssim_y", "psnr")

    def restore_with(self, batch: Batch, use: Restoration.Use) -> Tensor:
        """Restored images [N, C, H, W] as `restore` gives them, with what was chosen."""
        return self.restore(batch)

    @abstractmethod
    def restore(self, batch: Batch) -> Tensor:
        """The damaged images of a batch, [N, C, h, w] in [-1, 1], as they were before: [N, C, H, W] in [-1, 1].

        The batch also holds the keys that are `beside`, each as its field says. An image's result depends neither on
        the other images of the batch nor on what was restored before, and no buffer changes.
        """

    def signs(self, held: Batch, trained: Batch) -> dict[str, Tensor]:
        """How different from each other restored images are, relative to the true ones."""
        damaged, whole = self.needs[:2]
        if len(held[whole]) < 2:
            return super().signs(held, trained)
        made = self.restore({key: held[key][: signs.MOST] for key in (damaged, *self.beside)})
        return super().signs(held, trained) | {"diversity": signs.diversity(made, held[whole])}

    def shown(self, held: Held) -> Columns:
        """Eight held-out images: damaged, restored, as they were."""
        batch = held(8)
        damaged, whole = (batch[key] for key in self.needs[:2])
        given = {key: batch[key] for key in (self.needs[0], *self.beside)}
        return {"damaged": damaged, "restored": self.restore(given), "truth": whole}

    def forms(self) -> Forms:
        """Damaged images, with what the game looks at beside them, → whole ones, as "restore"."""
        return super().forms() | {"restore": self._restored()}

    def _restored(self) -> Form:
        given, whole = self.needs[:2]
        field, step = self.data.fields[given], self.multiple()
        resizable = not self.sized and min(field.shape[-2:]) >= 2 * step

        def compute(image: Tensor, *more: Tensor) -> tuple[Tensor, ...]:
            return (self.restore({given: image, **dict(zip(self.beside, more, strict=True))}),)

        return Form(
            compute=compute,
            draw=lambda n, larger: (
                examples(field, n, step * (larger and resizable)),
                *(examples(self.data.fields[key], n) for key in self.beside),
            ),
            inputs=(seen(given, field), *(Port(key, "x and y of every point, in [-1, 1]") for key in self.beside)),
            outputs=(made("restored", self.data.fields[whole]),),
            resizable=resizable,
            facts={"times": self.times, "multiple": step, "smallest": self.smallest(), "padding": PADDING},
        )
