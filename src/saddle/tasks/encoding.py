"""Encoding: the code of an image, from which it can be made again."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from .form import Form, Forms, Port, examples, seen
from .game import Game


class Encoding(Game):
    """A game that finds the code of an image, from which the image can be made again."""

    purpose = "encoding (saddle encode, saddle reconstruct, saddle attribute)"

    @property
    def scores(self) -> tuple[str, ...]:
        of_codes = ("nn_accuracy", "probe_accuracy", "prior_kid", "prior_kid_train", "reconstruction")
        return (*super().scores, "sharpness", *of_codes)

    @property
    def encodes_with_label(self) -> bool:
        """Must `encode` be given what an image shows?"""
        return False

    @property
    def own_numbers(self) -> int:
        """Numbers of a code that an image's class has no part in: the first ones."""
        return self.options.z_dim  # type: ignore[attr-defined, operator]

    @abstractmethod
    def encode(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Codes [N, K] of images [N, C, H, W] in [-1, 1], of labels int64 [N] where the game takes them."""

    @abstractmethod
    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The images [N, C, H, W] in [-1, 1] of codes z [N, K], with labels [N, …] if the game takes them."""

    @torch.no_grad()
    def reconstruct(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Images [N, C, H, W], encoded and decoded again, with labels [N, …] if the game takes them → same shape."""
        return self.decode(self.encode(image, label), label)

    def forms(self) -> Forms:
        """Images, with labels where the game takes them, → codes, as "encode"."""
        return super().forms() | {"encode": self._coded()}

    def _coded(self) -> Form:
        key = self.data.keys[0]
        field, label = self.data.fields[key], self.data.condition if self.encodes_with_label else None
        label_port = (Port("label", str(label), {"names": list(label.names)}),) if label else ()

        def draw(n: int, larger: bool) -> tuple[Tensor, ...]:
            told = self.draw_label(n) if label else None  # type: ignore[operator]
            return (examples(field, n), *(() if told is None else (told.cpu(),)))

        return Form(
            compute=lambda *given: (self.encode(*given),),
            draw=draw,
            inputs=(seen(key, field), *label_port),
            outputs=(Port("code", "the code of an image, which `sample` takes as z"),),
        )
