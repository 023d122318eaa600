"""Embedded data for finding what is unusual: what is trained on, what is held out, and which pixels a defect covers."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from made_arrays import fresh
from PIL import Image

from saddle.base.errors import SaddleError, UsageError
from saddle.cli import main
from saddle.data import DataOptions, embedded, places_with, spec_of
from saddle.data.defective import KEPT, KINDS, TRAINED, spoiled, stripes
from saddle.data.digits import labels
from saddle.spec import Field

WHOLE = find_spec("skimage") is not None  # is the real package installed?


@pytest.mark.parametrize("name", ["defects", "defects-roof"])
def test_only_normal_images_are_trained_on_and_every_other_held_out_one_has_a_defect(name: str) -> None:
    source = fresh(name)
    assert source.spec.keys == ("image",)
    assert {*source.train.columns} == {"image"}
    assert source.spec.shape == (1, 32, 32)
    assert source.heldout is not None
    assert (len(source.train), len(source.heldout)) == (TRAINED, KEPT)
    held = source.heldout.take(slice(None))
    assert held["defect"].tolist()[:8] == [0, 1, 0, 2, 0, 3, 0, 1]
    assert set(held["mask"].unique().tolist()) == {0.0, 1.0}
    assert held["mask"].shape == (KEPT, 1, 32, 32)
    assert (held["mask"].flatten(1).any(1) == (held["defect"] > 0)).all(), "a defect has pixels, a normal image none"
    assert source.heldout.fields["defect"] == Field("class", (), ("normal", *KINDS))
    assert source.heldout.fields["mask"] == Field("mask", (1, 32, 32), title="defect mask")
    assert spec_of(DataOptions(source=name)) == source.spec
    assert fresh(name, size=16).fingerprint != source.fingerprint


def test_a_defect_changes_the_image_where_its_mask_is_and_nowhere_far_from_it() -> None:
    places = np.arange(60)
    plain = stripes((32, 32))(places, "test", False)
    defect = places % 4
    images, covered = spoiled(plain.clip(0, 1), "test", places, defect)
    changed = abs(images - plain.clip(0, 1))
    assert not changed[defect == 0].any()
    assert not changed[covered == 0].any()
    inside = (changed * (covered >= 0.9)).sum((1, 2, 3)) / (covered >= 0.9).sum((1, 2, 3)).clip(1)
    assert (inside[(defect > 0) & (defect < 3)] > 0.15).all()
    assert 0.5 < np.mean(images.sum((1, 2, 3))[defect > 0] > plain.sum((1, 2, 3))[defect > 0]) + 0.25 < 1, "both ways"


def test_a_defect_is_as_large_a_part_of_images_of_every_size() -> None:
    places = np.arange(1, 40)
    for kind in (1, 2, 3):
        share = [
            (spoiled(np.full((39, 1, side, side), 0.5), "test", places, np.full(39, kind))[1] >= 0.5).mean()
            for side in (32, 64)
        ]
        assert share[1] == pytest.approx(share[0], rel=0.1)


@pytest.mark.parametrize("name", ["defects", "defects-roof"])
def test_sizes_and_colours_that_they_do_not_have_are_refused(name: str) -> None:
    for changes, words in (
        ({"size": 8}, "takes 16 to 128 pixels"),
        ({"channels": 3}, "are grey"),
        ({"limit": 5}, "no use for data.limit"),
    ):
        with pytest.raises(UsageError, match=words):
            spec_of(DataOptions(source=name, **changes))
    assert spec_of(DataOptions(source=name, size=64, channels=1)).shape == (1, 64, 64)


def test_no_held_out_pixel_of_the_roof_is_trained_on() -> None:
    source = fresh("defects-roof")
    assert source.heldout is not None
    trained = {row.tobytes() for image in source.train.columns["image"][:300] for row in image[0]}
    normal = source.heldout.columns["image"][:][source.heldout.columns["defect"][:] == 0]
    assert not trained & {row.tobytes() for image in normal[:50] for row in image[0]}


def test_one_digit_is_normal_or_all_but_one_are() -> None:
    known, rest = labels()[:1300], labels()[1300:]
    only, without = fresh("digits-only:3", size=8), fresh("digits-without:3", size=8)
    assert only.heldout is not None
    assert without.heldout is not None
    assert len(only.train) == (known == 3).sum()
    assert len(without.train) == (known != 3).sum()
    assert only.heldout.fields["defect"].names == ("normal", "0", "1", "2", "4", "5", "6", "7", "8", "9")
    assert without.heldout.fields["defect"].names == ("normal", "3")
    names = np.array(only.heldout.fields["defect"].names)[only.heldout.columns["defect"][:]]
    assert (names == np.where(rest == 3, "normal", rest.astype(str))).all()
    assert ((without.heldout.columns["defect"][:] == 1) == (rest == 3)).all()
    assert {*only.train.columns} == {"image"}
    assert "mask" not in only.heldout.columns
    assert (only.heldout.columns["image"][:] == without.heldout.columns["image"][:]).all()


@pytest.mark.parametrize("name", ["digits-only", "digits-without"])
def test_another_place_than_a_digit_is_refused(name: str) -> None:
    for place in ("10", "three", "-1"):
        with pytest.raises(UsageError, match="takes one of the digits 0 to 9 after its colon"):
            spec_of(DataOptions(source=f"{name}:{place}"))
    assert f"{name}:DIGIT" not in places_with(("image",)), "a digit is no file of the user's"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small package of the same layout, which must not be imported."""
    folder = tmp_path / "skimage" / "data"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise ImportError('it is not to be imported')")
    columns = np.arange(512) % 352 // 2  # held-out columns are 0 to 79, those to train on 0 to 175
    for i, name in enumerate(("brick", "grass", "gravel")):
        Image.fromarray(np.tile((columns + 20 * i).astype(np.uint8), (512, 1))).save(folder / f"{name}.png")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_textures_are_cut_from_the_photographs_of_a_package(package: Path) -> None:
    source, grass = fresh("textures"), fresh("textures:grass")
    assert source.heldout is not None
    assert source.spec.shape == (1, 32, 32)
    assert source.fingerprint == fresh("textures").fingerprint != grass.fingerprint
    normal = source.heldout.columns["image"][:][::2]
    trained = source.train.columns["image"][:]
    assert (trained.min(), trained.max(), normal.min()) == (0, 175, 0)
    assert normal.max() <= 79, "columns from 352 on"
    assert (np.asarray(grass.train.columns["image"]).min()) == 20
    assert "textures" not in embedded()


def test_textures_that_are_not_there_are_told(package: Path) -> None:
    with pytest.raises(UsageError, match="textures:sand is not there; the textures are brick, grass, gravel"):
        spec_of(DataOptions(source="textures:sand"))
    Image.fromarray(np.zeros((8, 9), np.uint8)).save(package / "brick.png")
    with pytest.raises(SaddleError, match=r"brick\.png is 9×8, not 512×512; install it anew"):
        fresh("textures")
    (package / "brick.png").write_bytes(b"no picture")
    with pytest.raises(SaddleError, match=r"brick\.png cannot be read: .*; install scikit-image anew"):
        fresh("textures")
    (package / "gravel.png").unlink()
    with pytest.raises(UsageError, match=r"gravel\.png is not there; .* pip install scikit-image"):
        spec_of(DataOptions(source="textures:gravel"))


@pytest.mark.skipif(WHOLE, reason="the package is installed")
def test_without_the_package_what_to_install_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", "textures"]) == 2
    assert "pip install scikit-image (nothing is downloaded by Saddle)" in capsys.readouterr().err
