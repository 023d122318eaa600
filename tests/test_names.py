"""Names out of data, files and options: they become file names that are safe, and a terminal obeys none of them."""

import csv
import json
import os
from pathlib import Path

import pytest
from data.image_folders import fill
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from small import tiny

from saddle.base.errors import visible
from saddle.base.files import replace, safe_name, safe_names
from saddle.cli import _show, main
from saddle.runs.recipe import default_folder

EVIL = ["x/../../../evil", "..", "a\0b", "a\u2028b", "😀", "CON", "y" * 300, "-rf", "\x1b[2J", "$(id)", "7", "/etc/x"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run on classes of evil names, deep enough that a path upwards from it would stay in here."""
    top = tmp_path_factory.mktemp("names")
    home = top / "a" / "b" / "c" / "home"
    (home / "photos").mkdir(parents=True)
    fill(home / "photos", 2 * len(EVIL), height=8, grey=True)
    with (home / "photos" / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["file", "class"])
        lines.writerows(zip(sorted(p.name for p in (home / "photos").glob("*.png")), EVIL * 2, strict=True))
    data = ["--data", f"folder:{home / 'photos'}", "--data.labels", "labels.csv", "--data.heldout", "0"]
    small = ["--game.z_dim", "3", "--game.width", "6"]
    assert main(["train", "cvae", "--run", str(home / "run"), "--quiet", *tiny(*data, *small)]) == 0
    return home


def everything(home: Path) -> set[Path]:
    return {path for path in home.parents[3].rglob("*") if path.is_file()}


@pytest.mark.parametrize("text", ["7", "smiling,young", "0.2,0.8", "golden retriever", "हिन्दी", "Ünal_2.b", "3-to-8"])
def test_an_ordinary_name_stays_as_it_is(text):
    assert safe_name(text) == text


@given(st.lists(st.text(st.characters()), min_size=2, unique=True))
def test_any_text_becomes_one_short_visible_name_of_its_own(texts):
    names = [safe_name(text, 60) for text in texts]
    for name in names:
        assert Path(name).name == name
        assert name[0] not in ".-"
        assert len(name.encode()) <= 60
        assert visible(name) == name
        assert not set(name) & set('<>:"/\\|?*')
        assert name.partition(".")[0].upper() not in ("CON", "NUL", "COM1")
        assert safe_name(name, 60) == name
    assert len(set(safe_names(texts, 60))) == len(texts)


def test_paths_below_a_folder_do_not_become_one_name():
    assert safe_names(["sub/one", "two"]) == ["sub-one", "two"]
    one, other, third = safe_names(["sub/one", "sub-one", "two"])
    assert one != other
    assert one.startswith("sub-one-")
    assert other.startswith("sub-one-")
    assert third == "two"


def test_a_file_may_have_the_longest_name_there_is(tmp_path):
    assert replace(tmp_path / ("x" * 251 + ".png"), b"1").read_bytes() == b"1"


@pytest.mark.parametrize(
    ("command", "options"),
    [("sample", ["-n", "1"]), ("interpolate", ["--rows", "1", "--steps", "2"]), ("traverse", ["--steps", "2"])],
)
def test_a_class_of_any_name_writes_into_the_runs_folder_alone(home, command, options, capsys):
    before, written = everything(home), []
    for name in EVIL:
        assert main([command, str(home / "run"), *options, f"--label={name}", "--json"]) == 0, name
        written += json.loads(capsys.readouterr().out)["files"]
    new = everything(home) - before
    assert {path.parent for path in new} == {home / "run"}
    assert {str(path) for path in new} == set(written)
    assert len(new) == (1 if command == "traverse" else len(EVIL))


def test_which_class_a_label_was_taken_for_is_said_where_it_is_another_ones_number(home, capsys):
    place = sorted(EVIL).index("7")
    assert place != 7
    for command in ("sample", "interpolate", "traverse"):
        assert main([command, str(home / "run"), "--label", "7", "--out", str(home / "any.png")]) == 0
        assert capsys.readouterr().err == f"saddle: label 7 is the class of that name, which is number {place}\n"
        assert main([command, str(home / "run"), "--label", "CON", "--out", str(home / "any.png")]) == 0
        assert capsys.readouterr().err == ""


def test_a_walk_between_two_classes_of_any_name_writes_into_the_runs_folder_alone(home, capsys):
    before = everything(home)
    assert main(["interpolate", str(home / "run"), "--label=x/../../../evil", "--label=\x1b[2J"]) in (0, 2)
    assert all(path.parent == home / "run" for path in everything(home) - before)
    assert "\x1b" not in "".join(capsys.readouterr())


def test_images_of_any_name_are_worked_on_and_none_is_lost(home, tmp_path, monkeypatch, capsys):
    given_, cwd = tmp_path / "given", tmp_path / "cwd"
    (given_ / "sub").mkdir(parents=True)
    cwd.mkdir()
    monkeypatch.chdir(cwd)
    names = ["sub/one", "sub-one", "a\nb", "😀", "CON", "y" * 240, "-rf", "\x1b[2J", os.fsdecode(b"\xff"), "$(id)", "~"]
    for i, name in enumerate(names):
        Image.new("L", (8, 8), 9 * i).save(given_ / f"{name}.png")
    assert main(["reconstruct", str(home / "run"), str(given_), "--label", "7", "--out", "again"]) == 0
    assert len(list((cwd / "again").iterdir())) == len(names)
    for name in names:
        assert main(["reconstruct", str(home / "run"), str(given_ / f"{name}.png"), "--label", "7"]) == 0
        assert main(["encode", str(home / "run"), str(given_ / f"{name}.png"), "--label", "7"]) == 0
    of_each = [path for path in cwd.iterdir() if path.is_file()]
    assert len(of_each) == 2 * len(names)
    assert all(path.name[0] not in ".-" and path.name.isprintable() for path in of_each)
    assert "\x1b" not in "".join(capsys.readouterr())


def test_the_folder_of_a_run_is_named_after_its_data_in_any_script():
    assert default_folder("gan", "digits") == Path("runs/gan-digits")
    assert default_folder("gan", "folder:/x/my photos (1)") == Path("runs/gan-my-photos-1-")
    assert default_folder("gan", "folder:/x/фото") == Path("runs/gan-фото")
    assert default_folder("gan", "folder:/x/" + "y" * 255).name.startswith("gan-yyy")
    assert len(default_folder("gan", "folder:/x/" + "y" * 255).name) <= 255


def test_what_a_terminal_would_obey_is_written_out(capsys):
    assert visible("a\x1b[2J\x9b\u202e\udcff\tü😀\nb") == "a\\x1b[2J\\x9b\\u202e\\udcff\\tü😀\nb"
    _show.table(["name\x1b[2J"], [["\x1b[2J\udcff"]])
    _show.heading("\x1b]0;title\x07")
    _show.paths([Path("\x1b[2J")], as_json=False)
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "\x07" not in told
    assert "\\x1b[2J\\udcff" in told
    _show.json({"name": "\x1b\x9b\udcff ü"})
    told = capsys.readouterr().out
    assert told.isascii() is False
    assert "\x9b" not in told
    assert json.loads(told) == {"name": "\x1b\x9b\udcff ü"}


def test_data_check_shows_names_that_a_terminal_would_obey(tmp_path, capsys):
    fill(tmp_path, 2, height=8, grey=True)
    (tmp_path / "\x1b[2J.png").write_bytes(b"no image")
    assert main(["data", "check", str(tmp_path)]) == 1
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "\\x1b[2J.png" in told
