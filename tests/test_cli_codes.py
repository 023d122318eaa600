"""Codes swept and attributes added, by command and from Python."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from small import tiny

import saddle
from saddle.base.errors import UsageError
from saddle.cli import main
from saddle.games.infogan import InfoGAN
from saddle.spec import DataSpec
from saddle.tasks import Sweep


def trained(folder: Path, game: str, *settings: str) -> Path:
    assert main(["train", game, "--run", str(folder), "--quiet", "--data.size", "8", *tiny(*settings)]) == 0
    return folder


@pytest.fixture(scope="module")
def aae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("aae") / "run", "aae", "--game.z_dim", "3", "--game.width", "6")


@pytest.fixture(scope="module")
def cvae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("cvae") / "run", "cvae", "--game.z_dim", "3", "--game.width", "6")


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("vae") / "run", "vae", "--game.z_dim", "3", "--game.width", "6")


def test_a_row_sweeps_one_code_and_all_else_stays(vae):
    run = saddle.load(vae)
    rows = run.traverse(["z1"], steps=5, reach=2.0, seed=3)
    assert [*rows] == ["z1"]
    assert rows["z1"].shape == (5, 1, 8, 8)
    seen = []
    run.game.decode = lambda z, label=None: seen.append(z) or torch.zeros(len(z), 1, 8, 8)
    run.traverse(["z1"], steps=5, reach=2.0, seed=3)
    assert seen[0][:, 1].tolist() == [-2, -1, 0, 1, 2]
    assert (seen[0][:, [0, 2]] == seen[0][:1, [0, 2]]).all()
    assert torch.equal(run.traverse(["z0"], seed=3)["z0"], run.traverse(["z0"], seed=3)["z0"])


@pytest.mark.parametrize("kind", ["aae", "cvae"])
def test_a_class_is_swept_or_kept(kind, request):
    run = saddle.load(request.getfixturevalue(kind))
    rows = run.traverse(steps=4)
    assert [*rows] == ["label", "z0", "z1", "z2"]
    assert [len(row) for row in rows.values()] == [10, 4, 4, 4]
    assert len({image.numpy().tobytes() for image in rows["label"]}) > 1
    kept = [run.traverse(["z0"], steps=3, label=label)["z0"] for label in ("1", "2")]
    assert not torch.equal(*kept)


@pytest.mark.parametrize("use", ["traverse", "interpolate"])
def test_a_seed_draws_the_same_latents_for_every_label(cvae, use, monkeypatch):
    run = saddle.load(cvae)
    seen = []
    monkeypatch.setattr(run.game, "decode", lambda z, label=None: seen.append(z) or torch.zeros(len(z), 1, 8, 8))
    for label in (3, "4"):
        getattr(run, use)(steps=3, seed=5, label=label)
    assert torch.equal(*torch.cat(seen).chunk(2))


def test_samples_of_two_labels_come_from_the_same_latents_and_250_begin_every_larger_number(cvae, monkeypatch):
    run = saddle.load(cvae)
    assert torch.equal(run.sample(260, seed=5, label=3)[:250], run.sample(250, seed=5, label=3))
    seen = []
    monkeypatch.setattr(run.game, "decode", lambda z, label=None: seen.append(z) or torch.zeros(len(z), 1, 8, 8))
    for label in (3, 4):
        run.sample(4, seed=5, label=label)
    assert torch.equal(*seen)


def test_infogan_sweeps_its_category_and_its_numbers():
    game = InfoGAN(DataSpec.of((1, 8, 8)), InfoGAN.Options(z_dim=4, width=2))
    sweeps = game.sweeps(3)
    assert [*sweeps] == ["category", "c1", "c2"]
    z = game.noise(1)
    for name, size in (("category", 10), ("c1", 1), ("c2", 1)):
        sweep: Sweep = sweeps[name]
        assert z[:, sweep.slot].shape[1] == sweep.values.shape[1] == size
    assert torch.equal(sweeps["category"].values, torch.eye(10))
    assert sweeps["c2"].slot == slice(15, 16)


def test_traverse_draws_a_row_a_code_or_a_film(aae, tmp_path, capsys):
    out = tmp_path / "t.png"
    assert main(["traverse", str(aae), "--codes", "label,z2", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"files": [str(out)], "codes": ["label", "z2"]}
    assert Image.open(out).size == (2 + 10 * 66, 2 + 2 * 66)
    film = tmp_path / "t.gif"
    assert main(["traverse", str(aae), "--codes", "z0", "--steps", "4", "--out", str(film)]) == 0
    assert Image.open(film).n_frames == 6
    assert capsys.readouterr().out == f"{film}: z0\n"


def test_a_code_that_is_none_is_answered_with_those_there_are(aae, tmp_path, capsys):
    def said(*argv: str) -> str:
        assert main(["traverse", *argv]) == 2
        return capsys.readouterr().err

    assert "no code 'z9' (did you mean z2" in said(str(aae), "--codes", "z9")
    assert "should end in .png, .gif" in said(str(aae), "--out", "a.jpg")
    run = trained(tmp_path / "run", "dcgan", "--game.network.width", "2")
    assert "dcgan is not for traversal; it is for sampling" in said(str(run))


def test_an_attribute_is_the_mean_code_with_it_less_the_mean_without(vae):
    run = saddle.load(vae)
    batch = run.source.train.take(slice(None))
    codes, has = run.encode(batch["image"]), batch["label"] == 3
    by_hand = codes[has].mean(0) - codes[~has].mean(0)
    assert torch.allclose(run.direction(add="3"), by_hand, atol=1e-5)
    assert torch.allclose(run.direction(subtract="3"), -by_hand, atol=1e-5)
    both = run.direction("3", "5")
    assert torch.allclose(both, run.direction("3") - run.direction("5"), atol=1e-6)
    image = batch["image"][:2]
    assert torch.equal(run.moved(image, 0 * both), run.reconstruct(image))
    assert not torch.equal(run.moved(image, 50 * both), run.reconstruct(image))


def test_unknown_labels_are_neither_with_nor_without_an_attribute():
    from saddle.spec import Condition
    from saddle.use.directions import having

    spec = DataSpec.of((1, 8, 8), ("image", "label"), ("a", "b"), partial=True)
    has, lacks = having(spec, {"label": torch.tensor([0, 1, -1])}, "b")
    assert (has.tolist(), lacks.tolist()) == ([False, True, False], [True, False, False])
    columns = DataSpec.of((1, 8, 8), ("image", "label"), condition=Condition("labels", ("old", "happy")))
    label = torch.tensor([[1.0, 0.0], [0.0, 1.0], [float("nan"), float("nan")]])
    has, lacks = having(columns, {"label": label}, "happy")
    assert (has.tolist(), lacks.tolist()) == ([False, True, False], [True, False, False])
    with pytest.raises(UsageError, match="all or none have the attribute 'happy'"):
        having(columns, {"label": label[:1]}, "happy")
    with pytest.raises(UsageError, match="these data have no labels"):
        having(DataSpec.of((1, 8, 8)), {}, "happy")


def test_attribute_writes_the_changed_images(vae, cvae, tmp_path, capsys):
    image = tmp_path / "a.png"
    Image.new("L", (9, 9), 120).save(image)
    out = tmp_path / "b.png"
    assert main(["attribute", str(vae), str(image), "--add", "1", "--subtract", "7", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"files": [str(out)]}
    assert Image.open(out).size == (8, 8)
    assert main(["attribute", str(cvae), str(image), "--label", "2", "--add", "1", "--out", str(out)]) == 0
    capsys.readouterr()
    for words, message in (
        ([], "say what to change"),
        (["--add", "smiling"], "no attribute 'smiling'; there are 0, 1, 2"),
    ):
        assert main(["attribute", str(vae), str(image), "--out", str(out), *words]) == 2
        assert message in capsys.readouterr().err


def test_the_scores_of_codes_are_among_the_final_ones(aae):
    scores = {s["name"]: s["value"] for s in json.loads((aae / "scores.json").read_text())}
    assert {"nn_accuracy", "probe_accuracy", "prior_kid", "reconstruction", "sharpness", "accuracy"} <= scores.keys()
    again = saddle.load(aae).evaluate(["nn_accuracy", "prior_kid"])
    assert again["nn_accuracy"].value == pytest.approx(scores["nn_accuracy"])
