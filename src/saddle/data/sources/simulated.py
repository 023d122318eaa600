"""simulated:SYNTHETIC,REAL: two folders without pairs: images that a program made, and real ones they are to look like

Key a are the synthetic ones, key b the real ones. --data.labels FILE.csv says what the synthetic ones show, such as
where an eye looks: label_a, in what is trained on and what is held out. A network does not see it; it is what a
classifier learns from images that a game translates from them.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...base.errors import UsageError
from ...spec import DataSpec
from .. import keyed
from ..keyed import Table
from ..layouts import common_root, parts_in, split_places
from ..options import DataOptions
from ..tables import read_labels
from .domains import table_of

if TYPE_CHECKING:
    from ..source import Source

OFFERS = ("a", "b")  # keys of its batches
PAIRED = False  # they are of domains of their own
TITLES = ("synthetic", "real")


def open(options: DataOptions, path: str) -> "Source":
    """Keys a and b, unpaired, and label_a where there are labels. UsageError as of domains."""
    images = keyed.images(options, found_in(options, path))
    from ..dealing import source  # torch is loaded at the end: a mistake shows at once

    return source(images)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, from the headers alone."""
    return keyed.spec_of(options, found_in(options, path))


def found_in(options: DataOptions, path: str) -> Table:
    options.allow(*keyed.TAKES, "labels")
    places = [Path(place).expanduser() for place in split_places(path)]
    if len(places) != 2:
        raise UsageError(f"simulated: takes two folders, SYNTHETIC,REAL with a comma between them, not {path}")
    root, folders = common_root(places)
    table = table_of(root, [parts_in(root, folder) for folder in folders], [*TITLES], "synthetic and real images")
    if options.labels and not options.label_file:
        raise UsageError(
            "data.labels is a .csv or .jsonl file with a line for each synthetic image, columns file and more"
        )
    if not options.label_file:
        return table
    names = table.keys["a"].names
    below = {name: name[len(folders[0]) + 1 :] if folders[0] != "." else name for name in names}
    known = read_labels(options.label_file, places[0], below.values())
    whole = {name: known.labels[short] for name, short in below.items() if short in known.labels}
    return replace(table, labels={"a": replace(known, labels=whole)})
