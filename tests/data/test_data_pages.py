"""Pages of TIFFs and frames of animations: read in one walk, and taken alike by a training and by a look at data."""

import io
from pathlib import Path

import numpy as np
import pytest
from image_folders import fill, noise, opened, stored
from PIL import Image

from saddle.data import DataOptions, check_data, decode, formats, open_source, spec_of


def several(format: str, n: int = 5, **more: object) -> bytes:
    """A file of n pages of noise, 6×8; of a GIF each leaves something of the last one."""
    colours = [Image.fromarray(picture) for picture in noise(n, 6, 8, 3)]
    if format == "GIF":
        for i, picture in enumerate(colours := [picture.quantize(16) for picture in colours]):
            picture.info["transparency"] = i
    file = io.BytesIO()
    colours[0].save(file, format, save_all=True, append_images=colours[1:], **more)
    return file.getvalue()


def checked(folder: Path, **settings: object):
    return check_data(str(folder), DataOptions(**settings))  # type: ignore[arg-type]


WAYS = [
    ("GIF", {"disposal": 1}),
    ("GIF", {"disposal": 2}),
    ("GIF", {"disposal": 3}),
    ("PNG", {}),
    ("WEBP", {"lossless": True}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("TIFF", {"tiffinfo": {274: 6}}),
]


@pytest.mark.parametrize(("format", "more"), WAYS)
def test_pages_in_one_walk_are_the_pages_read_one_by_one(tmp_path, format, more):
    path = tmp_path / "x.tif"
    path.write_bytes(several(format, **more))
    wanted = [0, 1, 3, 4, 2, 2]
    alone = [(decode.header(path, 50, page), decode.stored(path, 50, page)) for page in wanted]
    with decode.in_order():
        heads = [decode.header(path, 50, page) for page in wanted]
        pictures = [decode.stored(path, 50, page) for page in wanted]
    assert len({picture.tobytes() for picture in pictures}) == 5
    for (head, picture), head_, picture_ in zip(alone, heads, pictures, strict=True):
        assert head == head_
        assert np.array_equal(picture, picture_)


def test_a_file_is_opened_once_for_all_its_pages_not_once_for_each(folder, monkeypatch):
    (folder / "a.gif").write_bytes(several("GIF", 12))
    (folder / "b.tif").write_bytes(several("TIFF", 12))
    opens, really = [], formats.opened
    monkeypatch.setattr(formats, "opened", lambda file: opens.append(file.name) or really(file))
    assert len(stored(opened(folder, pages="all", heldout=0))) == 24
    assert len(opens) == 2 * 3  # for the first header, the headers of the others, the pixels
    opens.clear()
    assert checked(folder, pages="all").images == 24
    assert len(opens) == 2 * 3


def test_of_pages_that_are_not_taken_no_pixels_are_read(folder, monkeypatch):
    (folder / "a.tif").write_bytes(several("TIFF", 12))
    read, really = [], decode.stored
    count = lambda path, most, page=0, any_range=False: read.append(page) or really(path, most, page, any_range)  # noqa: E731
    for module in ("saddle.data.decode", "saddle.data.check"):
        monkeypatch.setattr(f"{module}.stored", count)
    assert len(opened(folder, pages="all", limit=4).train) == 4
    trained = sorted(read)
    read.clear()
    assert checked(folder, pages="all", limit=4).images == 4
    assert sorted(read) == trained
    assert len(trained) == 4


def test_a_page_behind_a_damaged_one_is_read(folder):
    file = io.BytesIO()
    first, floating, last = noise(6, 8), np.ones((6, 8), np.float32), noise(6, 8) // 2
    Image.fromarray(first).save(
        file, "TIFF", save_all=True, append_images=[Image.fromarray(floating), Image.fromarray(last)]
    )
    (folder / "a.tif").write_bytes(file.getvalue())
    source = opened(folder, pages="all", skip_bad=True)
    assert np.array_equal(stored(source)[:, 0], [first, last])
    report = checked(folder, pages="all")
    assert (report.files, report.images, [name for name, _ in report.bad]) == (1, 2, ["a.tif#2"])


@pytest.mark.parametrize("pages", ["first", "all"])
@pytest.mark.parametrize("limit", [None, 7])
def test_a_look_at_data_takes_the_images_and_labels_that_a_training_takes(folder, pages, limit):
    for i in range(8):
        (folder / f"{i}.tif").write_bytes(several("TIFF", 3))
    fill(folder, 4, prefix="s")
    names = sorted(path.name for path in folder.iterdir())
    (folder / "labels.csv").write_text("file,label\n" + "".join(f"{name},{name[0]}\n" for name in names))
    settings = {"pages": pages, "limit": limit, "labels": str(folder / "labels.csv")}
    source, report = opened(folder, **settings, heldout=0), checked(folder, **settings)
    labels = [source.spec.condition.names[label] for label in source.train.columns["label"][:]]
    assert report.images == len(source.train) == (limit or (12 if pages == "first" else 28))
    assert report.labels == {name: labels.count(name) for name in report.labels}
    assert sum(report.labels.values()) == len(labels)
    assert report.notes.get("pages") == source.notes.get("pages")


def test_pages_that_a_limit_leaves_are_counted_truthfully(folder):
    for i in range(4):
        (folder / f"{i}.tif").write_bytes(several("TIFF", 3))
    assert checked(folder, pages="all").notes["pages"] == "12 pages or frames in 4 files, each an image"
    said = checked(folder, pages="all", limit=5).notes["pages"]
    assert said.endswith("files, of which data.limit takes 5")


def test_captions_of_a_file_are_those_of_all_its_pages(folder):
    (folder / "a.tif").write_bytes(several("TIFF", 3))
    fill(folder, 1, prefix="b")
    (folder / "said.csv").write_text("file,caption\na.tif,red\nb000.png,blue\nb000.png,dark blue\n")
    options = DataOptions(source=f"captioned:{folder}", pages="all", heldout=0)
    source = open_source(options)
    captions = source.train.columns["caption"][:]
    assert (captions == captions[0]).all(1).tolist() == [True, True, True, False]
    assert spec_of(options).identity() == source.spec.identity()
    assert source.notes["captions"] == 3


def test_pages_of_one_picture_are_told_without_advice_that_is_refused(folder):
    (folder / "a.tif").write_bytes(several("TIFF", 3))
    said = check_data(f"photo:{folder / 'a.tif'}", DataOptions()).notes["pages"]
    assert said == "3 pages or frames in 1 file, of each the first alone is taken (a.tif)"
