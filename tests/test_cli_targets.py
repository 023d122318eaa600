"""saddle translate with several results of an image: domains, labels, styles, masks and instances."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small import tiny
from translated import below, pixels, read, refused, rows, trained

import saddle
from saddle.base.errors import UsageError
from saddle.cli import main
from saddle.spec import Condition, changes


@pytest.fixture(scope="module")
def domains(tmp_path_factory: pytest.TempPathFactory):
    yield from trained(tmp_path_factory.mktemp("domains") / "run")


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory):
    """A run that is asked for black, blond or brown, male and young."""
    yield from trained(tmp_path_factory.mktemp("faces") / "run", "toy-labelled", "toy-changes")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory):
    """A run from drawings to shadows and photos, with styles, masks and objects."""
    yield from trained(tmp_path_factory.mktemp("town") / "run", "toy-town", "toy-painting")


@pytest.fixture
def photos(tmp_path) -> Path:
    (tmp_path / "in").mkdir()
    for name in ("x.png", "y.png"):
        Image.fromarray(pixels(16, 16, 1)[..., 0]).save(tmp_path / "in" / name)
    return tmp_path / "in"


@pytest.fixture
def drawing(tmp_path) -> Path:
    """A map as its numbers."""
    Image.fromarray(np.random.default_rng(1).integers(0, 3, (16, 16)).astype(np.uint8)).save(tmp_path / "drawing.png")
    return tmp_path / "drawing.png"


def test_all_domains_stand_in_files_of_their_own_and_side_by_side(domains, photos, tmp_path, capsys):
    argv = [domains, photos, "--to", "all", "--out", tmp_path / "out", "--sheet", tmp_path / "page.html"]
    made = rows(capsys, *argv)
    assert below(tmp_path / "out") == ["x-b.png", "x-c.png", "y-b.png", "y-c.png"]
    assert [row["to"] for row in made] == ["b", "c", "b", "c"]
    page = (tmp_path / "page.html").read_text()
    assert re.findall("<th scope=.col.>(.*?)</th>", page) == ["input", "b", "c"]
    assert page.count("<img") == 6
    rows(capsys, domains, photos / "x.png", "--to", "c", "--out", tmp_path / "one.png")
    assert (read(tmp_path / "one.png").pixels == read(tmp_path / "out" / "x-c.png").pixels).all()


def test_domains_may_be_named_one_after_the_other(domains, photos, tmp_path, capsys):
    made = rows(capsys, domains, photos / "x.png", "--to", "a", "--to", "c", "--from", "b", "--out", tmp_path / "out")
    assert [Path(row["output"]).name for row in made] == ["x-a.png", "x-c.png"]
    said = refused(capsys, domains, photos / "x.png", "--to", "a", "--to", "c")
    assert "of images of a or b; say which of them these are with --from" in said
    assert "'c' is asked for twice" in refused(capsys, domains, photos / "x.png", "--to", "c", "--to", "c")
    assert "no domain 'd'" in refused(capsys, domains, photos / "x.png", "--to", "d")
    said = refused(capsys, domains, photos / "x.png", "--to", "all", "--out", tmp_path / "one.png")
    assert "several results go into a folder" in said
    said = refused(capsys, domains, photos, "--to", "all", "--truth", photos)
    assert "--truth has true images of one kind of result" in said


def test_labels_change_what_an_image_shows_and_nothing_else(faces, photos, tmp_path, capsys):
    rows(capsys, faces, photos, "--to", "blond,-male", "--out", tmp_path / "out")
    assert below(tmp_path / "out") == ["x.png", "y.png"]
    run = saddle.load(faces, device="cpu")
    nan = float("nan")
    asked = torch.tensor([[0, 1, 0, 0, nan]])
    given = torch.tensor(read(photos / "x.png").pixels).movedim(2, 0)[None].float() / 127.5 - 1
    with torch.no_grad():
        out = run.game.translate({"image": given, "label": asked}, "image")
    expected = ((out[0, 0] + 1) * 127.5).round().clamp(0, 255).byte().numpy()
    assert (read(tmp_path / "out" / "x.png").pixels[..., 0] == expected).all()
    for labels in ({"blond": 1, "male": 0}, [0, 1, 0, 0, nan], "blond,-male"):
        assert (np.asarray(run.translate(photos / "x.png", labels=labels)) == expected).all()


def test_all_labels_come_in_turn(faces, photos, tmp_path, capsys):
    made = rows(capsys, faces, photos / "x.png", "--to", "all", "--out", tmp_path / "out")
    names = ["black", "blond", "brown", "male", "not male", "young", "not young"]
    assert [row["to"] for row in made] == names
    assert [Path(row["output"]).stem for row in made] == [f"x-{name.replace(' ', '-')}" for name in names]
    few = ["--to", "blond,-male", "--to=-young"]
    made = rows(capsys, faces, photos / "x.png", *few, "--out", tmp_path / "few")
    assert [Path(row["output"]).stem for row in made] == ["x-blond-not-male", "x-not-young"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            "blont",
            "no label 'blont' (did you mean blond or brown?); name what is to be on, or with a - off, such as -young",
        ),
        ("blond,brown", "blond and brown exclude each other; name one of black, blond, brown"),
        ("blond,-blond", "'blond' is named twice"),
        ("-black,-blond,-brown", "an image is one of black, blond, brown; leave one of them"),
        ("male=2", "'male' is 0, 1 or something between, not 2"),
        ("1,0", "2 numbers are given for black, blond, brown, male, young; give 5"),
        (",", "nothing is asked for"),
    ],
)
def test_labels_that_cannot_be_are_refused(asked, said, faces, photos, tmp_path, capsys):
    assert said in refused(capsys, faces, photos, f"--to={asked}", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_labels_nothing_would_change(faces, photos, capsys):
    said = refused(capsys, faces, photos)
    assert "without --to an image would stay as it is; say what it is to show: 0 or 1 for each of black" in said


def test_what_a_game_writes_by_default_goes_into_a_file_each(town, drawing, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = rows(capsys, town, drawing)
    assert below(tmp_path / "drawing-translated") == ["drawing-photo.png", "drawing-shadow.png"]
    assert [row["to"] for row in made] == ["shadow", "photo"]
    assert Image.open("drawing-translated/drawing-shadow.png").mode == "L"
    both = saddle.load(town, device="cpu").translate(drawing, to="all")
    assert [*both] == ["shadow", "photo"]
    assert (np.asarray(both["photo"]) == read(Path("drawing-translated/drawing-photo.png")).pixels).all()


def test_a_style_is_that_of_all_inputs_at_its_own_size(town, drawing, tmp_path, capsys):
    for name, colour in (("red", (250, 0, 0)), ("blue", (0, 0, 250))):
        Image.new("RGB", (9, 7), colour).save(tmp_path / f"{name}.png")
    styles = ["--style", tmp_path / "red.png", "--style", tmp_path / "blue.png"]
    made = rows(capsys, town, drawing, "--to", "photo", *styles, "--out", tmp_path / "out")
    assert [Path(row["output"]).name for row in made] == ["drawing-red.png", "drawing-blue.png"]
    red, blue = (read(Path(row["output"])).pixels.astype(int) for row in made)
    assert abs((red - blue)[..., 0] - 125).max() <= 1
    assert abs((red - blue)[..., 2] + 125).max() <= 1
    again = saddle.load(town, device="cpu").translate(drawing, to="photo", style=tmp_path / "blue.png")
    assert (np.asarray(again) == blue).all()
    made = rows(capsys, town, drawing, *styles, "-n", 2, "--out", tmp_path / "many")
    assert len(made) == len({row["output"] for row in made}) == 8
    assert "drawing-shadow-blue-2.png" in below(tmp_path / "many")


def test_a_style_that_cannot_be_is_refused(town, domains, photos, drawing, tmp_path, capsys):
    style = ["--style", photos / "x.png", "--out", tmp_path / "out"]
    assert "takes no style" in refused(capsys, domains, photos, *style)
    assert "there is no such file" in refused(capsys, town, drawing, "--style", tmp_path / "none.png")
    (tmp_path / "bad.png").write_bytes(b"no image")
    assert "bad.png: " in refused(capsys, town, drawing, "--style", tmp_path / "bad.png", code=1)
    assert not (tmp_path / "out").exists()


def test_a_mask_and_instances_stand_beside_a_map(town, drawing, tmp_path, capsys):
    mask, objects = np.zeros((16, 16), np.uint8), np.zeros((16, 16), np.uint16)
    mask[:4], objects[:, :8] = 255, 8
    Image.fromarray(mask).save(tmp_path / "mask.png")
    Image.fromarray(objects).save(tmp_path / "objects.png")
    rows(capsys, town, drawing, "--out", tmp_path / "plain")
    argv = ["--mask", tmp_path / "mask.png", "--instances", tmp_path / "objects.png", "--out", tmp_path / "out"]
    rows(capsys, town, drawing, *argv)
    assert (read(tmp_path / "out" / "drawing-shadow.png").pixels[..., 0] == mask).all()
    change = read(tmp_path / "out" / "drawing-photo.png").pixels - read(
        tmp_path / "plain" / "drawing-photo.png"
    ).pixels.astype(int)
    assert abs(change[:4, 8:] + 32).max() <= 1
    assert abs(change[4:, :8] - 64).max() <= 1
    assert abs(change[4:, 8:]).max() == 0
    run = saddle.load(town, device="cpu")
    alike = run.translate(drawing, to="photo", mask=tmp_path / "mask.png", instances=objects)
    assert (np.asarray(alike) == read(tmp_path / "out" / "drawing-photo.png").pixels).all()


def test_masks_and_instances_that_do_not_fit_are_refused(town, domains, drawing, photos, tmp_path, capsys):
    Image.new("L", (9, 16)).save(tmp_path / "small.png")
    said = refused(capsys, town, drawing, "--mask", tmp_path / "small.png", "--out", tmp_path / "out")
    assert ": the mask has 16×9 pixels (height × width) and its image 16×16" in said
    said = refused(capsys, town, drawing, "--instances", tmp_path / "small.png", "--out", tmp_path / "out")
    assert ": the map of instances has 16×9 pixels (height × width) and its image 16×16" in said
    assert "looks at no instances here" in refused(capsys, domains, photos, "--instances", photos)
    assert "has not learned to fill holes" in refused(capsys, domains, photos, "--mask", photos)


def test_tensors_take_labels_styles_and_instances_row_by_row(faces, town):
    run, images = saddle.load(faces, device="cpu"), torch.rand(3, 1, 8, 8) * 2 - 1
    each = run.translate(images, labels=["blond", "brown,male", {"young": 1}])
    alone = [run.translate(images[i : i + 1], to) for i, to in enumerate(("blond", "brown,male", "young"))]
    assert torch.equal(each, torch.cat(alone))
    with pytest.raises(UsageError, match="3 images and 2 labels"):
        run.translate(images, labels=["blond", "brown"])
    run, maps = saddle.load(town, device="cpu"), torch.zeros(2, 8, 8, dtype=torch.int64)
    styles = torch.stack([torch.ones(3, 4, 4), -torch.ones(3, 4, 4)])
    made = run.translate(maps, "photo", style=styles, seed=3).int()
    assert (abs((made[0] - made[1]) - 127.5) <= 1).all()
    objects = torch.tensor([0, 4])[:, None, None].expand(2, 8, 8)
    change = run.translate(maps, "photo", instances=objects).int() - run.translate(maps, "photo").int()
    assert (change[0] == 0).all()
    assert (abs(change[1] - 32) <= 1).all()


def test_an_option_of_holes_alone_is_not_asked_of_other_masks(town, drawing, tmp_path, capsys):
    Image.new("L", (16, 16), 255).save(tmp_path / "mask.png")
    argv = [town, drawing, "--to", "photo", "--mask", tmp_path / "mask.png", "--size", "8", "--out", tmp_path / "y.png"]
    assert main(["translate", *map(str, argv)]) == 0
    assert read(tmp_path / "y.png").size == (8, 8)


def test_labels_of_which_several_may_be_on_are_named_and_compared(faces, tmp_path, capsys):
    for name, grey in (("dark.png", 40), ("light.png", 220)):
        Image.new("L", (16, 16), grey).save(tmp_path / name)
    (tmp_path / "known.csv").write_text("file,blond,male\ndark.png,0,0\nlight.png,1,0\n")
    argv = ["classify", str(faces), str(tmp_path), "--labels", str(tmp_path / "known.csv")]
    assert main([*argv, "--json", "--out", str(tmp_path / "out.csv")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["labels"] for row in found["images"]] == [["black", "male"], ["blond"]]
    assert sum(found["images"][0]["probabilities"][name] for name in ("black", "blond", "brown")) == pytest.approx(1)
    assert found["accuracy"] == {"blond": 1, "male": 0.5}
    assert found["known"] == {"blond": 2, "male": 2}
    assert (
        (tmp_path / "out.csv").read_text().startswith("image,labels,black,blond,brown,male,young\ndark.png,black male,")
    )
    assert main(argv) == 0
    said = capsys.readouterr().out
    assert re.search(r"dark\.png +black, male +0\.\d{3}", said)
    assert re.search(r"male +0\.5 ± \S+ +1 of 2", said)
    (tmp_path / "known.csv").write_text("file,blont\ndark.png,0\nlight.png,1\n")
    assert main(argv) == 2
    assert "no label 'blont' (did you mean blond" in capsys.readouterr().err


def test_who_is_no_longer_of_a_group_is_another_one(faces):
    condition = saddle.load(faces, device="cpu").spec.condition
    assert changes.read(condition, "-black").isnan().tolist() == [False, True, True, True, True]
    assert changes.read(condition, "-black,-blond").tolist()[:3] == [0, 0, 1]
    assert changes.read(condition, "brown").tolist()[:3] == [0, 0, 1]
    assert torch.equal(changes.read(Condition("numbers", ("age",)), "age=0.5"), torch.tensor([0.5]))
    with pytest.raises(UsageError, match=r"'age' is a number; write such as age=0\.5"):
        changes.read(Condition("numbers", ("age",)), "age")
    assert changes.read(Condition("class", ("cat", "dog")), "dog").item() == 1
    with pytest.raises(UsageError, match="no label 'dag'"):
        changes.read(Condition("class", ("cat", "dog")), "dag")


@pytest.mark.parametrize("wrong", [torch.full((2, 8, 8), 3), torch.full((2, 8, 8), -1), torch.zeros(2, 8, 8)])
def test_tensors_of_maps_hold_classes_alone(wrong, town):
    run = saddle.load(town, device="cpu")
    with pytest.raises(UsageError, match=r"a label map as a tensor is of whole numbers \[N, H, W\] from 0 to 2"):
        run.translate(wrong, to="photo")
    classes = torch.arange(128).reshape(2, 8, 8) % 3
    assert torch.equal(run.translate(classes.to(torch.uint8), to="photo"), run.translate(classes, to="photo"))


def test_what_is_said_in_no_words_is_refused(domains, photos):
    run = saddle.load(domains, device="cpu")
    for wrong in (3, ["c", 3]):
        with pytest.raises(UsageError, match="a domain, or what a result is to show, is said in words, not"):
            run.translate(photos / "x.png", to=wrong)


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that gives an image the look of another one, and takes no words for it."""
    run = tmp_path_factory.mktemp("looks") / "run"
    words = ["--data.size", "16", "--game.width", "2", "--plan.samples", "2", "--plan.pictures", "0"]
    game = ["--game.network", "two-encoders"]
    assert main(["train", "disentangle", *tiny(*words), *game, "--run", str(run), "--quiet"]) == 0
    return run


def test_without_a_style_an_image_keeps_its_look_and_a_person_is_told(looks, photos, tmp_path, capsys):
    said = refused(capsys, looks, photos, "--to", "red")
    assert "Disentangle cannot be asked for 'red' in words; give an image that shows it as the style" in said
    for more in ([], ["--style", str(photos / "y.png")]):
        out = str(tmp_path / f"out{len(more)}.png")
        assert main(["translate", str(looks), str(photos / "x.png"), *more, "--out", out]) == 0
        assert ("without --style an image keeps its own look" in capsys.readouterr().err) == (not more)
