"""Small and damaged images that are made of whole ones: the arithmetic, and what a training sees of them."""

import numpy as np
import pytest
import torch
from image_folders import noise, opened
from PIL import Image

from saddle.base import dist
from saddle.base.errors import UsageError
from saddle.data import DataOptions, check_batch, open_source, spec_of
from saddle.data.degradations import degraded
from saddle.data.sampler import apart, places
from saddle.data.stream import Stream
from saddle.layers.imresize import SIGMA, bands, imresized

NONE = np.zeros(1, np.uint64)


def keys(x: float) -> float:
    """Keys' cubic with a = -1/2, written out."""
    x = abs(x)
    if x <= 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def dense(have: int, want: int, kernel) -> np.ndarray:
    """[want, have]: of every new value what each old one weighs, the mirrored ones with those that they mirror."""
    matrix, wide = np.zeros((want, have)), max(1, have / want)
    for row in range(want):
        centre = (row + 0.5) * have / want - 0.5
        for at in range(-have, 2 * have):
            place = -1 - at if at < 0 else 2 * have - 1 - at if at >= have else at
            matrix[row, place] += kernel((at - centre) / wide)
    return matrix / matrix.sum(1, keepdims=True)


KERNELS = {
    "bicubic": keys,
    "box": lambda x: float(abs(x) < 0.5),
    "gaussian": lambda x: np.exp(-(x**2) / (2 * SIGMA**2)) if abs(x) <= 1 + 1e-9 else 0.0,
}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("have", "want"), [(12, 4), (16, 4), (8, 4), (15, 3), (24, 3), (8, 8), (160, 80)])
def test_a_resized_image_is_a_product_with_the_matrices_of_rows_and_of_columns(kernel, have, want):
    x = torch.rand(2, 3, have, 12, dtype=torch.float64)
    rows, columns = (torch.from_numpy(dense(*sides, KERNELS[kernel])) for sides in ((have, want), (12, 6)))
    expected = rows @ x @ columns.T
    assert torch.allclose(imresized(x, (want, 6), kernel), expected, atol=1e-12)


def test_enlarging_is_the_same_cubic_at_its_own_width():
    x = torch.rand(1, 1, 5, 6, dtype=torch.float64)
    rows, columns = (torch.from_numpy(dense(have, 4 * have, keys)) for have in (5, 6))
    assert torch.allclose(imresized(x, (20, 24)), rows @ x @ columns.T, atol=1e-12)


def test_inside_bicubic_shrinks_as_pillow_does_up_to_its_rounding_in_between():
    image = noise(64, 64, 3)
    ours = degraded(image.transpose(2, 0, 1)[None], "bicubic", 4, NONE)[0].transpose(1, 2, 0)
    theirs = np.asarray(Image.fromarray(image).resize((16, 16), Image.Resampling.BICUBIC))
    assert abs(ours.astype(int) - theirs)[2:-2, 2:-2].max() <= 1


def test_box_is_the_mean_of_each_square_and_halves_go_up():
    image = np.array([[[[1, 2, 10, 10], [2, 1, 10, 11]]]], np.uint8)
    assert degraded(image, "box", 2, NONE).tolist() == [[[[2, 10]]]]


def test_blur_down_by_three_is_the_gaussian_of_seven_pixels_at_every_third():
    spike = np.zeros((1, 1, 21, 21), np.uint8)
    spike[0, 0, 10, 10] = 255
    weights = np.exp(-(np.arange(-3, 4) ** 2) / (2 * 1.6**2))
    weights /= weights.sum()
    small = degraded(spike, "blur-down", 3, NONE)[0, 0]
    assert small[3, 3] == round(255 * weights[3] ** 2)
    assert small[3, 4] == round(255 * weights[3] * weights[0])
    assert np.count_nonzero(small) == 5


@pytest.mark.parametrize("name", ["bicubic", "box", "blur-down", "real"])
def test_images_of_sixteen_bits_are_damaged_in_sixteen(name):
    ramp = (np.arange(32 * 32).reshape(1, 1, 32, 32) * 60).astype(np.uint16)
    small = degraded(ramp, name, 4, NONE)
    assert small.dtype == np.uint16
    assert small.shape == (1, 1, 8, 8)
    assert len(np.unique(small % 257)) > 8, "values between those of 8 bits"


@pytest.mark.parametrize("name", ["bicubic", "real"])
def test_a_sample_is_damaged_alike_whatever_comes_with_it(name):
    images, bits = np.random.default_rng(0).integers(0, 256, (4, 3, 24, 24), np.uint8), np.arange(4, dtype=np.uint64)
    every = degraded(images, name, 2, bits)
    for i in (0, 3):
        assert np.array_equal(every[i : i + 1], degraded(images[i : i + 1], name, 2, bits[i : i + 1]))


def photos(tmp_path, count: int = 7):
    for i in range(count):
        Image.fromarray(noise(30 + i, 40 - i, 3) ^ np.uint8(5 * i)).save(tmp_path / f"{i}.png")
    return opened(tmp_path, crop=16, degrade="real", times=4, heldout=0)


def test_the_small_side_is_made_of_the_piece_that_is_dealt(tmp_path):
    photos(tmp_path, 24)
    source = opened(tmp_path, crop=16, degrade="bicubic", heldout=0.5)
    assert source.spec.keys == ("image", "damaged")
    assert source.spec.fields["damaged"].shape == (3, 4, 4)
    for batch in (next(Stream(source.train, source.spec, 4, 0, flip=True).batches())[0], source.heldout.take([0, 1])):
        small = imresized(batch["image"].double(), (4, 4)).clamp(-1, 1)
        assert (small - batch["damaged"]).abs().max() <= 1 / 255 + 1e-6


def drawn(source, batch: int, start: int = 0, **settings) -> list:
    batches = Stream(source.train, source.spec, batch, 5, **settings).batches(start)
    return [part for _ in range(3) for part in next(batches)]


def test_a_draw_is_a_function_of_seed_and_sample_whatever_the_batches_parts_and_processes(tmp_path, monkeypatch):
    source = photos(tmp_path, 8)
    whole = drawn(source, 4)
    again, halves = drawn(source, 4, start=1), drawn(source, 4, micro_batches=2)
    for key in ("image", "damaged"):
        assert torch.equal(again[0][key], whole[1][key]), "a resumed run goes on alike"
        assert torch.equal(torch.cat([part[key] for part in halves]), torch.cat([part[key] for part in whole]))
    monkeypatch.setattr(dist, "world", lambda: 2)
    for rank in (0, 1):
        monkeypatch.setattr(dist, "rank", lambda rank=rank: rank)
        shares = drawn(source, 4)
        assert torch.equal(shares[0]["damaged"], whole[0]["damaged"][2 * rank : 2 * rank + 2])


def test_chance_damages_a_held_out_image_always_alike_and_one_to_train_on_each_time_anew(tmp_path):
    source = photos(tmp_path, 8)
    column = source.train.columns["damaged"]
    assert np.array_equal(column[:], column[:])
    assert np.array_equal(column[[3]][0], column[3])
    first, other = (column.drawn(np.zeros(1, np.int64), np.array([bits], np.uint64)) for bits in (1, 2))
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(("count", "batch"), [(7, 3), (8, 4), (9, 5), (12, 12), (23, 4)])
def test_no_batch_holds_two_pieces_of_one_image_and_all_come_as_often(count, batch):
    epochs, seen = 60, np.zeros(count)
    for start in range(0, epochs * (count // batch) * batch, batch):
        index = places(0, "image", count, apart(start, count, batch), batch)
        assert len(set(index.tolist())) == batch
        seen += np.bincount(index, minlength=count)
    assert seen.min() > 0.6 * seen.mean()
    assert seen.max() < 1.4 * seen.mean()


def test_a_stream_of_pieces_has_no_image_twice_in_a_batch_while_there_are_enough(tmp_path):
    for i in range(7):
        Image.fromarray(np.full((20, 24, 3), 30 * i, np.uint8)).save(tmp_path / f"{i}.png")
    source = opened(tmp_path, crop=8, degrade="box", heldout=0)
    batches = Stream(source.train, source.spec, 5, 1).batches()
    for _ in range(20):
        assert len(next(batches)[0]["damaged"][:, 0, 0, 0].unique()) == 5
    check_batch(source, 16)  # where there are not, pieces of one image come together
    sixteen = next(Stream(source.train, source.spec, 16, 1).batches())[0]["image"][:, 0, 0, 0]
    assert sorted(sixteen.unique(return_counts=True)[1].tolist()) == [2] * 5 + [3] * 2


@pytest.mark.parametrize("source", ["photos", "digits", "faces"])
@pytest.mark.parametrize("name", ["bicubic", "real"])
def test_any_source_of_images_can_be_damaged_and_keeps_its_labels(source, name):
    options = DataOptions(source=source, size=32, degrade=name, times=2)
    plain, made = open_source(DataOptions(source=source, size=32)), open_source(options)
    assert made.spec == spec_of(options)
    assert made.fingerprint != plain.fingerprint
    batch, whole = made.heldout.take([0, 1]), plain.heldout.take([0, 1])
    assert batch["damaged"].shape == (2, made.spec.shape[0], 16, 16)
    for key in plain.spec.keys:
        assert torch.equal(batch[key], whole[key])


def test_images_at_their_own_size_lose_what_is_no_multiple_and_it_is_told():
    options = DataOptions(source="digits", degrade="box", times=3)
    made, plain = open_source(options), open_source(DataOptions(source="digits"))
    assert made.spec == spec_of(options)
    batch = made.heldout.take([0])
    assert batch["damaged"].shape == (1, 1, 10, 10)
    assert torch.equal(batch["image"], plain.heldout.take([0])["image"][..., :30, :30])
    drawn = next(Stream(made.train, made.spec, 2, 0).batches())[0]
    assert torch.equal(drawn["image"], next(Stream(plain.train, plain.spec, 2, 0).batches())[0]["image"][..., :30, :30])
    assert made.notes["degrade"] == "damaged: box, 1/3 of the size; images of 32×32 are cut to 30×30"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"crop": 90, "degrade": "bicubic"},
            "data.crop is 90, no multiple of 4, by which small images are smaller; ask for --data.crop 88 or",
        ),
        ({"size": (30, 32), "degrade": "box"}, r"size is \(30, 32\), no .* --data.size 28,32 or --data.size 32,36"),
        ({"size": 2, "degrade": "box"}, "no multiple of 4, .*; ask for --data.size 4$"),
        ({"degrade": "box", "times": 1}, "data.times is at least 2 for data.degrade box, not 1"),
        ({"times": 2}, "data.times 2 is by how much data.degrade shrinks; choose data.degrade too"),
    ],
)
def test_settings_that_cannot_be_are_refused_at_once(settings, said):
    with pytest.raises(UsageError, match=said):
        DataOptions(source="photos", **settings)


@pytest.mark.parametrize(
    ("source", "settings", "said"),
    [
        ("edges", {}, "data.degrade makes damaged images of whole ones, key image, and edges has a, b; leave it out"),
        ("ring", {}, "key image, and ring has points of shape"),
        ("digits", {"times": 64}, "digits has images of 32×32 pixels, of which data.times 64 leaves none"),
        ("digits", {"direction": "b-to-a"}, "swaps a and b, and digits has image, damaged, label"),
    ],
)
def test_data_that_cannot_be_damaged_say_so(source, settings, said):
    for reads in (open_source, spec_of):
        with pytest.raises(UsageError, match=said):
            reads(DataOptions(source=source, degrade="bicubic", **settings))


def test_weights_are_made_once():
    assert bands(16, 4, "bicubic") is bands(16, 4, "bicubic")
