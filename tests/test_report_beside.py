"""Samples beside their nearest training images: the right ones, drawn apart, told in the report, never in the way."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from html_page import Page
from PIL import Image
from small import tiny_recipe
from told import new_run, written

from saddle.base import rng
from saddle.data import open_source
from saddle.data.source import Judged, Source, Split
from saddle.metrics.extractors import extractor
from saddle.runs import beside, registry, scoring
from saddle.runs.session import train
from saddle.spec import DataSpec

MOST = beside.MOST  # before conftest.py lowers it, for tests of other things


def images(n, seed=0, side=8):
    return np.random.default_rng(seed).integers(0, 256, (n, 1, side, side), dtype=np.uint8)


def source_of(train_images, heldout=None):
    spec = DataSpec.of(train_images.shape[1:])
    held = None if heldout is None else Split({"image": heldout})
    return Source("mine", spec, Split({"image": train_images}), held, "f", judged=Judged())


def search_in(train_images, flip=False):
    return beside.Search(source_of(train_images).train, "image", extractor("pixels"), flip)


@pytest.fixture(scope="module", autouse=True)
def _all_training_images_are_searched():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(beside, "MOST", MOST)
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A small run of a game of images, trained to its end and not scored, which takes longer."""
    folder = tmp_path_factory.mktemp("runs") / "dcgan"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "defaults", lambda *_: [])
        return train(tiny_recipe("dcgan", rounds=1), folder, quiet=True)


def test_each_sample_finds_the_training_image_that_it_copies():
    pool = images(300)
    places = np.array([7, 299, 0])
    copies = beside.taken(source_of(pool).train, "image", places) + 0.01
    found, far = search_in(pool).nearest(copies)
    assert torch.equal(found, beside.taken(source_of(pool).train, "image", places))
    assert far.tolist() == pytest.approx([0.08] * 3, abs=0.01)  # 64 pixels off by 0.01, but where they are white


def test_the_nearest_is_the_same_however_few_are_in_memory_at_a_time(monkeypatch):
    asked = torch.rand(5, 1, 8, 8) * 2 - 1
    found, far = search_in(images(50)).nearest(asked)
    monkeypatch.setattr(beside, "AT_A_TIME", 3 * 64)
    again, as_far = search_in(images(50)).nearest(asked)
    assert torch.equal(found, again)
    assert torch.equal(far, as_far)


def test_with_mirror_images_a_mirrored_copy_is_found_as_one():
    pool = images(40)
    copy = beside.taken(source_of(pool).train, "image", np.array([11])).flip(-1)
    assert search_in(pool).nearest(copy)[1] > 1
    found, far = search_in(pool, flip=True).nearest(copy)
    assert far == 0
    assert torch.equal(found, copy)


def test_of_many_training_images_some_are_looked_at_evenly(monkeypatch):
    monkeypatch.setattr(beside, "MOST", 5)
    assert search_in(images(101)).places.tolist() == [0, 25, 50, 75, 100]
    monkeypatch.setattr(beside, "NUMBERS", 3 * 64)
    assert search_in(images(101)).places.tolist() == [0, 50, 100]


def test_channels_that_are_digits_of_their_own_are_looked_at_one_by_one():
    pool = np.concatenate([images(6, side=32), images(6, 1, 32), images(6, 2, 32)], 1)
    search = beside.Search(source_of(pool).train, "image", extractor("digits"))
    mixed = torch.from_numpy(pool[:1, [1, 0, 2]]).float() / 127.5 - 1  # the same mean of the channels
    assert search.nearest(mixed)[1] > 0


def test_a_finished_run_has_the_picture_and_says_how_near_was_measured(finished):
    (event,) = finished.files.events("beside")
    assert event["file"] == "samples/nearest.png"
    assert (event["samples"], event["extractor"], event["looked"], event["of"]) == (8, "digits", 1300, 1300)
    assert event["near"].keys() == {"samples", "held_out"}
    with Image.open(finished.files.nearest) as picture:
        assert picture.height > 3 * 64
    text = Page(finished.files.report.read_text("utf-8")).text
    assert "Near in the features of the extractor 'digits', among all 1,300 training images." in text
    assert "Median distance to the nearest training image" in text


def test_the_picture_is_the_same_every_time_and_moves_no_random_number(finished, monkeypatch):
    monkeypatch.setattr(beside, "MOST", 50)
    rng.seed(3)
    torch.manual_seed(3)
    first = beside.compare(finished.game, finished.source, seed=1)
    after = rng.randn(4), torch.randn(4)
    rng.seed(3)
    torch.manual_seed(3)
    assert all(map(torch.equal, after, (rng.randn(4), torch.randn(4))))
    again = beside.compare(finished.game, finished.source, seed=1)
    assert torch.equal(first.samples, again.samples)
    assert first.facts == again.facts
    assert not torch.equal(first.samples, beside.compare(finished.game, finished.source, seed=2).samples)


def test_data_without_held_out_images_have_two_rows(finished, monkeypatch):
    monkeypatch.setattr(beside, "MOST", 50)
    found = beside.compare(finished.game, replace(finished.source, heldout=None))
    assert found.real is None
    assert found.facts["near"].keys() == {"samples"}
    assert found.picture().height < beside.compare(finished.game, finished.source).picture().height


@pytest.mark.parametrize(("game", "data"), [("gan", "ring"), ("singan", None)])
def test_points_and_a_single_image_have_no_such_picture(game, data):
    recipe = tiny_recipe(game, data)
    source = open_source(recipe.data)
    assert beside.compare(registry.load(game)(source.spec, recipe.options).eval(), source) is None


def test_a_translation_is_beside_images_of_the_domain_that_it_becomes():
    recipe = tiny_recipe("cyclegan")
    source = open_source(recipe.data)
    found = beside.compare(registry.load("cyclegan")(source.spec, recipe.options).eval(), source)
    assert found.facts["of"] == len(source.train.columns["a"]) < len(source.train.columns["b"]) * 2
    assert torch.equal(found.real, beside.held_out(source, "a"))


def test_what_fails_is_said_and_is_no_failure(finished, monkeypatch):
    def fails(*args, **kwargs):
        raise RuntimeError("no memory for it")

    said = []
    monkeypatch.setattr(beside, "compare", fails)
    beside.show(finished, finished.source, lambda *_, **__: None, said.append)
    assert said == ["there is no picture of the nearest training images: RuntimeError: no memory for it"]


def test_a_picture_outside_the_folder_is_not_shown(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "secret.png")
    with new_run(tmp_path / "run") as log:
        log.write("beside", round=1, file="../secret.png")
    shown = Page(written(tmp_path / "run"))
    assert "img" not in shown.names
    assert "The picture could not be read from the run's folder." in shown.text


def test_the_report_says_how_many_of_the_training_images_were_looked_at(tmp_path):
    with new_run(tmp_path) as log:
        (tmp_path / "samples").mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / "samples/nearest.png")
        facts = {"extractor": "pixels", "looked": 10_000, "of": 60_000, "mirrored": True, "near": {"samples": 2.0}}
        log.write("beside", round=1, file="samples/nearest.png", checkpoint=1, **facts)
    shown = Page(written(tmp_path))
    told = "Near in pixels, among 10,000 of the 60,000 training images, evenly chosen, or their mirror images."
    assert told in shown.text
    assert "Last row" not in shown.text
    assert len(shown.values("img", "alt")) == 1
