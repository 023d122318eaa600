"""Maps whose objects are moved, left out, added and asked for a look; and that an edit changes its object alone."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from playing import play
from seeding import seed_all

import saddle
from saddle.base import rng
from saddle.base.errors import UsageError
from saddle.cli import main
from saddle.data import DataOptions, open_source
from saddle.games.pix2pixhd import Pix2PixHD
from saddle.optim import Adam
from saddle.spec import DataSpec, Field
from saddle.use.editing import Scene, edited

NAMES = ("sky", "road", "car", "tree")


def street() -> Scene:
    """Sky over a road, a small car in front of a large one, of which a part is hidden."""
    classes, numbers = np.zeros((20, 20), np.int64), np.zeros((20, 20), np.int64)
    classes[10:] = numbers[10:] = 1
    for number, rows, columns in ((2000, slice(8, 14), slice(4, 10)), (2001, slice(12, 15), slice(8, 12))):
        classes[rows, columns], numbers[rows, columns] = 2, number
    return Scene(classes, numbers, NAMES)


def test_what_is_left_out_becomes_the_ground_around_it_and_never_another_object():
    scene = street().without(2001)
    assert not (scene.numbers == 2001).any()
    gone = street().numbers == 2001
    assert (scene.classes[gone] == 1).all()
    assert (scene.numbers[gone] == 1).all()
    assert np.array_equal(scene.numbers[~gone], street().numbers[~gone])
    large = street().without(2000)
    assert (large.classes[8, 4:10] == 0).all()  # it stood before sky and road
    assert (large.classes[12, 4:8] == 1).all()


def test_what_is_moved_stands_in_front_and_is_cut_at_the_edge():
    scene = street().moved(2000, 3, 1)
    assert (scene.numbers == 2000).sum() == (street().numbers == 2000).sum()
    assert (scene.numbers[9:13, 7:11] == 2000).all()
    assert scene.classes[9, 7] == 2
    assert scene.classes[8, 5] == 0
    assert (street().moved(2001, 10, 0).numbers == 2001).sum() == 3 * 2
    with pytest.raises(UsageError, match="nothing of object 2001 would be left in this map of 20×20"):
        street().moved(2001, 100, 0)


def test_what_is_added_is_a_copy_of_the_largest_of_its_class_with_a_number_of_its_own():
    scene = street().added("car", 15, 5)
    found = scene.numbers == 2002
    assert found.sum() == (street().numbers == 2000).sum()
    rows, columns = np.nonzero(found)
    assert ((rows.min() + rows.max()) // 2, (columns.min() + columns.max()) // 2) == (5, 15)
    assert (scene.classes[found] == 2).all()


def test_numbers_that_do_not_tell_classes_go_on_after_the_last():
    plain = street()
    counted = Scene(plain.classes, np.where(plain.numbers >= 1000, plain.numbers - 1990, 0), NAMES)
    assert counted.told() == "10 (car), 11 (car)"
    assert int(counted.added("car", 15, 5).numbers.max()) == 12
    assert (counted.without(11).numbers[street().numbers == 2001] == 0).all()


def test_looks_are_of_the_objects_that_are_named():
    looks = street().looks({2000: 3, 0: 1})
    assert set(looks[street().numbers == 2000]) == {3}
    assert set(looks[street().numbers == 0]) == {1}
    assert set(looks[street().numbers == 2001]) == {-1}


def test_edits_come_one_after_the_other():
    scene = edited(street(), drop=[2001], move={2000: (5, 0)}, add=[("car", 3, 15)])
    assert scene.told() == "2000 (car), 2001 (car)"
    assert (scene.numbers == 2001).sum() == (street().numbers == 2000).sum()


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda s: s.without(7), r"no object 7 in this map; there are 2000 \(car\), 2001 \(car\)"),
        (lambda s: s.moved(1, 2, 2), "1 is ground, road, on which objects stand"),
        (lambda s: s.added("cart", 2, 2), r"no class 'cart' \(did you mean car\?\)"),
        (lambda s: s.added("tree", 2, 2), "no object of the class tree to copy"),
        (lambda s: s.looks({9: 1}), "no object 9"),
        (lambda s: Scene(s.classes * 0 + 2, s.numbers * 0 + 2000, NAMES).without(2000), "nothing else is in this map"),
    ],
)
def test_what_cannot_be_is_refused(edit, words: str):
    with pytest.raises(UsageError, match=words):
        edit(street())


def squares(n: int) -> dict[str, torch.Tensor]:
    """Two small squares on a ground, all of colours that the map does not say."""
    numbers = torch.zeros(n, 32, 32, dtype=torch.int64)
    numbers[:, 3:8, 4:9], numbers[:, 20:25, 18:23] = 1000, 1001
    colours = torch.rand(n, 3, 3, generator=torch.Generator().manual_seed(n)) * 0.8 - 0.4
    colours[:, 0] *= 0.2  # of the ground
    image = torch.stack(
        [mine[which].movedim(-1, 0) for mine, which in zip(colours, (numbers - 999).relu(), strict=True)]
    )
    return {"a": (numbers > 0).long(), "b": image, "instances": numbers}


def test_another_look_changes_its_object_and_hardly_anything_else():
    """Of a game that has learned for some seconds; a whole training takes it to ten times."""
    field = Field("map", (32, 32), ("ground", "square"), ((0, 0, 0), (9, 9, 9)))
    data = DataSpec({"a": field, "b": Field("image", (3, 32, 32)), "instances": Field("instances", (32, 32))})
    seed_all(0)
    torch.manual_seed(0)
    tiny = {"width": 8, "blocks": 1, "halvings": 1, "encoder_width": 8, "discriminator_width": 8, "patch_layers": 1}
    game = Pix2PixHD(data, Pix2PixHD.Options(enhancer=False, scales=1, optim=Adam(lr=3e-3), **tiny))
    play(game, squares(12), rounds=100)
    batch, styles = squares(1), game.looks()["square"]
    inside, drawn = batch["instances"][0] == 1001, []
    for k in range(len(styles)):
        with rng.apart(0):
            drawn.append(game.translate(batch | {"clusters": torch.where(inside, k, -1)[None]}, "b")[0])
    change = torch.stack([(x - drawn[0]).abs().mean(0) for x in drawn[1:]]).mean(0)
    assert len(styles) == 10
    assert float(change[inside].mean()) > 0.05
    assert float(change[inside].mean()) > 3 * float(change[~inside].mean())


@pytest.mark.learning
@pytest.mark.timeout(3600)
def test_another_look_changes_an_object_of_a_scene_more_than_ten_times_as_much_as_all_else(tmp_path: Path):
    """Of the shipped recipe, trained as it is."""
    game = saddle.train("pix2pixhd", run=tmp_path / "run", device="cpu", quiet=True).game
    held, [*styles] = open_source(DataOptions("scenes")).heldout, game.looks().values()
    inside, outside = [], []
    for place in range(12):
        batch = held.batch(dict.fromkeys(("a", "instances"), np.array([place])))
        for number in batch["instances"][batch["instances"] >= 1000].unique():
            there = batch["instances"] == number
            if there.sum() < 40:
                continue
            drawn = []
            for k in range(0, len(styles[int(number) // 1000]), 3):
                with rng.apart(0):
                    drawn.append(game.translate(batch | {"clusters": torch.where(there, k, -1)}, "b"))
            change = torch.stack([(x - drawn[0]).abs().mean(1) for x in drawn[1:]]).mean(0)
            inside.append(float(change[there].mean()))
            outside.append(float(change[~there].mean()))
    assert len(inside) > 12
    assert sum(inside) > 10 * sum(outside)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two rounds on scenes, and beside it a map with its objects."""
    folder = tmp_path_factory.mktemp("editing")
    settings = {
        "data.size": 32,
        "game.width": 2,
        "game.blocks": 1,
        "plan.scores": 0,
        "plan.samples": 64,
        "plan.pictures": 0,
    }
    saddle.train("pix2pixhd", "scenes", folder / "run", rounds=2, settings=settings, device="cpu", quiet=True)
    held = open_source(DataOptions("scenes", size=32)).heldout
    assert held is not None
    for name, key in (("map", "a"), ("objects", "instances")):
        Image.fromarray(held.columns[key][np.array([1])][0].astype(np.uint16)).save(folder / f"{name}.png")
    return folder / "run"


def words(run: Path, *more: str) -> list[str]:
    place = run.parent
    return ["translate", str(run), f"{place}/map.png", "--instances", f"{place}/objects.png", *more, "--device", "cpu"]


def test_a_map_is_edited_and_drawn_by_command(run: Path, tmp_path: Path):
    with Image.open(run.parent / "objects.png") as picture:
        numbers = np.asarray(picture)
    car = str(numbers[numbers >= 5000].max())
    made = {}
    edits = {
        "plain": (),
        "again": (),
        "move": ("--move", f"{car}=-3,+2"),
        "drop": ("--drop", car),
        "add": ("--add", "car@20,9"),
    }
    for name, edit in edits.items():
        assert main(words(run, "--out", str(tmp_path / f"{name}.png"), *edit)) == 0
        with Image.open(tmp_path / f"{name}.png") as picture:
            made[name] = np.asarray(picture).tobytes()
    assert made["plain"] == made["again"]
    assert len(set(made.values())) == len(made) - 1


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (("--move", "7=+1,+1"), "there is no object 7 in this map; there are"),
        (("--move", "7=1"), "such as 12=+20,-4, not '7=1'"),
        (("--add", "cart@3,3"), "no class 'cart'"),
        (("--add", "car"), "such as tree@40,80, not 'car'"),
        (("--style", "0=99"), "sky has"),
        (("--style", "0=1,0=2"), "names an object twice"),
    ],
)
def test_edits_that_cannot_be_are_refused(run: Path, tmp_path: Path, capsys, edit: tuple[str, str], says: str):
    assert main(words(run, "--out", str(tmp_path / "x.png"), *edit)) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()


def test_edits_without_objects_are_refused(run: Path, tmp_path: Path, capsys):
    place = str(run.parent / "map.png")
    assert main(["translate", str(run), place, "--out", str(tmp_path / "x.png"), "--drop", "5000"]) == 2
    assert "give --instances FILE" in capsys.readouterr().err


def test_the_looks_of_each_class_are_drawn(run: Path, tmp_path: Path, capsys):
    assert main(["styles", str(run), "--out", str(tmp_path / "s.png"), "--json", "--device", "cpu"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["file"] == str(tmp_path / "s.png")
    assert {"sky", "ground", "road"} <= set(told["styles"])
    assert all(len(centre) == 3 for centres in told["styles"].values() for centre in centres)
    with Image.open(tmp_path / "s.png") as picture:
        assert picture.width > 4 * 96
    assert main(["styles", str(run), "--out", str(tmp_path / "s.gif")]) == 2
    assert "end in .png" in capsys.readouterr().err


def test_python_asks_for_the_looks_of_objects_by_their_numbers(run: Path):
    opened, held = saddle.load(run, device="cpu"), open_source(DataOptions("scenes", size=32)).heldout
    batch = held.batch(dict.fromkeys(("a", "instances"), np.array([1])))
    made = opened.translate(batch["a"], instances=batch["instances"], clusters={0: 0})
    with rng.apart("translate", 0, 0), torch.no_grad():
        asked = torch.where(batch["instances"] == 0, 0, -1)
        assert torch.equal(made, opened.whole(opened.game.translate(batch | {"clusters": asked}, "b")))
    with pytest.raises(UsageError, match="sky has"):
        opened.translate(run.parent / "map.png", instances=run.parent / "objects.png", clusters={0: 99})
    with pytest.raises(UsageError, match="give instances"):
        opened.translate(run.parent / "map.png", clusters={0: 0})
