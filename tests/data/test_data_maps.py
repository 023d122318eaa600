"""maps: label maps with their images and instances, in the folders of the usual data sets; what is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from map_folders import COLOURS, fill_maps, opened, photo, save, scene
from PIL import Image

from saddle.base.errors import UsageError
from saddle.data import DataOptions, Source, Stream, label_files, spec_of
from saddle.data.source import Split


def rows(split: Split | None) -> dict[str, torch.Tensor]:
    assert split is not None
    return split.take(slice(None))


def numbers(source: Source) -> list[int]:
    """Which scenes are trained on, by the number in their images."""
    images = source.train.columns["b"][np.arange(len(source.train))]
    return sorted(int(image.min()) for image in images)


def test_every_pixel_has_the_class_of_the_file_beside_its_image(folder: Path) -> None:
    fill_maps(folder, inst="inst/{}.png")
    source = opened(folder)
    batch = rows(source.train)
    assert {key: (x.dtype, tuple(x.shape)) for key, x in batch.items()} == {
        "a": (torch.int64, (4, 8, 12)),
        "b": (torch.float32, (4, 3, 8, 12)),
        "instances": (torch.int64, (4, 8, 12)),
    }
    for i in range(4):
        (place,) = [k for k in range(4) if int(batch["instances"][k].min()) == i]
        assert torch.equal(batch["a"][place], torch.from_numpy(scene(i)).long())
        assert torch.equal(batch["instances"][place], torch.from_numpy(scene(i)).long() * 1000 + i)
        assert torch.allclose(
            (batch["b"][place] + 1) * 127.5, torch.from_numpy(photo(scene(i), i)).movedim(2, 0).float()
        )
    assert source.spec.fields["a"].names == ("0", "1", "2", "3")
    assert source.spec.fields["a"].title == "map"
    assert source.spec.domains == ()
    assert spec_of(DataOptions(source=f"maps:{folder}")) == source.spec


@pytest.mark.parametrize(
    ("label", "image", "held", "said"),
    [
        ("train_label/{}.png", "train_img/{}.bmp", ("val_label/{}.png", "val_img/{}.bmp"), "label maps in train_label"),
        ("train/label/{}.png", "train/img/{}.png", ("test/label/{}.png", "test/img/{}.png"), "train/label"),
        ("labels/train/{}.png", "images/train/{}.png", ("labels/val/{}.png", "images/val/{}.png"), "labels/train"),
        ("annotations/training/{}.png", "images/training/{}.bmp",
         ("annotations/validation/{}.png", "images/validation/{}.bmp"), "ADE20K, where 0 belongs to no class"),
        ("stuffthingmaps/train2017/{}.png", "images/train2017/{}.bmp",
         ("stuffthingmaps/val2017/{}.png", "images/val2017/{}.bmp"), "COCO-Stuff, where 255 belongs to no class"),
        ("gtFine/train/bonn/bonn_{}_gtFine_labelIds.png", "leftImg8bit/train/bonn/bonn_{}_leftImg8bit.png",
         ("gtFine/val/ulm/ulm_{}_gtFine_labelIds.png", "leftImg8bit/val/ulm/ulm_{}_leftImg8bit.png"), "Cityscapes"),
    ],
)  # fmt: skip
def test_the_usual_layouts_are_recognised_by_themselves(
    folder: Path, label: str, image: str, held: tuple[str, str], said: str
) -> None:
    fill_maps(folder, 3, label, image)
    fill_maps(folder, 2, *held, first=3)
    source = opened(folder)
    assert (len(source.train), len(source.heldout or ())) == (3, 2)
    assert said in source.notes["layout"]
    for split in (source.train, source.heldout):
        batch = rows(split)
        for k, labels in enumerate(batch["a"]):
            for c in labels.unique():
                assert batch["b"][k][:, labels == c].std(1).max() == 0


def test_ade20k_has_no_class_where_its_number_is_0(folder: Path) -> None:
    fill_maps(folder, 3, "annotations/training/{}.png", "images/training/{}.png")
    source = opened(folder)
    assert source.spec.fields["a"].names == ("1", "2", "3", "don't care")
    assert source.spec.fields["a"].values == (1, 2, 3, 0)
    assert sorted(rows(source.train)["a"][0].unique().tolist()) == [0, 1, 2, 3]


def test_cityscapes_has_its_names_and_colours_and_instances_from_one_folder(folder: Path) -> None:
    names = "gtFine/train/bonn/{}_gtFine_labelIds.png", "leftImg8bit/train/bonn/{}_leftImg8bit.png"
    for i in range(3):
        save(folder / f"gtFine/train/bonn/{i:02}_gtFine_color.png", photo(scene(i)))
        save(folder / f"gtFine/test/ulm/{i:02}_gtFine_labelIds.png", scene(0) * 0)
        save(folder / f"leftImg8bit/test/ulm/{i:02}_leftImg8bit.png", photo(scene(i)))
    for part in ("train", "val"):
        fill_maps(folder, 3, names[0].replace("train", part), names[1].replace("train", part),
                  f"gtFine/{part}/bonn/{{}}_gtFine_instanceIds.png")  # fmt: skip
    for path in [*folder.glob("gtFine/*/*/*_labelIds.png")]:
        save(path, np.asarray(Image.open(path)) + np.uint8(23))
    source = opened(folder)
    field = source.spec.fields["a"]
    assert field.names == ("sky", "person", "rider", "car")
    assert field.palette == ((70, 130, 180), (220, 20, 60), (255, 0, 0), (0, 0, 142))
    assert source.spec.keys == ("a", "b", "instances")
    assert (len(source.train), len(source.heldout or ())) == (3, 3)
    assert "left out: gtFine/test, leftImg8bit/test" in source.notes["layout"]


def test_folders_of_any_names_can_be_named(folder: Path) -> None:
    fill_maps(folder, 3, "x/{}.png", "y/{}.png", "z/{}.png")
    assert opened(f"{folder}/x,{folder}/y").spec.keys == ("a", "b")
    assert opened(f"{folder}/x,{folder}/y,{folder}/z").spec.keys == ("a", "b", "instances")
    with pytest.raises(UsageError, match=r"holds no folders of label maps and of images.*maps:LABEL_DIR,IMAGE_DIR"):
        opened(folder)
    with pytest.raises(UsageError, match="not 4"):
        opened(",".join(f"{folder}/{name}" for name in "xyzx"))
    with pytest.raises(UsageError, match="there is no folder"):
        opened(folder / "no")


def test_a_table_names_the_classes_of_numbers_and_of_colours(folder: Path) -> None:
    fill_maps(folder, 3)
    (folder / "classes.txt").write_text("".join(f"{i} class-{i} {r} {g} {b}\n" for i, (r, g, b) in enumerate(COLOURS)))
    by_number = opened(folder, palette=str(folder / "classes.txt"))
    assert by_number.spec.fields["a"].names == ("class-0", "class-1", "class-2", "class-3")
    assert by_number.spec.fields["a"].palette == COLOURS
    for i in range(3):
        save(folder / f"label/{i:02}.png", photo(scene(i)))
    by_colour = opened(folder, palette=str(folder / "classes.txt"))
    assert torch.equal(rows(by_colour.train)["a"], rows(by_number.train)["a"])
    assert by_colour.fingerprint == by_number.fingerprint
    assert opened(folder).fingerprint != by_number.fingerprint  # other names are other data


def test_a_number_that_is_no_class_stops_before_training_with_file_place_and_count(folder: Path) -> None:
    fill_maps(folder, 4)
    bad = scene(1)
    bad[2, 5:7] = 77
    save(folder / "label/01.png", bad)
    (folder / "c.json").write_text('{"a": [0, 0, 0], "b": [9, 9, 9], "c": [8, 99, 8], "d": [99, 8, 8]}')
    said = (
        r"1 of 8 files in .* cannot be used:\n  label/01\.png: the number 77 is no class: 2 pixels, the first in "
        r"row 2, column 5, counted from 0; the classes are 0 a, 1 b, 2 c, 3 d"
    )
    with pytest.raises(UsageError, match=said):
        opened(folder, palette=str(folder / "c.json"))
    assert numbers(opened(folder, palette=str(folder / "c.json"), skip_bad=True)) == [0, 2, 3]


def test_the_number_to_ignore_is_the_last_class(folder: Path) -> None:
    fill_maps(folder, 3)
    save(folder / "label/01.png", np.where(scene(1) == 2, 255, scene(1)).astype(np.uint8))
    assert "255 is a class like others; if it stands for no class: --data.ignore 255" in str(opened(folder).notes)
    source = opened(folder, ignore=255)
    assert source.spec.fields["a"].names == ("0", "1", "2", "3", "don't care")
    assert "a class like others" not in str(source.notes)
    assert sorted(rows(source.train)["a"].unique().tolist()) == [0, 1, 2, 3, 4]
    assert source.fingerprint != opened(folder).fingerprint


def test_maps_are_resized_to_the_nearest_class_and_cut_where_images_are(folder: Path) -> None:
    fill_maps(folder, 3, inst="inst/{}.png")
    for size in ((4, 6), (16, 24)):
        batch = rows(opened(folder, size=size).train)
        assert batch["a"].shape[1:] == batch["b"].shape[2:] == batch["instances"].shape[1:] == size
        assert torch.equal(batch["a"], batch["instances"] // 1000)
    square = rows(opened(folder, size=8).train)["a"]
    whole = rows(opened(folder).train)["a"]
    assert torch.equal(square, whole[:, :, 2:10])
    with pytest.raises(UsageError, match=r"data\.fit pad lays images on a background.*--data\.ignore 255"):
        opened(folder, size=12, fit="pad")
    padded = rows(opened(folder, size=12, fit="pad", ignore=255).train)
    assert (padded["a"][:, :2] == 4).all()
    assert (padded["instances"][:, :2] == 0).all()


def test_pieces_of_a_map_its_image_and_its_instances_are_the_same_piece(folder: Path) -> None:
    fill_maps(folder, 6, inst="inst/{}.png")
    source = opened(folder, crop=6, flip=True)
    batch = next(Stream(source.train, source.spec, 4, 3).batches())[0]
    assert batch["a"].shape == (4, 6, 6)
    assert torch.equal(batch["a"], batch["instances"] // 1000)
    number = batch["instances"] % 1000
    shown = ((batch["b"] + 1) * 127.5).round() - number[:, None]
    assert torch.equal(shown, torch.tensor(COLOURS)[batch["a"]].movedim(-1, 1).float())


def test_a_map_of_another_size_than_its_image_is_refused_with_both_sizes(folder: Path) -> None:
    fill_maps(folder, 3)
    save(folder / "label/01.png", np.kron(scene(1), np.ones((2, 2), np.uint8)))
    said = r"label/01\.png: 24×16, and its image img/01\.png is 12×8; --data\.size N brings both to one size"
    with pytest.raises(UsageError, match=said):
        opened(folder)
    assert opened(folder, size=8).spec.fields["a"].shape == (8, 8)
    save(folder / "label/01.png", scene(1, 8, 16))
    with pytest.raises(UsageError, match=r"label/01\.png: 16×8, and its image img/01\.png is 12×8\nRepair"):
        opened(folder, size=8)


def test_files_without_a_partner_are_named(folder: Path) -> None:
    fill_maps(folder, 4, inst="inst/{}.png")
    (folder / "inst/02.png").unlink()
    with pytest.raises(UsageError, match=r"of a: label/02\.png\n  of b: img/02\.png"):
        opened(folder)


def test_a_jpeg_of_labels_is_refused_and_16_bits_are_not(folder: Path) -> None:
    fill_maps(folder, 3, "label/{}.png")
    save(folder / "label/01.png", scene(1).astype(np.uint16))
    assert opened(folder).spec.fields["a"].names == ("0", "1", "2", "3")
    for i in range(3):
        (folder / f"label/{i:02}.png").unlink()
        save(folder / f"label/{i:02}.jpg", scene(i))
    with pytest.raises(
        UsageError, match=r"3 of 6 files .*\n  label/00\.jpg: a label map in a JPEG file, which loses values"
    ):
        opened(folder)


def test_more_than_256_classes_are_kept_apart(folder: Path) -> None:
    for i in range(3):
        save(folder / f"label/{i}.png", (np.arange(300).reshape(15, 20) + i).astype(np.uint16))
        save(folder / f"img/{i}.png", photo(scene(i, 15, 20)))
    source = opened(folder)
    batch = rows(source.train)["a"]
    assert len(source.spec.fields["a"].names) == 302
    assert sorted(int(x.min()) for x in batch) == [0, 1, 2]
    assert int(batch.max()) == 301


def test_labels_are_read_once_before_training_and_classes_found_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_maps(folder, 3)
    first, looked = opened(folder), []
    real = label_files.read
    monkeypatch.setattr(label_files, "read", lambda path, most: looked.append(path.name) or real(path, most))
    assert opened(folder).fingerprint == first.fingerprint
    assert not looked
    save(folder / "label/01.png", scene(1) + np.uint8(4))
    assert opened(folder).spec.fields["a"].names == tuple("01234567")
    assert looked == ["01.png"]


def test_the_other_way_round_an_image_is_given_and_its_map_wanted(folder: Path) -> None:
    fill_maps(folder, 3)
    fields = opened(folder, direction="b-to-a").spec.fields
    assert (fields["a"].kind, fields["b"].kind, fields["b"].title) == ("image", "map", "map")
