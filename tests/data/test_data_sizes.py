"""Sizes, pieces, channels and the direction of data of several keys, and sizes to load first of any folder."""

import numpy as np
import pytest
import torch
from image_folders import fill as fill_folder
from image_folders import noise
from pair_folders import N, fill, opened, put, side, stored
from PIL import Image

from saddle.base.errors import UsageError
from saddle.data import DataOptions, open_source, spec_of
from saddle.data.augmentation import Augmentation
from saddle.data.picture import nearest
from saddle.data.stream import Stream
from saddle.runs.recipe import Recipe


def spotted(root, numbers=range(N), height=20, width=28):
    """A gradient by which each pixel is known, and b twice as large as a."""
    for i in numbers:
        ys, xs = np.mgrid[:height, :width]
        low = (ys * 8 % 256).astype(np.uint8), (xs * 8 % 256).astype(np.uint8), np.full((height, width), i, np.uint8)
        picture = np.stack(low, 2)
        put(root / "A" / f"{i}.png", picture)
        put(root / "B" / f"{i}.png", picture.repeat(2, 0).repeat(2, 1))


def drawn(source, n=24, **settings):
    return next(Stream(source.train, source.spec, n, 3, **settings).batches())[0]


@pytest.mark.parametrize("settings", [{"crop": (16, 20)}, {"load": (40, 56), "size": (16, 20)}])
def test_pieces_of_a_pair_are_cut_at_the_same_place_whatever_the_ratio(settings, folder):
    spotted(folder)
    source = opened(f"pairs:{folder}", **settings)
    assert {key: field.shape for key, field in source.spec.fields.items()} == {
        "damaged": (3, 8, 10),
        "image": (3, 16, 20),
    }
    assert spec_of(DataOptions(source=f"pairs:{folder}", **settings)) == source.spec
    batch = drawn(source)
    assert torch.equal(batch["damaged"].repeat_interleave(2, 2).repeat_interleave(2, 3), batch["image"])
    corners = {tuple(x[:2, 0, 0].tolist()) for x in batch["damaged"]}
    assert len(corners) > 10


def test_pieces_are_cut_from_images_brought_to_a_size_and_held_out_is_the_centre(folder):
    fill_folder(folder, 24, 30, 20)
    source = open_source(DataOptions(source=f"folder:{folder}", load=(12, 10), size=8, heldout=0.25, fit="squash"))
    whole = open_source(DataOptions(source=f"folder:{folder}", size=(12, 10), heldout=0.25, fit="squash"))
    assert source.spec.shape == (3, 8, 8)
    assert source.train.columns["image"][[0]].shape == (1, 3, 8, 8)
    centre = {image[:, 2:10, 1:9].tobytes() for image in whole.heldout.columns["image"][np.arange(6)]}
    centre |= {image[:, 2:10, 1:9].tobytes() for image in whole.train.columns["image"][np.arange(18)]}
    assert {image.tobytes() for image in source.heldout.columns["image"][np.arange(6)]} < centre
    known = whole.train.columns["image"][np.arange(18)]
    windows = np.lib.stride_tricks.sliding_window_view(known, (8, 8), axis=(2, 3))
    column = source.train.columns["image"]
    bits = np.random.default_rng(0).integers(0, 2**64, 18, dtype=np.uint64)
    pieces = column.drawn(np.arange(18), bits)
    places = set()
    for piece in pieces:
        found = np.argwhere((windows == piece[None, :, None, None]).all((1, 4, 5)))
        assert len(found)
        places.add(tuple(found[0][1:]))
    assert len(places) > 5
    assert source.fingerprint != whole.fingerprint


def test_a_width_alone_keeps_the_proportions_in_steps_of_four(folder):
    for i in range(N):
        put(folder / f"{i}.png", noise(30, 60, 3) ^ np.uint8(i))
    shape = open_source(DataOptions(source=f"folder:{folder}", size=32, fit="scale-width")).spec.shape
    assert shape == (3, 16, 32)
    put(folder / "5.png", noise(60, 60, 3))
    with pytest.raises(UsageError, match=r"come out 32 wide, and 16 high \(5\), 32 high \(1\); 5.png is not as high"):
        open_source(DataOptions(source=f"folder:{folder}", size=32, fit="scale-width"))
    options = DataOptions(source=f"folder:{folder}", load=32, size=(16, 16), fit="scale-width")
    source = open_source(options)
    assert source.spec.shape == spec_of(options).shape == (3, 16, 16)
    assert drawn(source, 6)["image"].shape == (6, 3, 16, 16)
    with pytest.raises(
        UsageError, match=r"5 of 6 images are smaller than data.size:\n  0.png: 60×30, brought to 32×16, is"
    ):
        open_source(DataOptions(source=f"folder:{folder}", load=32, size=20, fit="scale-width"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"load": 64}, "data.load 64 needs the size of the pieces too"),
        ({"load": 32, "size": 64}, "pieces of data.size 64 cannot be cut from images of data.load 32"),
        ({"load": (64, 32), "size": 48}, "cannot be cut"),
        ({"load": 64, "crop": 32}, "data.crop keeps their sizes; give data.size in place of data.crop"),
        ({"load": 0, "size": 1}, "load is from 1 to 65,536 or none, not 0"),
        ({"fit": "scale-width"}, "takes a width alone, such as data.size 256; data.size is not there"),
        ({"fit": "scale-width", "size": (32, 64)}, "data.size 32,64 has a height too"),
        ({"channels": "a3"}, "data.channels is 'a3'; it is a number such as 3, or one for each key: a=1,b=3"),
        ({"channels": "a=0"}, "data.channels of a is from 1 to 65,536, not 0"),
        ({"channels": "image=3,b=1"}, "data.channels image=3,b=1 names 'b', and these data have image"),
        ({"direction": "b-to-a"}, r"data.direction b-to-a swaps a and b, and folder:\S+ has image; leave it out"),
    ],
)
def test_sizes_channels_and_directions_that_cannot_be_are_refused(settings, said, folder):
    fill_folder(folder, 4)
    with pytest.raises(UsageError, match=said):
        open_source(DataOptions(source=f"folder:{folder}", **settings))


def test_settings_are_written_as_people_write_them():
    recipe = Recipe.default("cyclegan").change(
        {"data.channels": "a=1,b=3", "data.load": "286", "data.size": "256x200", "data.fit": "squash"}
    )
    assert (recipe.data.channels, recipe.data.load, recipe.data.size) == ("a=1,b=3", 286, (256, 200))
    assert Recipe.from_yaml(recipe.to_yaml()) == recipe
    assert recipe.change({"data.channels": "3"}).data.channels == 3
    assert [recipe.data.channels_of(key, ("a", "b", "c")) for key in "abc"] == [1, 3, None]


def test_the_other_direction_swaps_a_and_b_everywhere_and_is_other_data(folder):
    fill(folder, {"a": "A", "b": "B"}, range(24))
    name = f"pairs:{folder}"
    source, turned = opened(name), opened(name, direction="b-to-a")
    assert turned.spec.keys == ("a", "b")
    assert spec_of(DataOptions(source=name, direction="b-to-a")) == turned.spec
    assert turned.spec.fields["a"] == source.spec.fields["b"]
    for held in (False, True):
        assert np.array_equal(stored(turned, "a", held), stored(source, "b", held))
    assert turned.fingerprint != source.fingerprint
    assert turned.notes["direction"] == "b-to-a: a and b are swapped"


def test_the_other_direction_of_an_embedded_source_takes_its_labels_along():
    source = open_source(DataOptions(source="digits-inverted"))
    turned = open_source(DataOptions(source="digits-inverted", direction="b-to-a"))
    assert turned.spec.domains == (("a",), ("b",))
    assert turned.train.domains == (("a", "label_a"), ("b", "label_b"))
    for here, there in (("a", "b"), ("b", "a"), ("label_a", "label_b")):
        assert np.array_equal(turned.heldout.columns[here][:], source.heldout.columns[there][:])
    assert len(turned.train.columns["a"]) == len(source.train.columns["b"])


def test_labels_of_a_alone_go_to_b(folder):
    fill(folder, {"a": "made", "b": "real"}, range(4))
    (folder / "l.csv").write_text("file,label\n" + "\n".join(f"{i:03}.png,x{i}" for i in range(4)))
    name = f"simulated:{folder}/made,{folder}/real"
    turned = opened(name, labels=f"{folder}/l.csv", direction="b-to-a")
    assert turned.train.domains == (("a",), ("b", "label_b"))
    assert turned.spec.fields["a"].title == "real"


def test_masks_are_not_mixed_when_they_are_resized_turned_and_cut(folder):
    for i in range(N):
        put(folder / "a" / f"{i}.png", side("a", i, 40, 30))
        put(folder / "m" / f"{i}.png", (side("b", i, 40, 30) > 128).astype(np.uint8) * 255)
    lines = [f"a/{i}.png,a/{i}.png,m/{i}.png" for i in range(N)]
    (folder / "t.csv").write_text("\n".join(["a,b,mask", *lines]))
    for fit in ("crop", "squash", "pad"):
        source = opened(f"pairs:{folder / 't.csv'}", load=20, size=16, fit=fit)
        batch = drawn(source, 6, moves=Augmentation(rotate=30, scale=0.3, shift=0.2), flip=True)
        assert batch["mask"].unique().tolist() == [0, 1]
        assert torch.equal(batch["a"], batch["b"])


@pytest.mark.parametrize("fit", ["crop", "squash", "pad"])
def test_the_nearest_value_is_taken_where_a_picture_would_be_mixed(fit):
    picture = np.arange(4 * 6, dtype=np.uint8).reshape(4, 6, 1)
    large = nearest(picture, 16, 16, fit, beyond=99)
    assert large.shape == (16, 16, 1)
    assert {*large.ravel().tolist()} <= {*range(24), 99}
    expected = {"crop": picture[:, 1:5], "squash": picture, "pad": None}[fit]
    if expected is not None:
        square = np.asarray(Image.fromarray(expected[..., 0]).resize((16, 16), Image.Resampling.NEAREST))
        assert np.array_equal(large[..., 0], square)
    else:
        assert (large[:2] == 99).all()
        assert (large[-2:] == 99).all()
        assert large[3, 0, 0] == 0
