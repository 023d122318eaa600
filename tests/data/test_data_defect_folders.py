"""Folders of normal and defective images: every layout, the masks at their own size, and what is refused."""

import re
from pathlib import Path

import numpy as np
import pytest
from pair_folders import opened, put, side

from saddle.base.errors import UsageError
from saddle.cli import main
from saddle.data import DataOptions, Source, spec_of
from saddle.data.check import check_data, recognised


def mask(i: int, height: int = 12, width: int = 16) -> np.ndarray:
    white = np.zeros((height, width), np.uint8)
    white[i : i + 4, 3:9] = 255
    return white


def mvtec(root: Path, train: int = 5, good: int = 3) -> Path:
    """MVTec AD's layout: 5 normal images to train on, 3 held out, 2 with a crack and 2 with a hole."""
    for i in range(train):
        put(root / "train" / "good" / f"{i:03}.png", side("a", i))
    for i in range(good):
        put(root / "test" / "good" / f"{i:03}.png", side("a", 20 + i))
    for kind, first in (("crack", 30), ("hole", 40)):
        for i in range(2):
            put(root / "test" / kind / f"{i:03}.png", side("a", first + i))
            put(root / "ground_truth" / kind / f"{i:03}_mask.png", mask(i + first // 10))
    return root


def flat(root: Path, normal: str = "good", n: int = 30) -> Path:
    """A folder of normal images and one of a defect, with masks elsewhere."""
    for i in range(n):
        put(root / normal / f"{i:03}.png", side("a", i))
    for i in range(3):
        put(root / "scratch" / f"{i:03}.png", side("a", 50 + i))
        put(root.parent / "drawn" / f"{i:03}.png", mask(i))
    return root


def kinds(source: Source) -> list[str]:
    assert source.heldout is not None
    names = source.heldout.fields["defect"].names
    return [names[k] for k in source.heldout.columns["defect"][:]]


def test_normal_images_are_trained_on_and_the_others_come_with_their_kind_and_mask(tmp_path: Path) -> None:
    source = opened(f"defects:{mvtec(tmp_path)}")
    assert source.heldout is not None
    assert source.spec.keys == ("image",)
    assert source.spec == spec_of(DataOptions(source=f"defects:{tmp_path}"))
    assert {*source.train.columns} == {"image"}
    assert (len(source.train), len(source.heldout)) == (5, 7)
    assert sorted(kinds(source)) == ["crack", "crack", "hole", "hole", "normal", "normal", "normal"]
    held = source.heldout.take(slice(None))
    assert held["image"].shape == (7, 3, 12, 16)
    for k, name in enumerate(kinds(source)):
        assert bool(held["mask"][k].any()) == (name != "normal")
    cracks = held["mask"][[k for k, name in enumerate(kinds(source)) if name == "crack"]]
    assert np.array_equal(cracks[:, 0].numpy() * 255, np.stack([mask(3), mask(4)]))


def test_masks_keep_their_own_size_where_images_are_made_smaller(tmp_path: Path) -> None:
    source = opened(f"defects:{mvtec(tmp_path)}", size=6)
    assert source.heldout is not None
    held = source.heldout.take(slice(None))
    assert held["image"].shape == (7, 3, 6, 6)
    assert held["mask"].shape == (7, 1, 12, 12), "the middle square, as of the images"
    crack = held["mask"][kinds(source).index("crack"), 0].numpy()
    assert np.array_equal(crack * 255, mask(3)[:, 2:14])
    for fit, sides in (("squash", (12, 16)), ("pad", (16, 16))):
        other = opened(f"defects:{tmp_path}", size=6, fit=fit)
        assert other.heldout is not None
        assert other.heldout.fields["mask"].shape == (1, *sides)
        found = other.heldout.take(slice(None))["mask"][kinds(other).index("crack"), 0].numpy()
        assert found.sum() == (mask(3) > 0).sum()


def test_of_folders_by_kind_a_share_of_the_normal_images_is_held_out(tmp_path: Path) -> None:
    source = opened(f"defects:{flat(tmp_path / 'parts')}", masks=str(tmp_path / "drawn"))
    assert source.heldout is not None
    assert len(source.train) == 27
    assert sorted(kinds(source)) == ["normal"] * 3 + ["scratch"] * 3
    assert "mask" in source.heldout.columns
    again = opened(f"defects:{tmp_path / 'parts'}", masks="../drawn")
    assert again.fingerprint == source.fingerprint, "below the folder, or as it is"
    unmasked = opened(f"defects:{tmp_path / 'parts'}")
    assert unmasked.heldout is not None
    assert "mask" not in unmasked.heldout.columns
    assert unmasked.fingerprint != source.fingerprint


def test_a_folder_of_normal_images_may_have_any_name_and_may_be_all_there_is(tmp_path: Path) -> None:
    flat(tmp_path / "parts", "iO")
    with pytest.raises(UsageError, match=r"none of iO, scratch is called good or normal or ok; .* --data.normal iO"):
        opened(f"defects:{tmp_path / 'parts'}")
    assert len(opened(f"defects:{tmp_path / 'parts'}", normal="iO").train) == 27
    with pytest.raises(UsageError, match=r"data.normal is 'io' \(did you mean iO\?\); the folders there are iO, scr"):
        opened(f"defects:{tmp_path / 'parts'}", normal="io")
    alone = opened(f"defects:{tmp_path / 'parts' / 'iO'}")
    assert (len(alone.train), kinds(alone)) == (27, ["normal"] * 3)
    with pytest.raises(UsageError, match="there are no folders to choose from: leave it out"):
        opened(f"defects:{tmp_path / 'parts' / 'iO'}", normal="good")


def move(root: Path, old: str, new: str) -> None:
    (root / new).parent.mkdir(parents=True, exist_ok=True)
    (root / old).rename(root / new)


REFUSED = {
    "a defect among what is trained on": (
        lambda root: move(root, "test/hole", "train/hole"),
        r"train/hole lies among the images to train on, and is not called good or normal or ok: .* Move it to .*/test",
    ),
    "an image without a mask": (
        lambda root: (root / "ground_truth/crack/001_mask.png").unlink(),
        r"1 file in .* have no partner:\n  image without a mask: test/crack/001\.png\nThe mask of KIND/001\.png is "
        r"ground_truth/KIND/001_mask\.png",
    ),
    "a mask without an image": (
        lambda root: (root / "test/hole/000.png").unlink(),
        r"mask without an image: ground_truth/hole/000_mask\.png",
    ),
    "masks of a kind that is not there": (
        lambda root: move(root, "ground_truth/hole", "ground_truth/dent"),
        r"image without a mask: test/hole/000\.png, test/hole/001\.png\n  mask without an image: ground_truth/dent/000",
    ),
    "masks of normal images": (
        lambda root: move(root, "ground_truth/hole", "ground_truth/good"),
        r"ground_truth/good holds masks, but good is the folder of normal images, which have no defects",
    ),
    "a mask of another size": (
        lambda root: put(root / "ground_truth/hole/000_mask.png", mask(1, 12, 20)),
        r"ground_truth/hole/000_mask\.png: 20×12, and its image test/hole/000\.png is 16×12",
    ),
    "a mask of many values": (
        lambda root: put(root / "ground_truth/hole/000_mask.png", side("b", 1)),
        r"ground_truth/hole/000_mask\.png: holds \d+ values, where a mask has two",
    ),
    "a mask that shows nothing": (
        lambda root: put(root / "ground_truth/hole/000_mask.png", np.zeros((12, 16), np.uint8)),
        r"000_mask\.png: is black all over, so it shows no defect",
    ),
    "a defect that is a normal image too": (
        lambda root: put(root / "test/hole/000.png", side("a", 2)),
        r"test/hole/000\.png and train/good/002\.png in .* are the same image, .* take one of them away",
    ),
    "no normal image to compare with": (
        lambda root: move(root, "test/good", "spare"),
        r"4 images with defects in .*, and no normal one that is held out, .*: put some into test/good, or give 20",
    ),
    "images of which nobody knows what they are": (
        lambda root: (
            [move(root, f"test/{k}", f"gone_{k}") for k in ("good", "crack", "hole")]
            and put(root / "test/1.png", side("a", 9))
        ),
        r"test holds no folders, so nobody knows which of its images are normal; move them to test/good",
    ),
    "no folder to train on": (
        lambda root: move(root, "train", "learn"),
        r"has a folder test and none called train; normal images to train on lie in it",
    ),
    "one normal image": (
        lambda root: [(root / f"train/good/{i:03}.png").unlink() for i in range(1, 5)],
        r"only 1 sample in .* to train on; it takes many, at the very least 2",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_and_named(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil, words = REFUSED[case]
    spoil(mvtec(tmp_path))
    with pytest.raises(UsageError, match=words):
        opened(f"defects:{tmp_path}")
    report = check_data(f"defects:{tmp_path}", DataOptions())
    assert not report.good
    assert re.search(words.partition("\n")[0], report.reason)


def test_a_kind_of_defects_that_is_called_normal_is_refused(tmp_path: Path) -> None:
    mvtec(tmp_path)
    move(tmp_path, "test/hole", "test/normal")
    move(tmp_path, "ground_truth/hole", "ground_truth/normal")
    with pytest.raises(UsageError, match="test/normal would be a defect called normal, for normal images lie in good"):
        opened(f"defects:{tmp_path}", normal="good")
    with pytest.raises(UsageError, match="ground_truth/normal holds masks, but normal is the folder of normal images"):
        opened(f"defects:{tmp_path}")


def test_a_bad_mask_takes_its_image_with_it_if_that_is_asked_for(tmp_path: Path) -> None:
    put(mvtec(tmp_path) / "ground_truth/hole/000_mask.png", np.zeros((12, 16), np.uint8))
    source = opened(f"defects:{tmp_path}", skip_bad=True)
    assert sorted(kinds(source)) == ["crack", "crack", "hole", "normal", "normal", "normal"]
    assert "000_mask.png" in str(source.notes["skipped"])


def test_the_check_counts_kinds_and_recognises_the_layout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mvtec(tmp_path)
    assert recognised(str(tmp_path)) == f"defects:{tmp_path}"
    assert main(["data", "check", str(tmp_path), "--sheet", str(tmp_path / "sheet.png")]) == 0
    said = capsys.readouterr().out
    assert "12 samples: defects of 2 kinds, with masks, 5 to train, 7 held out" in said
    assert "kinds: 3 normal, 2 crack, 2 hole" in said
    assert "mask (defect mask): sizes 16×12 (4)" in said
    assert f"saddle train f-anogan --data defects:{tmp_path}" in said
    assert main(["data", "baselines", f"defects:{tmp_path}"]) == 0
    assert "pixel AUROC" in capsys.readouterr().out
    assert recognised(str(flat(tmp_path / "other"))) == ""
