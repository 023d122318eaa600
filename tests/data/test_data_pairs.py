"""Images that belong together, in whatever layout they lie."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from pair_folders import N, beside, fill, opened, put, same, side, stored
from PIL import Image

from saddle.base.errors import UsageError
from saddle.data import DataOptions, spec_of
from saddle.data.check import check_data
from saddle.data.stream import Stream

HALVES = {"train": range(4), "test": range(4, N)}


def sides(root: Path) -> str:
    for i in range(N):
        put(root / f"{i}.png", beside(i))
    return f"pairs:{root}"


def sides_in_parts(root: Path) -> str:
    for folder, numbers in {"train": range(4), "val": range(4, 5), "test": range(5, N)}.items():
        for i in numbers:
            put(root / folder / f"{i}.png", beside(i))
    return f"pairs:{root}"


def letters(root: Path) -> str:
    fill(root, {"a": "A", "b": "B"})
    return f"pairs:{root}"


def letters_in_parts(root: Path) -> str:
    for part, numbers in HALVES.items():
        fill(root, {"a": f"{part}/A", "b": f"{part}/B"}, numbers)
    return f"pairs:{root}"


def parts_in_letters(root: Path) -> str:
    for part, numbers in HALVES.items():
        fill(root, {"a": f"A/{part}", "b": f"B/{part}"}, numbers)
    return f"pairs:{root}"


def cyclegans(root: Path) -> str:
    for part, numbers in HALVES.items():
        fill(root, {"a": f"{part}A", "b": f"{part}B"}, numbers)
    return f"pairs:{root}"


def pix2pix_hds(root: Path) -> str:
    for part, numbers in HALVES.items():
        fill(root, {"a": f"{part}_A", "b": f"{part}_B"}, numbers)
    return f"pairs:{root}"


def two_folders(root: Path) -> str:
    fill(root, {"a": "photos, mine", "b": "drawn"})
    return f"pairs:{root}/photos\\, mine,{root}/drawn"


def two_folders_in_parts(root: Path) -> str:
    for part, numbers in HALVES.items():
        fill(root, {"a": f"photos/{part}", "b": f"drawn/{part}"}, numbers)
    return f"pairs:{root}/photos,{root}/drawn"


def csv(root: Path) -> str:
    fill(root, {"a": "in", "b": "out"})
    lines = [f"in/{i:03}.png,out/{i:03}.png,{'train' if i < 4 else 'test'}" for i in range(N)]
    (root / "pairs.csv").write_text("\n".join(["a,b,split", *lines]))
    return f"pairs:{root / 'pairs.csv'}"


def jsonl(root: Path) -> str:
    fill(root, {"a": "in", "b": "out"})
    rows = [{"b": f"{root}/out/{i:03}.png", "a": f"in/{i:03}.png"} for i in range(N)]
    (root / "pairs.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return f"pairs:{root / 'pairs.jsonl'}"


WHOLE = (sides, letters, two_folders, jsonl)
PARTED = (sides_in_parts, letters_in_parts, parts_in_letters, cyclegans, pix2pix_hds, two_folders_in_parts, csv)


@pytest.mark.parametrize("layout", WHOLE + PARTED)
def test_every_layout_gives_the_same_pairs(layout, folder):
    source = opened(name := layout(folder))
    train = range(4 if layout in PARTED else N)
    assert same(stored(source, "a"), [side("a", i) for i in train])
    thrice = layout in (sides, sides_in_parts)  # one file has as many channels to the left as to the right
    assert same([x[..., 0] if thrice else x for x in stored(source, "b")], [side("b", i) for i in train])
    assert source.spec.fields["a"].shape == (3, 12, 16)
    assert source.spec.fields["b"].shape == (3 if thrice else 1, 12, 16)
    assert source.spec.domains == ()
    assert spec_of(DataOptions(source=name)) == source.spec
    if layout in PARTED:
        assert same(stored(source, "a", held=True), [side("a", i) for i in range(4, N)])
        assert f"{N} pairs: " in source.notes["layout"]
        assert source.notes["layout"].endswith("4 to train, 2 held out")
    else:
        assert source.heldout is None  # with so few pairs


def test_a_check_says_what_was_recognised(folder):
    said = "\n".join(check_data(sides_in_parts(folder), DataOptions()).lines())
    assert f"{N} pairs: a|b side by side, 4 to train, 2 held out" in said


def test_pairs_are_found_by_the_name_without_the_suffix_and_not_by_the_order(folder):
    for i, stem in enumerate(["x.1", "sub/y", "10", "9"]):
        put(folder / "A" / f"{stem}.png", side("a", i))
        put(folder / "B" / f"{stem}.bmp", side("b", i))
    put(folder / "A" / ".hidden.png", side("a", 9))
    (folder / "B" / "readme.txt").write_text("not an image")
    source = opened(f"pairs:{folder}")
    order = [2, 3, 1, 0]  # 10, 9, sub/y, x.1
    assert same(stored(source, "a"), [side("a", i) for i in order])
    assert same(stored(source, "b"), [side("b", i) for i in order])
    assert ".txt" in source.notes["ignored"]


def test_a_share_of_whole_pairs_is_held_out_by_their_contents(folder):
    fill(folder, {"a": "A", "b": "B"}, range(40))
    source = opened(f"pairs:{folder}", heldout=0.25)
    assert (len(source.train), len(source.heldout)) == (30, 10)
    whole = [(side("a", i).tobytes(), side("b", i).tobytes()) for i in range(40)]
    held = [*zip(stored(source, "a", True), stored(source, "b", True), strict=True)]
    assert {(a.tobytes(), b.tobytes()) for a, b in held} < {*whole}
    for i in range(40):  # another name, the same choice
        for key in "AB":
            (folder / key / f"{i:03}.png").rename(folder / key / f"{40 - i:03}-.png")
    again = {a.tobytes() for a in stored(opened(f"pairs:{folder}", heldout=0.25), "a", True)}
    assert again == {a.tobytes() for a, _ in held}


def test_equal_pairs_stay_on_one_side(folder):
    for i in range(30):
        put(folder / "A" / f"{i}.png", side("a", i // 10))
        put(folder / "B" / f"{i}.png", side("b", i // 10))
    source = opened(f"pairs:{folder}", heldout=0.4)
    assert not {a.tobytes() for a in stored(source, "a")} & {a.tobytes() for a in stored(source, "a", True)}


def test_a_share_is_not_used_where_folders_say_what_is_held_out_and_that_is_said(folder):
    name = cyclegans(folder)
    notes = opened(name, heldout=0.5).notes
    assert notes["heldout"] == "data.heldout 0.5 is not used: the folders say what is held out"
    assert "heldout" not in opened(name).notes


def test_held_out_images_that_are_trained_on_too_are_said(folder):
    name = cyclegans(folder)
    put(folder / "testA" / "004.png", side("a", 0))
    assert "1 held-out image can be found among those to train on too" in opened(name).notes["copies"]


def test_further_columns_are_further_keys_and_a_mask_is_one(folder):
    fill(folder, {"a": "in", "b": "out", "c": "depth"})
    for i in range(N):
        put(folder / "holes" / f"{i}.png", np.where(side("b", i) > 99, 200, 40).astype(np.uint8))
    lines = [f"in/{i:03}.png,out/{i:03}.png,holes/{i}.png,depth/{i:03}.png" for i in range(N)]
    (folder / "all.csv").write_text("\n".join(["a,b,mask,depth", *lines]))
    source = opened(f"pairs:{folder / 'all.csv'}")
    assert [field.kind for field in source.spec.fields.values()] == ["image", "image", "mask", "image"]
    assert source.spec.keys == ("a", "b", "mask", "depth")
    batch = source.train.take([2, 3])
    assert batch["mask"].shape == (2, 1, 12, 16)
    assert np.array_equal(batch["mask"][0, 0].numpy(), side("b", 2) > 99)


def test_columns_may_be_in_capitals(folder):
    small = csv(folder)
    text = (folder / "pairs.csv").read_text()
    before = opened(small).fingerprint
    (folder / "pairs.csv").write_text(text.replace("a,b,split", "A,B,Split", 1))
    assert opened(small).fingerprint == before
    (folder / "pairs.csv").write_text(
        "\n".join(f"{line},x" if i else "a,b,split,A" for i, line in enumerate(text.split()))
    )
    with pytest.raises(UsageError, match="two columns of one name, in capitals and without"):
        opened(small)


def test_larger_sides_are_a_scale_that_is_kept(folder):
    for i in range(N):
        put(folder / "low" / f"{i}.png", side("a", i))
        put(folder / "high" / f"{i}.png", side("b", i, 48, 64))
    name = f"pairs:{folder}/low,{folder}/high"
    source = opened(name)
    assert source.spec.fields["damaged"].shape == (3, 12, 16)
    assert source.spec.fields["image"].shape == (1, 48, 64)
    assert spec_of(DataOptions(source=name)) == source.spec
    assert ", image ×4, " in source.notes["layout"]
    assert opened(name, size=32).spec.fields["damaged"].shape == (3, 8, 8)
    assert opened(f"pairs:{folder}/high,{folder}/low").spec == source.spec
    assert opened(name, size=(24, 32)).spec.fields["damaged"].shape == (3, 6, 8)
    with pytest.raises(UsageError, match=r"data.crop is 30, of the larger images of each pair, no multiple of 4, .*28"):
        opened(name, crop=30)
    with pytest.raises(UsageError, match=r"swaps a and b, and .* has image, damaged"):
        opened(name, direction="b-to-a")


def test_the_same_place_is_cut_of_small_and_of_large_images(folder):
    for i in range(N):
        small = np.random.default_rng(i).integers(0, 256, (12 + i, 16, 3), np.uint8)
        put(folder / "low" / f"{i}.png", small)
        put(folder / "high" / f"{i}.png", small.repeat(4, 0).repeat(4, 1))
    source = opened(f"pairs:{folder}/low,{folder}/high", crop=24)
    assert source.spec.fields["image"].free
    batches = Stream(source.train, source.spec, 4, 0, flip=True).batches()
    for batch in (next(batches)[0] for _ in range(3)):
        assert batch["image"].shape == (4, 3, 24, 24)
        assert torch.equal(batch["damaged"].repeat_interleave(4, 2).repeat_interleave(4, 3), batch["image"])


def test_a_pair_of_another_ratio_is_named_with_what_it_is_of_and_what_it_would_have_to_be(folder):
    for i in range(N):
        put(folder / "low" / f"{i}.png", side("a", i))
        put(folder / "high" / f"{i}.png", side("b", i, 48, 64 if i else 66))
    said = (
        r"low/0.png is 16×12, which is 0.2424 as wide and 0.25 as high as high/0.png, 66×48, not 1/4; that would be of "
        "64×48"
    )
    with pytest.raises(UsageError, match=said):
        opened(f"pairs:{folder}/low,{folder}/high")
    put(folder / "high" / "0.png", side("b", 0, 60, 80))  # a whole ratio, but not that of the others
    with pytest.raises(UsageError, match=r"low/0.png 16×12, high/0.png 80×60: others are b ×4"):
        opened(f"pairs:{folder}/low,{folder}/high")


def test_a_pair_of_which_one_file_is_bad_is_left_out_as_a_whole(folder):
    name = letters(folder)
    (folder / "B" / "001.png").write_bytes(b"no image")
    whole = (folder / "A" / "003.png").read_bytes()
    (folder / "A" / "003.png").write_bytes(whole[: len(whole) // 2])
    (folder / "A" / "004.png").rename(folder / "A" / "004.heic")
    source = opened(name, skip_bad=True)
    for key in "ab":
        assert same(stored(source, key), [side(key, i) for i in (0, 2, 5)])
    assert source.notes["skipped"] == "3 files left out: A/003.png, A/004.heic, B/001.png"


def test_a_limit_takes_whole_pairs_and_leaves_what_is_held_out(folder):
    name = cyclegans(folder)
    source = opened(name, limit=3)
    assert (len(source.train), len(source.heldout)) == (3, 2)
    images = {a.tobytes(): i for i in range(N) for a in [side("a", i)]}
    chosen = [images[a.tobytes()] for a in stored(source, "a")]
    assert same(stored(source, "b"), [side("b", i) for i in chosen])
    assert "data.limit 9 leaves nothing out" in opened(name, limit=9).notes["limit"]


def test_each_key_has_channels_and_bits_of_its_own(folder):
    for i in range(N):
        clear = Image.fromarray(np.concatenate([side("a", i), side("b", i)[..., None]], 2), "RGBA")
        put(folder / "A" / f"{i}.png", clear)
        put(folder / "B" / f"{i}.png", side("b", i).astype(np.uint16) * 200)
    source = opened(name := f"pairs:{folder}")
    assert [(field.shape[0], field.bits) for field in source.spec.fields.values()] == [(3, 8), (1, 16)]
    assert source.train.columns["b"][[1]].dtype == np.uint16
    assert "of a, 6 images may be transparent" in source.notes["transparency"]
    four = opened(name, channels="a=4,b=1")
    assert [field.shape[0] for field in four.spec.fields.values()] == [4, 1]
    assert [field.shape[0] for field in opened(name, channels=3).spec.fields.values()] == [3, 3]


def test_the_fingerprint_is_that_of_the_contents(folder):
    name = letters(folder)
    before = opened(name).fingerprint
    assert opened(f"pairs:{folder}/A,{folder}/B").fingerprint == before
    assert opened(name, flip=True).fingerprint == before
    put(folder / "B" / "005.png", side("b", 4))
    assert opened(name).fingerprint != before
    assert opened(name, size=8).fingerprint != before


def test_the_second_opening_decodes_nothing(folder, monkeypatch):
    name = sides(folder)
    first = opened(name)
    monkeypatch.setattr("saddle.data.readers.stored", lambda *_, **__: pytest.fail("decoded again"))
    monkeypatch.setattr("saddle.data.brightness.stored", lambda *_, **__: pytest.fail("looked at again"))
    assert opened(name).fingerprint == first.fingerprint
