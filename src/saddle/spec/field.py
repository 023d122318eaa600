"""What one key of a batch holds, and what a sample can be asked to show."""

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from ..base.errors import some

if TYPE_CHECKING:  # what looks at data alone needs no torch
    from torch import Tensor

ConditionKind = Literal["class", "labels", "numbers", "text"]
Kind = Literal["image", "points", "signal", "map", "mask", "instances", "class", "labels", "numbers", "text"]
CONDITIONS: tuple[Kind, ...] = ("class", "labels", "numbers", "text")
SAMPLES: tuple[Kind, ...] = ("image", "points", "signal")  # what a generator can draw
SPATIAL: tuple[Kind, ...] = ("image", "map", "mask", "instances")  # height and width come last
SEEN: tuple[Kind, ...] = ("image", "map", "mask")  # what a network from image to image can take and give
HOLE = "hole"  # title of a mask that is 1 where the image has lost its pixels
CARE = "don't care"  # name of a map's class for pixels of which nobody says what they show
LOST = 128  # of 255: what an image holds where it has lost its pixels
MEASURED = ("offset", "scale")  # attributes that are computed from the samples


@dataclass(frozen=True)
class Field:
    """One key of a batch.

    image: float [N, C, H, W] in [-1, 1]; points: float [N, D]; signal: float [N, C, T]; map: int64 [N, H, W], a class
    for every pixel; mask: float [N, 1, H, W], 0 or 1; instances: int64 [N, H, W], a number for every object; class:
    int64 [N], -1 where it is unknown; labels and numbers: float [N, K], NaN where they are unknown; text: int64 [N, L],
    the bytes of its UTF-8, 0 behind the end.
    """

    kind: Kind
    shape: tuple[int, ...] = ()  # of one sample, without the batch: (C, H, W), (D,), (C, T), (H, W), (K,) or (L,)
    names: tuple[str, ...] = ()  # of the classes, or of the columns
    palette: tuple[tuple[int, int, int], ...] = ()  # of a map: red, green and blue of every class, 0 to 255
    bits: int = 8  # of an image's channel: 8 or 16
    free: bool = False  # are the stored images of many sizes, and is `shape` that of the crops that are drawn?
    offset: tuple[float, ...] = ()  # of points [D] or of a signal's channels [C]: what is 0 in training; () for none
    scale: tuple[float, ...] = ()  # likewise: what is 1 in training, in the data's own units
    groups: tuple[tuple[str, ...], ...] = ()  # names of labels that exclude each other: a sample has one of each group
    title: str = ""  # what people call it, such as the name of a domain; "" for its key
    values: tuple[int, ...] = ()  # of a map: which number stands for each class in files of labels; () for its place
    by: Literal["", "value", "colour"] = ""  # of a map: what said the class in files that have both; "" if all say it

    def __str__(self) -> str:
        """Its kind and shape in words, for messages: points of shape (2,)."""
        words = {"image": "images", "signal": "signals", "map": "maps", "mask": "masks", "class": "classes"}
        return f"{words.get(self.kind, self.kind)} of shape {self.shape}"

    @property
    def is_condition(self) -> bool:
        return self.kind in CONDITIONS

    @property
    def is_spatial(self) -> bool:
        return self.kind in SPATIAL

    @property
    def ignored(self) -> int | None:
        """Of a map the class of pixels of which nobody says what they show; None if there is none."""
        return self.names.index(CARE) if self.kind == "map" and CARE in self.names else None

    @property
    def planes(self) -> int:
        """Channels that a network sees of an image, a map or a mask: of a map one for each class."""
        return len(self.names) if self.kind == "map" else self.shape[0]

    def as_planes(self, x: "Tensor") -> "Tensor":
        """What a network sees of samples: float [N, `planes`, H, W] in [-1, 1]; a map is 1 where its class is, else 0.

        Of an image the same, of a mask -1 and 1.

        x [N, …], as a batch holds this key.
        """
        from torch.nn.functional import one_hot

        if self.kind == "map":
            return one_hot(x, self.planes).movedim(-1, 1).float()
        return x * 2 - 1 if self.kind == "mask" else x

    def as_image(self, x: "Tensor") -> "Tensor":
        """What people see of samples: float [N, C, H, W] in [-1, 1]; of a map colours, of a mask black and white.

        x [N, …], as a batch holds this key.
        """
        if self.kind == "map":
            return (x.new_tensor(self.palette)[x].movedim(-1, 1) / 127.5 - 1).float()
        return self.as_planes(x)

    def normalised(self, x: "Tensor") -> "Tensor":
        """Samples [N, …] in the data's own units → the same shape in those of training."""
        if not self.offset:
            return x
        return (x - self._by_channel(x, self.offset)) / self._by_channel(x, self.scale)

    def restored(self, x: "Tensor") -> "Tensor":
        """Samples [N, …] in the units of training → in the data's own, float64: a time stamp has more than 7 digits.

        Returns the same shape.
        """
        if not self.offset:
            return x
        x = x.double()
        return x * self._by_channel(x, self.scale) + self._by_channel(x, self.offset)

    def _by_channel(self, x: "Tensor", values: tuple[float, ...]) -> "Tensor":
        from ..base.known import constant

        return constant(values, x).view(-1, *[1] * (x.ndim - 2))

    def written(self) -> dict[str, Any]:
        """Everything that is not the default, as JSON holds it. A new attribute with a default changes nothing here.

        What is computed from the samples is left out: it follows from them, up to rounding.
        """
        plain = {each.name: each.default for each in fields(self)}
        values = {name: value for name, value in asdict(self).items() if name not in MEASURED}
        return {name: value for name, value in values.items() if name == "kind" or value != plain[name]}


@dataclass(frozen=True)
class Condition:
    """What a sample shows or can be asked to show."""

    kind: ConditionKind  # a class of several; several labels, 0 or 1 each; one number or several; a text
    names: tuple[str, ...] = ()  # of the classes, or of the columns
    length: int = 0  # of a text, in bytes
    groups: tuple[tuple[str, ...], ...] = ()  # names of labels that exclude each other: a sample has one of each group

    @property
    def key(self) -> str:
        """Where a batch holds it."""
        return "caption" if self.kind == "text" else "label"

    @property
    def field(self) -> Field:
        """What a batch holds there."""
        shape = {"class": (), "text": (self.length,)}.get(self.kind, (len(self.names),))
        return Field(self.kind, shape, self.names, groups=self.groups)

    def __str__(self) -> str:
        """Its form in words, for messages."""
        if self.kind == "text":
            return f"a text of at most {self.length} bytes"
        what = {"class": "one of", "labels": "0 or 1 for each of", "numbers": "a number for each of"}[self.kind]
        only = "".join(f"; one of {some(group)}" for group in self.groups)
        return f"{what} {some(self.names)}{only}"
