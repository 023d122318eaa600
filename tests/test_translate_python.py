"""run.translate: tensors, arrays, pictures, paths and lists of them give the like, in any thread."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from negating import Negating, image
from PIL import Image
from translated import pixels, some_photos, trained

import saddle
from saddle.base.errors import SaddleError, UsageError
from saddle.runs.run import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    for folder in trained(tmp_path_factory.mktemp("run") / "run"):
        yield saddle.load(folder, device="cpu")


@pytest.fixture(scope="module")
def holes(tmp_path_factory: pytest.TempPathFactory):
    for folder in trained(tmp_path_factory.mktemp("holes") / "run", "toy-holes"):
        yield saddle.load(folder, device="cpu")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return some_photos(tmp_path_factory.mktemp("photos") / "photos")


def test_tensors_give_what_the_game_gives(run):
    x = torch.rand(70, 1, 16, 16) * 2 - 1
    with torch.no_grad():
        expected = torch.cat([run.game.translate({"a": part}, "c") for part in x.split(64)])
    assert torch.equal(run.translate(x, to="c", start="a"), run.whole(expected))
    assert run.translate(torch.zeros(1, 1, 5, 9), to="c").shape == (1, 3, 5, 9)
    with pytest.raises(UsageError, match=r"images of 'a' are \[N, 1, H, W\], not \[2, 3, 8, 8\]"):
        run.translate(torch.zeros(2, 3, 8, 8))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_arrays_give_arrays(run, kind):
    array = pixels(9, 11, 4).astype(kind) * kind(257 if kind is np.uint16 else 1)
    for given, shape in [(array, (9, 11, 4)), (array[..., :3], (9, 11, 3)), (array[..., 0], (9, 11, 3))]:
        made = run.translate(given, to="c")
        assert made.dtype == kind
        assert made.shape == shape
    assert (run.translate(array, to="c")[..., 3] == array[..., 3]).all()
    assert run.translate(array[..., 0], to="b").shape == (9, 11)
    assert run.translate(np.stack([array] * 2), to="b").shape == (2, 9, 11, 2)
    with pytest.raises(UsageError, match="uint8 or uint16"):
        run.translate(array / 255)


def test_pictures_and_paths_give_pictures(run, photos):
    with Image.open(photos / "sub" / "clear.png") as picture:
        made = run.translate(picture, to="c")
        assert (made.mode, made.size) == ("RGBA", picture.size)
    assert run.translate(photos / "sub" / "deep.tif", to="b").mode == "I;16"
    several = run.translate([photos / "colour.jpg", pixels(8, 8, 3)], to="c")
    assert isinstance(several[0], Image.Image)
    assert several[1].shape == (8, 8, 3)
    with pytest.raises(SaddleError, match=r"nowhere.png: cannot be read"):
        run.translate("nowhere.png")
    with pytest.raises(UsageError, match="not int"):
        run.translate(3)


def test_known_pixels_around_a_hole_come_back_from_python_too(holes):
    array, hole = pixels(16, 16, 1)[..., 0], np.zeros((16, 16), bool)
    hole[3:7, 2:9] = True
    made = holes.translate(array, to="b", mask=hole)
    assert (made[~hole] == array[~hole]).all()
    x = torch.from_numpy(array)[None, None].float() / 127.5 - 1
    back = holes.translate(x, to="b", mask=torch.from_numpy(hole)[None, None])
    assert (back[0, 0].numpy() == made).all()
    with pytest.raises(UsageError, match="2 images and 1 masks"):
        holes.translate([array, array], mask=[hole])


def test_a_run_without_holes_refuses_a_mask(run):
    with pytest.raises(UsageError, match="has not learned to fill holes"):
        run.translate(pixels(8, 8, 3), mask=np.zeros((8, 8), bool))


class Noisy(Negating):
    def __init__(self):
        super().__init__(image(1, 16), image(1, 16), noise=0.5)


@pytest.fixture
def noisy(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(run, "game", Noisy())
    return run


def test_the_same_seed_gives_the_same_result_whatever_stands_beside_an_image(noisy):
    x = torch.zeros(3, 1, 16, 16)
    made = noisy.translate(x, seed=5)
    assert torch.equal(made, noisy.translate(x, seed=5))
    assert torch.equal(made[:1], noisy.translate(x[:1], seed=5))
    assert not torch.equal(made, noisy.translate(x, seed=6))
    assert not torch.equal(made[0], made[1])
    before = torch.random.get_rng_state()
    noisy.translate(x)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_threads_give_what_one_after_the_other_gives(noisy):
    images = [pixels(int(side), 13, 1)[..., 0] for side in np.random.default_rng(1).integers(8, 40, 24)]
    alone = [noisy.translate(x, seed=i) for i, x in enumerate(images)]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda pair: noisy.translate(pair[1], seed=pair[0]), enumerate(images)))
    assert all((a == b).all() for a, b in zip(alone, together, strict=True))


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"size": 0}, "size is at least 1, not 0"),
        ({"size": (0, 3)}, r"size\[0\] is at least 1, not 0"),
        ({"size": "big"}, "size wants a whole number of at least 1 or .* or one of own, run, not 'big'"),
        ({"size": 2.5}, "size wants a whole number of at least 1 or"),
        ({"size": 100_000}, "more than data.max_megapixels"),
        ({"precision": "half"}, "precision wants one of fp32, bf16, fp16, not 'half'"),
        ({"bits": 12}, "bits wants one of 8, 16 or none, not '12'"),
        ({"mean": 0}, "mean is at least 1, not 0"),
        ({"tile": 5}, "a tile has a side of 32 pixels or more, not 5"),
        ({"tyle": 64}, "no setting 'tyle' .did you mean tile"),
    ],
)
def test_settings_that_cannot_be_are_refused(run, how, told):
    with pytest.raises(UsageError, match=told):
        run.translate(pixels(9, 11, 1), to="c", **how)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (np.zeros((0, 5, 3), np.uint8), "no pixels"),
        (torch.zeros(1, 1, 0, 4), "no pixels"),
        (torch.zeros(0, 1, 4, 4), "no pixels"),
        (torch.zeros(1, 1, 4, 4, dtype=torch.uint8), "floats in .-1, 1., not torch.uint8"),
        (torch.full((1, 1, 8, 8), float("nan")), "not finite"),
        (Image.new("F", (4, 4)), "no range that the run knows"),
        (Image.new("LAB", (4, 4)), "Lab colours, which are not converted"),
    ],
)
def test_images_that_cannot_be_translated_are_refused(run, given, told):
    with pytest.raises(SaddleError, match=told):
        run.translate(given, to="c", start="a")


def test_settings_of_images_are_not_ignored_for_tensors(run):
    with pytest.raises(UsageError, match="without size"):
        run.translate(torch.zeros(1, 1, 16, 16), size=32, mean=1)


@pytest.mark.parametrize("mask", [np.zeros((16, 16)), [], "nowhere.png", torch.zeros(3, 3), np.zeros((0, 3), np.uint8)])
def test_masks_that_cannot_be_are_refused(holes, mask):
    with pytest.raises(SaddleError, match=r"mask|nowhere"):
        holes.translate(pixels(16, 16, 1), to="b", mask=mask)
    if isinstance(mask, torch.Tensor):
        with pytest.raises(UsageError, match="mask of images"):
            holes.translate(torch.zeros(1, 1, 16, 16), to="b", mask=mask)


def test_a_mask_is_white_where_it_is_seen_and_no_larger_than_the_run_allows(holes, tmp_path, monkeypatch):
    array, mask = pixels(16, 16, 1)[..., 0], np.full((16, 16, 4), 255, np.uint8)
    mask[2:, :, 3] = 0
    made = holes.translate(array, to="b", mask=mask)
    assert (made[2:] == array[2:]).all()
    assert (made[:2] != array[:2]).any()
    Image.fromarray(mask).save(tmp_path / "m.png")
    monkeypatch.setitem(vars(holes.recipe.data), "max_megapixels", 1e-6)
    with pytest.raises(SaddleError, match=r"m.png: .* more than data.max_megapixels"):
        holes.translate(array, to="b", mask=tmp_path / "m.png")
