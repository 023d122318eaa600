"""Tables of classes: names, colours and numbers in .json, .gpl and .txt files, and colours that are made."""

import json
from pathlib import Path

import numpy as np
import pytest

from saddle.base.errors import UsageError
from saddle.data.palettes import CARE, Table, numbered, read_table, table_of, unlike, without_care, written
from saddle.spec import DataSpec, Field

SCENE = Table(("sky", "old wall"), ((70, 130, 180), (90, 60, 30)), (0, 1))
GIMP = "GIMP Palette\nName: scenes\nColumns: 4\n# made by hand\n 70 130 180\tsky\n 90  60  30\told wall\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{"sky": [70, 130, 180], "old wall": "#5a3c1e"}'),
        ("a.json", '[{"name": "sky", "color": [70, 130, 180]}, {"name": "old wall", "colour": [90, 60, 30]}]'),
        ("a.gpl", GIMP),
        ("a.txt", "# id name\n0 sky 70 130 180\n1 old wall 90 60 30\n"),
        ("a.txt", "sky 70 130 180\r\nold wall 90 60 30"),
        ("a.txt", "70 130 180\t\tsky\n90 60 30\t\told wall"),
    ],
)
def test_every_form_of_a_table_says_the_same(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert read_table(tmp_path / name) == SCENE


def test_ids_say_which_number_stands_for_a_class(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("7 road 128 64 128\n4 sky 70 130 180\n")
    assert read_table(tmp_path / "a.txt").values == (7, 4)
    rows = [{"id": 300, "name": "1", "color": [1, 2, 3]}]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    assert read_table(tmp_path / "a.json") == Table(("1",), ((1, 2, 3),), (300,))


@pytest.mark.parametrize("suffix", [".json", ".txt"])
def test_a_table_is_read_back_as_it_was_written(tmp_path: Path, suffix: str) -> None:
    table = without_care(numbered([3, 8, 255]), 255)
    (tmp_path / f"a{suffix}").write_text(written(table, suffix))
    assert read_table(tmp_path / f"a{suffix}") == table


def test_a_gimp_palette_is_read_back_with_its_names_and_colours(tmp_path: Path) -> None:
    (tmp_path / "a.gpl").write_text(written(SCENE, ".gpl"))
    assert read_table(tmp_path / "a.gpl") == SCENE


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.gpl", "JASC-PAL\n", "begins with the line GIMP Palette"),
        ("a.gpl", "GIMP Palette\n1 2\n", "line 2 is not red, green, blue and a name: 1 2"),
        ("a.json", "[1]", "it is an object such as"),
        ("a.json", '[{"name": "sky"}]', "entry 1 has no name, or no color"),
        (
            "a.json",
            '{"sky": [0, 0, 256]}',
            r"the colour of 'sky' is \[0, 0, 256\]; it is red, green and blue, 0 to 255",
        ),
        ("a.json", '{"sky": "blue"}', "the colour of 'sky' is 'blue'"),
        ("a.json", "{", "line 1, column 2"),
        ("a.json", '{"a": [1, 1, 1], "b": [1, 1, 1]}', r"classes 1, 2 have the same colour, \(1, 1, 1\)"),
        ("a.txt", "a 1 1 1\na 2 2 2", "classes 1, 2 have the same name, a"),
        ("a.txt", "5 a 1 1 1\n5 b 2 2 2", "classes 1, 2 have the same id, 5"),
        ("a.txt", "5 a 1 1 1\nb 2 2 2", "either every class has one or none"),
        ("a.txt", "70000 a 1 1 1", "an id is a whole number from 0 to 65,535"),
        ("a.txt", "a 1 1", "line 1 is not 'name red green blue'"),
        ("a.txt", "\n", "it has 0 classes; there are 1 to 512"),
        ("a.csv", "", "a palette is a .json, .gpl or .txt file"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_what_is_wrong(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=said) as caught:
        read_table(tmp_path / name)
    assert name in str(caught.value)


def test_a_table_that_is_not_there_or_no_text_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        read_table(tmp_path / "a.json")
    (tmp_path / "a.json").mkdir()
    with pytest.raises(UsageError, match="it is a folder"):
        read_table(tmp_path / "a.json")
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not text in UTF-8"):
        read_table(tmp_path / "a.txt")


@pytest.mark.parametrize("n", [1, 2, 40, 512])
def test_made_colours_differ_by_more_than_smoothed_brushes_do(n: int) -> None:
    colours = np.array(unlike((), n))
    assert colours.shape == (n, 3)
    assert tuple(colours[0]) == (0, 0, 0)
    apart = np.abs(colours[:, None] - colours[None]).max(2)
    assert (apart[~np.eye(n, dtype=bool)] > 16).all()


def test_own_colours_are_kept_and_those_that_stand_twice_are_made_anew() -> None:
    first, second, third = unlike([(9, 9, 9), (9, 9, 9)], 3)
    assert first == (9, 9, 9)
    assert len({first, second, third}) == 3
    with pytest.raises(UsageError, match="513 classes are more than 512"):
        unlike((), 513)


def test_dont_care_is_the_last_class_with_its_own_colour_if_it_has_one() -> None:
    table = without_care(Table(("void", "sky"), ((1, 1, 1), (2, 2, 2)), (0, 1)), 0)
    assert table == Table(("sky", CARE), ((2, 2, 2), (1, 1, 1)), (1, 0))
    added = without_care(SCENE, 255)
    assert (added.names[-1], added.values) == (CARE, (0, 1, 255))
    assert added.colours[:2] == SCENE.colours
    with pytest.raises(UsageError, match='named "don\'t care"'):
        without_care(added, 77)


def test_the_field_of_a_map_keeps_the_table_through_a_file_of_facts() -> None:
    table = numbered([0, 7, 255])
    field = table.field(4, 6)
    assert (field.kind, field.shape, field.planes) == ("map", (4, 6), 3)
    spec = DataSpec({"a": field})
    assert table_of(DataSpec.from_facts(json.loads(json.dumps(spec.to_facts()))).fields["a"]) == table
    assert numbered([0, 1]).field(4, 6).values == ()  # as those of a source without numbers of its own
    others = [numbered([0, 7, 254]), Table(("0", "7", "x"), table.colours, table.values)]
    assert all(DataSpec({"a": other.field(4, 6)}).identity() != spec.identity() for other in others)


def test_numbers_that_are_not_those_of_the_classes_are_not_believed() -> None:
    facts = DataSpec({"a": Field("map", (2, 2), ("x", "y"), ((0, 0, 0), (9, 9, 9)), values=(1, 1))}).to_facts()
    with pytest.raises(Exception, match=r"data\.fields\.a\.values"):
        DataSpec.from_facts(facts)
