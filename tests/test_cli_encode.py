"""Codes of images and images of codes, by command and from Python."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small import tiny

import saddle
from saddle.base.errors import UsageError
from saddle.cli import _images, main
from saddle.tasks import Translation

SMALL = ["--data.size", "8", "--game.z_dim", "3", "--game.width", "6"]


def trained(folder: Path, game: str, *settings: str) -> Path:
    assert main(["train", game, "--run", str(folder), "--quiet", *tiny(*settings)]) == 0
    return folder


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("vae") / "run", "vae", *SMALL)


@pytest.fixture(scope="module")
def cvae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("cvae") / "run", "cvae", *SMALL)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(3):
        Image.new("L", (20, 10 + i), 80 * i).save(folder / f"{i}.png")
    return folder


def files(capsys: pytest.CaptureFixture[str], *argv: str) -> list[Path]:
    assert main([*argv, "--json"]) == 0
    return [Path(name) for name in json.loads(capsys.readouterr().out)["files"]]


def test_codes_are_an_array_or_lines_with_names(vae, pictures, tmp_path, capsys):
    (array,) = files(capsys, "encode", str(vae), str(pictures), "--out", str(tmp_path / "codes.npy"))
    codes = np.load(array)
    assert (codes.shape, codes.dtype) == ((3, 3), np.float32)
    (text,) = files(capsys, "encode", str(vae), str(pictures), "--out", str(tmp_path / "codes.csv"))
    heading, *lines = csv.reader(text.open())
    assert heading == ["image", "0", "1", "2"]
    assert [line[0] for line in lines] == ["0.png", "1.png", "2.png"]
    assert np.allclose([[float(x) for x in line[1:]] for line in lines], codes)


def test_codes_lie_beside_the_name_of_the_images_unless_asked_otherwise(vae, pictures, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert files(capsys, "encode", str(vae), str(pictures)) == [Path("pictures-codes.npy")]
    assert files(capsys, "encode", str(vae), str(pictures / "1.png")) == [Path("1-codes.npy")]
    assert files(capsys, "reconstruct", str(vae), str(pictures / "1.png")) == [Path("1-again.png")]


def test_reconstructions_are_images_of_the_runs_size(vae, pictures, tmp_path, capsys):
    out = tmp_path / "again"
    written = files(capsys, "reconstruct", str(vae), str(pictures), "--out", str(out))
    assert [path.name for path in written] == ["0.png", "1.png", "2.png"]
    assert Image.open(written[0]).size == (8, 8)


def test_python_gives_the_same_codes_and_images(vae, pictures, tmp_path, capsys):
    (array,) = files(capsys, "encode", str(vae), str(pictures / "2.png"), "--out", str(tmp_path / "a.npy"))
    (again,) = files(capsys, "reconstruct", str(vae), str(pictures / "2.png"), "--out", str(tmp_path / "a.png"))
    run = saddle.load(vae)
    (image,) = _images.read(run, pictures / "2.png").portions(9)
    assert np.array_equal(run.encode(image).numpy(), np.load(array))
    assert np.array_equal(run.reconstruct(image)[0, 0].numpy(), np.asarray(Image.open(again).convert("L")))


def test_cvae_is_told_the_class_and_asks_for_it(cvae, pictures, tmp_path, capsys):
    one, two = (
        np.load(*files(capsys, "encode", str(cvae), str(pictures), "--label", label, "--out", str(tmp_path / "c.npy")))
        for label in "12"
    )
    assert not np.allclose(one, two)
    for command, out in (("encode", "d.npy"), ("reconstruct", "d.png")):
        assert main([command, str(cvae), str(pictures / "0.png"), "--out", str(tmp_path / out)]) == 2
        assert "say which with --label: 0, 1, 2" in capsys.readouterr().err


def test_samples_and_walks_of_cvae_are_drawn_with_and_without_a_label(cvae, tmp_path, capsys):
    (seven,) = files(capsys, "sample", str(cvae), "-n", "4", "--label", "7", "--out", str(tmp_path / "7.npy"))
    assert np.load(seven).shape == (4, 1, 8, 8)
    walk = ["interpolate", str(cvae), "--rows", "2", "--steps", "3", "--out", str(tmp_path / "walk.npy")]
    assert np.load(*files(capsys, *walk)).shape == (6, 1, 8, 8)


@pytest.mark.parametrize("command", ["encode", "reconstruct"])
def test_what_cannot_be_encoded_is_said(command, vae, pictures, tmp_path, capsys):
    def said(*argv: str) -> str:
        assert main([command, str(vae), *argv]) == 2
        return capsys.readouterr().err

    assert "there is no" in said(str(tmp_path / "nowhere.png"))
    assert "vae cannot be asked for a label; it works without one" in said(str(pictures), "--label", "3")
    assert "--out" in said(str(pictures / "0.png"), "--out", str(tmp_path / "codes.txt"))
    (pictures / "bad.png").write_bytes(b"no image")
    assert "bad.png" in said(str(pictures))


@pytest.mark.parametrize("command", ["encode", "reconstruct"])
def test_a_game_that_does_not_encode_says_what_it_is_for(command, tmp_path, capsys):
    run = trained(tmp_path / "run", "began", "--data.size", "8", "--game.width", "2")
    assert main([command, str(run), "nowhere.png"]) == 2
    assert "began is not for encoding; it is for sampling (saddle sample)" in capsys.readouterr().err


def test_a_game_of_several_kinds_names_all_its_commands(vae):
    run = saddle.load(vae)
    assert run.info()["kind"] == (
        "sampling (saddle sample), traversal (saddle traverse), "
        "encoding (saddle encode, saddle reconstruct, saddle attribute), "
        "likelihood (saddle evaluate --metrics elbo)"
    )
    with pytest.raises(UsageError, match="vae is not for translation; it is for sampling"):
        run.as_(Translation)


def test_the_elbo_is_among_the_final_scores_and_can_be_asked_for(vae, capsys):
    score = saddle.load(vae).evaluate(["elbo"])["elbo"]
    assert (score.better, score.fingerprint["reference_count"]) == ("higher", 497)
    assert score.uncertainty > 0
    assert saddle.load(vae).evaluate(["elbo"])["elbo"] == score
    scores = {s["name"]: s["value"] for s in json.loads((vae / "scores.json").read_text())}
    assert scores["elbo"] == pytest.approx(score.value)


def test_the_elbo_of_a_game_without_a_likelihood_is_refused(tmp_path, capsys):
    run = trained(tmp_path / "run", "began", "--data.size", "8", "--game.width", "2")
    assert main(["evaluate", str(run), "--metrics", "elbo"]) == 2
    assert "the metric 'elbo' needs a game that bounds the likelihood" in capsys.readouterr().err


def test_images_that_cannot_be_read_are_left_out_where_the_run_has_been_told_to(vae, pictures, capsys):
    (pictures / "1.png").write_bytes(b"none")
    opened = saddle.load(vae, device="cpu")
    with pytest.raises(UsageError, match=r"1\.png: .*\n.*Repair or remove them; only a run that was trained with"):
        _images.read(opened, pictures)
    opened.recipe = replace(opened.recipe, data=replace(opened.recipe.data, skip_bad=True))
    assert list(_images.read(opened, pictures).names) == ["0.png", "2.png"]
    assert "left out, as data.skip_bad says:\n  1.png: " in capsys.readouterr().err
    with pytest.raises(UsageError, match="cannot read:"):
        _images.read(opened, pictures / "1.png")
