"""A run on two folders of one's own: named relatively, it goes on from elsewhere, and after one of them has moved."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from playing import in_round
from safetensors.torch import load_file

import saddle
from saddle.base.errors import SaddleError
from saddle.data import DataOptions
from saddle.runs import binding
from saddle.runs.recipe import Recipe, default_folder
from saddle.runs.run import Run

SETTINGS = {"data.size": 8, "game.width": 2, "game.blocks": 1, "game.patch_layers": 1, "game.identity_weight": 0}
SETTINGS |= {"plan.batch": 2, "plan.rounds": 3, "plan.save_every": 1, "plan.pictures": 0, "plan.scores": 0}
SETTINGS |= {"plan.precision": "fp32", "plan.log_every": 1, "plan.samples": 64}


def fill(root: Path) -> None:
    """Zebras in grey, 16 × 12, and horses in colour, 10 × 10."""
    for name, shape in (("zebra", (12, 16)), ("horse", (10, 10, 3))):
        (root / name).mkdir(parents=True)
        for i in range(4):
            picture = np.random.default_rng(i).integers(0, 256, shape, np.uint8)
            Image.fromarray(picture).save(root / name / f"{i}.png")


def train(folder: Path, data: str) -> Run:
    return saddle.train("cyclegan", data, folder, settings=SETTINGS, device="cpu", quiet=True)


def weights(run: Path) -> dict[str, torch.Tensor]:
    files = (run / "checkpoints" / "round-0000003").glob("*.safetensors")
    return {f"{file.name} {name}": value for file in files for name, value in load_file(file).items()}


def test_a_run_on_two_folders_goes_on_from_elsewhere_in_the_same_bits(tmp_path, monkeypatch):
    fill(tmp_path / "mine")
    monkeypatch.chdir(tmp_path / "mine")

    def cut() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        in_round(2, cut, patch)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "run", "domains:zebra,horse")
    train(tmp_path / "whole", "domains:zebra,horse")
    monkeypatch.chdir(tmp_path)
    assert len(saddle.load(tmp_path / "run").source.train) == 4
    (tmp_path / "mine" / "horse").rename(tmp_path / "stable, new")
    with pytest.raises(SaddleError, match="if the data have moved, name their new place with --data"):
        train(tmp_path / "run", "domains:zebra,horse")
    moved = f"domains:zebra,{tmp_path}/stable\\, new"
    train(tmp_path / "run", moved)
    assert Recipe.read(tmp_path / "run").data.source == moved
    ours, theirs = weights(tmp_path / "run"), weights(tmp_path / "whole")
    assert theirs
    assert all(torch.equal(ours[name], theirs[name]) for name in ours | theirs)
    with pytest.raises(SaddleError, match="is not the data that this run began with"):
        train(tmp_path / "run", f"domains:{tmp_path}/stable\\, new,{tmp_path}/mine/zebra")


def test_places_of_a_list_are_recorded_and_found_one_by_one(tmp_path, monkeypatch):
    fill(tmp_path / "mine")
    monkeypatch.chdir(tmp_path / "mine")
    data = DataOptions(source="pairs:zebra,horse", palette="colours.json")
    recorded = binding.places(replace(Recipe.default("pix2pix"), data=data), {})
    assert recorded == {name: f"{tmp_path}/mine/{name}" for name in ("zebra", "horse", "colours.json")}
    monkeypatch.chdir(tmp_path)
    assert binding.found(data, recorded).source == f"pairs:{tmp_path}/mine/zebra,{tmp_path}/mine/horse"
    (tmp_path / "zebra").mkdir()
    assert binding.found(data, recorded).source == f"pairs:zebra,{tmp_path}/mine/horse"
    assert default_folder("cyclegan", "domains:~/zebra,horse/") == Path("runs/cyclegan-zebra-horse")
