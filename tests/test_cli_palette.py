"""saddle palette: the classes of a run on label maps, to paint with; what is painted so, the run understands."""

import json
from pathlib import Path

import numpy as np
import pytest
from map_folders import COLOURS, photo, save, scene
from PIL import Image

import saddle
from saddle.cli import main
from saddle.data.label_maps import class_map
from saddle.data.palettes import read_table

NAMES = ("sky", "old wall", "house", "don't care")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one round on label maps with the numbers 5, 6, 7 and 255."""
    folder = tmp_path_factory.mktemp("palette")
    for i in range(4):
        save(folder / f"town/label/{i}.png", np.array([5, 6, 7, 255], np.uint8)[scene(i, 16, 16)])
        save(folder / f"town/img/{i}.png", photo(scene(i, 16, 16), i))
    rows = zip((5, 6, 7), NAMES, COLOURS, strict=False)
    (folder / "c.txt").write_text("".join(f"{n} {name} {r} {g} {b}\n" for n, name, (r, g, b) in rows))
    settings = {"data.palette": str(folder / "c.txt"), "data.ignore": 255, "data.cache": str(folder / "cache")}
    settings |= {
        "game.width": 4,
        "game.patch_layers": 0,
        "plan.batch": 2,
        "plan.scores": 0,
        "plan.samples": 64,
        "plan.pictures": 0,
    }
    saddle.train(
        "pix2pix", f"maps:{folder}/town", folder / "run", rounds=1, settings=settings, device="cpu", quiet=True
    )
    return folder / "run"


def test_classes_go_with_the_run_into_every_form_of_a_palette(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for suffix in (".txt", ".json", ".gpl"):
        assert main(["palette", str(run), "--out", str(tmp_path / f"p{suffix}"), "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == {"files": [str(tmp_path / f"p{suffix}")]}
        table = read_table(tmp_path / f"p{suffix}")
        assert (table.names, table.colours[:3]) == (NAMES, COLOURS[:3])
        assert table.values == ((5, 6, 7, 255) if suffix != ".gpl" else (0, 1, 2, 3))
    assert main(["palette", str(run), "--out", str(tmp_path / "p.png")]) == 0
    with Image.open(tmp_path / "p.png") as picture:
        assert {*COLOURS[:3]} <= {colour for _, colour in picture.convert("RGB").getcolors(1 << 20)}


def test_a_map_that_is_painted_with_it_is_what_the_run_was_trained_on(run: Path, tmp_path: Path) -> None:
    field = saddle.load(run, device="cpu").spec.fields["a"]
    colours = np.array(field.palette, np.uint8)
    Image.fromarray(colours[scene(2, 16, 16)]).save(tmp_path / "painted.png")
    assert np.array_equal(class_map(tmp_path / "painted.png", field), scene(2, 16, 16))
    assert np.array_equal(class_map(run.parent / "town/label/2.png", field), scene(2, 16, 16))


def test_a_name_that_is_no_palettes_is_refused(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["palette", str(run), "--out", "p.ase"]) == 2
    assert "end in .gpl, .json, .txt, .png" in capsys.readouterr().err
    assert main(["palette", str(run), "--out", str(tmp_path)]) == 2
    assert "should be a file's" in capsys.readouterr().err


def test_what_is_painted_is_translated_and_a_colour_off_the_palette_is_told_with_its_place(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    field = saddle.load(run, device="cpu").spec.fields["a"]
    classes = scene(3, 16, 16)
    painted = np.array(field.palette, np.uint8)[classes]
    smoothed = np.clip(painted.astype(int) + np.where(painted > 128, -7, 7), 0, 255).astype(np.uint8)
    indexed = Image.fromarray(classes.astype(np.uint8))
    indexed.putpalette([value for colour in field.palette for value in colour])
    made = []
    for name, drawing in (("rgb", painted), ("brush", smoothed), ("indexed", indexed)):
        (tmp_path / name).mkdir()
        (drawing if name == "indexed" else Image.fromarray(drawing)).save(tmp_path / name / "map.png")
        out = tmp_path / f"{name}.png"
        assert main(["translate", str(run), str(tmp_path / name / "map.png"), "--out", str(out)]) == 0
        made.append(np.asarray(Image.open(out)))
    assert (made[0] == made[1]).all()
    assert (made[0] == made[2]).all()
    painted[5:7, 9] = (1, 250, 130)
    Image.fromarray(painted).save(tmp_path / "off.png")
    capsys.readouterr()
    assert main(["translate", str(run), str(tmp_path / "off.png"), "--out", str(tmp_path / "x.png")]) == 2
    said = capsys.readouterr().err
    assert "the colour #01fa82 is no class: 2 pixels, the first in row 5, column 9, counted from 0" in said
    assert not (tmp_path / "x.png").exists()
