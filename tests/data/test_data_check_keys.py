"""saddle data check of data of several keys: what was recognised, what is wrong, ten pairs to look at."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from html_page import Page
from map_folders import COLOURS, fill_maps, photo, save, scene
from PIL import Image

from saddle.base.errors import UsageError
from saddle.cli import main
from saddle.data import DataOptions, check_data
from saddle.data.checked import Report


def checked(what: object, **settings: object) -> Report:
    return check_data(str(what), DataOptions(**settings))  # type: ignore[arg-type]


def fill(folder: Path, one: str, other: str, n: int = 3, sides: tuple[int, int] = (16, 24), apart: int = 0) -> None:
    """Pairs in which b is brighter by 60."""
    for i in range(n):
        save(folder / one.format(i), photo(scene(i, *sides), i))
        save(folder / other.format(i + apart), photo(scene(i, *sides), i + 60))


def test_a_folder_is_recognised_and_checked_as_the_source_that_reads_it(folder: Path) -> None:
    fill(folder / "pairs", "A/{}.png", "B/{}.png")
    fill(folder / "domains", "trainA/a{}.png", "trainB/b{}.png")
    fill_maps(folder / "maps", 3)
    fill(folder / "plain", "{}.png", "1{}.png")
    firsts = {name: checked(folder / name).lines()[0] for name in ("pairs", "domains", "maps", "plain")}
    assert firsts == {
        "pairs": f"this is pairs:{folder}/pairs: 3 pairs: folders A and B, 3 to train, 0 held out",
        "domains": f"this is domains:{folder}/domains: 2 domains: folders trainA and so on; a 3 to train, 0 held out; "
        "b 3 to train, 0 held out",
        "maps": f"this is maps:{folder}/maps: 3 pairs: label maps in label; images in img; 4 classes, 3 to train, "
        "0 held out",
        "plain": f"the folder {folder}/plain: 6 images, 0.00 megapixels",
    }
    fill(folder / "pairs", "A/{}.png", "B/{}.png", 1, apart=7)  # one file has no partner: pairs all the same
    assert checked(folder / "pairs").lines()[0].startswith(f"this is pairs:{folder}/pairs: it cannot be trained on")


def test_folders_that_are_only_called_so_are_a_folder_of_images(folder: Path) -> None:
    fill(folder / "classes", "maps/{}.png", "photos/{}.png", apart=7)  # two classes, say
    fill(folder / "boxes", "images/{}.png", "images/1{}.png")
    (folder / "boxes/labels").mkdir()
    (folder / "boxes/labels/0.txt").write_text("0 .5 .5 .1 .1")
    for name in ("classes", "boxes"):
        assert checked(folder / name).lines()[0] == f"the folder {folder}/{name}: 6 images, 0.00 megapixels" + (
            "; ignored: 1 .txt" * (name == "boxes")
        )


@pytest.mark.parametrize(("kind", "game"), [("pairs", "pix2pix"), ("domains", "cyclegan"), ("simulated", "cyclegan")])
def test_each_source_has_the_command_that_trains_on_it(folder: Path, kind: str, game: str) -> None:
    fill(folder, "A/{}.png", "B/{}.png")
    place = f"{kind}:{folder}/A,{folder}/B"
    report = checked(place, flip=True)
    assert report.good
    assert report.lines()[-1] == f"to train: saddle train {game} --data {place} --data.flip true"
    assert [report.keys[key].train for key in ("a", "b")] == [3, 3]


def test_sizes_channels_and_bits_are_told_by_key(folder: Path) -> None:
    fill(folder, "A/{}.png", "B/{}.png")
    for i in range(3):
        save(folder / f"A/{i}.png", scene(i, 8, 12).astype(np.uint16) * 9000)
    report = checked(f"pairs:{folder}")
    assert report.keys["damaged"].sizes == {"12×8": 3}
    assert (report.keys["damaged"].channels, report.keys["damaged"].bits) == ({"1": 3}, {"16": 3})
    assert (report.keys["image"].sizes, report.keys["image"].channels, report.keys["image"].bits) == (
        {"24×16": 3},
        {"3": 3},
        {"8": 3},
    )
    assert "image ×2" in report.found
    assert report.lines()[2] == "damaged: sizes 12×8 (3); channels 1 (3); modes I;16 (3); bits 16 (3)"
    other = checked("digits-inverted").keys
    assert (other["a"].sizes, other["a"].channels) == ({"32×32": 1147}, {"1": 1147})


def test_classes_have_their_names_numbers_colours_and_shares(folder: Path) -> None:
    fill_maps(folder, 3)
    (folder / "c.txt").write_text("".join(f"{i} c{i} {r} {g} {b}\n" for i, (r, g, b) in enumerate(COLOURS)))
    save(folder / "label/01.png", np.where(scene(1) == 3, 255, scene(1)).astype(np.uint8))
    key = checked(folder, palette=str(folder / "c.txt"), ignore=255).keys["a"]
    assert {name: round(share, 4) for name, share in key.classes.items()} == {
        "c0": 0.25, "c1": 0.25, "c2": 0.25, "c3": 0.1667, "don't care": 0.0833
    }  # fmt: skip
    assert key.numbers == {"c0": 0, "c1": 1, "c2": 2, "c3": 3, "don't care": 255}
    assert list(key.palette.values())[:4] == [*COLOURS]
    lines = checked(folder, palette=str(folder / "c.txt"), ignore=255).lines()
    assert "5 classes of a: c0 25%, c1 25%, c2 25%, c3 16.7%, don't care 8.33%" in lines


def test_a_check_fails_with_what_would_stop_a_training(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(folder, "A/{}.png", "B/{}.png")
    (folder / "B/1.png").unlink()
    assert main(["data", "check", f"pairs:{folder}", "--json"]) == 1
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert (found["good"], found["unmatched"]) == (False, {"a": ["A/1.png"]})
    assert "of a: A/1.png" in said.err
    (folder / "B/1.png").write_bytes(b"")
    assert main(["data", "check", f"pairs:{folder}"]) == 1
    assert "B/1.png: empty file (0 bytes)" in capsys.readouterr().err
    assert main(["data", "check", f"pairs:{folder}", "--data.skip_bad", "true"]) == 0
    assert "1 file is left out:\n  B/1.png: empty file (0 bytes)" in capsys.readouterr().out
    assert main(["data", "check", f"pairs:{folder}/no"]) == 2
    assert "there is no folder or file" in capsys.readouterr().err


def test_images_that_are_there_twice_and_in_two_domains_are_told(folder: Path) -> None:
    fill(folder, "A/{}.png", "B/{}.png", 4)
    for name in ("A/3.png", "B/3.png"):
        save(folder / name, np.asarray(Image.open(folder / name.replace("3", "2"))))
    report = checked(f"pairs:{folder}")
    assert report.duplicates == [["A/2.png", "A/3.png"], ["B/2.png", "B/3.png"]]
    assert report.good
    save(folder / "B/0.png", np.asarray(Image.open(folder / "A/0.png")))
    both = checked(f"domains:{folder}/A,{folder}/B")
    assert not both.good
    assert "A/0.png = B/0.png" in both.reason


def test_images_of_several_sizes_get_a_size_that_the_command_has(folder: Path) -> None:
    fill(folder, "A/{}.png", "B/{}.png", 3, (40, 60))
    fill(folder, "A/x{}.png", "B/x{}.png", 2, (64, 70))
    report = checked(f"pairs:{folder}")
    assert report.good
    assert "2 of a, most often 60×40. --data.size 40" in report.notes["several sizes"]
    assert report.command.endswith("--data.size 40")


def pictures(page: Page) -> list[np.ndarray]:
    sources = [base64.b64decode(source.partition(",")[2]) for source in page.values("img", "src")]
    return [np.asarray(Image.open(io.BytesIO(source)).convert("RGB")).astype(int) for source in sources]


def test_the_sheet_shows_ten_pairs_side_by_side_with_their_names(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(folder, "A/{}.png", "B/{}.png", 12)
    file = folder / "new/sheet.html"
    assert main(["data", "check", f"pairs:{folder}", "--sheet", str(file)]) == 0
    assert f"drawn into {file}" in capsys.readouterr().err
    text = file.read_text()
    page = Page(text)
    names = page.values("img", "alt")
    assert len(names) == 20
    assert names[:2] == ["A/0.png", "B/0.png"]
    assert not re.search(r"https?://", text)
    for (one, other), (left, right) in zip(
        zip(names[::2], names[1::2], strict=True), zip(*[iter(pictures(page))] * 2, strict=True), strict=True
    ):
        assert one.replace("A", "B") == other
        number = int(re.findall(r"\d+", one)[0])
        scale = left.shape[0] // 16
        assert np.array_equal(left[::scale, ::scale], photo(scene(number, 16, 24), number))
        assert np.array_equal(right, (left + 60) % 256)


def test_the_sheet_of_maps_shows_classes_in_their_colours(folder: Path) -> None:
    fill_maps(folder, 3)
    (folder / "c.txt").write_text("".join(f"{i} c{i} {r} {g} {b}\n" for i, (r, g, b) in enumerate(COLOURS)))
    report = checked(folder, palette=str(folder / "c.txt"))
    assert report.shown is not None
    rows = report.shown(10)
    assert [[name for _, name, _ in row] for row in rows] == [
        [f"label/{i:02}.png", f"img/{i:02}.png"] for i in range(3)
    ]
    for i, ((_, _, labels), (_, _, image)) in enumerate(rows):
        painted = ((labels + 1) * 127.5).round().int().numpy().transpose(1, 2, 0)
        assert np.array_equal(painted, photo(scene(i)))
        assert np.array_equal(((image + 1) * 127.5).round().int().numpy().transpose(1, 2, 0), photo(scene(i), i))


def test_a_sheet_is_a_png_too_and_never_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(folder, "{}.png", "1{}.png", 6)
    assert main(["data", "check", str(folder), "--sheet", str(folder / "s.png")]) == 0
    with Image.open(folder / "s.png") as sheet:
        assert sheet.width > 2 * 48
    for name, said in ((str(folder), "is a folder"), ("s.txt", "should end in .html or .png")):
        assert main(["data", "check", str(folder), "--sheet", name]) == 2
        assert said in capsys.readouterr().err
    assert main(["data", "--sheet", "s.png"]) == 2
    with pytest.raises(UsageError, match="no folder, file or source"):
        checked(folder / "no")
