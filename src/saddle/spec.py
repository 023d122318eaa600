"""What a data source offers, and a batch of it."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from .errors import UsageError, some

if TYPE_CHECKING:  # what looks at data alone needs no torch
    from torch import Tensor

# Images float [N, C, H, W] in [-1, 1]; points float [N, D]. A label is int64 [N] of classes, -1 where it is not known,
# or float [N, K] of columns; a caption int64 [N, length], the bytes of its UTF-8, 0 behind the end.
Batch = dict[str, "Tensor"]
Kind = Literal["class", "labels", "numbers", "text"]


@dataclass(frozen=True)
class Condition:
    """What a sample shows or can be asked to show."""

    kind: Kind  # a class of several; several labels, 0 or 1 each; one number or several; a text
    names: tuple[str, ...] = ()  # of the classes, or of the columns
    length: int = 0  # of a text, in bytes

    @property
    def key(self) -> str:
        """Where a batch holds it."""
        return "caption" if self.kind == "text" else "label"

    def __str__(self) -> str:
        """Its form in words, for messages."""
        if self.kind == "text":
            return f"a text of at most {self.length} bytes"
        what = {"class": "one of", "labels": "0 or 1 for each of", "numbers": "a number for each of"}[self.kind]
        return f"{what} {some(self.names)}"


@dataclass(frozen=True)
class DataSpec:
    """What a game must know of the data to build its networks.

    `classes` are the names of a class condition, and each of the two follows from the other.
    """

    shape: tuple[int, ...]  # (C, H, W) of an image, (D,) of a point
    keys: tuple[str, ...] = ("image",)  # what a batch holds
    classes: tuple[str, ...] = None  # type: ignore[assignment]  # names of the labels, in order; () without classes
    bits: int = 8  # of an image's channel: 8 or 16
    single: bool = False  # one image is all there is: every sample of a batch is the same
    # The rest is not part of the repr, by which the data of runs that began before it was there are known again.
    condition: Condition | None = field(default=None, repr=False)  # what is known of every sample
    partial: bool = field(default=False, repr=False)  # are some of the labels unknown?
    law: tuple[Any, ...] = field(default=(), repr=False)  # shares of the classes, or rows that occur; (): even shares

    def __post_init__(self) -> None:
        told = self.condition
        if self.classes is None:
            object.__setattr__(self, "classes", told.names if told and told.kind == "class" else ())
        if self.classes and told and told.kind != "class":
            raise UsageError(f"data have one condition: classes, or {told}")
        if not told or told.kind == "class":
            object.__setattr__(self, "condition", Condition("class", self.classes) if self.classes else None)

    @property
    def is_image(self) -> bool:
        return len(self.shape) == 3

    def unconditional(self) -> "DataSpec":
        """The same, of which nothing is said but what they look like."""
        return replace(self, classes=(), condition=None, partial=False, law=())
