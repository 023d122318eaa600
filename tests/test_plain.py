"""The one reader of YAML and JSON: plain values, or a sentence that says what is wrong."""

import os
from pathlib import Path

import pytest
import yaml

import saddle
from saddle.base.plain import Count, Garbled, fits, from_json, from_yaml, text

LAUGHS = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9 if i else ['ha'] * 9)}]\n" for i in range(30))


def test_what_is_written_is_read():
    assert from_yaml("a: [1, 2.5, true, null, x]\nb: {c: 1e-3}  # twice: &x, *x") == {
        "a": [1, 2.5, True, None, "x"],
        "b": {"c": "1e-3"},
    }
    assert from_yaml("a: &same [1]\nb: *same") == {"a": [1], "b": [1]}
    assert from_yaml("") is None
    assert from_json('{"a": [1, 2.5, true, null, "x"]}') == {"a": [1, 2.5, True, None, "x"]}


def test_a_date_is_text_and_text_survives_the_writer():
    words = ["2020-01-01", "<<", "=", "!x", "*a", "no", "0x1", "a: b", "\ud800"]
    assert from_yaml("2020-01-01") == "2020-01-01"
    assert from_yaml(yaml.safe_dump(words)) == words


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("plan:\n  batch: 3\n  batch: 4", "line 3: 'batch' stands twice, first in line 2; keep one of them"),
        ("a: &a [*a]", "refers to itself"),
        (LAUGHS, "comes to more than 10,000 values"),
        ("[" * 500, "nested more than 40 levels deep"),
        ("- " * 10_000, "nested more than 40 levels deep"),
        ("a: " + "9" * 5000, "line 1: a whole number of 5000 digits is too large"),
        ("a: !!python/object/apply:os.mkdir [PWNED]", "line 1: '!!python/object/apply:os.mkdir' is no kind of value"),
        ("a: !!binary aGE=", "'!!binary' is no kind of value here"),
        ("a: !!int x", "not of the kind that the tag before it says"),
        ("1: 2", "line 1: the name 1 is not text; put it in quotes"),
        ("on: 2", "the name on is not text"),
        ("? [a]\n: 1", "a name is text"),
        ("a: &a {b: 1}\nc: {<<: *a}", "line 2: a name is text, and stands for itself alone"),
        ("a: \0", "it holds a character that is no text (number 3)"),
        ("a: [1", "line 1: "),
        ("a: *b", "undefined alias"),
        ("a: 1\n---\nb: 2", "another document"),
        ("#" * 300_000, "300,000 characters"),
    ],
)
def test_yaml_that_settings_are_not_made_of_is_refused_with_the_line(given: str, said: str):
    with pytest.raises(Garbled) as error:
        from_yaml(given)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "it is empty"),
        ("[1,\n2", "line 2, column 2"),
        ('{"a": 1, "b": 2, "a": 3}', "'a' stands twice in one object"),
        ("[NaN]", "'NaN' is not a number of JSON"),
        ("-Infinity", "'-Infinity' is not a number of JSON"),
        ("1e999", "'1e999' is not a number of JSON"),
        ("9" * 5000, "a whole number of 5000 digits is too large"),
        ("[" * 50 + "]" * 50, "nested more than 40 levels deep"),
        ("[" * 100_000, "nested more than 40 levels deep"),
    ],
)
def test_json_that_is_none_is_refused_with_the_place(given: str, said: str):
    with pytest.raises(Garbled) as error:
        from_json(given)
    assert said in str(error.value)


def test_a_file_is_utf_8_with_or_without_a_mark_and_regular(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfname: \xc3\xa9")
    assert text(tmp_path / "a") == "name: é"
    (tmp_path / "a").write_text("name: é", "utf-16")
    with pytest.raises(Garbled, match=r"not text in UTF-8 \(byte 0\)"):
        text(tmp_path / "a")
    with pytest.raises(Garbled, match="it is a folder"):
        text(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    for odd in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(Garbled, match="not a regular file"):
            text(odd)
    with pytest.raises(FileNotFoundError):
        text(tmp_path / "none")


def test_plain_values_are_of_types():
    fine = [(1, float), (True, bool), ([1, 2], tuple[int, ...]), ([1, 0.5], tuple[Count, float]), (None, Count | None)]
    fine += [({"a": [1.0]}, dict[str, list[float]]), ("a", str), ([], tuple[int, ...]), (2**63 - 1, Count)]
    wrong = [
        (True, int),
        (1.0, int),
        (-1, Count),
        (2**63, Count),
        (1, str),
        ([1], tuple[int, int]),
        ("ab", tuple[str, ...]),
    ]
    wrong += [({"a": [True]}, dict[str, list[float]]), ([1], dict[str, int]), (None, str), ({}, list[int])]
    assert [pair for pair in fine if not fits(*pair)] == []
    assert [pair for pair in wrong if fits(*pair)] == []


def test_no_other_file_reads_yaml():
    root = Path(saddle.__file__).parent
    for file in root.rglob("*.py"):
        assert "yaml.safe_load(" not in file.read_text("utf-8"), file.relative_to(root)
