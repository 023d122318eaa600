"""Files of labels: the class of every pixel, without a conversion of colours, or what is wrong and where."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from image_bytes import png
from PIL import Image

from saddle.base.errors import UsageError
from saddle.data import DataOptions, label_files
from saddle.data.decode import Unreadable
from saddle.data.label_files import Seen, look, read
from saddle.data.label_maps import class_map, classes_in, misfits, shares
from saddle.data.palettes import Table

VALUES = np.array([[0, 1, 2], [2, 2, 1]])
TABLE = Table(("sky", "sea", "land"), ((0, 0, 0), (10, 20, 200), (200, 20, 10)), (0, 1, 2))
FIELD = TABLE.field(2, 3)


def painted(values: np.ndarray = VALUES) -> np.ndarray:
    return np.array(TABLE.colours, np.uint8)[values]


def indexed(values: np.ndarray, colours: list[tuple[int, int, int]]) -> Image.Image:
    image = Image.fromarray(values.astype(np.uint8), "P")
    image.putpalette([part for colour in colours for part in colour])
    return image


def marks(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def seen(folder: Path, options: DataOptions | None = None) -> dict[str, Seen]:
    found = look(folder, marks(folder), options or DataOptions(cache=str(folder / ".." / "kept")))
    assert all(isinstance(each, Seen) for each in found.values()), found
    return {name: each for name, each in found.items() if isinstance(each, Seen)}


def test_numbers_of_every_depth_and_colours_give_the_same_classes(folder: Path) -> None:
    for bits in (1, 2, 4, 8, 16):
        values = np.minimum(VALUES, 2**bits - 1)
        (folder / "a.png").write_bytes(png(values[..., None], bits, 0))
        assert np.array_equal(class_map(folder / "a.png", FIELD), values), bits
    files = {
        "p.png": indexed(VALUES, [*TABLE.colours]),
        "p.gif": indexed(VALUES, [*TABLE.colours]),
        "g.tif": Image.fromarray(VALUES.astype(np.uint16)),
        "i.tif": Image.fromarray(VALUES.astype(np.int32)),
        "c.png": Image.fromarray(painted()),
        "c.bmp": Image.fromarray(painted()),
        "o.png": Image.fromarray(np.dstack([painted(), np.full((2, 3), 255, np.uint8)])),
        "la.png": Image.merge("LA", [Image.fromarray(VALUES.astype(np.uint8)), Image.new("L", (3, 2), 255)]),
    }
    for name, image in files.items():
        image.save(folder / name)
        found = class_map(folder / name, FIELD)
        assert np.array_equal(found, VALUES), name
        assert found.dtype == np.int64
    Image.fromarray(painted()).save(folder / "c.webp", lossless=True)
    assert np.array_equal(class_map(folder / "c.webp", FIELD), VALUES)


def test_a_map_painted_with_the_palette_is_read_by_its_colours_in_whatever_order(folder: Path) -> None:
    indexed(2 - VALUES, [*TABLE.colours][::-1]).save(folder / "a.png")
    assert np.array_equal(class_map(folder / "a.png", FIELD), VALUES)
    indexed(VALUES, [(5, 5, 5), (90, 90, 90), (7, 99, 7)]).save(folder / "b.png")  # colours of nothing: numbers count
    assert np.array_equal(class_map(folder / "b.png", FIELD), VALUES)
    indexed(np.ones_like(VALUES), [(0, 0, 0)] * 3).save(folder / "c.png")  # no colours of its own
    assert np.array_equal(class_map(folder / "c.png", FIELD), np.ones_like(VALUES))


def test_numbers_that_a_program_saved_as_colours_are_numbers(folder: Path) -> None:
    Image.fromarray(np.repeat(VALUES[..., None], 3, 2).astype(np.uint8)).save(folder / "a.png")
    assert np.array_equal(class_map(folder / "a.png", FIELD), VALUES)
    table, by = classes_in(seen(folder), None, None)
    assert (table.names, by) == (("0", "1", "2"), "value")


def test_smoothed_colours_are_the_nearest_class_up_to_eight_levels(folder: Path) -> None:
    pixels = painted().astype(int)
    Image.fromarray((pixels + np.where(pixels > 99, -8, 8)).astype(np.uint8)).save(folder / "a.png")
    assert np.array_equal(class_map(folder / "a.png", FIELD), VALUES)
    pixels[1, :2, 2] += 9
    Image.fromarray(pixels.astype(np.uint8)).save(folder / "b.png")
    with pytest.raises(Unreadable, match=r"^the colour #c81413 is no class: 2 pixels, the first in row 1, column 0"):
        class_map(folder / "b.png", FIELD)


def test_a_number_outside_the_table_is_told_with_its_place_and_count(folder: Path) -> None:
    Image.fromarray(np.array([[0, 1, 77], [77, 2, 77]], np.uint8)).save(folder / "a.png")
    said = (
        r"the number 77 is no class: 3 pixels, the first in row 0, column 2, counted from 0; the classes are 0 sky, 1 "
    )
    with pytest.raises(Unreadable, match=said):
        class_map(folder / "a.png", FIELD)
    Image.fromarray(VALUES.astype(np.uint8)).save(folder / "b.png")
    options = DataOptions()
    bad = misfits(folder, seen(folder), TABLE, "value", options)
    assert list(bad) == ["a.png"]
    assert bad["a.png"].startswith("the number 77 is no class: 3 pixels, the first in row 0, column 2")


@pytest.mark.parametrize(
    ("name", "said"),
    [("a.jpg", "JPEG file, which loses values"), ("a.webp", "WEBP file with loss"), ("a.tif", "compressed as jpeg")],
)
def test_a_file_that_loses_values_is_refused(folder: Path, name: str, said: str) -> None:
    more = {"a.tif": {"compression": "jpeg"}}.get(name, {})
    Image.new("RGB", (16, 16)).save(folder / name, **more)
    with pytest.raises(Unreadable, match=said):
        read(folder / name, 50)


def test_other_files_that_are_no_labels_are_refused(folder: Path) -> None:
    Image.fromarray(np.dstack([painted(), np.array([[255, 255, 9], [255, 9, 9]], np.uint8)])).save(folder / "a.png")
    with pytest.raises(Unreadable, match=r"3 transparent pixels, the first in row 0, column 2.*: flatten it"):
        read(folder / "a.png", 50)
    Image.fromarray(VALUES.astype(np.float32)).save(folder / "b.tif")
    with pytest.raises(Unreadable, match="F samples, which are no labels"):
        read(folder / "b.tif", 50)
    Image.fromarray(VALUES.astype(np.int32) - 1).save(folder / "c.tif")
    with pytest.raises(Unreadable, match="has the number -1"):
        read(folder / "c.tif", 50)
    with pytest.raises(Unreadable, match=r"more than data\.max_megapixels"):
        read(folder / "a.png", 1e-6)
    values = np.arange(5000)
    Image.fromarray(np.stack([values >> 8, values & 255, values & 3], -1)[None].astype(np.uint8)).save(folder / "d.png")
    with pytest.raises(Unreadable, match="5,000 different colours, which are no classes"):
        class_map(folder / "d.png", FIELD)


def test_without_a_table_the_numbers_that_occur_are_the_classes(folder: Path) -> None:
    Image.fromarray(np.array([[0, 7], [7, 7]], np.uint8)).save(folder / "a.png")
    Image.fromarray(np.array([[300, 255]], np.uint16)).save(folder / "b.png")
    table, by = classes_in(seen(folder), None, 255)
    assert (table.names, table.values, by) == (("0", "7", "300", "don't care"), (0, 7, 300, 255), "value")
    assert shares([*seen(folder).values()], table, by) == {"7": 0.5, "0": 1 / 6, "300": 1 / 6, "don't care": 1 / 6}
    (folder / "c.png").write_bytes(png(np.arange(600)[None, :, None], 16, 0))
    with pytest.raises(UsageError, match=r"600 different numbers stand in the label maps, 0 to 599.*at most 512"):
        classes_in(seen(folder), None, None)


def test_without_a_table_a_palette_or_the_colours_of_the_files_give_the_colours(folder: Path) -> None:
    indexed(VALUES, [*TABLE.colours]).save(folder / "a.png")
    table, by = classes_in(seen(folder), None, None)
    assert (table.colours, table.names, by) == (TABLE.colours, ("0", "1", "2"), "value")
    indexed(VALUES, [(0, 0, 0), (1, 1, 1), (2, 2, 2)]).save(folder / "b.png")
    with pytest.raises(UsageError, match=r"the number 1 is #0a14c8 in a\.png and #010101 in b\.png"):
        classes_in(seen(folder), None, None)
    for name in ("a.png", "b.png"):
        Image.fromarray(painted()).save(folder / name)
    table, by = classes_in(seen(folder), None, None)
    assert (table.names, table.colours, by) == (("#000000", "#0a14c8", "#c8140a"), TABLE.colours, "colour")
    with pytest.raises(UsageError, match=r"data\.ignore 255 is a number, and a\.png holds colours"):
        classes_in(seen(folder), None, 255)
    Image.fromarray(VALUES.astype(np.uint8)).save(folder / "b.png")
    with pytest.raises(UsageError, match=r"b\.png holds numbers and a\.png colours"):
        classes_in(seen(folder), None, None)


def test_with_a_table_palettes_count_by_colour_only_if_all_files_agree(folder: Path) -> None:
    indexed(2 - VALUES, [*TABLE.colours][::-1]).save(folder / "a.png")
    assert classes_in(seen(folder), TABLE, None)[1] == "colour"
    indexed(VALUES, [(9, 9, 9), (1, 99, 1), (2, 2, 99)]).save(folder / "b.png")
    assert classes_in(seen(folder), TABLE, None)[1] == "value"


def test_photographs_in_the_place_of_label_maps_are_said_to_be_none(folder: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (80, 80, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "a.png")
    with pytest.raises(UsageError, match=r"a\.png: more than 4,096 different colours are no classes"):
        classes_in(seen(folder), None, None)
    assert (
        "different colours, which are no classes"
        in misfits(folder, seen(folder), TABLE, "colour", DataOptions())["a.png"]
    )


def test_what_was_seen_in_a_file_is_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(3):
        Image.fromarray((VALUES + i).astype(np.uint8)).save(folder / f"{i}.png")
    first, opened = seen(folder), []
    monkeypatch.setattr(label_files, "read", lambda path, most: opened.append(path.name) or read(path, most))
    assert seen(folder) == first
    assert not opened
    found = look(folder, marks(folder) | {"1.png": "another"}, DataOptions(cache=str(folder / ".." / "kept")))
    assert opened == ["1.png"]
    assert found == first
