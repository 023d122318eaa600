"""Labels by command: read from files, asked for by name, number or columns, and refused with what is possible."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from data.image_folders import fill
from PIL import Image
from seeding import seed_all
from small import tiny
from torch import Tensor, nn

import saddle
from saddle.base.errors import UsageError
from saddle.cli import main
from saddle.nets.network import Discriminator, Network
from saddle.show import pictures
from saddle.spec import DataSpec
from saddle.tasks import Synthesis


class Beside(nn.Module):
    """A linear layer of the input and the columns beside it."""

    def __init__(self, inputs: int, shape: tuple[int, ...]):
        super().__init__()
        self.out = nn.Sequential(nn.Linear(inputs, int(np.prod(shape))), nn.Unflatten(1, shape))

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        return self.out(torch.cat((x.flatten(1), label), 1))


@dataclass(frozen=True)
class TakesColumns(Network):
    """The least network that takes labels in columns."""

    takes_labels = True
    takes_columns = True

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        return Beside(z_dim + len(data.condition.names), data.shape)

    def discriminator(self, data: DataSpec) -> Discriminator:
        return Discriminator(nn.Identity(), Beside(int(np.prod(data.shape)) + len(data.condition.names), (1,)))


def trained(folder: Path, text: str, *settings: str) -> Path:
    """A run on 24 images with labels from a table."""
    (folder / "photos").mkdir()
    fill(folder / "photos", 24, height=8, grey=True)
    (folder / "photos" / "labels.csv").write_text(text)
    data = ["--data", f"folder:{folder / 'photos'}", "--data.labels", "labels.csv", "--game.z_dim", "3"]
    assert main(["train", *settings, "--run", str(folder / "run"), "--quiet", *tiny(*data)]) == 0
    return folder / "run"


def table(heading: str, row) -> str:
    return "\n".join([f"file,{heading}", *(f"{i:03}.png,{row(i)}" for i in range(24))])


@pytest.fixture(scope="module")
def animals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of two classes."""
    text = table("animal", lambda i: "cat" if i % 3 else "dog")
    return trained(tmp_path_factory.mktemp("animals"), text, "cvae", "--game.width", "6")


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of two columns."""
    text = table("smiling,young", lambda i: f"{i % 2},{i // 12}")
    told = ["--game.network", "TakesColumns", "--game.conditional", "true"]
    return trained(tmp_path_factory.mktemp("faces"), text, "gan", *told)


def drawn(capsys, tmp_path: Path, *argv: str) -> np.ndarray:
    (tmp_path / "made.npy").unlink(missing_ok=True)
    assert main([*argv, "--out", str(tmp_path / "made.npy"), "--json"]) == 0
    return np.load(json.loads(capsys.readouterr().out)["files"][0])


def test_a_class_is_asked_for_by_name_or_number(animals, tmp_path, capsys):
    by_name, by_number, other = (
        drawn(capsys, tmp_path, "sample", str(animals), "-n", "4", "--label", label) for label in ("dog", "1", "cat")
    )
    assert np.array_equal(by_name, by_number)
    assert not np.array_equal(by_name, other)


def test_columns_are_asked_for_by_number_or_by_the_names_of_those_that_are_on(faces, tmp_path, capsys):
    numbers, names, other = (
        drawn(capsys, tmp_path, "sample", str(faces), "-n", "4", "--label", label)
        for label in ("1,0", "smiling", "0.2,0.8")
    )
    assert np.array_equal(numbers, names)
    assert not np.array_equal(numbers, other)


@pytest.mark.parametrize(("run", "start", "end"), [("animals", "cat", "dog"), ("faces", "young", "1,0.5")])
def test_a_way_between_two_labels_begins_at_one_and_ends_at_the_other(run, start, end, tmp_path, capsys, request):
    folder = str(request.getfixturevalue(run))
    walk = ["interpolate", folder, "--rows", "2", "--steps", "5"]
    way = drawn(capsys, tmp_path, *walk, "--label", start, "--label", end).reshape(2, 5, -1).astype(int)
    first, last = (drawn(capsys, tmp_path, *walk, "--label", x).reshape(2, 5, -1).astype(int) for x in (start, end))
    assert np.abs(way[:, 0] - first[:, 0]).max() <= 1  # rounding to bytes
    assert np.abs(way[:, -1] - last[:, 0]).max() <= 1  # the latent stays
    assert not np.array_equal(way[:, 2], way[:, 0])


def last_picture(folder: Path) -> np.ndarray:
    return np.asarray(Image.open(max((folder / "samples").glob("*.png"))))


def test_pictures_of_a_run_have_a_column_for_each_class_whose_rows_share_their_noise(animals):
    run = saddle.load(animals)
    images = torch.zeros(8, *run.game.data.shape)
    seen = last_picture(animals)
    assert seen.shape == np.asarray(pictures.rows({"cat": images, "dog": images})).shape
    seed_all(run.recipe.plan.seed, "pictures")
    cats = run.game.sample(8, torch.zeros(8, dtype=torch.long))
    seed_all(run.recipe.plan.seed, "pictures")
    dogs = run.game.sample(8, torch.ones(8, dtype=torch.long))
    assert np.array_equal(seen, np.asarray(pictures.rows({"cat": cats, "dog": dogs})))


def test_pictures_of_a_run_name_the_columns_that_are_on(faces):
    plain = np.asarray(pictures.grid(torch.zeros(8, *saddle.load(faces).game.data.shape), 8))
    assert last_picture(faces).shape == (8 * (plain.shape[0] + 20), plain.shape[1], 3)


def test_python_takes_lists_too(faces, animals):
    run = saddle.load(faces)
    assert torch.equal(run.sample(3, label=[1, 0]), run.sample(3, label="smiling"))
    assert torch.equal(saddle.load(animals).sample(3, label=1), saddle.load(animals).sample(3, label="dog"))
    with pytest.raises(UsageError, match="a way between two labels begins at one"):
        run.interpolate(to="smiling")


@pytest.mark.parametrize(
    ("run", "argv", "message"),
    [
        ("animals", ["sample", "--label", "bird"], "no label 'bird'; there are cat, dog"),
        ("animals", ["sample", "--label", "2"], "no label '2'; there are cat, dog"),
        ("animals", ["interpolate", "--label", "cat", "--label", "dgo"], "no label 'dgo' (did you mean dog?)"),
        ("animals", ["interpolate", *["--label", "cat"] * 3], "given once, or twice"),
        ("faces", ["sample", "--label", "smilling"], "no label 'smilling' (did you mean smiling?); name those that"),
        ("faces", ["sample", "--label", "1"], "--label 1 has 1 number; it wants 2 with commas between, for smiling"),
    ],
)
def test_what_cannot_be_asked_for_says_what_can(run, argv, message, capsys, request):
    command, *rest = argv
    assert main([command, str(request.getfixturevalue(run)), *rest]) == 2
    assert message in capsys.readouterr().err


def test_samples_without_a_label_have_those_of_the_data(faces):
    game = saddle.load(faces).as_(Synthesis)
    assert set(map(tuple, game.draw_label(500).tolist())) == {(0, 0), (0, 1), (1, 0), (1, 1)}


@pytest.mark.parametrize(
    ("game", "text", "message"),
    [
        ("cvae", table("smiling,young", lambda i: "0,1"), "CVAE takes a class of each sample; these data have several"),
        ("cvae", table("animal", lambda i: "cat" if i < 9 else ""), "needs the label of every sample, and some"),
        ("projection", table("x,y", lambda i: "0.5,1"), "SNResNet has a vector of its own for every class"),
    ],
)
def test_data_that_a_game_cannot_learn_from_are_refused_before_it_starts(game, text, message, tmp_path, capsys):
    (tmp_path / "labels.csv").write_text(text)
    fill(tmp_path, 24, height=8, grey=True)
    data = ["--data", f"folder:{tmp_path}", "--data.labels", "labels.csv"]
    assert main(["train", game, "--run", str(tmp_path / "run"), "--quiet", *tiny(*data)]) == 2
    assert message in capsys.readouterr().err


def test_a_check_of_data_counts_the_labels_of_a_table(tmp_path, capsys):
    fill(tmp_path, 24, height=8)
    (tmp_path / "labels.csv").write_text("file,animal\n000.png,cat\n001.png,dog\n002.png,cat\n")
    assert main(["data", "check", str(tmp_path), "--data.labels", "labels.csv"]) == 0
    assert "labels: unknown (21), cat (2), dog (1)" in capsys.readouterr().out
    (tmp_path / "labels.csv").write_text("file,young,smiling\n000.png,1,1\n001.png,0,1\n")
    assert main(["data", "check", str(tmp_path), "--data.labels", "labels.csv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["labels"] == {"unknown": 22, "smiling": 2, "young": 1}
