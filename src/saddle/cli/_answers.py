"""The key of a page of pictures, and what people answered to it."""

import csv
import io
import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.errors import UsageError, some
from ..base.plain import Garbled, fits, from_json, text
from ..report.rating import COLUMNS, Ask, answers

if TYPE_CHECKING:
    from ._rating import Asked, Source

ENDING = ".key.json"
SHAPE = {"page": str, "ask": str, "paired": bool, "sources": list[dict[str, str]], "questions": dict[str, dict]}


@dataclass(frozen=True)
class Key:
    """What the questions of a page are about."""

    page: str  # its fingerprint
    ask: Ask
    paired: bool  # do the sources show the same scenes?
    sources: Sequence[Mapping[str, str]]  # name and role of each
    questions: Mapping[str, Mapping[str, Any]]  # by id: source, picture, and which of two is real


@dataclass(frozen=True)
class Answer:
    rater: str
    question: str
    value: int
    where: str  # file and line


def key_bytes(page: str, args: Namespace, found: "Sequence[Source]", asked: "Mapping[str, Asked]") -> bytes:
    """The key of a page as a file."""
    about = {
        name: {"source": each.source, "picture": each.picture} | ({"real": each.real} if each.real else {})
        for name, each in asked.items()
    }
    sources = [{"name": source.name, "role": source.role} for source in found]
    key = {"page": page, "ask": args.ask, "paired": args.truth is not None, "seed": args.seed}
    return (json.dumps(key | {"sources": sources, "questions": about}, indent=1) + "\n").encode()


def read_key(path: Path) -> Key:
    """UsageError for what is no key, and says why."""
    try:
        value = from_json(text(path))
    except FileNotFoundError:
        raise UsageError(f"--key {path}: there is no such file") from None
    except Garbled as error:
        raise UsageError(f"{path} is no key: {error}") from None
    whole = isinstance(value, dict) and all(fits(value.get(name), kind) for name, kind in SHAPE.items())
    if not whole or not _makes_sense(value):
        raise UsageError(f"{path} is no key, as `saddle rate` writes beside a page")
    return Key(*(value[name] for name in ("page", "ask", "paired", "sources", "questions")))


def _makes_sense(value: dict[str, Any]) -> bool:
    if value["ask"] not in ("opinion", "real"):
        return False
    named = all({"name", "role"} <= {*source} for source in value["sources"])
    known = range(len(value["sources"]))
    return named and all(
        isinstance(about.get("picture"), str)
        and about.get("source") in known
        and (value["ask"] == "opinion" or about.get("real") in answers("real"))
        for about in value["questions"].values()
    )


def key_for(page: str, given: Path | None, files: Sequence[Path]) -> Key:
    """The key of this page: the one that was given, or the one that lies here or beside the answers.

    UsageError if there is none, or the given one is another page's.
    """
    if given:
        key = read_key(given)
        if key.page != page:
            raise UsageError(f"{files[0]} answers the page {page}, and {given} is the key of {key.page}")
        return key
    folders = dict.fromkeys([Path(), *(file.parent for file in files)])
    for path in (path for folder in folders for path in sorted(folder.glob(f"*{ENDING}"))):
        try:
            key = read_key(path)
        except UsageError:  # some other file
            continue
        if key.page == page:
            return key
    raise UsageError(
        f"{files[0]} answers the page {page}, whose key is neither here nor beside it; name it with --key FILE{ENDING}"
    )


def read(files: Sequence[Path], given: Path | None) -> tuple[Key, list[Answer]]:
    """All answers of these files, and the key of their page.

    UsageError for a file that holds none, answers of two pages, one that cannot be, a rater who stands in two files.
    """
    tables = {file: _table(file) for file in files}
    pages = {line["page"]: file for file, lines in tables.items() for _, line in lines}
    if len(pages) > 1:
        named = "; ".join(f"{file}: {page}" for page, file in pages.items())
        raise UsageError(f"these are answers of {len(pages)} pages ({named}); read one page at a time")
    key = key_for(next(iter(pages)), given, files)
    found, seen, home = list[Answer](), dict[tuple[str, str], str](), dict[str, Path]()
    for file, lines in tables.items():
        for answer in (_answer(f"{file}, line {number}", line, key) for number, line in lines):
            name = answer.rater.casefold()
            if home.setdefault(name, file) != file:
                raise UsageError(
                    f"the rater {answer.rater} stands in {home[name]} and in {file}; if these are two people, rename "
                    "one in the column rater, else leave out one of the files"
                )
            if other := seen.get((name, answer.question)):
                raise UsageError(f"{answer.where}: {answer.rater} has answered this before ({other}); keep one answer")
            seen[name, answer.question] = answer.where
            found.append(answer)
    return key, found


def _table(file: Path) -> list[tuple[int, dict[str, str]]]:
    """The lines of a file with their numbers. UsageError for what is no such table, or an empty one."""
    try:
        lines = csv.reader(io.StringIO(text(file), newline=""), strict=True)
        head = [name.strip() for name in next(lines, [])]
        rows = [(lines.line_num, row) for row in lines if any(cell.strip() for cell in row)]
    except FileNotFoundError:
        raise UsageError(f"there is no {file}") from None
    except (Garbled, csv.Error) as error:
        raise UsageError(f"{file} is no table of answers: {error}") from None
    if not {*COLUMNS} <= {*head}:
        raise UsageError(f"{file} is no table of answers: its first line is not {','.join(COLUMNS)}")
    if not rows:
        raise UsageError(f"{file} holds no answer")
    for number, row in rows:
        if len(row) != len(head):
            raise UsageError(f"{file}, line {number} has {len(row)} cells, and its head {len(head)}")
    return [(number, dict(zip(head, map(str.strip, row), strict=True))) for number, row in rows]


def _answer(where: str, line: Mapping[str, str], key: Key) -> Answer:
    """UsageError for a line that answers nothing that was asked."""
    possible = answers(key.ask)
    if not line["rater"]:
        raise UsageError(f"{where}: nobody is named in the column rater")
    if line["question"] not in key.questions:
        raise UsageError(f"{where}: the page has no question '{line['question']}'")
    if line["answer"] not in map(str, possible):
        raise UsageError(f"{where}: the answer is '{line['answer']}', and can be {some(map(str, possible))}")
    return Answer(line["rater"], line["question"], int(line["answer"]), where)
