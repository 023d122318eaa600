"""A table of what inputs show goes along with their results, under the results' names."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ..base.errors import UsageError, remark, some
from ..base.files import replace
from . import _works

if TYPE_CHECKING:
    from ._targets import Target


class Table:
    """A .csv or .jsonl file with a line for each input; UsageError for one that cannot be read or fits no input."""

    def __init__(self, file: Path, root: Path, plan: _works.Plan, targets: "Sequence[Target]", again: bool):
        from ..data.files import page_of
        from ..data.tables import by_name, file_column, image_named, located, records

        self.plan, self.endings = plan, [target.ending for target in targets]
        self.path = path = located(str(file), root)
        lines = records(path)
        self.column, others = file_column(path, lines)
        if not others:
            raise UsageError(f"--labels {path} has no column but {self.column}: it says nothing of the images")
        self.heading = [*lines[0][1]]
        names = {work: page_of(work.name)[0] for work in plan.works}
        _check_names(names)
        known = by_name(dict.fromkeys(names.values()))
        place: dict[str, tuple[int, dict[str, str]]] = {}
        folder = root if root.is_dir() else root.parent
        for number, cells in lines:
            if _of_another(cells[self.column], known, folder):
                continue
            where = f"--labels {path}, line {number}"
            name = image_named(cells[self.column], known, where)
            if name in place:
                raise UsageError(f"{where}: {name} has a line already, {place[name][0]}; keep one of them")
            place[name] = number, cells
        self.cells = {work: place[name] for work, name in names.items() if name in place}
        if missing := [name for work, name in names.items() if work not in self.cells]:
            remark(f"{path} has no line for {some(missing, 5)}; their results have none either")
        self.out = plan.out / path.name if plan.many else plan.out.with_name(f"{plan.out.stem}-{path.name}")
        if self.out.exists() and not again:
            raise UsageError(f"{self.out} exists, where the labels go; choose another --out, so that nothing is lost")

    def written(self) -> Path:
        """Write the lines of those results that are there; where they lie."""
        text = self._jsonl() if self.path.suffix.lower() == ".jsonl" else self._csv()
        return replace(self.out, text.encode("utf-8", "surrogateescape"))

    def _csv(self) -> str:
        text = io.StringIO()
        lines = csv.DictWriter(text, self.heading, lineterminator="\n")
        lines.writeheader()
        lines.writerows(cells | {self.column: name} for _, cells, name in self._results())
        return text.getvalue()

    def _jsonl(self) -> str:
        """With the values as they were, numbers as numbers."""
        from ..data.tables import values

        rows: dict[int, dict[str, Any]] = dict(values(self.path))
        lines = (json.dumps(rows[number] | {self.column: name}) for number, _, name in self._results())
        return "".join(f"{line}\n" for line in lines)

    def _results(self) -> Iterator[tuple[int, dict[str, str], str]]:
        """Of every result the line of its input, its cells, and the result's name below the table's folder."""
        for work, (number, cells) in self.cells.items():
            for out in (work.ended(ending) for ending in self.endings):
                if out.exists():
                    yield number, cells, out.relative_to(self.out.parent).as_posix()


def _of_another(given: str, known: dict[str, str], folder: Path) -> bool:
    """Is a line of an image that lies beside the inputs and is none of them?"""
    name = PurePosixPath(given.replace("\\", "/"))
    return str(name) not in known and (folder / name).is_file()


def _check_names(names: dict[_works.Work, str]) -> None:
    """UsageError for two files of one name, of which a line could mean either."""
    files: dict[str, Path] = {}
    for work, name in names.items():
        if files.setdefault(name, work.path) != work.path:
            raise UsageError(
                f"--labels: a line of {name} may be of {files[name]} or of {work.path}; translate the folders one "
                "after the other"
            )
