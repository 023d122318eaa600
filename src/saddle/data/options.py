"""Which data a run reads, and how. Free of torch, so that the command line can offer it at once."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

from ..base.errors import UsageError, near, some
from ..base.kinds import brief
from ..base.ranges import NonNegativeInt, PositiveFloat, Share, ShareBelowOne, at_least, between
from ..base.settings import Settings

MOST_PIXELS = 1 << 16  # of a side, and channels
MOST_TIMES = 64  # by which data.degrade shrinks
Side = Annotated[int, between(1, MOST_PIXELS)]
Sides = Side | tuple[Side, Side] | None
Fit = Literal["crop", "pad", "squash", "scale-width"]  # how a picture of other proportions is brought to a size
Direction = Literal["a-to-b", "b-to-a"]
Degrade = Literal["bicubic", "box", "blur-down", "real"]
Range = tuple[float, float]  # the lowest and the highest value
ALWAYS = (
    "source",
    "cache",
    "direction",
    "degrade",
    "times",
)  # settings that `open_source` sees to, whatever the source
AUGMENTATIONS = ("flip", "rotate", "scale", "shift", "outside")  # settings of how training images are changed


@dataclass(frozen=True)
class DataOptions(Settings):
    """Settings of a data source; what a source has no use for, it refuses."""

    source: str = "digits"
    """a name that `saddle data` lists, folder:PATH, pairs:PATH, domains:PATH, captioned:PATH, photo:FILE, array:FILE"""
    size: Sides = None
    """pixels: N for a square, or height and width; None keeps the data's own"""
    load: Sides = None
    """bring images to this size first, larger than data.size, and train on pieces of that, cut at random: 286 → 256"""
    crop: Sides = None
    """keep images at their own sizes and train on pieces of N × N pixels, or of a height and width, cut at random"""
    fit: Fit = "crop"
    """of other proportions: the centre, all on the background (pad), all squashed, or a width alone (scale-width)"""
    kind: Literal["image", "points", "signal"] | None = None
    """what an array holds; None: what its shape and its numbers say"""
    direction: Direction = "a-to-b"
    """of data with keys a and b: b-to-a swaps the two, so that games learn the other way"""
    degrade: Degrade | None = None
    """make a small image of every one, key damaged: bicubic, box (means), blur-down, or real (noise and JPEG too)"""
    times: Annotated[int, between(1, MOST_TIMES)] = 4
    """by how much data.degrade makes sides smaller; 1 for damage alone"""
    channels: Annotated[int, between(1, MOST_PIXELS)] | str | None = None
    """1 for grey, 3 for colour, 4 for colour and opacity, or a=1,b=3 by key; None: the data's own, on the background"""
    range: Range | None = None
    """lowest and highest value of images, such as 0,4095: what lies outside is clipped; None: that of their bits"""
    flip: bool = False
    """mirror every other image, at random"""
    rotate: Annotated[float, between(0, 180)] = 0.0
    """degrees by which images are turned at most, at random"""
    scale: Share = 0.0
    """images are made larger or smaller at random, by a factor of up to 1 + this"""
    shift: Annotated[float, between(0, 0.5)] = 0.0
    """share of their side by which images are shifted at most, at random"""
    outside: Literal["reflected", "black", "white"] = "reflected"
    """what comes in from beyond the edges of images that are turned, scaled or shifted"""
    background: str = "white"
    """colour that shows through transparent pixels, and around padded images: a name or #rrggbb"""
    pages: Literal["first", "all"] = "first"
    """of TIFFs of many pages and of animations: the first alone, or each as an image of its own"""
    limit: Annotated[int, at_least(2)] | None = None
    """train on so many images, always the same ones; None: on all"""
    labels: bool | str = False
    """folders: an image's sub-folder is its label; a CSV or JSONL file with a line for each image; true for digits"""
    labelled: NonNegativeInt = 0
    """keep so many labels of each class and forget the others; 0 keeps all"""
    labelled_share: ShareBelowOne = 0.0
    """share of every epoch that the labelled samples make up, each coming several times; 0: each sample comes once"""
    palette: str | None = None
    """label maps: a file that says the number, the name and the colour of each class"""
    ignore: Annotated[int, between(0, 65_535)] | None = None
    """label maps: the number of pixels that belong to no class"""
    normal: str | None = None
    """defects: the folder of normal images, if it is not called good, normal or ok"""
    masks: str | None = None
    """defects: the folder of masks, if it is not called ground_truth or masks"""
    skip_bad: bool = False
    """train without the files that cannot be read, instead of stopping"""
    heldout: ShareBelowOne = 0.1
    """share of the images kept out of training, for the scores"""
    cache: str | None = None
    """where decoded images are kept; None: $SADDLE_CACHE or ~/.cache/saddle"""
    max_megapixels: PositiveFloat = 50.0
    """a larger picture is refused from its header, before any memory is spent on it"""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("rotate", "scale", "shift", "labelled_share", "heldout", "max_megapixels"):
            object.__setattr__(self, name, float(getattr(self, name)))  # 0 and 0.0 are one in a fingerprint too
        if self.range is not None:
            object.__setattr__(self, "range", tuple(map(float, self.range)))
        self._check_sizes()
        self._check_range()
        self._check_channels()
        self._check_degrade()
        if isinstance(self.labels, str) and self.labels.endswith(".txt"):
            from .tables import CELEBA

            raise UsageError(f"data.labels is {self.labels!r}, which is neither a .csv nor a .jsonl file. {CELEBA}")
        if isinstance(self.labels, str) and self.labels != "folders" and not self.labels.endswith((".csv", ".jsonl")):
            raise UsageError(
                f"data.labels is {brief(self.labels)}; it is folders, for the names of sub-folders, or a .csv or "
                ".jsonl file"
            )

    def _check_sizes(self) -> None:
        if self.crop is not None and self.size is not None:
            raise UsageError(
                f"data.crop {self.crop} takes pieces of images at their own sizes, and data.size {self.size} resizes "
                "them; leave out one of the two"
            )
        if self.crop is not None and self.fit != "crop":
            raise UsageError(
                f"data.fit {self.fit} resizes images, and data.crop keeps their sizes; leave out one of them"
            )
        self._check_load()

    def _check_load(self) -> None:
        first = self.size if self.load is None else self.load  # to which images are brought
        name = "size" if self.load is None else "load"
        if self.fit == "scale-width" and not isinstance(first, int):
            given = "is not there" if first is None else f"{','.join(map(str, first))} has a height too"
            raise UsageError(f"data.fit scale-width takes a width alone, such as data.{name} 256; data.{name} {given}")
        if self.load is None:
            return
        if self.crop is not None:
            raise UsageError(
                f"data.load {self.load} resizes images before pieces are cut, and data.crop keeps their sizes; give "
                "data.size in place of data.crop, or leave out data.load"
            )
        sides, piece = _sides(self.load), self.sides
        if piece is None:
            raise UsageError(f"data.load {self.load} needs the size of the pieces too, such as data.size 256")
        assert sides is not None
        if piece[1] > sides[1] or (piece[0] > sides[0] and self.fit != "scale-width"):
            raise UsageError(
                f"pieces of data.size {self.size} cannot be cut from images of data.load {self.load}, which is "
                "smaller; ask for a larger data.load"
            )

    def _check_degrade(self) -> None:
        if self.degrade is None:
            if self.times != DataOptions.times:
                raise UsageError(
                    f"data.times {self.times} is by how much data.degrade shrinks; choose data.degrade too"
                )
            return
        if self.times == 1 and self.degrade not in ("real", "blur-down"):
            raise UsageError(f"data.times is at least 2 for data.degrade {self.degrade}, not {self.times}")
        for name in ("crop", "size"):
            if sides := _sides(getattr(self, name)):
                check_multiple(sides, self.times, name, f"data.{name} is {getattr(self, name)},")

    def _check_channels(self) -> None:
        for key, n in self._channels().items():
            if not 1 <= n <= MOST_PIXELS:
                raise UsageError(f"data.channels of {key} is from 1 to {MOST_PIXELS:,}, not {n}")

    def _channels(self) -> dict[str, int]:
        """The channels that were asked for by key; those of all keys by ''."""
        if self.channels is None or isinstance(self.channels, int):
            return {} if self.channels is None else {"": self.channels}
        pairs = [re.fullmatch(r"\s*(\w+)\s*=\s*(\d{1,9})\s*", part) for part in self.channels.split(",")]
        found = {pair[1]: int(pair[2]) for pair in pairs if pair}
        if len(found) < len(pairs):
            raise UsageError(
                f"data.channels is {brief(self.channels)}; it is a number such as 3, or one for each key: a=1,b=3"
            )
        return found

    def _check_range(self) -> None:
        if self.range is not None and not self.range[0] < self.range[1]:
            low, high = self.range
            raise UsageError(f"data.range is {low:g},{high:g}; it is the lowest value and a higher one, such as 0,4095")

    @property
    def sides(self) -> tuple[int, ...] | None:
        """(height, width) that were asked for."""
        return _sides(self.size)

    @property
    def piece(self) -> tuple[int, ...] | None:
        """(height, width) of the pieces of images at their own sizes that were asked for."""
        return _sides(self.crop)

    @property
    def loaded(self) -> tuple[int, ...] | None:
        """(height, width) to which images are brought before anything is cut: data.load, or else data.size."""
        return self.sides if self.load is None else _sides(self.load)

    @property
    def cuts(self) -> bool:
        """Are pieces of images cut at random?"""
        return self.crop is not None or self.load is not None

    def channels_of(self, key: str = "image", keys: Sequence[str] = ("image",)) -> int | None:
        """The channels of the images of one of these keys; None for their own. UsageError for a key not among them."""
        asked = self._channels()
        if wrong := [name for name in asked if name and name not in keys]:
            raise UsageError(
                f"data.channels {self.channels} names {wrong[0]!r}{near(wrong[0], keys)}, and these data have "
                f"{some(keys)}; write a number for all, or one for each of these keys"
            )
        return asked.get(key, asked.get(""))

    @property
    def channels_named(self) -> list[str]:
        """The keys whose channels were asked for by name."""
        return [*filter(None, self._channels())]

    @property
    def label_file(self) -> str | None:
        """The file of labels that was asked for."""
        return self.labels if isinstance(self.labels, str) and self.labels != "folders" else None

    @property
    def cache_folder(self) -> Path:
        return Path(self.cache or os.environ.get("SADDLE_CACHE") or "~/.cache/saddle").expanduser()

    def allow(self, *names: str) -> None:
        """Raise UsageError for a setting that was changed though the source makes no use of it."""
        for field in fields(self):
            if field.name not in (*ALWAYS, *names) and getattr(self, field.name) != field.default:
                possible = ", ".join(f"data.{name}" for name in names) or "none"
                raise UsageError(f"{self.source} has no use for data.{field.name}; it takes {possible}")


def _sides(asked: int | tuple[int, int] | None) -> tuple[int, ...] | None:
    return (asked, asked) if isinstance(asked, int) else asked and tuple(asked)


def check_multiple(sides: Sequence[int], times: int, name: str, found: str) -> None:
    """UsageError unless sides are multiples of `times`: what was found, and which values of a setting would do."""
    if all(side % times == 0 for side in sides):
        return
    below, above = ([max(times, side // times * times + more) for side in sides] for more in (0, times))
    said = [str(each[0]) if len({*each}) == 1 else ",".join(map(str, each)) for each in (below, above)]
    possible = " or ".join(f"--data.{name} {each}" for each in dict.fromkeys(said))
    raise UsageError(f"{found} no multiple of {times}, by which small images are smaller; ask for {possible}")


def units(options: DataOptions) -> tuple[object, ...]:
    """What makes samples of the same numbers other data: the range that they stand for; nothing without one."""
    return () if options.range is None else (("range", *options.range),)
