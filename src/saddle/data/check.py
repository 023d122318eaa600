"""A look at data before anything is trained on it: what is there, what cannot be read, what is there twice."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.errors import UsageError, near, some
from ..spec import Condition, Field
from . import advice, are_folders, list_sources, module_of, offers_of, open_source
from .cache import in_parallel
from .check_keys import check_embedded, check_files, kinds_of
from .checked import Report, Shown, bits_of, counts
from .decode import Header, Unreadable, sample, stored
from .files import Files, count, page_of, scan
from .fingerprint import digest
from .notes import of_headers, spread
from .options import DataOptions
from .picture import colour, opaque
from .sizes import smaller
from .sources.folder import files_in, names_in, taken
from .tables import SELDOM, Labels, read_labels
from .values import Values

if TYPE_CHECKING:
    from .source import Source


def check_data(what: str, options: DataOptions) -> Report:
    """A folder or an image file by its path, or any source by its name."""
    path = Path(what.removeprefix("folder:")).expanduser()
    if path.is_dir() and not what.startswith("folder:") and (source := recognised(what)):
        return replace(check_files(replace(options, source=source)), what="this is")
    if what.startswith("folder:") or path.is_dir() or (path.is_file() and path.suffix not in (".npy", ".npz")):
        return check_folder(path, options)
    sources = list_sources()
    if not path.is_file() and what.partition(":")[0] not in {offer.partition(":")[0] for offer in sources}:
        if are_folders(what):
            module_of(DataOptions(what))  # which says what two folders can be
        raise UsageError(
            f"there is no folder, file or source '{what}'{near(what, sources)}; the sources are {some(sources)}"
        )
    options = replace(options, source=f"array:{what}" if path.is_file() else what)
    if ":" in options.source and hasattr(module_of(options), "found_in"):
        return check_files(options)
    return _check_source(options)


def recognised(path: str) -> str:
    """The source of several keys whose layout this folder has, with the folder, such as pairs:PATH; '' for none.

    Those of the most keys are asked first.
    """
    names = {offer.partition(":")[0] for offer in list_sources() if ":" in offer}
    for name in sorted(names, key=lambda name: (-len(offers_of(name)), name)):
        source = f"{name}:{path}"
        lies_in = getattr(module_of(DataOptions(source)), "lies_in", None)
        if lies_in and lies_in(Path(path).expanduser()):
            return source
    return ""


@dataclass(frozen=True)
class Look:
    """What was seen of an image."""

    head: Header
    mark: bytes  # digest of its pixels
    transparent: bool


def check_folder(path: Path, options: DataOptions) -> Report:
    """Every image of a folder, decoded; nothing is written. Raises UsageError if there is none."""
    files = scan(path) if path.is_file() else files_in(path)
    if path.is_file() and not files.images and not files.bad:
        raise UsageError(f"{path} is not an image, by its name")
    of_table = options.label_file and not path.is_file()
    table = read_labels(str(options.label_file), path, names_in(files)) if of_table else None
    values = {bits: Values(options.range) for bits in (8, 16)}
    seen = _looks(files, taken(files, options), options, values)
    bad = files.bad + [(name, why) for name, why in seen.items() if isinstance(why, str)]
    read = {name: look for name, look in seen.items() if not isinstance(look, str)}
    if values[16].n:
        values[8].limits = None  # among such of 16 bits, they keep their own range
    heads = {name: look.head for name, look in read.items()}
    small = smaller(heads, options)
    bad += small.items()
    labels = counts(_labels(list(read), table))
    return Report(
        name=str(path),
        files=len({page_of(name)[0] for name in [*seen, *dict(files.bad)]}),
        images=len(read),
        pixels=sum(head.width * head.height for head in heads.values()),
        sizes=counts(f"{head.width}×{head.height}" for head in heads.values()),
        channels=counts("3" if head.colour else "1" for head in heads.values()),
        modes=counts(head.mode for head in heads.values()),
        bits=counts(bits_of(head) for head in heads.values()),
        labels=labels,
        ignored=dict(files.ignored),
        duplicates=_duplicates(read),
        bad=sorted(bad),
        notes=_notes(read, options, values)
        | (_seldom(labels) if options.labels else {})
        | (advice.translated(str(path), heads) if path.is_dir() else {}),
        values={f"{bits} bits": each.to_dict() for bits, each in values.items() if each.n},
        what="the file" if path.is_file() else "the folder",
        reason=_reason(len(read) - len(small), len(bad), 1 if path.is_file() else 2, options),
        command=_command(path, {name: head for name, head in heads.items() if name not in small}, options),
        shown=_shown(files.root, list(heads), options) if heads else None,
    )


def _shown(root: Path, names: list[str], options: DataOptions) -> Shown:
    """Of the images of a folder as many as asked for, at the size that was asked for."""

    def shown(n: int) -> list[list[tuple[str, str, Any]]]:
        import torch

        rows = []
        for name in spread(names, n):
            file, page = page_of(name)
            picture = sample(root / file, options, sides=options.sides, page=page)
            rows.append([("image", name, torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))))])
        return rows

    return shown


def _reason(usable: int, bad: int, least: int, options: DataOptions) -> str:
    """Why a training on so many images, at least, would not start; '' if it would."""
    if usable < least:
        takes = "one is enough" if least == 1 else "to train takes many, at the very least 2"
        return f"{count(usable, 'image')} of use; {takes}"
    return "mend it, or train with --data.skip_bad true" if bad and not options.skip_bad else ""


def _command(path: Path, heads: dict[str, Header], options: DataOptions) -> str:
    if path.is_file() or not heads:
        return advice.command("singan", f"photo:{path}", options) if heads else ""
    return advice.of_folder(str(path), heads, options)


def _looks(
    files: Files, heads: dict[str, Header], options: DataOptions, values: dict[int, Values]
) -> dict[str, Look | str]:
    """Each image by its name, or why it cannot be read; its values are counted."""
    background, names = colour(options.background), list(heads)

    def look(i: int) -> Look | str:
        name, page = page_of(names[i])
        try:
            picture = stored(files.root / name, options.max_megapixels, page, options.range is not None)
        except Unreadable as error:
            return str(error)
        head = heads[names[i]]
        values[head.bits].add(picture)
        clear = picture.shape[2] == 4 and bool((picture[..., 3] < np.iinfo(picture.dtype).max).any())
        return Look(head, digest(opaque(picture, background)), clear)

    return dict(zip(names, in_parallel(look, len(names), files=[page_of(name)[0] for name in names]), strict=True))


def _notes(read: dict[str, Look], options: DataOptions, values: dict[int, Values]) -> dict[str, Any]:
    heads = {name: look.head for name, look in read.items()}
    notes = _pieces(options.piece, list(heads.values()))
    if (
        options.sides is None
        and options.piece is None
        and len({(head.height, head.width) for head in heads.values()}) > 1
    ):
        notes["several sizes"] = advice.sizes_differ(heads)
    notes |= of_headers(heads, options, transparent=sum(look.transparent for look in read.values()))
    bits = max((head.bits for head in heads.values()), default=8)
    words = values[bits].advice(bits) if heads else ""
    return notes | ({"values": words} if words else {})


def _duplicates(read: dict[str, Look]) -> list[list[str]]:
    """Groups with the same pixels."""
    same = defaultdict(list)
    for name, look in read.items():
        same[look.mark].append(name)
    return [group for group in same.values() if len(group) > 1]


def _check_source(options: DataOptions) -> Report:
    """A named source or an array: what it offers, without looking at every sample."""
    source = open_source(options)
    if sum(field.is_spatial for field in source.spec.fields.values()) > 1:
        return check_embedded(source, options)
    trained, kept = len(source.train), len(source.heldout or ())
    n, shape = trained + kept, source.spec.shape
    labels: Counter[str] = Counter()
    for part in (source.train, source.heldout):
        if part and "label" in part.columns:
            condition = source.spec.condition
            assert condition is not None
            labels.update(shown(condition, part.columns["label"][:]))
    defects = kinds_of(source)
    image = source.spec.is_image
    size = f"{shape[2]}×{shape[1]}" if image else _size(source.spec.main)
    return Report(
        name=source.name,
        files=0,
        images=n,
        pixels=n * shape[1] * shape[2] if image else 0,
        sizes={size: n},
        channels={str(shape[0]): n} if image else {},
        modes={},
        bits={str(source.spec.bits): n} if image else {},
        labels=dict(labels),
        ignored={},
        notes={"to train on": trained, "held out": kept, **defects, **source.notes, "fingerprint": source.fingerprint},
        kind=source.spec.main.kind,
        what="" if ":" in source.name else "the built-in source",
        command=_command_of(source, options),
    )


def _command_of(source: "Source", options: DataOptions) -> str:
    """To train on it, if what is trained by default takes it."""
    if "image" not in source.spec.keys:
        return ""
    if kinds_of(source):
        return advice.detecting(source, options)
    if not source.spec.is_image:
        return advice.command("gan", source.name, options, "--game.network", "MLP")
    return advice.of_shape("singan" if source.spec.single else "dcgan", source.name, source.spec.shape, options)


def _size(sample: Field) -> str:
    """Of points and signals, in words."""
    if sample.kind == "points":
        return f"points of {sample.shape[0]} numbers"
    channels = "one channel" if sample.shape[0] == 1 else f"{sample.shape[0]} channels"
    return f"signals of {sample.shape[1]} steps in {channels}"


def _pieces(piece: tuple[int, ...] | None, heads: list[Header]) -> dict[str, Any]:
    """What is said of pieces that are cut at random, if they were asked for."""
    if piece is None or not heads:
        return {}
    shortest = min(min(head.height, head.width) for head in heads)
    return {"pieces": f"{piece[1]}×{piece[0]}, cut at random; the shortest side of all images is {shortest}"}


def _seldom(labels: dict[str, int]) -> dict[str, Any]:
    """What is said of labels that hardly any image has."""
    few = [name for name, count in labels.items() if count < SELDOM and name not in ("unknown", "numbers")]
    return {"labels of a single image": some(few)} if few else {}


def _labels(names: list[str], table: Labels | None) -> Iterable[str]:
    """What a table says of these images, if there is one, else their sub-folders."""
    if table is None:
        return (name.partition("/")[0] for name in names if "/" in name)
    return shown(table.condition, table.of([page_of(name)[0] for name in names]))


def shown(condition: Condition, labels: np.ndarray) -> Iterator[str]:
    """Of each label the class, the columns that are on, or 'numbers'; 'unknown' where it is not known."""
    for label in labels:
        if np.isnan(label).any() or (condition.kind == "class" and label < 0):
            yield "unknown"
        elif condition.kind == "labels":
            yield from (name for name, on in zip(condition.names, label, strict=True) if on)
        else:
            yield condition.names[label] if condition.kind == "class" else "numbers"
