"""saddle score: folders, arrays and runs beside each other, and references that are kept."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

import saddle
from saddle.base.errors import SaddleError, UsageError
from saddle.cli import main
from saddle.metrics import learned
from saddle.metrics.extractors import extractor
from saddle.metrics.fid import fid
from saddle.runs import comparing


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders a and b of 30 pictures, b.npy with the same as b, small.npy of other sizes, points.npy and others."""
    root, chance = tmp_path_factory.mktemp("places"), np.random.default_rng(0)
    for name, brighter in (("a", 0), ("b", 40)):
        images = (chance.integers(0, 200, (30, 12, 12, 3)) + brighter).astype(np.uint8)
        np.save(root / f"{name}.npy", images)
        (root / name).mkdir()
        for i, image in enumerate(images):
            Image.fromarray(image).save(root / name / f"{i:02d}.png")
    np.save(root / "small.npy", chance.integers(0, 256, (30, 8, 8, 3)).astype(np.uint8))
    np.save(root / "points.npy", chance.normal(size=(50, 2)))
    np.save(root / "others.npy", 3 + 2 * chance.normal(size=(50, 2)))
    return root


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "gan"
    settings = {"plan.scores": 0, "plan.pictures": 0, "plan.samples": 20, "plan.batch": 8}
    saddle.train("gan", "ring", run=folder, rounds=1, settings=settings, quiet=True)
    return folder


def features(places: Path, name: str) -> torch.Tensor:
    images = torch.from_numpy(np.load(places / f"{name}.npy")).permute(0, 3, 1, 2) / 127.5 - 1
    return extractor("pixels")(images).features


def test_folders_score_as_their_tensors_do_and_an_array_as_the_folder(places: Path) -> None:
    scores = saddle.score(places / "a", places / "b", extractor="pixels")
    assert list(scores) == ["fid", "kid", "precision", "recall", "density", "coverage", "swd"]
    assert scores["fid"].value == pytest.approx(fid(features(places, "b"), features(places, "a"))[0], rel=1e-5)
    assert scores["fid"].fingerprint["reference_count"] == 30  # nothing is held out
    of_array = saddle.score(places / "a.npy", places / "b.npy", ["fid"], extractor="pixels")["fid"]
    assert (of_array.value, of_array.fingerprint) == (scores["fid"].value, scores["fid"].fingerprint)
    assert list(saddle.score(places / "a", places / "b")) == ["swd"]
    assert saddle.score(places / "a", places / "b", ["fid"], extractor="own")["fid"].value > 0


def contents(file: Path) -> tuple[dict[str, str], dict[str, list[float]]]:
    with safe_open(file, "pt") as opened:
        return opened.metadata(), {name: opened.get_tensor(name).flatten().tolist() for name in sorted(opened.keys())}


@pytest.mark.parametrize("look", ["pixels", "own"])
def test_a_kept_reference_gives_the_same_scores_without_its_images(places: Path, tmp_path: Path, look: str) -> None:
    file = tmp_path / "b.safetensors"
    whole = saddle.score(places / "a", places / "b", extractor=look, save_reference=file)
    learned._learned.clear()  # as another process would begin
    again = saddle.score(places / "a", file)  # the extractor is that of the file
    assert list(again) == ["fid", "kid", "precision", "recall", "density", "coverage", "swd"]
    for name, score in again.items():
        assert (score.value, score.fingerprint) == (whole[name].value, whole[name].fingerprint)
    saddle.score(places / "a", file, ["fid"], save_reference=tmp_path / "c.safetensors")
    assert contents(tmp_path / "c.safetensors") == contents(file)


def test_what_a_kept_reference_does_not_hold_is_refused_and_it_is_said_how_to_have_it(
    places: Path, tmp_path: Path
) -> None:
    file = tmp_path / "b.safetensors"
    saddle.score(places / "a", places / "b", ["fid"], extractor="pixels", save_reference=file)
    assert "swd" not in saddle.score(places / "a", file)
    for name, said in (("swd", "patches where swd was among the metrics"), ("sharpness", "and not the images")):
        with pytest.raises(UsageError, match=f"'{name}' needs real images .*{said}"):
            saddle.score(places / "a", file, [name])


def test_a_kept_extractor_that_is_not_whole_is_refused(places: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.safetensors"
    saddle.score(places / "a", places / "b", ["fid"], extractor="own", save_reference=file)
    with safe_open(file, "pt") as opened:
        facts, there = opened.metadata(), {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    for name, wrong in (("extractor.weight_0", torch.ones(3, 3)), ("extractor.mean", torch.ones(5))):
        save_file(there | {name: wrong}, file, facts)
        with pytest.raises(SaddleError, match="not whole"):
            saddle.score(places / "a", file)
    save_file(there | {"extractor.mean": there["extractor.mean"] * torch.nan}, file, facts)
    with pytest.raises(SaddleError, match="is no reference that saddle score"):
        saddle.score(places / "a", file)


def test_nothing_is_drawn_for_what_is_refused(run: Path, places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing.Drawing, "__call__", lambda *_: pytest.fail("was drawn"))
    for metric, said in (("swd_multiple", "that were trained on"), ("fid", "a feature extractor")):
        with pytest.raises(UsageError, match=said):
            saddle.score(run, run, [metric])
    with pytest.raises(UsageError, match=r"'precision' wants 6 references, and there are 5|6 samples, and 5"):
        saddle.score(places / "points.npy", run, ["precision"], n=5, extractor="pixels")


def test_a_kept_reference_of_something_else_is_refused(places: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.safetensors"
    saddle.score(places / "a", places / "b", ["fid"], extractor="pixels", save_reference=file)
    with pytest.raises(UsageError, match=r"of shape 3×12×12, and these are of shape 3×8×8"):
        saddle.score(places / "small.npy", file, ["fid"])
    with pytest.raises(UsageError, match=r"made with the extractor pixels .* and this one is digits"):
        saddle.score(places / "a", file, ["fid"], extractor="digits")
    with pytest.raises(UsageError, match=r"ends in \.safetensors"):
        saddle.score(places / "a", places / "b", ["fid"], extractor="pixels", save_reference=tmp_path / "b.npz")
    with pytest.raises(UsageError, match="choose one with --extractor"):
        saddle.score(places / "a", places / "b", save_reference=file)
    with pytest.raises(UsageError, match="no reference at"):
        saddle.score(places / "a", tmp_path / "none.safetensors")
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(SaddleError, match="damaged, or no safetensors file"):
        saddle.score(places / "a", file)
    save_file({"features": torch.zeros(3, 2)}, tmp_path / "other.safetensors")
    with pytest.raises(SaddleError, match="is no reference that saddle score"):
        saddle.score(places / "a", tmp_path / "other.safetensors")


def test_points_are_compared_in_their_own_numbers(places: Path) -> None:
    score = saddle.score(places / "others.npy", places / "points.npy", ["fid"], extractor="pixels")["fid"]
    a, b = (torch.from_numpy(np.load(places / f"{name}.npy")).float() for name in ("others", "points"))
    assert score.value == pytest.approx(fid(b, a)[0], rel=1e-3)


def test_a_run_stands_for_what_it_draws_and_the_command_says_it_in_json(
    run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    drawn = saddle.load(run).sample(30).numpy()
    np.save(tmp_path / "drawn.npy", drawn)
    argv = ["score", str(run), str(tmp_path / "drawn.npy"), "-n", "40", "--metrics", "fid", "--extractor", "pixels"]
    said = []
    for _ in range(2):
        assert main([*argv, "--json"]) == 0
        said.append(json.loads(capsys.readouterr().out)["fid"])
    assert said[0] == said[1]  # of one seed
    assert said[0]["fingerprint"]["samples"] == 40
    assert main(argv) == 0
    assert "fid" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("a", "b", "more", "words"),
    [
        ("a", "nowhere", [], "there is no"),
        ("a", "b", ["--metrics", "fdi"], "no metric 'fdi'"),
        ("a", "b", ["--metrics", "fid"], "'fid' needs a feature extractor"),
        ("a", "b", ["-n", "31"], "has 30 samples, not 31"),
        ("a", "b/00.png", [], "holds no samples"),
        ("a", "b", ["--data.siez", "8"], "siez"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    places: Path, capsys: pytest.CaptureFixture[str], a: str, b: str, more: list[str], words: str
) -> None:
    assert main(["score", str(places / a), str(places / b), *more]) == 2
    assert words in capsys.readouterr().err
