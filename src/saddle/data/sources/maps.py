"""maps:PATH: label maps (a), their images (b) and, if there are any, instances, in the folders of the usual data sets
maps:LABEL_DIR,IMAGE_DIR: the same in folders of any names; a third one holds instances

The folders are {train,val,test}_{label,img,inst}, or label, img and inst alone or with train, val and test in them, or
those of Cityscapes, ADE20K and COCO-Stuff. Files belong together by their names without the suffix.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...base.errors import UsageError
from ...spec import DataSpec
from .. import keyed
from ..cityscapes import named
from ..files import Bad, Files
from ..keyed import Key, Table
from ..label_files import Seen, look
from ..label_maps import classes_in, misfits, mixed
from ..layouts import check_parts, common_root, held_out, matched, parts_in, split_places, trained
from ..map_layouts import KEYS, Layout, bare, files_of, laid_out
from ..map_readers import Instances, Labels
from ..options import DataOptions
from ..palettes import read_table
from ..readers import Pictures
from ..survey import survey

if TYPE_CHECKING:
    from ..source import Source

OFFERS = ("a", "b")  # keys of its batches
TITLES = {"a": "map", "b": "image", "instances": ""}
MANY = 100  # classes in one file: label maps hardly ever hold so many, and photographs do
USUAL = 255  # number of pixels of no class, in many data sets


def open(options: DataOptions, path: str) -> "Source":
    """Keys a (map), b (image) and, where there are some, instances. UsageError for a number that is no class."""
    images = keyed.images(options, found_in(options, path))
    from ..dealing import source  # torch is loaded at the end: a mistake shows at once

    return source(images)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without the images; the files of labels are read, for the classes are those that occur."""
    return keyed.spec_of(options, found_in(options, path))


def found_in(options: DataOptions, path: str) -> Table:
    """The files of each key, and the classes. UsageError, naming files, for what has no partner."""
    options.allow(*keyed.TAKES, "palette", "ignore")
    root, layout = _laid(path)
    check_parts(root, layout.folders)
    found, cities = files_of(root, layout.folders)
    keys = {
        key: Key(trained(names), held_out(names), TITLES[key], Pictures() if key == "b" else Instances())
        for key, names in matched(found, root, bare).items()
    }
    table = Table.of(root, keys, found.values(), layout.found, paired=True)
    return _with_classes(options, replace(table, scaled=False), layout.ignore, cities)


def lies_in(root: Path) -> bool:
    """Has a folder one of the usual layouts, and most label maps an image of their name?"""
    try:
        layout = laid_out(root)
        found = files_of(root, layout.folders)[0] if layout else {}
    except UsageError:  # such as labels that are no images
        return False
    names = [
        {Path(bare(name)).name for part in found[key].parts.values() for name in part} for key in KEYS[:2] if found
    ]  # fmt: skip
    return bool(names) and 2 * len(names[0] & names[1]) > min(map(len, names))


def _laid(path: str) -> tuple[Path, Layout]:
    """Where everything lies: in the folders that are named, or in those that a folder holds."""
    places = [Path(place).expanduser() for place in split_places(path)]
    if len(places) > 3:
        raise UsageError(
            f"maps: takes one folder, or two or three: LABEL_DIR,IMAGE_DIR[,INSTANCE_DIR], not {len(places)}: {path}"
        )
    root, folders = common_root(places)
    if len(places) > 1:
        named_ = dict(zip(KEYS, folders, strict=False))
        return root, Layout({key: parts_in(root, folder) for key, folder in named_.items()}, "folders by name")
    if layout := laid_out(root):
        return root, layout
    raise UsageError(
        f"{path} holds no folders of label maps and of images, such as label and img, or train_label and train_img "
        "(Cityscapes: gtFine and leftImg8bit; ADE20K: annotations and images); name them: maps:LABEL_DIR,IMAGE_DIR"
    )


def _with_classes(options: DataOptions, table: Table, usual: int | None, cities: bool) -> Table:
    """The table with the classes of its label maps; files that hold what is no class are bad ones."""
    taken = table.limited(options.limit)
    files = Files(table.root, taken.files, list(table.bad))
    headers, sums = survey(files, options)  # of all files, as `keyed` asks for them: so it is written down once
    marks = dict(zip(headers, sums, strict=True))
    looked = look(table.root, {name: marks[name] for name in taken.keys["a"].names if name in marks}, options)
    bad: Bad = [(name, each) for name, each in looked.items() if isinstance(each, str)]
    seen = {name: each for name, each in looked.items() if isinstance(each, Seen)}
    if not seen:
        raise keyed.unusable(table, dict(files.bad + bad))
    reader = _reader(options, seen, usual, cities)
    bad += misfits(table.root, seen, reader.table, reader.by, options).items()
    bad += keyed.of_other_sizes(taken, headers, options, "b")
    keys = {key: replace(each, reader=reader) if key == "a" else each for key, each in table.keys.items()}
    classes = f"{len(reader.table.names)} classes"
    return replace(
        table, keys=keys, bad=sorted({**dict(bad), **dict(table.bad)}.items()), found=f"{table.found}; {classes}"
    )


def _reader(options: DataOptions, seen: Mapping[str, Seen], usual: int | None, cities: bool) -> Labels:
    """How the label maps are read, by a table if one was named, else by what occurs in them."""
    given = read_table(Path(options.palette).expanduser()) if options.palette else None
    numbers = {code for each in seen.values() if each.form != "colours" for code in each.codes}
    ignore = options.ignore
    if ignore is None and usual is not None and usual in numbers:
        ignore = usual
    table, by = classes_in(seen, given, ignore)
    if cities and given is None:
        table = named(table)
    words: tuple[tuple[str, str], ...] = ()
    if given is None and ignore is None and USUAL in numbers:
        words = (("classes", f"{USUAL} is a class like others; if it stands for no class: --data.ignore {USUAL}"),)
    many = next((path for path, each in seen.items() if len(each.codes) > MANY), "")
    if given is None and many:
        said = f"{many} holds {len(seen[many].codes)} of them: is it a photograph? Label maps come first, images second"
        words = (*words, ("many classes", said))
    return Labels(table, by, words, mixed([*seen.values()], table, by))
