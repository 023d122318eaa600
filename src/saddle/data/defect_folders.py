"""Folders of normal and of defective images, as MVTec AD has them: what is which, and where the defects are.

Those are train/good, test/good, test/KIND and ground_truth/KIND/*_mask.png; or good and KIND alone, of which a share of
the normal images is held out; or one folder of normal images. Nothing is opened here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..base.errors import UsageError, near, some
from .anomalies import NORMAL
from .files import count, listing
from .fingerprint import FEWEST, picked
from .layouts import HELD_OUT, MOST_NAMED, PARTS, Found, Unmatched, check_folder, images_in, sub_folders
from .options import DataOptions
from .tables import stem

USUAL = ("good", "normal", "ok")  # what folders of normal images are called
MASKS = ("ground_truth", "masks")  # and such of masks
SUFFIX = "_mask"  # behind the name of the image, in MVTec AD


@dataclass
class Kinds:
    """The images by what they show, as names below a root."""

    train: list[str] = field(default_factory=list)  # normal ones
    kept: dict[str, list[str]] = field(default_factory=dict)  # held out, by the name of their defect, or NORMAL
    masks: dict[str, str] = field(default_factory=dict)  # by image; whole paths where they lie elsewhere
    parted: bool = False  # is it known which are held out?
    found: list[Found] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the classes of held-out images."""
        return (NORMAL, *sorted(name for name in self.kept if name != NORMAL))


def kinds_in(root: Path, options: DataOptions) -> Kinds:
    """UsageError, naming folders or files, for what fits none of these layouts, and for masks and images apart."""
    check_folder(root)
    masks = _masks_in(root, options)
    folders = [name for name in sub_folders(root) if masks is None or root / name != masks]
    train = [name for name in folders if PARTS.get(name.lower()) == "train"]
    kept = [name for name in folders if PARTS.get(name.lower()) in HELD_OUT]
    if kept and not train:
        raise UsageError(f"{root} has a folder {kept[0]} and none called train; normal images to train on lie in it")
    kinds = Kinds(parted=bool(kept))
    if train:
        _take_train(root, train, options, kinds)
        for folder in kept:
            _take_kept(root, folder, sub_folders(root / folder), options, kinds)
    elif folders:
        _take_flat(root, folders, options, kinds)
    else:
        _refuse_normal(options, [])
        kinds.train = _images(root, ".", kinds)
    if masks is not None:
        kinds.masks = _matched(root, masks, kinds)
    _check_kept(root, kinds)
    return kinds


def lies_in(root: Path) -> bool:
    """Has a folder normal images to train on, in a folder called so, and others to test?"""
    try:
        folders = sub_folders(root)
        train = [name for name in folders if PARTS.get(name.lower()) == "train"]
        below = {name.lower() for folder in train for name in sub_folders(root / folder)}
        return len(below & {*USUAL}) == len(below) == 1 and any(PARTS.get(n.lower()) in HELD_OUT for n in folders)
    except UsageError:
        return False


def _is_normal(name: str, options: DataOptions) -> bool:
    return name == options.normal if options.normal else name.lower() in USUAL


def _kind(folder: Path, name: str, options: DataOptions) -> str:
    if _is_normal(name, options):
        return NORMAL
    if name == NORMAL:
        raise UsageError(
            f"{folder / name} would be a defect called {NORMAL}, for normal images lie in {options.normal}: give it "
            "another name"
        )
    return name


def _images(root: Path, folder: str, kinds: Kinds) -> list[str]:
    found = images_in(root, {"": [folder]})
    kinds.found.append(found)
    return found.parts[""]


def _take_train(root: Path, folders: list[str], options: DataOptions, kinds: Kinds) -> None:
    for folder in folders:
        below = sub_folders(root / folder)
        defects = [name for name in below if not _is_normal(name, options)]
        if defects and len(defects) == len(below):
            _refuse_normal(options, below)
        if defects:
            raise UsageError(
                f"{root / folder / defects[0]} lies among the images to train on, and is not called "
                f"{some(USUAL, between=' or ')}: only normal images are trained on. Move it to {root / 'test'}, or, if "
                f"its images are the normal ones, --data.normal {defects[0]}"
            )
        if not below:
            _refuse_normal(options, [])
        for name in below or [""]:
            kinds.train += _images(root, f"{folder}/{name}".rstrip("/"), kinds)


def _take_kept(root: Path, folder: str, names: list[str], options: DataOptions, kinds: Kinds) -> None:
    for name in names:
        kinds.kept.setdefault(_kind(root / folder, name, options), []).extend(_images(root, f"{folder}/{name}", kinds))
    if not names:
        raise UsageError(
            f"{root / folder} holds no folders, so nobody knows which of its images are normal; move them to "
            f"{folder}/good and to {folder}/KIND, a folder for each kind of defects"
        )


def _take_flat(root: Path, folders: list[str], options: DataOptions, kinds: Kinds) -> None:
    """A folder for normal images and one for each kind; a share of the normal ones is held out, by their names."""
    normal = [name for name in folders if _is_normal(name, options)]
    if len(normal) != 1:
        _refuse_normal(options, folders)
        there = f"{some(normal, between=' and ')} are" if normal else f"none of {some(folders)} is"
        raise UsageError(
            f"in {root} {there} called {some(USUAL, between=' or ')}; name the folder of normal images: "
            f"--data.normal {(normal or folders)[0]}"
        )
    every = _images(root, normal[0], kinds)
    others = [name for name in folders if name not in normal]
    for name in others:
        kinds.kept[_kind(root, name, options)] = _images(root, name, kinds)
    n = round(options.heldout * len(every)) if others and len(every) >= FEWEST else 0
    kept = {*picked([*map(str.encode, every)], n).tolist()} if n else set()
    kinds.train = [name for i, name in enumerate(every) if i not in kept]
    kinds.kept |= {NORMAL: [every[i] for i in sorted(kept)]} if kept else {}
    kinds.parted = bool(others)


def _refuse_normal(options: DataOptions, names: list[str]) -> None:
    """UsageError where data.normal names none of these folders."""
    if options.normal and options.normal not in names:
        there = f"the folders there are {some(names)}" if names else "there are no folders to choose from: leave it out"
        raise UsageError(f"data.normal is {options.normal!r}{near(options.normal, names)}; {there}")


def _masks_in(root: Path, options: DataOptions) -> Path | None:
    if options.masks is None:
        return next((root / name for name in sub_folders(root) if name.lower() in MASKS), None)
    places = [root / options.masks, Path(options.masks).expanduser()]
    if found := next((place for place in places if place.is_dir()), None):
        return found
    raise UsageError(f"data.masks: there is no folder {options.masks}, here or in {root}")


def _matched(root: Path, masks: Path, kinds: Kinds) -> dict[str, str]:
    """The mask of every defective image. UsageError for images without masks, and for masks without images."""
    below = {name: images_in(masks, {"": [name]}) for name in sub_folders(masks)}
    kinds.found += below.values()
    every = below or {"": images_in(masks, {"": ["."]})}
    defects = {name: images for name, images in kinds.kept.items() if name != NORMAL}
    for name in every.keys() - defects.keys() - {""}:
        if name.lower() in (*USUAL, NORMAL):
            raise UsageError(
                f"{masks / name} holds masks, but {name} is the folder of normal images, which have no defects: give "
                "images with defects a folder of their own, or take these masks away"
            )
    whole = masks.resolve().is_relative_to(root.resolve())
    prefix = masks.relative_to(root).as_posix() if whole and masks.is_relative_to(root) else str(masks.absolute())
    matched: dict[str, str] = {}
    lonely: dict[str, list[str]] = {"image": [], "mask": []}
    groups = [(defects.get(name, []), each) for name, each in every.items() if name]
    groups = groups or [([name for images in defects.values() for name in images], every[""])]
    groups += [(images, Found({"": []})) for name, images in defects.items() if below and name not in below]
    for images, each in groups:
        found = {_bare(name): name for name in each.parts[""]}
        wanted = {Path(stem(name)).name: name for name in images}
        for mark in wanted.keys() & found.keys():
            matched[wanted[mark]] = f"{prefix}/{found[mark]}"
        lonely["image"] += sorted(wanted[mark] for mark in wanted.keys() - found.keys())
        lonely["mask"] += sorted(f"{prefix}/{found[mark]}" for mark in found.keys() - wanted.keys())
    _refuse(root, masks, lonely)
    return matched


def _refuse(root: Path, masks: Path, lonely: Mapping[str, list[str]]) -> None:
    lines = [f"{what} without {other}: {some(lonely[what], MOST_NAMED)}" for what, other in _other(lonely)]
    if lines:
        raise Unmatched(
            f"{count(sum(map(len, lonely.values())), 'file')} in {root} have no partner:\n{listing(lines)}\n"
            f"The mask of KIND/001.png is {masks.name}/KIND/001{SUFFIX}.png, or 001.png. Rename those that belong "
            "together, and take away the others",
            lonely,
        )


def _other(lonely: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    yield from ((what, other) for what, other in (("image", "a mask"), ("mask", "an image")) if lonely[what])


def _bare(name: str) -> str:
    return Path(stem(name)).name.removesuffix(SUFFIX)


def _check_kept(root: Path, kinds: Kinds) -> None:
    defects = sum(len(images) for name, images in kinds.kept.items() if name != NORMAL)
    if defects and not kinds.kept.get(NORMAL):
        raise UsageError(
            f"{count(defects, 'image')} with defects in {root}, and no normal one that is held out, so nothing tells "
            f"whether normal ones are known as such: put some into test/good, or give {FEWEST} normal images or more"
        )
