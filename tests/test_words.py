"""`make words` is empty, and it finds what it looks for: banned words, bare points, long sentences, missing shapes."""

from pathlib import Path

import pytest
import shapes
import words

LONG = "The generator draws " + "an image and " * 20 + "a label."


def found(tmp_path: Path, name: str, text: str) -> list[tuple[int, str]]:
    path = tmp_path / name
    path.write_text(text)
    return [(finding.line, finding.says) for finding in words.found_in(path, words.banned())]


def test_nothing_is_left_to_say():
    assert [str(finding) for finding in words.findings()] == []


@pytest.mark.parametrize(
    ("name", "text", "line", "says"),
    [
        ("page.md", "# Title\n\nFakes follow a law.\n", 3, "write distribution"),
        ("page.md", "One.\n\nA share of .39 is\nread (.5).\n", 4, ".5 lacks the zero"),
        ("page.md", "| a | b |\n| --- | --- |\n| 1 | .39 |\n", 3, ".39 lacks the zero"),
        ("page.md", f"Short.\n\n- {LONG}\n", 3, "a sentence of 65 words"),
        ("code.py", '"""Fakes follow a law."""\n', 1, "write distribution"),
        ("code.py", f'def f():\n    """Short.\n\n    {LONG}\n    """\n', 4, "a sentence of 65 words"),
        ("code.py", "x = 1\ny = 2  # of the law\n", 2, "write distribution"),
        ("code.py", "x = 1  # -.5 to .5\n", 1, "-.5 lacks the zero"),
        ("code.py", 'raise ValueError(\n    f"the law {1} is none"\n)\n', 2, "write distribution"),
        ("run.yaml", "game: gan  # is told a digit\n", 1, "write given"),
    ],
)
def test_a_planted_word_is_found_where_it_stands(tmp_path, name, text, line, says):
    assert any(at == line and says in sentence for at, sentence in found(tmp_path, name, text))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("page.md", "A `law` in code, [a page](law.md), and\n\n```python\nlaw = .5  # the law\n```\n"),
        ("page.md", "Version 1.5 of file.7z has 0.5, and so on ….\n"),
        ("code.py", "law = told = .5\nlaws = {'law': told}\n"),
        ("code.py", '"""`law` is an argument."""\n'),
    ],
)
def test_names_in_code_are_no_prose(tmp_path, name, text):
    assert found(tmp_path, name, text) == []


def test_every_banned_word_has_a_reason_and_something_instead():
    table = words.banned()
    assert table
    assert all(row.instead and row.why for row in table)


HOUSE = {
    "base.py": '''
from torch import Tensor
class Base:
    def score(self, x: Tensor, y: Tensor) -> Tensor:
        """Logits [N] of x and y [N, C, H, W]."""
    def draw(self, z: Tensor) -> Tensor:
        """Images of latents [N, K]."""
''',
    "room/__init__.py": "",
    "room/final.py": '''
from torch import Tensor
from ..base import Base
class Final(Base):
    """[N, C] in [-1, 1] → same shape"""
    def forward(self, x: Tensor) -> Tensor: return x
    def score(self, x: Tensor, y: Tensor) -> Tensor: return x
    def draw(self, z: Tensor) -> Tensor: return z
    def move(self, x: Tensor) -> Tensor:
        """Values in [-1, 1] for images [N, C]."""
    def _own(self, x: Tensor) -> Tensor: return x
def both(x: Tensor, y: Tensor) -> None:
    """Keep x and y, both [N]."""
def each(*x: "Tensor") -> tuple[Tensor, Tensor]:
    """Two halves, [N] each."""
def count(n: int) -> int: return n
def bare(x: Tensor) -> int: return 1
''',
}


def test_a_public_tensor_function_without_its_shapes_is_found(tmp_path):
    for name, text in HOUSE.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert [says for _, _, says in shapes.missing(tmp_path)] == [
        "Base.draw lacks a shape for z, what returns",
        "Final.draw lacks a shape for z, what returns",
        "Final.move lacks a shape for x, what returns",
        "bare lacks a shape for x",
    ]
