"""`make words`: the words that readers would read twice, and tensor functions whose docstring lacks a shape.

Prose is what people read: the pages outside code, and docstrings, comments and messages of the Python files; names in
code are nobody's prose. tools/words.toml has the banned words, each with what to write in its place, and why.
"""

import ast
import io
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import shapes

HERE = Path(__file__).parent
ROOT = HERE.parent
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/*.md")
CODE = ("src/saddle/**/*.py", "src/saddle/recipes/*.yaml", "tools/*.py", "benchmarks/*.py")
LONGEST = 40  # words in a sentence of a page or a docstring

NO_ZERO = re.compile(r"(?<![\w.…\])}*/])-?\.\d+\b(?!\.?[a-zA-Z])")  # `.5` and `-.5`, but no v1.5, …, file.7z or [0].5
FENCED = re.compile(r"^( *)(```|~~~).*?^\1\2 *$", re.MULTILINE | re.DOTALL)
UNREAD = re.compile(r"<!--.*?-->|`[^`]*`|\]\([^)]*\)|https?://\S*[\w/]|<[^<>\n]+>|\$[^$\n]+\$", re.DOTALL)
START = re.compile(r"^\s*([-*+]|\d+\.|#+|\||>|!!!|:)(\s|$)|^\s*$| {2,}\S")  # a line that begins a thought of its own
CELL = re.compile(r"\s+\|\s*|\s{3,}|<br>")
END = re.compile(
    r"(?<!\bal\.)(?<!\bno\.)(?<!e\.g\.)(?<!i\.e\.)(?<!Eq\.)(?<=[.!?])[\"')*]*\s+(?=\W*[A-Z0-9Ͱ-Ͽ]|\W*□|--)"
)


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    says: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.says}"


@dataclass(frozen=True)
class Banned:
    """A pattern that no prose holds, what to write instead, and why."""

    pattern: re.Pattern[str]
    instead: str
    why: str


@dataclass(frozen=True)
class Prose:
    """A piece of text, what it is (page, docstring, comment or message) and the line where it begins."""

    line: int
    kind: str
    text: str


def banned() -> list[Banned]:
    table = tomllib.loads((HERE / "words.toml").read_text())["banned"]
    return [Banned(re.compile(rf"\b(?:{row['word']})\b"), row["instead"], row["why"]) for row in table]


def of_page(text: str) -> Iterator[Prose]:
    """The prose of a Markdown page: code, links' addresses and markup are blank, so that lines keep their numbers."""
    for pattern in (FENCED, UNREAD):
        text = pattern.sub(_blank, text)
    start, lines = 1, []
    for number, line in enumerate(text.split("\n"), 1):
        if START.match(line) and lines:
            yield Prose(start, "page", "\n".join(lines))
            start, lines = number, []
        lines.append(line)
    yield Prose(start, "page", "\n".join(lines))


def _blank(found: re.Match[str]) -> str:
    """A stand-in as long, with the same line ends."""
    return re.sub(r"[^\n]", "□", found[0])


def of_code(text: str) -> Iterator[Prose]:
    """The docstrings, comments and messages of a Python file. A message is a string of several words."""
    tree = ast.parse(text)
    documented = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            string = node.body[0].value  # type: ignore[attr-defined]
            documented.add(string)
            for piece in of_page(string.value):
                yield Prose(string.lineno + piece.line - 1, "docstring", piece.text)
    for node in _messages(tree, documented):
        yield Prose(node.lineno, "message", UNREAD.sub(_blank, _said(node)))
    yield from _comments(text)


def _comments(text: str) -> Iterator[Prose]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and not token.string.startswith(("# type:", "# noqa", "#!")):
            yield Prose(token.start[0], "comment", UNREAD.sub(_blank, token.string))


def _messages(node: ast.AST, skip: set[ast.expr]) -> Iterator[ast.expr]:
    """Strings of several words, those of an f-string together."""
    if node in skip:
        return
    if isinstance(node, ast.Constant | ast.JoinedStr):
        if len(_said(node).split()) > 2:
            yield node
        return
    for child in ast.iter_child_nodes(node):
        yield from _messages(child, skip)


def _said(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(value.value if isinstance(value, ast.Constant) else "…" for value in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def faults(prose: Prose, table: list[Banned]) -> Iterator[tuple[int, str]]:
    """The line and a sentence for every banned word, number without its zero and overlong sentence."""
    for row in table:
        for found in row.pattern.finditer(prose.text):
            yield _line(prose, found.start()), f"“{found[0]}”: write {row.instead} ({row.why})"
    for found in NO_ZERO.finditer(prose.text):
        yield _line(prose, found.start()), f"{found[0]} lacks the zero before its point"
    if prose.kind in ("page", "docstring"):
        at = 0
        for sentence in (part for cell in CELL.split(prose.text) for part in END.split(cell)):
            at = prose.text.index(sentence, at)
            if (words := sum(any(c.isalpha() for c in word) for word in sentence.split())) > LONGEST:
                yield _line(prose, at), f"a sentence of {words} words, “{' '.join(sentence.split()[:6])} …”"


def _line(prose: Prose, at: int) -> int:
    return prose.line + prose.text.count("\n", 0, at)


def found_in(path: Path, table: list[Banned]) -> Iterator[Finding]:
    text = path.read_text()
    read = {".md": of_page, ".py": of_code}.get(path.suffix, lambda text: [Prose(1, "comment", text)])
    for prose in read(text):
        for line, says in faults(prose, table):
            yield Finding(str(path), line, says)


def findings() -> list[Finding]:
    """All of them, in the order of files and lines."""
    table = banned()
    paths = [path for pattern in (*PAGES, *CODE) for path in sorted(ROOT.glob(pattern))]
    found = [finding for path in paths for finding in found_in(path, table)]
    return found + [Finding(path, line, says) for path, line, says in shapes.missing(ROOT / "src/saddle")]


def main() -> int:
    found = findings()
    for finding in found:
        print(str(finding).removeprefix(f"{ROOT}/"))
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
