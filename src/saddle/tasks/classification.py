"""Classification: the classes of the data are distinguished."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from torch import Tensor

from .form import Form, Forms, Port, examples, seen
from .game import Game


class Classification(Game):
    """A game that learned to tell the classes of its data apart."""

    purpose = "classification (saddle classify)"
    classified: ClassVar[tuple[str, str]] = ("image", "label")  # keys of images that are named, and of their classes

    @property
    def scores(self) -> tuple[str, ...]:
        return (*super().scores, "error")

    @property
    def early_scores(self) -> tuple[str, ...] | None:
        """Where few labels are enough, what they are enough for."""
        return ("error",) if self.takes_unlabelled and self.classifies else super().early_scores

    def unable(self) -> str | None:
        return None if self.classifies else "with its settings, it has learned no classes"

    @property
    def classifies(self) -> tuple[str, ...]:
        """Names of the classes that it tells apart; empty if its settings had it learn none."""
        field = self.data.fields.get(self.classified[1])
        return field.names if field and field.kind == "class" else ()

    @property
    def exclusive(self) -> bool:
        """Does an image show one of the classes? Else they are labels, of which several may be on."""
        return True

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Of labels that are not all `exclusive`: those of which an image shows one."""
        return self.data.condition.groups if self.data.condition else ()

    @abstractmethod
    def classify(self, image: Tensor) -> Tensor:
        """log p(class | image), [N, K] over `classifies`, of images [N, C, H, W] in [-1, 1].

        Where they are not `exclusive`, log p of each label, among those that exclude each other or by itself.
        """

    def forms(self) -> Forms:
        """Images → log p of the classes, as "classify"."""
        reason = Classification.unable(self)
        return super().forms() | {"classify": reason or self._named()}

    def _named(self) -> Form:
        field, groups = self.data.fields[self.classified[0]], [list(names) for names in self.groups]
        one = "of each class" if self.exclusive else "of each label, among those of its group or by itself"
        facts = {"names": list(self.classifies), "exclusive": self.exclusive, **({"groups": groups} if groups else {})}
        return Form(
            compute=lambda image: (self.classify(image),),
            draw=lambda n, larger: (examples(field, n),),
            inputs=(seen("image", field),),
            outputs=(Port("log_probability", f"log p {one}", facts),),
        )
