"""What is seen of a place with images before it is decided how to train on it. No image is decoded."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..base.errors import UsageError, some
from .check import recognised
from .decode import Header
from .files import Files, count, page_of, scan
from .layouts import PARTS, joined_places
from .options import DataOptions
from .sources.folder import files_in, names_in, taken
from .tables import Labels, read_labels

FEWEST_PAIRS = 4  # images that are all twice as wide as high are taken for pairs from so many on
MOST_CLASSES = 200  # more sub-folders are an order of files, and no labels


@dataclass(frozen=True)
class Seen:
    """All that the rules look at. Every number counts images that can be read, unless it says otherwise."""

    source: str  # of what is trained on, such as folder:PATH or pairs:PATH
    images: int  # of the first key, where there are several
    sizes: Mapping[tuple[int, int], int] = field(default_factory=dict)  # (height, width)
    channels: int = 3  # 1 for grey, 3 for colour
    bits: int = 8
    transparent: bool = False
    labels: Mapping[str, int] = field(default_factory=dict)  # of classes: the images of each
    label_file: str = ""  # the CSV or JSONL file that says them
    label_kind: str = ""  # class, labels or numbers; '' without labels
    copies: int = 0  # files that have the bytes of another one
    damaged: int = 0  # files that cannot be read
    notes: tuple[str, ...] = ()  # what a person should know

    @property
    def kind(self) -> str:
        """The source's name: folder, photo, pairs, domains, defects, triples or maps."""
        return self.source.partition(":")[0]

    @property
    def spread(self) -> str:
        """The sizes in words, such as '64×64' or '300×200 to 640×480'."""
        if not self.sizes:
            return "no size"
        ordered = sorted(self.sizes, key=lambda size: size[0] * size[1])
        ends = [f"{wide}×{high}" for high, wide in (ordered[0], ordered[-1])]
        return ends[0] if len(ordered) == 1 else " to ".join(ends)

    @property
    def every_size(self) -> list[tuple[int, int]]:
        """A (height, width) for each image."""
        return [size for size, n in self.sizes.items() for _ in range(n)]


def look(places: list[str], options: DataOptions) -> Seen:
    """At a folder, at an image file, or at two folders without pairs. UsageError where there is nothing to train on."""
    if len(places) > 1:
        return _of_keys(f"domains:{joined_places(places)}", places, options)
    path = Path(places[0]).expanduser()
    if path.is_file():
        return _of_file(path, options)
    if source := recognised(places[0]):
        return _of_keys(source, places, options)
    files = files_in(path)
    heads = taken(files, options)
    if len(heads) == 1 and not files.bad:
        return _of_file(path / page_of(next(iter(heads)))[0], options)
    seen = _of(f"folder:{places[0]}", files, heads)
    if len(heads) >= FEWEST_PAIRS and all(wide == 2 * high for high, wide in seen.sizes):
        halves = {(high, wide // 2): n for (high, wide), n in seen.sizes.items()}
        told = (
            "every image is twice as wide as high, so each is taken for a pair, left and right; if each is one image: "
            f"saddle train best --data folder:{places[0]}"
        )
        return replace(seen, source=f"pairs:{joined_places(places)}", sizes=halves, notes=(told,))
    return _labelled(seen, path, files, options)


def _of_file(path: Path, options: DataOptions) -> Seen:
    files = scan(path)
    heads = taken(files, options)
    if not heads:
        reason = files.bad[0][1] if files.bad else "by its name it is no image"
        raise UsageError(f"{path} cannot be trained on: {reason}; give a folder of images, or one image")
    return _of(f"photo:{path}", files, heads)


def _of_keys(source: str, places: list[str], options: DataOptions) -> Seen:
    """Of images with several keys: opened, their source says what is wrong with them."""
    found = [(files := files_in(Path(place).expanduser()), taken(files, options)) for place in places]
    heads = {f"{i}/{name}": head for i, (_, each) in enumerate(found) for name, head in each.items()}
    files = Files(Path(places[0]), bad=[bad for each, _ in found for bad in each.bad])
    copies = sum(_copies(each.root, list(heads)) for each, heads in found)
    return replace(_of(source, files, heads, copies=copies), label_kind="")


def _of(source: str, files: Files, heads: Mapping[str, Header], copies: int | None = None) -> Seen:
    if not heads:
        raise UsageError(f"no image in {files.root} can be read; `saddle data check {files.root}` tells why")
    return Seen(
        source=source,
        images=len(heads),
        sizes=Counter((head.height, head.width) for head in heads.values()),
        channels=3 if any(head.colour for head in heads.values()) else 1,
        bits=max(head.bits for head in heads.values()),
        transparent=any(head.transparent for head in heads.values()),
        copies=_copies(files.root, list(heads)) if copies is None else copies,
        damaged=len(files.bad),
    )


def _copies(root: Path, names: list[str]) -> int:
    """Files of which another one has all bytes; only files of one length are read."""
    lengths = defaultdict(list)
    for file in {page_of(name)[0] for name in names}:
        lengths[(root / file).stat().st_size].append(root / file)
    alike = [path for paths in lengths.values() if len(paths) > 1 for path in paths]
    marks = Counter(hashlib.sha256(path.read_bytes()).digest() for path in alike)
    return sum(n - 1 for n in marks.values())


def _labelled(seen: Seen, path: Path, files: Files, options: DataOptions) -> Seen:
    """With the labels of the one table that lies in the folder, or of its sub-folders."""
    if options.label_file:
        table = read_labels(options.label_file, path, names_in(files))
        return _by_table(seen, table, names_in(files), options.label_file)
    tables = sorted(each for each in path.iterdir() if each.suffix.lower() in (".csv", ".jsonl") and each.is_file())
    if len(tables) > 1:
        named = some(table.name for table in tables)
        return replace(seen, notes=(f"there are {len(tables)} tables ({named}); --data.labels FILE says which one",))
    if tables:
        try:
            table = read_labels(str(tables[0]), path, names_in(files))
        except UsageError as error:
            return replace(seen, notes=(f"{tables[0].name} is not used as labels: {error}",))
        return _by_table(seen, table, names_in(files), str(tables[0]))
    return _by_folder(seen, files)


def _by_table(seen: Seen, table: Labels, names: list[str], file: str) -> Seen:
    kind, labels = table.condition.kind, Counter[str]()
    if kind == "class":
        labels.update(table.condition.names[int(c)] for c in table.of(names) if c >= 0)
    return replace(seen, label_kind=kind, labels=dict(labels), label_file=file)


def _by_folder(seen: Seen, files: Files) -> Seen:
    """The sub-folders as labels, if every image lies in one and they are not parts of a data set."""
    names = [page_of(name)[0] for name in names_in(files)]
    labels = Counter(name.partition("/")[0] for name in names)
    if len(labels) < 2 or not all("/" in name for name in names):
        return seen
    if {label.lower() for label in labels} <= PARTS.keys():
        parts = some(sorted(labels))
        return replace(seen, notes=(f"sub-folders {parts} are parts of a data set; all of their images are used",))
    if len(labels) > MOST_CLASSES:
        return replace(seen, notes=(f"{count(len(labels), 'sub-folder')} are too many to be labels; images get none",))
    notes: tuple[str, ...] = ()
    if len(labels) == 2:
        two = " ".join(str(files.root / label) for label in sorted(labels))
        notes = (f"the two sub-folders are taken as labels; to turn images of one into the other: saddle train {two}",)
    return replace(seen, label_kind="class", labels=dict(labels), notes=notes)
