"""Images, their masks and clean images, in whatever layout they lie; and what is refused."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from pair_folders import N, opened, put, same, side, stored

from saddle.base.errors import UsageError
from saddle.cli import main
from saddle.data import DataOptions, spec_of
from saddle.data.check import check_data, recognised

HALVES = {"train": range(4), "test": range(4, N)}


def mask(i: int) -> np.ndarray:
    return np.where(side("mask"[0], i) > 128, 255, 0).astype(np.uint8)


def fill(root: Path, folders: dict[str, str], numbers: range = range(N)) -> None:
    """Of every key a folder; masks have two values."""
    for key, folder in folders.items():
        for i in numbers:
            put(root / folder / f"{i:03}.png", mask(i) if key == "mask" else side("a", i + 10 * (key == "b")))


def in_halves(root: Path, image: str, masked: str, clean: str) -> None:
    for part, numbers in HALVES.items():
        fill(root, {"a": image.format(part), "mask": masked.format(part), "b": clean.format(part)}, numbers)


def istds(root: Path) -> str:
    in_halves(root, "{0}_A", "{0}_B", "{0}_C")
    return f"triples:{root}"


def istds_as_they_come(root: Path) -> str:
    in_halves(root, "{0}/{0}_A", "{0}/{0}_B", "{0}/{0}_C")
    return f"triples:{root}"


def words(root: Path) -> str:
    in_halves(root, "{0}/image", "{0}/mask", "{0}/clean")
    return f"triples:{root}"


def words_with_parts(root: Path) -> str:
    in_halves(root, "shadow/{0}", "masks/{0}", "shadow_free/{0}")
    return f"triples:{root}"


def letters(root: Path) -> str:
    fill(root, {"a": "A", "mask": "B", "b": "C"})
    return f"triples:{root}"


def three_folders(root: Path) -> str:
    fill(root, {"a": "shot", "mask": "where", "b": "later"})
    return f"triples:{root}/shot,{root}/where,{root}/later"


def rows(root: Path) -> list[dict[str, str]]:
    fill(root, {"a": "in", "mask": "where", "b": "out"})
    return [{"clean": f"out/{i:03}.png", "image": f"in/{i:03}.png", "mask": f"where/{i:03}.png"} for i in range(N)]


def csv(root: Path) -> str:
    lines = [[*row.values(), "train" if i < 4 else "test"] for i, row in enumerate(rows(root))]
    (root / "all.csv").write_text("\n".join(map(",".join, [["clean", "image", "mask", "split"], *lines])))
    return f"triples:{root / 'all.csv'}"


def jsonl(root: Path) -> str:
    (root / "all.jsonl").write_text("\n".join(map(json.dumps, rows(root))))
    return f"triples:{root / 'all.jsonl'}"


WHOLE = (letters, three_folders, jsonl)
PARTED = (istds, istds_as_they_come, words, words_with_parts, csv)


@pytest.mark.parametrize("layout", WHOLE + PARTED)
def test_every_layout_gives_the_same_triples(layout, folder):
    source = opened(name := layout(folder))
    numbers = range(4 if layout in PARTED else N)
    assert source.spec.keys == ("a", "mask", "b")
    assert [(field.kind, field.shape[0]) for field in source.spec.fields.values()] == [
        ("image", 3),
        ("mask", 1),
        ("image", 3),
    ]
    assert same(stored(source, "a"), [side("a", i) for i in numbers])
    assert same(stored(source, "b"), [side("a", i + 10) for i in numbers])
    assert same(stored(source, "mask"), [mask(i) for i in numbers])
    assert source.spec.domains == ()
    assert spec_of(DataOptions(source=name)) == source.spec
    said = source.notes["layout"]
    assert said.startswith(f"{N} triples: images, masks and clean images ")
    assert said.endswith("4 to train, 2 held out" if layout in PARTED else "6 to train, 0 held out")


def test_masks_are_0_and_1_in_a_batch_and_belong_to_their_images(folder):
    batch = opened(letters(folder)).train.take([2, 3])
    assert np.array_equal(batch["mask"][:, 0].numpy(), np.stack([mask(2), mask(3)]) > 0)
    assert opened(f"triples:{folder}", size=8).spec.fields["mask"].shape == (1, 8, 8)


def two_folders(root: Path) -> str:
    fill(root, {"a": "shot", "mask": "where"})
    return f"triples:{root}/shot,{root}/where"


def two_columns(root: Path) -> str:
    two_folders(root)
    lines = [f"shot/{i:03}.png,where/{i:03}.png" for i in range(N)]
    (root / "all.csv").write_text("\n".join(["image,mask", *lines]))
    return f"triples:{root / 'all.csv'}"


@pytest.mark.parametrize("layout", [two_folders, two_columns])
def test_without_clean_images_there_are_images_and_masks_and_that_is_said(layout, folder):
    name = layout(folder)
    source = opened(name)
    assert source.spec.keys == ("a", "mask")
    assert "images and masks, without clean images," in source.notes["layout"]
    assert "saddle train st-cgan" in (command := check_data(name, DataOptions()).command)
    assert "--game.removes false" in command


@pytest.mark.parametrize("layout", [istds, istds_as_they_come, words, words_with_parts, letters])
def test_a_folder_is_recognised_by_itself(layout, folder):
    layout(folder)
    assert recognised(str(folder)) == f"triples:{folder}"
    report = check_data(str(folder), DataOptions())
    assert f"{N} triples" in report.found
    assert report.command.startswith(f"saddle train st-cgan --data triples:{folder}")
    assert "--game.removes" not in report.command


def test_three_folders_of_which_the_second_holds_no_masks_are_no_triples(folder):
    fill(folder, {"a": "A", "b": "C"})
    for i in range(N):
        put(folder / "B" / f"{i:03}.png", side("b", i))
    assert recognised(str(folder)) == f"pairs:{folder}"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ((0, 100, 255), "holds 3 values, where a mask has two: white is what has 128 of 255 or more"),
        ((0, 1), "holds 0 and 1, so it does not tell white from black"),
        ((200, 255), "holds 200 and 255, so it does not tell white from black"),
        ((7,), "holds 7, so it does not tell white from black"),
    ],
)
def test_a_mask_that_has_not_two_values_is_refused_with_the_threshold_and_the_file(values, why, folder):
    name = letters(folder)
    put(folder / "B" / "002.png", np.resize(np.array(values, np.uint8), (12, 16)))
    with pytest.raises(UsageError, match=f"(?s)B/002.png.*{re.escape(why)}") as error:
        opened(name)
    assert "A triple of which one file is left out is left out as a whole" in str(error.value)
    assert len(opened(name, skip_bad=True).train) == N - 1


def test_masks_that_are_all_black_or_white_or_of_16_bits_are_masks(folder):
    name = letters(folder)
    put(folder / "B" / "000.png", np.zeros((12, 16), np.uint8))
    put(folder / "B" / "001.png", np.full((12, 16), 255, np.uint8))
    put(folder / "B" / "002.png", mask(2).astype(np.uint16) * 257)
    found = stored(opened(name), "mask")
    assert (found[0].max(), found[1].min()) == (0, 255)
    assert np.array_equal(found[2], mask(2))


def test_other_sizes_are_refused_with_both(folder):
    name = letters(folder)
    put(folder / "B" / "002.png", np.repeat(np.repeat(mask(2), 2, 0), 2, 1))
    put(folder / "C" / "003.png", side("a", 3, 12, 20))
    with pytest.raises(UsageError, match=r"B/002.png: 32×24, and its image A/002.png is 16×12; --data.size") as error:
        opened(name)
    assert "C/003.png: 20×12, and its image A/003.png is 16×12" in str(error.value)
    with pytest.raises(UsageError, match=r"1 of 18 files.*\n.*C/003.png"):
        opened(name, size=8)
    assert len(opened(name, skip_bad=True).train) == N - 2


def test_what_has_no_partner_is_refused_by_name(folder):
    name = letters(folder)
    (folder / "B" / "002.png").rename(folder / "B" / "two.png")
    with pytest.raises(UsageError, match=r"(?s)no partner.*of a: A/002.png.*of mask: B/two.png.*of b: C/002.png"):
        opened(name)


@pytest.mark.parametrize(
    ("made", "path", "why"),
    [
        (letters, "A,B,C,D", "takes one place, or two or three"),
        (lambda root: put(root / "x" / "1.png", side("a", 1)), "", "holds no folders of images and of masks"),
        (lambda root: None, "none", "is not there; triples: takes a folder"),
    ],
)
def test_a_place_that_holds_no_triples_is_refused(made, path, why, folder):
    made(folder)
    places = ",".join(f"{folder}/{each}" for each in path.split(","))
    with pytest.raises(UsageError, match=why):
        opened(f"triples:{places.rstrip('/')}")


def test_a_file_needs_its_columns(folder):
    csv(folder)
    (folder / "other.csv").write_text("image,b,mask\nin/000.png,out/000.png,where/000.png\n")
    with pytest.raises(UsageError, match=r"has a column 'b'; those of triples are called image, mask and clean|image"):
        opened(f"triples:{folder / 'other.csv'}")
    (folder / "none.csv").write_text("image,clean\nin/000.png,out/000.png\n")
    with pytest.raises(UsageError, match="has no column mask; its columns are image, clean"):
        opened(f"triples:{folder / 'none.csv'}")


def test_the_command_says_what_was_recognised(folder, capsys):
    name = istds(folder)
    assert main(["data", "check", name]) == 0
    said = capsys.readouterr().out
    assert "6 triples: images, masks and clean images in folders train_A and so on, 4 to train, 2 held out" in said
    put(folder / "train_B" / "002.png", side("a", 2))
    assert main(["data", "check", name]) == 1
    assert "train_B/002.png" in capsys.readouterr().err
