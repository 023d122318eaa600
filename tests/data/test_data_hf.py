"""Datasets of Hugging Face's in a local folder. Without their package, a sentence says what to install."""

from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

from saddle.base.errors import UsageError
from saddle.data import DataOptions, open_source, spec_of
from saddle.data.given import named

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), np.uint8)


@pytest.mark.skipif(find_spec("datasets") is not None, reason="the package is installed")
def test_without_the_package_a_sentence_says_what_to_install(tmp_path):
    with pytest.raises(
        UsageError, match=r"package datasets, which is not installed; .*pip install datasets 'dill<0\.4'$"
    ):
        open_source(DataOptions("hf:somebody/cats"))
    with pytest.raises(UsageError, match=f"images in folders are read without it: folder:{tmp_path}"):
        spec_of(DataOptions(f"hf:{tmp_path}"))


def made():
    datasets = pytest.importorskip("datasets")
    columns = {"img": [Image.fromarray(image) for image in IMAGES], "kind": [i % 2 for i in range(20)]}
    features = datasets.Features({"img": datasets.Image(), "kind": datasets.ClassLabel(names=["cat", "dog"])})
    return datasets.Dataset.from_dict(columns, features=features)


@pytest.mark.parametrize("split", [False, True])
def test_a_saved_dataset_is_read_with_its_classes(tmp_path, split):
    datasets = pytest.importorskip("datasets")
    dataset = made()
    (datasets.DatasetDict({"train": dataset, "test": dataset}) if split else dataset).save_to_disk(str(tmp_path / "x"))
    source = open_source(DataOptions(f"hf:{tmp_path / 'x'}"))
    assert source.spec.shape == (3, 8, 8)
    assert source.spec.classes == ("cat", "dog")
    assert len(source.train) + len(source.heldout) == 20


def test_a_folder_of_images_as_the_hub_has_it_is_read(tmp_path):
    made()
    for i, image in enumerate(IMAGES):
        (tmp_path / "train" / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "train" / "ab"[i % 2] / f"{i}.png")
    assert open_source(DataOptions(f"hf:{tmp_path}")).spec.classes == ("a", "b")


def test_a_dataset_object_is_data_too():
    source = open_source(DataOptions(named(made().rename_columns({"img": "image", "kind": "label"}))))
    assert source.spec.classes == ("cat", "dog")
