"""hf:PATH: a dataset of Hugging Face's in a folder, as save_to_disk or the Hub has it; needs the package datasets
hf:NAME: the same by its name on their Hub, from which that package downloads it

The columns are the first one of pictures and, if there is any, the first one of classes; the split is `train`, if there
are several. Images are read as `array:` reads them, and have the same settings.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...base.errors import SaddleError, UsageError, some
from ...spec import DataSpec
from ..given import Given, stacked
from ..options import DataOptions
from ..source import Source
from .array import made

OFFERS = ("image",)
PACKAGE = "datasets"
SAVED = ("state.json", "dataset_dict.json")  # of which save_to_disk writes one
SPLIT = "train"


def open(options: DataOptions, path: str) -> Source:
    """UsageError without the package, or where the dataset holds no pictures; SaddleError for what it cannot read."""
    given = _read(path)
    return made(options, options.source, given.samples, given.labels, given.names)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    return open(options, path).spec


def _read(path: str) -> Given:
    if find_spec(PACKAGE) is None:
        folder = Path(path).expanduser()
        own = f"; images in folders are read without it: folder:{path}" if folder.is_dir() else ""
        raise UsageError(
            f"hf:{path} is read by the package {PACKAGE}, which is not installed; install it with: "
            f"pip install {PACKAGE} 'dill<0.4'{own}"
        )
    dataset = _loaded(path)
    picture, label = _columns(dataset.features, path)
    names = tuple(dataset.features[label].names) if label else ()

    def item(i: int) -> dict[str, Any]:
        row = dataset[i]
        return {"image": row[picture]} | ({"label": row[label]} if label else {})

    given = stacked(item, len(dataset), f"hf:{path}")
    return Given(given.samples, given.labels, names)


def _loaded(path: str) -> Any:
    """The dataset, of several splits the one to train on."""
    import datasets

    folder = Path(path).expanduser()
    try:
        if folder.is_dir() and any((folder / name).is_file() for name in SAVED):
            found = datasets.load_from_disk(str(folder))
        else:
            found = datasets.load_dataset(str(folder) if folder.is_dir() else path)
    except Exception as error:  # of a hundred kinds
        raise SaddleError(f"hf:{path} cannot be read by {PACKAGE}: {type(error).__name__}: {error}") from error
    if not isinstance(found, Mapping):
        return found
    if len(found) > 1 and SPLIT not in found:
        raise UsageError(f"hf:{path} has the splits {some(found)}, and none is called {SPLIT}; save one of them alone")
    return found[SPLIT] if SPLIT in found else next(iter(found.values()))


def _columns(features: Any, path: str) -> tuple[str, str | None]:
    """The names of the column of pictures and of that of classes, None if there is none."""
    kinds = {name: type(feature).__name__ for name, feature in features.items()}
    pictures, classes = ([n for n, kind in kinds.items() if kind == wanted] for wanted in ("Image", "ClassLabel"))
    if not pictures:
        raise UsageError(f"hf:{path} has no column of pictures; it has {some(f'{n} ({k})' for n, k in kinds.items())}")
    return pictures[0], classes[0] if classes else None
