"""What a look at data found: for people in lines, for programs in plain values."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..base.errors import some
from ..base.files import quoted
from ..spec import Kind
from .decode import Header
from .files import Bad, bad_lines, count, counted, listing
from .notes import share
from .values import described

GROUP = 4  # names of images that are the same, in a line
Shown = Callable[[int], list[list[tuple[str, str, Any]]]]  # so many rows of key, name, and image [C, H, W] in [-1, 1]


@dataclass(frozen=True)
class KeyReport:
    """What one key of several holds; every dictionary of whole numbers counts images."""

    kind: str = "image"  # image, map, mask or instances
    title: str = ""  # what people call it
    images: int = 0  # that there are, good or bad
    train: int = 0
    heldout: int = 0
    sizes: dict[str, int] = field(default_factory=dict)  # width×height, in the files
    channels: dict[str, int] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    bits: dict[str, int] = field(default_factory=dict)
    dealt: str = ""  # width×height in training
    classes: dict[str, float] = field(default_factory=dict)  # of a map: the share of all pixels, by name
    palette: dict[str, tuple[int, int, int]] = field(default_factory=dict)  # of a map: red, green and blue, by name
    numbers: dict[str, int] = field(default_factory=dict)  # of a map: what stands for a class in its files, by name

    def lines(self, key: str) -> list[str]:
        """For people."""
        words = dict.fromkeys(word for word in (self.title, self.kind) if word and word not in ("image", key))
        named = f"{key} ({', '.join(words)})" if words else key
        parts = [
            f"{title} {shares(getattr(self, title))}"
            for title in ("sizes", "channels", "modes", "bits")
            if getattr(self, title)
        ]
        parts += [f"trained at {self.dealt}"] if self.dealt and self.sizes and {*self.sizes} != {self.dealt} else []
        lines = [f"{named}: {'; '.join(parts or [self.dealt])}"]
        if self.classes:
            said = (f"{name} {share(round(part * 10**9), 10**9)}" for name, part in self.classes.items())
            lines += [f"{len(self.classes)} classes of {key}: {some(said)}"]
        return lines


@dataclass(frozen=True)
class Report:
    """What was found; every dictionary counts images."""

    name: str
    files: int  # looked at
    images: int  # that can be read; points or signals likewise
    pixels: int
    sizes: dict[str, int]  # width×height
    channels: dict[str, int]
    modes: dict[str, int]  # Pillow's names: L, RGB, P, …
    bits: dict[str, int]  # in the files, and as they are read where that is fewer
    labels: dict[str, int]  # by sub-folder, or as a table or the source has them; several labels count each
    ignored: dict[str, int]  # files of other kinds, by suffix
    duplicates: list[list[str]] = field(default_factory=list)  # groups with the same pixels
    bad: Bad = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    values: dict[str, dict[str, float]] = field(default_factory=dict)  # the lowest and the highest, by bits
    kind: Kind = "image"  # of the samples
    what: str = ""  # that has this name: the folder, the file or the source
    reason: str = ""  # why it cannot be trained on as it is
    command: str = ""  # to train on it
    found: str = ""  # of several keys: what was recognised, in words
    keys: dict[str, KeyReport] = field(default_factory=dict)  # of data of several keys
    unmatched: dict[str, list[str]] = field(default_factory=dict)  # by key, files without a partner
    shown: Shown | None = field(default=None, repr=False, compare=False)  # gives so many rows, to be drawn

    @property
    def good(self) -> bool:
        """Whether there is something to train on and nothing that would stop it."""
        return not self.reason

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        values = asdict(replace(self, shown=None)) | {"good": self.good}
        del values["shown"]
        return values | {"bad": [{"path": path, "reason": why} for path, why in self.bad]}

    def lines(self) -> list[str]:
        """For people."""
        ignored = f"; ignored: {counted(self.ignored)}" if self.ignored else ""
        much = f", {self.pixels / 1e6:,.2f} megapixels" if self.kind == "image" else ""
        lines = [f"{self.what} {self.name}: {self.found or self._n(self.images) + much}{ignored}".strip()]
        lines += [line for key, each in self.keys.items() for line in each.lines(key)]
        for title in ("sizes", "channels", "modes", "bits", "labels"):
            lines += [f"{title}: {shares(getattr(self, title))}"] if getattr(self, title) else []
        lines += [f"values of {described(self.values)}"] if self.values else []
        for title, value in self.notes.items():
            lines.append(f"{title}: {counted(value) or 'none' if isinstance(value, dict) else value}")
        if self.duplicates:
            are = "is" if len(self.duplicates) == 1 else "are"
            lines += [f"{self._n(len(self.duplicates))} {are} there more than once:"]
            lines += [listing([some(group, GROUP, " = ") for group in self.duplicates])]
        if self.bad and (self.good or not self.keys):  # else the reason names them
            are = "is" if len(self.bad) == 1 else "are"
            why = f"cannot be read or {are} too small" if "pieces" in self.notes else "cannot be read"
            why = f"{are} left out" if self.keys else why
            lines += [f"{count(len(self.bad), 'file')} {why}:", listing(bad_lines(self.bad))]
        if self.good and self.command:
            lines += [f"to train: {self.command}"]
            place = quoted(Path(self.name)).removesuffix("/") + "/"  # with a slash it is no game of that name
            short = f"or let the images decide game, size and network: saddle train {place}"
            lines += [short] * (self.what == "the folder")
        return lines

    def _n(self, n: int) -> str:
        """So many samples, in words."""
        return count(n, "point" if self.kind == "points" else self.kind)


def bits_of(head: Header) -> str:
    """In the file, and as they are read where that is fewer."""
    return f"{head.depth}, read as {head.bits}" if head.depth > head.bits else str(head.bits)


def counts(values: Any) -> dict[str, int]:
    """How often each occurs, the most frequent first."""
    return dict(Counter(values).most_common())


def shares(counts: dict[str, int]) -> str:
    """'32×32 (10), 64×32 (2)', cut short where there are many."""
    shown = [f"{name} ({n:,})" for name, n in list(counts.items())[:12]]
    return ", ".join(shown + [f"… {len(counts) - 12} more"] * (len(counts) > 12))
