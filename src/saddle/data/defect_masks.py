"""The source of folders of normal and defective images: where the masks come from, and what a game is given."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..base.errors import UsageError
from ..spec import Condition, DataSpec, Field
from . import keyed
from .decode import Unreadable, header
from .defect_folders import NORMAL, kinds_in
from .fingerprint import fingerprint
from .keyed import Images, Key, Table
from .options import DataOptions
from .readers import Masks
from .sizes import Sides
from .survey import survey
from .tables import Labels

if TYPE_CHECKING:
    from .source import Source

TAKES = (*keyed.TAKES, "normal", "masks")


@dataclass(frozen=True)
class DefectMasks(Masks):
    """Masks of defects; of an image without any, which stands in the place of its mask, nothing is white."""

    root: Path = Path()
    plain: frozenset[str] = frozenset()  # images without a defect, by name

    def array(self, path: Path, sides: Sides | None, field: Field, options: DataOptions) -> np.ndarray:
        if self._is_plain(path):
            head = header(path, options.max_megapixels)
            return np.zeros((1, *(sides or (head.height, head.width))), np.uint8)
        mask = super().array(path, None, field, options)
        if not mask.any():
            raise Unreadable("is black all over, so it shows no defect: white is where the defect is")
        return mask if sides is None else super().array(path, sides, field, options)

    def mark(self, field: Field, options: DataOptions) -> tuple[object, ...]:
        return *super().mark(field, options), fingerprint(*sorted(self.plain))

    def _is_plain(self, path: Path) -> bool:
        return path.is_relative_to(self.root) and path.relative_to(self.root).as_posix() in self.plain


def table_of(options: DataOptions, path: str) -> Table:
    """The files of each key. UsageError, naming files, for masks and images that do not belong together."""
    options.allow(*TAKES)
    root = Path(path).expanduser()
    kinds = kinds_in(root, options)
    kept = [(name, kinds.names.index(kind)) for kind, names in kinds.kept.items() for name in names]
    test = [name for name, _ in kept]
    keys = {"image": Key(kinds.train, test, "image")}
    if kinds.masks:
        plain = frozenset([*kinds.train, *test]) - kinds.masks.keys()
        reader = DefectMasks(two=True, root=root, plain=plain)
        keys["mask"] = Key(kinds.train, [kinds.masks.get(name, name) for name in test], "defect mask", reader, own=True)
    known = Labels(Condition("class", kinds.names), {**dict.fromkeys(kinds.train, 0), **dict(kept)})
    said = "normal images alone" if len(kinds.names) == 1 else f"defects of {len(kinds.names) - 1} kinds"
    said += ", with masks" if kinds.masks else ""
    table = replace(
        Table.of(root, keys, kinds.found, said, paired=True),
        parted=kinds.parted, labels={"image": known}, scaled=False, row="sample",
    )  # fmt: skip
    taken = table.limited(options.limit)
    headers, _ = survey(keyed.Files(root, taken.files, []), options)
    bad = {**dict(keyed.of_other_sizes(taken, headers, options, "image")), **dict(table.bad)}
    return replace(table, bad=sorted(bad.items()))


def spec_of(options: DataOptions, table: Table) -> DataSpec:
    """What a game is given: images alone."""
    return DataSpec({"image": replace(keyed.spec_of(options, table).fields["image"], title="")})


def source_of(images: Images) -> "Source":
    """UsageError for a defective image that is among the normal ones too."""
    from .anomalies import held_fields
    from .dealing import source
    from .source import Split

    whole = source(images)
    names = images.laid.table.labels["image"].condition.names
    _check_apart(images)
    spec = DataSpec({"image": replace(whole.spec.fields["image"], title="")})
    train, heldout = Split({"image": whole.train.columns["image"]}), None
    mark = fingerprint(whole.fingerprint, names)
    if whole.heldout:
        columns = {"image": whole.heldout.columns["image"], "defect": whole.heldout.columns["label_image"]}
        masked = whole.heldout.columns.get("mask")
        columns |= {} if masked is None else {"mask": masked}
        sides = None if masked is None else whole.spec.fields["mask"].shape[-2:]
        heldout = Split(columns, fields=held_fields(names, sides))
        mark = fingerprint(mark, columns["defect"][:])
    return replace(whole, spec=spec, train=train, heldout=heldout, fingerprint=mark)


def _check_apart(images: Images) -> None:
    table, prepared = images.laid.table, images.prepared["image"]
    names, known = table.keys["image"].names, table.labels["image"].labels
    marks: Mapping[bytes, str] = {
        bytes(mark): name for name, mark in zip(names, prepared.digests, strict=True) if known[name] == 0
    }
    for row, name in enumerate(names):
        if known[name] and row not in prepared.bad and (twin := marks.get(bytes(prepared.digests[row]))):
            raise UsageError(
                f"{name} and {twin} in {table.root} are the same image, and the one is a defect, the other {NORMAL}: "
                "take one of them away"
            )
