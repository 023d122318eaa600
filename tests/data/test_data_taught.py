"""Classes of a domain that are drawn in training, where they are asked for; without that nothing of them is seen."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from saddle.base.errors import UsageError
from saddle.data import DataOptions, open_source, spec_of
from saddle.data.stream import Stream

NAMES = tuple("0123456789")


def batch(options: DataOptions, n: int = 6) -> dict[str, torch.Tensor]:
    source = open_source(options)
    return next(Stream(source.train, source.spec, n, seed=1).batches())[0]


@pytest.mark.parametrize("name", ["digits-blended", "digits-inverted"])
def test_digits_deal_the_same_images_with_their_classes_or_without(name):
    plain, taught = (DataOptions(source=name, labels=labels) for labels in (False, True))
    assert spec_of(taught).keys == ("a", "label_a", "b", "label_b")
    assert spec_of(taught) == open_source(taught).spec
    assert spec_of(taught).fields["label_a"].names == NAMES
    assert spec_of(taught).condition is None  # what is known of one domain is not known of every sample
    without, with_ = batch(plain), batch(taught)
    assert [*without] == ["a", "b"]
    assert all(torch.equal(without[key], with_[key]) for key in "ab")
    assert open_source(plain).fingerprint != open_source(taught).fingerprint


def test_the_classes_are_those_of_the_images():
    source = open_source(DataOptions(source="digits-inverted", labels=True, size=8))
    whole, images = open_source(DataOptions(source="digits", size=8)).train.take(slice(1300)), source.train
    assert torch.equal(images.take(slice(650))["a"], whole["image"][::2])
    assert torch.equal(images.take(slice(650))["label_a"], whole["label"][::2])
    assert torch.equal(images.take(slice(650))["label_b"], whole["label"][1::2])


def test_turned_round_they_stay_with_their_images():
    there, back = (
        open_source(DataOptions(source="digits-blended", labels=True, size=8, direction=way)).train.take([0, 1, 2])
        for way in ("a-to-b", "b-to-a")
    )
    for one, other in (("a", "b"), ("b", "a")):
        assert torch.equal(there[one], back[other])
        assert torch.equal(there[f"label_{one}"], back[f"label_{other}"])


def test_digits_read_no_file_of_labels():
    with pytest.raises(UsageError, match=r"--data\.labels true .* data\.labels is 'folders'"):
        spec_of(DataOptions(source="digits-blended", labels="folders"))


def pictures(folder: Path, *classes: str, n: int = 4, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for i in range(n):
            Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8)).save(folder / name / f"{i}.png")


def test_the_sub_folders_of_the_first_domain_are_its_classes(tmp_path):
    pictures(tmp_path / "trainA", "cat", "dog", seed=1)
    pictures(tmp_path / "trainB", "x", seed=2)
    pictures(tmp_path / "testA", "cat", "dog", seed=3)
    pictures(tmp_path / "testB", "x", seed=4)
    plain, taught = (DataOptions(source=f"domains:{tmp_path}", labels=labels) for labels in (False, "folders"))
    source = open_source(taught)
    assert source.spec == spec_of(taught)
    assert source.spec.domains == (("a", "label_a"), ("b",))
    assert source.spec.fields["label_a"].names == ("cat", "dog")
    assert source.train.columns["label_a"][:].tolist() == [0] * 4 + [1] * 4
    assert source.heldout.columns["label_a"][:].tolist() == [0] * 4 + [1] * 4
    assert open_source(plain).spec.keys == ("a", "b")
    assert [*batch(plain, 2)] == ["a", "b"]
    assert [*batch(taught, 2)] == ["a", "label_a", "b"]


def test_two_folders_and_named_ones_have_classes_likewise(tmp_path):
    for name in ("photos", "drawings"):
        pictures(tmp_path / name, "cat", "dog", seed=len(name))
    two = f"domains:{tmp_path / 'photos'},{tmp_path / 'drawings'}"
    for source, first in ((two, "photos"), (f"domains:{tmp_path}", "drawings")):
        spec = spec_of(DataOptions(source=source, labels="folders"))
        assert (spec.fields["a"].title, spec.fields["label_a"].names) == (first, ("cat", "dog"))


def test_images_without_a_sub_folder_and_files_of_labels_are_refused(tmp_path):
    for name in ("a", "b"):
        pictures(tmp_path / name, ".", seed=ord(name))
    source = f"domains:{tmp_path / 'a'},{tmp_path / 'b'}"
    with pytest.raises(UsageError, match="4 images lie in none"):
        spec_of(DataOptions(source=source, labels="folders"))
    with pytest.raises(UsageError, match=r"and from no file; data\.labels is x\.csv"):
        spec_of(DataOptions(source=source, labels="x.csv"))
