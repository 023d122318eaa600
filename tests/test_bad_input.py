"""What people get wrong: each with a message that helps, the documented exit code, and no traceback."""

import errno
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small import TINY

from saddle.cli import main
from saddle.training.trainer import Trainer

SMALL = ["--data.size", "16", "--game.network.width", "4", *TINY]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "dcgan"
    assert main(["train", "dcgan", "--run", str(folder), "--quiet", *SMALL]) == 0
    return folder


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """refused(code, …command line…) → what was said; nothing may have been left behind."""
    monkeypatch.chdir(tmp_path)

    def said(code: int, *argv: str) -> str:
        assert main([str(word) for word in argv]) == code
        err = capsys.readouterr().err
        assert "\nsaddle: " in f"\n{err}"  # it may tell before that it reads images
        assert "Traceback" not in err
        assert not Path("runs").exists()
        return err

    return said


def picture(path: Path, value: int = 0, size: tuple[int, int] = (16, 16)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, value).save(path)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["trian"], "no command 'trian' (did you mean train"),
        (["train", "dcgna"], "no game 'dcgna' (did you mean dcgan"),
        (["describe", "cyclgan"], "no game 'cyclgan' (did you mean cyclegan"),
        (["train", "--data", "digts"], "no data source 'digts' (did you mean digits"),
        (["train", "--data", "digits:5"], "write digits"),
        (["train", "--game.los", "Hinge"], "no setting 'game.los' (did you mean loss?)"),
        (["train", "--game.loss", "Hing"], "no loss 'Hing' (did you mean Hinge?)"),
        (["train", "--plan.bach", "3"], "no setting 'plan.bach' (did you mean batch"),
        (["train", "--data.sise", "3"], "no setting 'data.sise' (did you mean size"),
        (["train", "--paln.batch", "3"], "has no use for '--paln.batch' (did you mean --plan"),
        (["train", "--device", "tpu"], "no device 'tpu'; there are auto"),
        (["evaluate", "nowhere", "--metrics", "fjd"], "no metric 'fjd' (did you mean fid"),
        (["train", "dcgan", "--quite"], "has no use for '--quite' (did you mean --quiet"),
    ],
)
def test_an_unknown_name_is_met_with_the_near_ones(argv: list[str], said: str, refused):
    assert said in refused(2, *argv)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["train", "--plan.batch", "many"], "plan.batch wants a whole number of at least 1, not 'many'"),
        (["train", "--plan.batch", "0"], "plan.batch is at least 1, not 0"),
        (["train", "--plan.batch"], "--plan.batch wants a value after it"),
        (["train", "--plan.batch", "--quiet"], "--plan.batch wants a value after it"),
        (["train", "--plan.minutes", "-1"], "plan.minutes is above 0 and up to 10,000,000 or none, not -1.0"),
        (["train", "--plan.minutes", "1", "--plan.rounds", "5"], "one budget, not rounds and minutes"),
        (["train", "--plan.samples", "1"], "plan.samples is from 2 to 10,000,000 or none, not 1"),
        (["train", "--game.optim.lr", "0"], "game.optim.lr is above 0, not 0.0"),
        (["train", "--game.optim.betas", "[0.5, 2]"], "game.optim.betas[1] is from 0 to below 1, not 2.0"),
        (
            ["train", "--game.penalties.R1.weight", "3"],
            "game.penalties holds no 'R1' whose settings could change: it is none",
        ),
        (
            ["train", "--game.penalties", "R1", "--game.penalties.R1.target", "3"],
            "(GradientPenalty, NearDataPenalty would have it)",
        ),
        (["train", "--game.penalties", "R1"], "--game.network.critic true leaves it out"),
        (
            ["train", "--data.size", "[1,2,3]"],
            "data.size wants a whole number from 1 to 65,536 or a list of 2 whole numbers from 1 to 65,536",
        ),
        (["train", "--data.heldout", "2"], "data.heldout is from 0 to below 1, not 2.0"),
        (["sample", "nowhere", "-n", "few"], "it wants a whole number from 1 on, not 'few'"),
        (["sample"], "the following arguments are required: RUN"),
        (["data", "check"], "saddle data check wants a folder, a file or the name of a source"),
        (["data", "chek"], "invalid choice: 'chek'"),
    ],
)
def test_a_wrong_type_or_range_says_what_is_wanted(argv: list[str], said: str, refused):
    assert said in refused(2, *argv)


def test_data_that_lack_what_the_game_needs_are_named_with_it(refused):
    said = refused(2, "train", "cyclegan", "--data", "digits", *TINY)
    assert "CycleGAN needs batches with a, b; this data has image, label" in said
    assert "These are 2 sets of images, keys a and b; your own are read with " in said
    assert "--data domains:A_DIR,B_DIR" in said
    assert "--data pairs:PATH" in said
    assert re.search(r"Choose data with a, b too: --data .*\bdigits-inverted\b", said)
    assert "draws images; this data has points" in refused(2, "train", "dcgan", "--data", "ring", *TINY)


def test_a_size_that_the_network_cannot_take_comes_with_sizes_that_it_can(refused):
    said = refused(2, "train", "dcgan", "--data.size", "37", *TINY)
    assert "DCGAN cannot draw 37×37 images" in said
    assert "40×40" in said


def test_an_empty_folder_is_empty(refused, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    assert "no images in empty, which is empty (looked for .png" in refused(2, "train", "--data", "folder:empty", *TINY)
    assert "no images in empty" in refused(2, "data", "check", "empty")


def test_a_folder_of_text_files_says_what_it_holds(refused, tmp_path: Path):
    for name in "abc":
        (tmp_path / "texts" / f"{name}.txt").parent.mkdir(exist_ok=True)
        (tmp_path / "texts" / f"{name}.txt").write_text("words")
    assert "it holds 3 .txt" in refused(2, "train", "--data", "folder:texts", *TINY)


def test_one_image_is_too_few(refused, tmp_path: Path):
    picture(tmp_path / "one" / "a.png")
    assert "only 1 image in one" in refused(2, "train", "--data", "folder:one", *TINY)


def test_fewer_images_than_a_batch_are_counted(refused, tmp_path: Path):
    for i in range(3):
        picture(tmp_path / "three" / f"{i}.png", i)
    said = refused(2, "train", "--data", "folder:three", *TINY)
    assert "has 3 samples" in said
    assert "fewer than a batch of 4" in said


def test_data_that_the_game_cannot_take_are_told_before_the_size_of_its_batches(refused, tmp_path: Path):
    for i in range(6):
        picture(tmp_path / "ab" / "AB"[i % 2] / f"{i // 2}.png", i)
    assert "Pix2Pix learns from pairs" in refused(2, "train", "pix2pix", "--data", "domains:ab", *TINY)
    small = ["--game.width", "1", "--game.patch_layers", "1"]
    assert "--plan.batch 3 or less" in refused(2, "train", "pix2pix", "--data", "pairs:ab", *small, *TINY)


def test_images_of_mixed_sizes_ask_for_one(refused, tmp_path: Path):
    picture(tmp_path / "mixed" / "a.png")
    picture(tmp_path / "mixed" / "b.png", size=(20, 30))
    assert "--data.size" in refused(2, "train", "--data", "folder:mixed", *TINY)


def test_every_damaged_image_is_listed_with_its_reason(refused, tmp_path: Path):
    for i in range(8):
        picture(tmp_path / "some" / f"{i}.png", i)
    (tmp_path / "some" / "empty.png").write_bytes(b"")
    (tmp_path / "some" / "page.jpg").write_text("<html>not found</html>")
    said = refused(2, "train", "--data", "folder:some", *TINY)
    assert "empty.png: empty file" in said
    assert "page.jpg: an HTML page" in said


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["train", "--data", "folder:nowhere"], "there is no folder nowhere"),
        (["train", "--data", "array:nowhere.npy"], "nowhere.npy"),
        (["train", "--config", "nowhere.yaml"], "there is no file nowhere.yaml"),
        (["sample", "nowhere"], "nowhere is not a run folder"),
        (["info", "nowhere"], "nowhere is not a run folder"),
        (["evaluate", "nowhere"], "nowhere is not a run folder"),
        (["doctor", __file__], f"{__file__} is not a run folder: it is a file"),
        (["report", "nowhere"], "nowhere"),
        (["data", "check", "nowhere"], "there is no folder, file or source 'nowhere'; the sources are array:FILE"),
    ],
)
def test_a_missing_file_is_named(argv: list[str], said: str, refused):
    assert said in refused(2, *argv)


def test_a_missing_file_is_named_by_the_commands_on_a_run(run: Path, refused):
    weights = ["--metrics", "fid", "--extractor", "inception", "--weights", "nowhere.pth"]
    assert "nowhere.pth" in refused(2, "evaluate", run, *weights)


def test_a_config_that_names_code_is_refused_and_runs_nothing(refused, tmp_path: Path):
    (tmp_path / "evil.yaml").write_text("game: {name: dcgan, loss: {class: os.system}}")
    assert "no loss 'os.system'" in refused(2, "train", "--config", "evil.yaml")
    (tmp_path / "evil.yaml").write_text("!!python/object/apply:os.mkdir [PWNED]")
    assert "not readable YAML" in refused(2, "train", "--config", "evil.yaml")
    assert not (tmp_path / "PWNED").exists()


def test_a_run_folder_of_another_recipe_lists_the_differences(run: Path, refused):
    said = refused(2, "train", "dcgan", "--run", run, "--plan.batch", "8")
    assert "plan.batch is 8, there 4" in said
    assert "has a recipe of dcgan, not of wgan" in refused(2, "train", "wgan", "--run", run)


def test_a_folder_that_is_no_run_is_left_alone(refused, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("words")
    assert "is not a run folder" in refused(2, "train", "--run", "mine", *SMALL)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_checkpoint_that_is_not_there_is_met_with_those_that_are(run: Path, refused):
    assert "there are best, last, 0, 2" in refused(2, "sample", run, "--checkpoint", "77")


def damage(run: Path, round_: int) -> Path:
    file = run / "checkpoints" / f"round-{round_:07d}" / "averages.safetensors"
    flipped = bytearray(file.read_bytes())
    flipped[-1] ^= 1
    file.write_bytes(flipped)
    return file


def test_a_corrupt_checkpoint_is_refused_by_name_and_the_one_before_is_used(run: Path, tmp_path: Path, capsys):
    copy = shutil.copytree(run, tmp_path / "run")
    file = damage(copy, 2)
    assert main(["info", str(copy), "--json"]) == 0
    said = capsys.readouterr()
    assert '"round": 0' in said.out
    assert f"{file} is not what was saved: its SHA-256 differs" in said.err


def test_without_a_sound_checkpoint_nothing_is_used(run: Path, tmp_path: Path, refused):
    copy = shutil.copytree(run, tmp_path / "run")
    for round_ in (0, 2):
        damage(copy, round_)
    assert "none of the 2 checkpoints" in refused(1, "sample", copy)
    assert "SHA-256 differs" in refused(1, "sample", copy, "--checkpoint", "2")


def test_a_full_disk_is_said_before_training_with_what_is_missing(refused, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1 << 30, 1 << 30, 1000))
    said = refused(1, "train", "dcgan", "--run", "full", "--quiet", *SMALL)
    assert "could not save a checkpoint of" in said
    assert "in full" in said
    assert "0.0 MB are free" in said
    assert "Make room and run again" in said


def test_a_disk_that_fills_up_while_writing_leaves_no_half_file(
    run: Path, refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left on device" in refused(1, "sample", run, "-n", "4", "--out", "out/samples.png")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_not_used(run: Path, refused):
    for argv in (["train", "dcgan", *TINY], ["sample", run]):
        said = refused(2, *argv, "--device", "cuda")
        assert "device 'cuda' was asked for, but" in said
        assert "here there are cpu" in said


def test_memory_that_runs_out_while_training_says_what_to_lower(refused, monkeypatch: pytest.MonkeyPatch):
    def too_much(trainer: Trainer) -> None:
        torch.empty(1 << 60)

    monkeypatch.setattr(Trainer, "play_round", too_much)
    said = refused(1, "train", "dcgan", "--run", "big", "--quiet", *SMALL)
    assert "memory ran out with batches of 4 samples of shape 1×16×16" in said
    assert "--plan.micro_batches 2, a smaller --plan.batch or a smaller --data.size" in said


def test_memory_that_runs_out_while_building_is_said_too(refused):
    assert "memory ran out" in refused(
        1, "train", "dcgan", "--game.network.width", str(1 << 28), "--run", "wide", *TINY
    )


def test_floats_whose_range_is_not_known_are_refused(refused, tmp_path: Path):
    np.save(tmp_path / "raw.npy", np.full((9, 8, 8), 300.0))
    assert "raw.npy" in refused(2, "train", "--data", "array:raw.npy", *TINY)
