"""Data that a Python program gives as they are: arrays, tensors, datasets, folders, sources."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset, TensorDataset

import saddle
from saddle.base.errors import UsageError
from saddle.cli import main
from saddle.data import DataOptions, Source, Split, open_source
from saddle.data.given import named
from saddle.spec import DataSpec

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8), np.uint8)
LABELS = np.arange(40) % 3
SETTINGS = {"game.network": "MLP", "game.network.width": 8, "plan.batch": 4, "plan.pictures": 1, "plan.scores": 0}
SETTINGS |= {"plan.precision": "fp32", "plan.samples": 16, "plan.save_every": 1, "data.labels": False}


class Listed(Dataset):
    """A map-style dataset of whatever it is given."""

    def __init__(self, items, classes=None):
        self.items, self.classes = items, classes

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i: int):
        return self.items[i]


def opened(data, **options) -> Source:
    return open_source(DataOptions(named(data), **options))


def pixels(source: Source) -> np.ndarray:
    """All images, trained on and held out, as whole numbers, in an order of their own."""
    both = [np.asarray(part.columns["image"][:]) for part in (source.train, source.heldout)]
    return np.sort(np.concatenate(both).reshape(40, -1), 0)


def in_rows(images: np.ndarray) -> np.ndarray:
    return np.sort(images.reshape(40, -1), 0)


@pytest.mark.parametrize(
    "data",
    [
        IMAGES,
        torch.from_numpy(IMAGES),
        torch.from_numpy(IMAGES)[:, None],
        IMAGES[..., None],
        (IMAGES / 127.5 - 1).astype(np.float32),
        torch.from_numpy(IMAGES).float() / 255,
        {"image": IMAGES},
        TensorDataset(torch.from_numpy(IMAGES)[:, None]),
        Listed([Image.fromarray(image) for image in IMAGES]),
        Listed([{"img": image} for image in IMAGES]),
        [torch.from_numpy(image)[None].float() / 255 for image in IMAGES],
    ],
    ids=(
        *("array", "tensor", "tensor NCHW", "NHWC", "floats from -1", "floats from 0", "by name", "TensorDataset"),
        *("pictures", "dictionaries", "a list"),
    ),
)
def test_every_form_holds_the_same_images(data):
    source = opened(data)
    assert source.spec.shape == (1, 8, 8)
    np.testing.assert_array_equal(pixels(source), in_rows(IMAGES))


@pytest.mark.parametrize(
    "data",
    [
        (IMAGES, LABELS),
        {"image": IMAGES, "label": torch.from_numpy(LABELS)},
        TensorDataset(torch.from_numpy(IMAGES), torch.from_numpy(LABELS)),
        Listed([*zip(IMAGES, LABELS.tolist(), strict=True)]),
        Listed([{"image": image, "label": int(label)} for image, label in zip(IMAGES, LABELS, strict=True)]),
    ],
)
def test_labels_come_along(data):
    source = opened(data)
    assert source.spec.classes == ("0", "1", "2")
    batch = source.train.take(slice(0, 36))
    for image, label in zip(batch["image"], batch["label"], strict=True):
        near = np.abs(IMAGES / 127.5 - 1 - image[0].numpy()).reshape(40, -1).max(1).argmin()
        assert LABELS[near] == label


def test_a_dataset_says_what_its_classes_are_called():
    data = Listed([*zip(IMAGES, LABELS.tolist(), strict=True)], ["ant", "bee", "cat"])
    assert opened(data).spec.classes == ("ant", "bee", "cat")
    with pytest.raises(UsageError, match="has the label 2, and names of 2 classes"):
        opened(Listed(data.items, ["ant", "bee"]))


def test_points_and_signals_are_given_as_arrays_too():
    assert opened(np.random.default_rng(0).normal(size=(40, 2))).spec.main.kind == "points"
    assert opened(torch.randn(40, 2, 16)).spec.main.kind == "signal"
    assert opened(IMAGES.astype(np.float32) / 255, kind="image", size=4).spec.shape == (1, 4, 4)


def test_a_folder_and_the_name_of_a_source_are_given_by_their_names(tmp_path, monkeypatch):
    for i, image in enumerate(IMAGES):
        (tmp_path / "pictures").mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / "pictures" / f"{i}.png")
    np.save(tmp_path / "x.npy", IMAGES)
    monkeypatch.chdir(tmp_path)
    assert named("pictures") == named(Path("pictures")) == "folder:pictures"
    assert named(Path("x.npy")) == "array:x.npy"
    assert named("digits") == "digits"
    assert named("array:x.npy") == "array:x.npy"
    assert named(None) is None
    (tmp_path / "digits").mkdir()
    assert named("digits") == "digits"  # a name of a source wins
    np.testing.assert_array_equal(pixels(opened("pictures")), in_rows(IMAGES))


def test_a_source_of_ones_own_is_taken_as_it_is():
    images = IMAGES[:, None]
    source = Source(
        "mine", DataSpec.of((1, 8, 8)), Split({"image": images[8:]}), Split({"image": images[:8]}), "f" * 64
    )
    assert opened(source) is source
    with pytest.raises(UsageError, match=r"has no use for data\.size"):
        opened(source, size=4)


class Endless(IterableDataset):
    def __iter__(self):
        yield from IMAGES


class Random(Listed):
    def __getitem__(self, i: int):
        return np.random.default_rng().integers(0, 256, (8, 8), np.uint8)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (Endless(), "an IterableDataset has no length"),
        (3, "data= takes the name of a source"),
        (Random(range(40)), "gives another item 0 each time it is asked.*leave its random transforms out"),
        (Listed([IMAGES[0], IMAGES[1, :4]]), r"item 1 is uint8 \[4, 8\], and item 0 is uint8 \[8, 8\]"),
        (Listed([IMAGES[0], IMAGES[1] / 255]), r"item 1 is float64"),
        (Listed([(IMAGES[0], 1), (IMAGES[1],)]), "only one of item 0 and item 1 has a label"),
        (Listed([(IMAGES[0], 0.5)] * 2), r"has the label 0\.5; labels are whole numbers"),
        (Listed([(IMAGES[0], 1, 2)] * 2), "has 3 parts"),
        (Listed([{"pic": IMAGES[0]}] * 2), "holds pic; the sample's key must be one of image, "),
        (Listed([]), "the Listed is empty"),
        (Listed(["a", "b"]), "samples are numbers"),
        (IMAGES.astype(object), "samples are numbers"),
        ((IMAGES, LABELS[:5]), "the array has labels of type int64 and shape"),
        ((IMAGES, LABELS - 1), "the array has labels"),
        (IMAGES / 3, "the array holds floats from 0 to 85"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_in_words(data, said):
    with pytest.raises(UsageError, match=said):
        opened(data)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("given") / "run"
    saddle.train("gan", IMAGES, folder, rounds=2, settings=SETTINGS, device="cpu", quiet=True)
    return folder


def test_a_run_goes_on_with_the_same_data_in_any_form_and_refuses_other_ones(run):
    again = saddle.train(run=run, data=torch.from_numpy(IMAGES)[:, None], rounds=3, device="cpu", quiet=True)
    assert again.round == 3
    other = IMAGES.copy()
    other[7, 3, 3] ^= 1  # one pixel by one level
    with pytest.raises(UsageError, match="is not the data that this run began with"):
        saddle.train(run=run, data=other, rounds=4, device="cpu", quiet=True)


def test_it_is_used_without_its_data_and_scored_with_them(run):
    assert saddle.load(run, device="cpu").sample(2).shape == (2, 1, 8, 8)
    assert saddle.load(run, device="cpu", data=IMAGES).evaluate(["swd"], n=16)["swd"].value > 0
    with pytest.raises(UsageError, match="is not the data that this run began with"):
        saddle.load(run, device="cpu", data=IMAGES[:, ::-1].copy()).evaluate(["swd"], n=16)


@pytest.mark.parametrize("words", [["train", "--plan.rounds", "4", "--run"], ["evaluate"]])
def test_a_command_says_that_the_data_are_a_programs(run, words, capsys, monkeypatch):
    monkeypatch.setattr("saddle.data.given._given", {})
    assert main([*words, str(run)]) == 2
    said = capsys.readouterr().err
    assert "were given by a Python program, and no command can open them" in said
    assert "saddle.load(FOLDER, data=…)" in said
    assert "--data" not in said


def test_the_folder_of_a_run_is_named_after_its_data(tmp_path, monkeypatch):
    from saddle.runs.recipe import ask

    recipe, folder = ask("gan", {"data.source": named(IMAGES)})
    assert folder == Path("runs") / f"gan-{recipe.data.source.partition(':')[2]}"
