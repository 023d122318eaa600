"""What is proposed for data that were looked at: a size that suits most images, and a command that trains."""

import shlex

import numpy as np
import pytest
from image_folders import fill
from PIL import Image

from saddle.base.errors import UsageError
from saddle.base.settings import change
from saddle.cli import main
from saddle.data import DataOptions, check_data, open_source
from saddle.data.advice import is_drawable, usual_side


@pytest.mark.parametrize(
    ("sizes", "side"),
    [
        ([(64, 64)] * 9 + [(10, 200)], 64),
        ([(64, 64)] * 3 + [(10, 200)], 64),
        ([(28, 28)] * 2, 28),
        ([(375, 500 + i) for i in range(9)], 128),
        ([(40 + i, 90) for i in range(9)], 40),
        ([(3, 3), (2, 9)], 2),
    ],
)
def test_the_size_proposed_suits_most_images_and_is_drawable(sizes, side):
    assert usual_side(sizes) == side
    assert is_drawable((side, side))


def test_sides_that_halve_evenly_are_drawable():
    assert all(map(is_drawable, [(64, 64), (48, 64), (28, 24), (10, 10), (56, 40)]))
    assert not any(map(is_drawable, [(375, 375), (100, 100), (48, 66)]))


def test_one_image_of_another_size_does_not_shrink_the_size_that_is_proposed(folder):
    fill(folder, 5, 64, 64)
    Image.new("RGB", (200, 10)).save(folder / "strip.png")
    with pytest.raises(UsageError, match=r"--data\.size 64 \(most are at least as large, not strip\.png \(200×10\)\)"):
        open_source(DataOptions(source=f"folder:{folder}"))
    report = check_data(str(folder), DataOptions())
    *_, train, decide = report.lines()
    assert train == f"to train: saddle train dcgan --data folder:{folder} --data.size 64 --plan.batch 4"
    assert decide.startswith("or let the images decide game, size and network: saddle train ")
    assert "--data.size 64 (most are at least as large" in report.notes["several sizes"]
    assert "several sizes" not in check_data(str(folder), DataOptions(size=8)).notes


def test_the_command_has_the_settings_that_were_given(folder):
    fill(folder, 3, 16, 16)
    settings = {"range": (0.0, 4095.0), "size": (16, 8), "skip_bad": True, "labels": "my labels.csv"}
    (folder / "my labels.csv").write_text("file,label\n000.png,cat\n")
    _, _, _, _, source, *words = shlex.split(check_data(str(folder), DataOptions(**settings)).command)
    said = dict(zip(words[::2], words[1::2], strict=True))
    assert said.pop("--plan.batch") == "2"  # of three images
    given = {name.removeprefix("--data."): value for name, value in said.items()}
    assert source == f"folder:{folder}"
    assert change(DataOptions(), given) == DataOptions(**settings)


@pytest.mark.parametrize(
    ("settings", "game", "n", "batch"),
    [({}, "dcgan", 60, ["--plan.batch", "32"]), ({}, "dcgan", 80, []), ({"degrade": "bicubic"}, "srgan", 60, [])],
)
def test_the_command_suits_the_data_and_its_batch_the_number_of_images(folder, settings, game, n, batch):
    fill(folder, n, 16, 16)
    words = shlex.split(check_data(str(folder), DataOptions(**settings)).command)
    assert words[2] == game
    assert words[words.index("--plan.batch") :] == batch if batch else "--plan.batch" not in words


def test_arrays_sources_and_single_pictures_have_a_command_too(folder):
    fill(folder, 1, 40, 40)
    np.save(folder / "x.npy", np.zeros((4, 2)))
    for what, words in {
        str(folder / "000.png"): f"singan --data photo:{folder / '000.png'}",
        str(folder / "x.npy"): f"gan --data array:{folder / 'x.npy'} --game.network MLP",
        "digits": "dcgan --data digits",
        "digits-inverted": "cyclegan --data digits-inverted",
    }.items():
        assert check_data(what, DataOptions()).command == (f"saddle train {words}" if words else "")


def test_a_check_is_good_where_training_would_start(folder, capsys):
    fill(folder, 2, 16, 16)
    (folder / "bad.png").write_bytes(b"")
    assert main(["data", "check", str(folder)]) == 1
    assert "mend it, or train with --data.skip_bad true" in capsys.readouterr().err
    assert main(["data", "check", str(folder), "--data.skip_bad", "true"]) == 0
    assert f"dcgan --data folder:{folder} --data.skip_bad true --plan.batch 2\n" in capsys.readouterr().out
    (folder / "000.png").write_bytes(b"")
    assert main(["data", "check", str(folder), "--data.skip_bad", "true"]) == 1
    said = capsys.readouterr()
    assert said.err.strip().endswith("1 image of use; to train takes many, at the very least 2")
    assert "skip_bad" not in said.err + said.out


def test_a_name_that_a_folder_here_has_too_is_told_apart_from_it(folder, monkeypatch, caplog):
    monkeypatch.chdir(folder)
    assert check_data("ring", DataOptions()).lines()[0].startswith("the built-in source ring: 110,000 points")
    assert not caplog.text
    (folder / "ring").mkdir()
    fill(folder / "ring", 2, 16, 16)
    assert check_data("ring", DataOptions()).lines()[0].startswith("the folder ring: 2 images")
    open_source(DataOptions(source="folder:ring"))
    assert "built-in" not in caplog.text
    open_source(DataOptions(source="ring"))
    assert "ring is the built-in source; your folder is folder:ring" in caplog.text


def test_what_is_no_folder_no_file_and_no_source_is_said_to_be_none_of_them():
    with pytest.raises(UsageError, match=r"no folder, file or source 'nopics'.*; the sources are array:FILE, "):
        check_data("nopics", DataOptions())
    with pytest.raises(UsageError, match=r"source 'digts' \(did you mean digits"):
        check_data("digts", DataOptions())


@pytest.mark.parametrize(
    ("names", "sides", "said"),
    [
        (("train/{}.png", "test/{}.png"), (16, 8), "side by side"),
        (("horses/{}.png", "zebras/{}.png"), (8, 8), "two sub-folders"),
        (("train/{}.png", "test/{}.png"), (8, 8), ""),
        (("a/{}.png", "b/{}.png", "c/{}.png"), (8, 8), ""),
    ],
)
def test_a_folder_that_may_hold_pairs_or_two_kinds_is_told_how_to_be_read_so(folder, names, sides, said):
    for name in names:
        for i in range(2):
            path = folder / name.format(i)
            path.parent.mkdir(exist_ok=True)
            Image.new("RGB", sides, (len(str(path.parent)), i, 0)).save(path)
    notes = check_data(str(folder), DataOptions()).notes
    assert {"side by side", "two sub-folders"} & notes.keys() == ({said} if said else set())
    if said:
        command = shlex.split(notes[said].split(": ", 1)[1])
        assert check_data(command[3], DataOptions()).keys.keys() == {"a", "b"}


@pytest.mark.parametrize("folders", [["{}/one,{}/two"], ["{}/one", "{}/two"]])
def test_two_folders_without_a_word_before_them_are_met_with_what_could_be_meant(folder, folders, capsys):
    for name in ("one", "two"):
        (folder / name).mkdir()
    places = f"{folder}/one,{folder}/two"
    assert main(["data", "check", *(place.format(folder, folder) for place in folders)]) == 2
    said = capsys.readouterr().err
    assert f"pairs:{places} if their images belong together" in said
    assert f"domains:{places} if not" in said
