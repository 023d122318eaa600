"""saddle translate --labels: what is known of inputs goes along with their results."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from translated import below, pixels, refused, rows, trained

from saddle.data.tables import read_labels


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    yield from trained(tmp_path_factory.mktemp("run") / "run")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "syn"
    (folder / "left").mkdir(parents=True)
    for name in ("one.png", "two.jpg", "left/three.png"):
        Image.fromarray(pixels(9, 11, 3)).save(folder / name)
    return folder


def table(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


CSV = 'file,yaw,note\none.png,-1.50,"a, b"\nleft/three.png,7,\ntwo,0.25,é\n'


def test_a_csv_has_the_names_of_the_results_and_all_other_cells_as_they_were(run, drawn, tmp_path, capsys):
    file = table(tmp_path / "syn.csv", CSV)
    made = rows(capsys, run, drawn, "--to", "c", "--labels", file, "--out", tmp_path / "out", "--suffix=-{to}")
    assert len(made) == 3
    assert below(tmp_path / "out") == ["left/three-c.png", "one-c.png", "syn.csv", "two-c.png"]
    lines = [*csv.reader((tmp_path / "out" / "syn.csv").open(encoding="utf-8"))]
    assert lines[0] == ["file", "yaw", "note"]
    assert sorted(lines[1:]) == [
        ["left/three-c.png", "7", ""],
        ["one-c.png", "-1.50", "a, b"],
        ["two-c.png", "0.25", "é"],
    ]


def test_what_was_carried_along_can_be_learned_from(run, drawn, tmp_path, capsys):
    file = table(tmp_path / "syn.csv", "file,yaw,pitch\none.png,-1.5,2\ntwo.jpg,3,4\nleft/three.png,5,6\n")
    rows(capsys, run, drawn, "--to", "c", "--labels", file, "--out", tmp_path / "out")
    names = [name for name in below(tmp_path / "out") if name != "syn.csv"]
    labels = read_labels("syn.csv", tmp_path / "out", names)
    assert labels.condition.kind == "numbers"
    assert np.allclose(labels.of(["left/three.png", "one.png", "two.png"]), [[5, 6], [-1.5, 2], [3, 4]])


def test_a_jsonl_keeps_numbers_as_numbers(run, drawn, tmp_path, capsys):
    lines = [{"file": "one.png", "angle": [1.5][0], "open": True}, {"file": "two.jpg", "angle": None, "open": False}]
    lines += [{"angle": 2, "file": "left/three.png"}]
    file = table(drawn / "syn.jsonl", "\n".join(map(json.dumps, lines)) + "\n")
    rows(capsys, run, drawn, "--to", "c", "--labels", "syn.jsonl", "--out", tmp_path / "out")
    found = {row["file"]: row for row in map(json.loads, (tmp_path / "out" / file.name).read_text().splitlines())}
    assert found == {
        "one.png": {"file": "one.png", "angle": 1.5, "open": True},
        "two.png": {"file": "two.png", "angle": None, "open": False},
        "left/three.png": {"file": "left/three.png", "angle": 2},
    }
    file.unlink()


def test_one_result_has_its_table_beside_it(run, drawn, tmp_path, capsys):
    file = table(tmp_path / "syn.csv", "image;class\none.png;far\n")
    rows(capsys, run, drawn / "one.png", "--to", "c", "--labels", file, "--out", tmp_path / "alone.png")
    assert below(tmp_path) == ["alone-syn.csv", "alone.png", "syn.csv"]
    assert (tmp_path / "alone-syn.csv").read_text() == "image,class\nalone.png,far\n"


def test_each_of_several_results_of_an_input_has_a_line(run, drawn, tmp_path, capsys):
    file = table(tmp_path / "syn.csv", CSV)
    made = rows(capsys, run, drawn, "--to", "all", "--labels", file, "--out", tmp_path / "out")
    lines = [*csv.DictReader((tmp_path / "out" / "syn.csv").open(encoding="utf-8"))]
    assert len(made) > 3
    assert sorted(str(tmp_path / "out" / line["file"]) for line in lines) == sorted(row["output"] for row in made)


def test_images_without_a_line_are_named_and_translated_all_the_same(run, drawn, tmp_path, capsys):
    file = table(tmp_path / "syn.csv", "file,yaw\none.png,1\n")
    from saddle.cli import main

    words = ["translate", run, drawn, "--to", "c", "--labels", file, "--out", tmp_path / "out"]
    assert main([*map(str, words)]) == 0
    told = capsys.readouterr()
    assert "has no line for left/three.png, two.jpg" in told.err
    assert "3 files in" in told.out
    assert str(tmp_path / "out" / "syn.csv") in told.out
    assert (tmp_path / "out" / "syn.csv").read_text() == "file,yaw\none.png,1\n"


def test_a_file_that_cannot_be_translated_has_no_line_and_the_others_keep_theirs(run, drawn, tmp_path, capsys):
    folder = tmp_path / "syn"
    folder.mkdir()
    for name in ("a", "b"):
        Image.fromarray(pixels(9, 9, 3)).save(folder / f"{name}.png")
    (folder / "b.png").write_bytes((folder / "b.png").read_bytes()[:80])
    file = table(tmp_path / "syn.csv", "file,yaw\na.png,1\nb.png,2\n")
    said = refused(capsys, run, folder, "--to", "c", "--labels", file, "--out", tmp_path / "out", code=1)
    assert "b.png" in said
    assert (tmp_path / "out" / "syn.csv").read_text() == "file,yaw\na.png,1\n"


def test_a_command_that_goes_on_names_what_was_done_before(run, drawn, tmp_path, capsys):
    file = table(tmp_path / "syn.csv", CSV)
    words = (run, drawn, "--to", "c", "--labels", file, "--out", tmp_path / "out", "--skip-existing")
    rows(capsys, *words)
    (tmp_path / "out" / "one.png").unlink()
    assert len(rows(capsys, *words)) == 1
    assert len((tmp_path / "out" / "syn.csv").read_text().splitlines()) == 4


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("syn.txt", "file yaw\none.png 1\n", r".csv or a .jsonl file"),
        ("syn.csv", "yaw,pitch\n1,2\n", "one must be called file"),
        ("syn.csv", "file\none.png\n", "has no column but file"),
        ("syn.csv", "file,yaw\none.png,1\nthree.jpg,2\n", "line 3: there is no image 'three.jpg'"),
        ("syn.csv", "file,yaw\none.png,1\none,2\n", "line 3: one.png has a line already, 2"),
        ("syn.csv", "file,yaw\none.png,1,2\n", "line 2: 3 cells under a heading of 2"),
        ("syn.jsonl", '{"file": "one.png", "yaw": 1}\n{\n', "line 2: not JSON"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_before_anything_is_done(run, drawn, tmp_path, capsys, name, text, words):
    file = table(tmp_path / name, text)
    assert words in refused(capsys, run, drawn, "--to", "c", "--labels", file, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_two_images_of_one_name_and_a_film_are_refused(run, drawn, tmp_path, capsys):
    other = tmp_path / "other"
    other.mkdir()
    Image.fromarray(pixels(9, 9, 3)).save(other / "one.png")
    file = table(tmp_path / "syn.csv", CSV)
    said = refused(capsys, run, drawn, other, "--to", "c", "--labels", file, "--out", tmp_path / "out")
    assert "a line of one.png may be of" in said
    assert "leave out --labels" in refused(capsys, run, other, "--to", "c", "--labels", file, "--video")
    missing = refused(capsys, run, drawn, "--to", "c", "--labels", "none.csv", "--out", tmp_path / "out")
    assert "there is no file none.csv" in missing


def test_of_a_folders_table_one_image_takes_its_own_line(run, drawn, tmp_path, capsys):
    file = table(tmp_path / "syn.csv", "file,yaw\none.png,1\ntwo.jpg,2\nleft/three.png,3\n")
    rows(capsys, run, drawn / "one.png", "--to", "c", "--labels", file, "--out", tmp_path / "made.png")
    assert (tmp_path / "made-syn.csv").read_text() == "file,yaw\nmade.png,1\n"
