"""Labels of images from a file beside them: classes, several labels, numbers; and mistakes in such a file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from image_folders import fill, opened

from saddle.base.errors import UsageError
from saddle.data import DataOptions, open_source
from saddle.data.check import check_folder
from saddle.data.tables import CELEBA, records
from saddle.spec import Condition


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of 30 images, 000.png to 029.png, the last ten of them in a sub-folder."""
    photos = tmp_path / "photos"
    (photos / "more").mkdir(parents=True)
    fill(photos, 20)
    fill(photos / "more", 10, prefix="b")
    return photos


def told(folder: Path, text: str, name: str = "labels.csv", **settings: object):
    (folder.parent / name).write_text(text)
    return opened(folder, labels=str(folder.parent / name), **settings)


def by_name(folder: Path, source) -> dict[str, object]:
    """The labels, of held-out images too, by the images' names: told from the pixels."""
    from PIL import Image

    files = {np.asarray(Image.open(p)).tobytes(): p.relative_to(folder).as_posix() for p in folder.rglob("*.png")}
    labels = {}
    for part in filter(None, (source.train, source.heldout)):
        for image, label in zip(part.columns["image"][:], part.columns["label"][:], strict=True):
            labels[files[image.transpose(1, 2, 0).tobytes()]] = label.tolist()
    return labels


def test_a_column_of_text_holds_classes_and_unnamed_images_have_none(folder):
    source = told(folder, "file,animal\n000.png,dog\n001.png,cat\nmore/b000.png,cat\n002.png,\n./003.png,dog\n")
    assert source.spec.condition == Condition("class", ("cat", "dog"))
    assert source.spec.keys == ("image", "label")
    assert source.spec.partial
    labels = by_name(folder, source)
    assert {name: label for name, label in labels.items() if label >= 0} == {
        "000.png": 1, "001.png": 0, "more/b000.png": 0, "003.png": 1
    }  # fmt: skip
    assert len(labels) == 30


def test_classes_may_be_numbers_where_the_column_says_so_and_come_in_their_order(folder):
    text = "image,Label\n" + "".join(f"{i:03}.png,{i % 11}\n" for i in range(20))
    source = told(folder, text)
    assert source.spec.classes == tuple(map(str, range(11)))
    assert told(folder, text.replace("Label", "angle"), "b.csv").spec.condition == Condition("numbers", ("angle",))


def test_columns_of_0_and_1_are_several_labels(folder):
    source = told(folder, "file,young,smiling\n000.png,1,0\n001.png,0,1.0\n002.png,,1\n")
    assert source.spec.condition == Condition("labels", ("young", "smiling"))
    assert source.spec.partial
    labels = by_name(folder, source)
    assert labels["000.png"] == [1, 0]
    assert np.isnan(labels["002.png"]).all()
    assert set(source.spec.distribution) == {(1, 0), (0, 1)}
    assert source.train.columns["label"][:].dtype == np.float32


def test_other_columns_of_numbers_are_numbers_and_jsonl_says_the_same(folder):
    rows = [{"file": f"{i:03}.png", "angle": i / 2, "size": -i} for i in range(20)]
    rows += [{"file": f"more/b{i:03}.png", "angle": 0, "size": True} for i in range(10)]
    lines = "\n".join(map(json.dumps, rows))
    source = told(folder, lines, "labels.jsonl")
    assert source.spec.condition == Condition("numbers", ("angle", "size"))
    assert not source.spec.partial
    assert by_name(folder, source)["003.png"] == [1.5, -3]
    assert by_name(folder, source)["more/b003.png"] == [0, 1]
    text = "file,angle,size\n" + "".join(f"{r['file']},{r['angle']},{int(r['size'])}\n" for r in rows)
    assert told(folder, text).fingerprint == source.fingerprint


@pytest.mark.parametrize("heading", ["image_id", "Image_Path", "id_code", "image path", "ID", "img"])
def test_a_column_that_names_the_image_may_be_called_as_elsewhere(folder, heading):
    assert told(folder, f"{heading},animal\n000.png,cat\n001.png,dog\n").spec.classes == ("cat", "dog")


def test_a_column_called_file_leaves_the_others_to_be_labels(folder):
    assert told(folder, "file,id\n000.png,1.5\n001.png,2\n").spec.condition == Condition("numbers", ("id",))


def test_an_image_may_be_named_without_its_suffix_where_one_alone_is_called_so(folder):
    source = told(folder, "id,animal\n000,cat\nmore/b003,dog\n")
    labels = {name: label for name, label in by_name(folder, source).items() if label >= 0}
    assert labels == {"000.png": 0, "more/b003.png": 1}
    (folder / "000.jpg").write_bytes((folder / "000.png").read_bytes())
    with pytest.raises(UsageError, match=r"line 2: '000' may be 000\.jpg, 000\.png; names are paths .* write 000\.jpg"):
        told(folder, "id,animal\n000,cat\n")


def test_an_image_in_a_sub_folder_may_be_named_without_it_where_one_alone_is_called_so(tmp_path):
    for place in ("circle", "square"):
        (tmp_path / place).mkdir()
        fill(tmp_path / place, 2, 4, 4, prefix=place[0])
    for ending in ("", ".png"):
        (tmp_path / "train.csv").write_text(f"id,label\nc000{ending},round\ns001{ending},square\n")
        options = DataOptions(source=f"folder:{tmp_path}", labels="train.csv")
        assert open_source(options).train.columns["label"][:].tolist() == [0, -1, -1, 1]
    fill(tmp_path / "square", 1, 4, 4, prefix="c")
    (tmp_path / "train.csv").write_text("id,label\nc000.png,round\n")
    with pytest.raises(UsageError, match=r"'c000.png' may be circle/c000.png, square/c000.png; .* write circle/c000"):
        open_source(options)
    (tmp_path / "train.csv").write_text("id,label\nzebra,round\n")
    with pytest.raises(UsageError, match=r"no image 'zebra' in the folder; names are paths below it, such as circle/c"):
        open_source(options)


def test_an_image_that_is_named_in_two_ways_has_two_lines(folder):
    with pytest.raises(UsageError, match=r"line 3: 000\.png has a line already, 2"):
        told(folder, "id,animal\n000,cat\n000.png,dog\n")


@pytest.mark.parametrize("mark", ["\t", ";"])
def test_a_table_of_a_spreadsheet_is_the_same_table(folder, mark):
    text = "file,young,smiling\n000.png,1,0\n001.png,0,1\n"
    assert told(folder, text.replace(",", mark)).fingerprint == told(folder, text, "b.csv").fingerprint


def test_columns_of_minus_1_and_1_are_switches_as_those_of_0_and_1(folder):
    text = "image_id,Young,Smiling\n000.png,1,0\n001.png,0,1\n002.png,,1\n"
    assert (
        told(folder, text.replace("0,1", "-1,1").replace("1,0", "1,-1")).fingerprint == told(folder, text).fingerprint
    )
    mixed = told(folder, "file,a,b\n000.png,1,0\n001.png,-1,1\n", "b.csv")
    assert mixed.spec.condition == Condition("numbers", ("a", "b"))


def test_celebas_own_layout_is_refused_with_the_command_that_makes_a_table_of_it(folder, tmp_path):
    text = "2\nYoung Smiling \n000.png -1  1\n001.png  1 -1\n"
    with pytest.raises(UsageError, match=r"begins with a number where.*list_attr_celeba\.txt > attributes\.csv"):
        told(folder, text)
    with pytest.raises(UsageError, match=r"neither a \.csv nor a \.jsonl file.*> attributes\.csv"):
        told(folder, text, "list_attr_celeba.txt")
    command = CELEBA.partition("of one: ")[2]
    (tmp_path / "list_attr_celeba.txt").write_text(text)
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    made = opened(folder, labels=str(tmp_path / "attributes.csv"))
    assert made.spec.condition == Condition("labels", ("Young", "Smiling"))


def test_a_name_may_hold_what_other_scripts_take_for_the_end_of_a_line(folder):
    assert told(folder, "file,animal\n000.png,a\u2028b\n").spec.classes == ("a\u2028b",)
    assert told(folder, '{"file": "000.png", "animal": "a\u2028b"}', "b.jsonl").spec.classes == ("a\u2028b",)


def test_classes_that_training_hardly_sees_are_named(folder):
    text = "file,animal\n" + "".join(f"{i:03}.png,{'cat' if i else 'dog'}\n" for i in range(20))
    assert told(folder, text, heldout=0).notes["classes hardly trained on"] == "dog (1)"
    assert "classes hardly trained on" not in told(folder, text.replace("dog", "cat"), heldout=0).notes
    report = check_folder(folder, DataOptions(labels=str(folder.parent / "labels.csv")))
    assert "labels of a single image" not in report.notes
    told(folder, text)
    report = check_folder(folder, DataOptions(labels=str(folder.parent / "labels.csv")))
    assert "labels of a single image: dog" in report.lines()


def test_the_order_of_sub_folders_that_are_numbers_is_said_where_it_is_another(tmp_path):
    for name in ("1", "2", "10"):
        (tmp_path / name).mkdir()
        fill(tmp_path / name, 3, prefix=name)
    source = opened(tmp_path, labels="folders")
    assert source.spec.classes == ("1", "10", "2")
    assert source.notes["order of classes"] == "1, 10, 2; --label takes their names"


def test_of_many_images_that_are_the_same_a_few_are_named(tmp_path):
    fill(tmp_path, 1)
    for i in range(50):
        (tmp_path / f"copy-{i:02}.png").write_bytes((tmp_path / "000.png").read_bytes())
    (line,) = [line for line in check_folder(tmp_path, DataOptions()).lines() if "copy" in line]
    assert line == "  000.png = copy-00.png = copy-01.png = copy-02.png and 47 more"


def test_the_file_is_looked_for_beside_the_images_too(folder):
    (folder / "known.csv").write_text("file,animal\n000.png,cat\n001.png,dog\n")
    assert opened(folder, labels="known.csv").spec.classes == ("cat", "dog")


def test_other_labels_are_other_data(folder):
    one, two = "file,a,b\n000.png,0,1\n", "file,a,c\n000.png,0,1\n"
    plain = opened(folder)
    marks = [told(folder, one), told(folder, two), told(folder, one.replace("0,1", "1,1")), plain]
    assert len({source.fingerprint for source in marks}) == 4
    assert told(folder, one).fingerprint == marks[0].fingerprint


def test_the_images_are_decoded_once_whatever_is_said_of_them(folder, monkeypatch):
    opened(folder)
    monkeypatch.setattr("saddle.data.decode.stored", None)  # a second decoding would call it
    assert told(folder, "file,animal\n000.png,cat\n").spec.classes == ("cat",)


def test_few_labels_of_many_can_be_kept(folder):
    text = "file,animal\n" + "".join(f"{i:03}.png,{'cat' if i % 2 else 'dog'}\n" for i in range(20))
    source = told(folder, text, labelled=2, heldout=0)
    assert np.bincount(source.train.columns["label"][:] + 1).tolist() == [26, 2, 2]
    with pytest.raises(UsageError, match="only 10 labelled samples"):
        told(folder, text, labelled=20, heldout=0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "name,animal\n000.png,cat\n",
            "no column with the images; its columns are name, animal, and one must be calle",
        ),
        ("file,path,animal\n000.png,a,cat\n", r"2 columns that may name the image \(file, path\)"),
        ("file\n000.png\n", "has no column but file"),
        ("file,a,a\n000.png,1,1\n", "two columns of the same name: file, a, a"),
        ("file,animal\n00.png,cat\n", r"line 2: there is no image '00.png' \(did you mean .*in the folder"),
        ("file,animal\n000.png,cat\n000.png,dog\n", "line 3: 000.png has a line already, 2"),
        ("file,animal\n000.png,cat,dog\n", r"line 2: 3 cells under a heading of 2 \(file, animal\)"),
        ("file,a,b\n000.png,1,0\n001.png,0,red\n", "line 3: 'red' in the column b is neither empty nor a number"),
        ("file,a,b\n000.png,1,nan\n", "line 2: 'nan' in the column b"),
        ("file,animal\n000.png,\n", "every line has an empty cell"),
        ("file,animal\n", "has no lines of images"),
        ("", "has no lines of images"),
        ('file,animal\n"000.png,cat\n', "not a CSV file that can be read"),
    ],
)
def test_a_mistake_in_the_file_says_where_it_is(folder, text, message):
    with pytest.raises(UsageError, match=message):
        told(folder, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"file": "000.png", "animal": "cat"}\n{"file"\n', "line 2: not JSON"),
        ('{"file": "000.png", "animal": ["cat"]}\n', "line 1: a line is an object of plain values"),
        ("[1]\n", "line 1: a line is an object"),
    ],
)
def test_a_mistake_in_lines_of_json_says_where_it_is(folder, text, message):
    with pytest.raises(UsageError, match=message):
        told(folder, text, "labels.jsonl")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"labels": "gone.csv"}, "there is no file gone.csv, here or in"),
        ({"labels": "sub-folders"}, "it is folders, for the names of sub-folders, or a .csv or .jsonl file"),
        ({"labelled": 2}, "these images have none; give data.labels too"),
    ],
)
def test_labels_that_are_not_there_are_refused(folder, settings, message):
    with pytest.raises(UsageError, match=message):
        opened(folder, **settings)


def test_text_that_is_not_utf8_is_refused(folder):
    (folder / "x.csv").write_bytes(b"file,animal\n000.png,\xff\n")
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        opened(folder, labels="x.csv")


def test_labels_of_held_out_images_alone_teach_nothing(folder):
    heldout = opened(folder, heldout=0.2)
    names = by_name(folder, told(folder, "file,animal\n000.png,cat\n", heldout=0.2))
    kept = list(names)[len(heldout.train) :]
    with pytest.raises(UsageError, match="no sample that is trained on has a label"):
        told(folder, "file,animal\n" + "".join(f"{name},cat\n" for name in kept), heldout=0.2)


def test_a_file_of_labels_is_read_without_torch():
    code = "import saddle.data.tables, saddle.data.sources.folder, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_pipe_holds_no_labels(folder: Path) -> None:
    os.mkfifo(folder / "labels.csv")
    with pytest.raises(UsageError, match=r"there is no file labels\.csv, here or in"):
        opened(folder, labels="labels.csv")
    with pytest.raises(UsageError, match=r"labels\.csv cannot be read: not a regular file"):
        records(folder / "labels.csv")


def test_classes_have_one_order_whatever_the_hashes_of_their_names(tmp_path):
    fill(tmp_path, 9)
    lines = [f"{i:03}.png,{'1' * (i % 3 == 0) or '01' * (i % 3 == 1) or '001'}" for i in range(9)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label", *lines]))
    code = (
        "import sys; from pathlib import Path; from saddle.data.tables import read_labels; root = Path(sys.argv[1]); "
    )
    code += "print(read_labels('labels.csv', root, [p.name for p in root.glob('*.png')]).condition.names)"
    asked = [sys.executable, "-c", code, str(tmp_path)]
    orders = {subprocess.check_output(asked, env=os.environ | {"PYTHONHASHSEED": str(i)}, text=True) for i in range(3)}
    assert orders == {"('001', '01', '1')\n"}
