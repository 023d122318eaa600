"""`saddle train FOLDER`: what is decided of folders of every kind, and why."""

import csv
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from saddle.base.errors import UsageError
from saddle.cli import main
from saddle.data.deciding import NARROWER, OF_FOLDERS, RULES, TASKS, WIDTHS, Machine, decide
from saddle.data.options import DataOptions
from saddle.data.seen import Seen, look
from saddle.runs.deciding import OWN, ask_of, is_place
from saddle.runs.recipe import Recipe

GPU = Machine("cuda", "an NVIDIA H100", 30.0)
HOURS = Machine("cuda", "an NVIDIA H100", 600.0)
RNG = np.random.default_rng(0)


def picture(path: Path, size=(64, 64), mode="RGB", value=None) -> None:
    """A noisy image of (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0]) + ((len(mode),) if mode in ("RGB", "RGBA") else ())
    kind = np.uint16 if mode == "I;16" else np.uint8
    pixels = RNG.integers(0, np.iinfo(kind).max, shape, kind) if value is None else np.full(shape, value, kind)
    Image.fromarray(pixels).save(path)


def fill(root: Path, n: int, **how) -> Path:
    for i in range(n):
        picture(root / f"{i:05d}.png", **how)
    return root


def one(root):
    return fill(root, 1, size=(300, 200))


def thirty(root):
    return fill(root, 30)


def grey(root):
    return fill(root, 40, size=(28, 28), mode="L")


def clear(root):
    return fill(root, 40, mode="RGBA")


def deep(root):
    return fill(root, 40, mode="I;16")


def sizes(root):
    for i in range(40):
        picture(root / f"{i}.png", size=(80 + i, 90))
    return root


def by_folder(root):
    for name in "cats", "dogs", "owls":
        fill(root / name, 20)
    return root


def by_table(root):
    fill(root, 40)
    with (root / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "label"), *((f"{i:05d}.png", "ab"[i % 2]) for i in range(40))])
    return root


def by_angle(root, size=(32, 32)):
    fill(root, 40, size=size)
    with (root / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "angle"), *((f"{i:05d}.png", i / 40) for i in range(40))])
    return root


def by_angle_large(root):
    return by_angle(root, (64, 64))


def parts(root):
    for name in "train", "test":
        fill(root / name, 20)
    return root


def joined(root):
    return fill(root, 12, size=(128, 64))


def lettered(root):
    for name in "trainA", "trainB", "testA", "testB":
        fill(root / name, 8, size=(96, 96))
        for i, path in enumerate(sorted((root / name).iterdir())):
            path.rename(path.with_name(f"{name}{i}.png"))
    return root


def mvtec(root):
    fill(root / "train" / "good", 30, mode="L")
    fill(root / "test" / "good", 6, mode="L")
    fill(root / "test" / "scratch", 6, mode="L")
    return root


def copies(root):
    fill(root, 30)
    (root / "again.png").write_bytes((root / "00000.png").read_bytes())
    return root


CASES = {
    one: (Machine(), "singan", {"data.size": 128}, ""),
    thirty: (Machine(), "dcgan", {"plan.batch": 16, "data.flip": True}, "30 images are few"),
    grey: (Machine(), "dcgan", {"plan.batch": 32, "data.flip": False}, "few"),
    clear: (Machine(), "dcgan", {}, "transparent pixels lie on white"),
    deep: (Machine(), "dcgan", {}, "16 bits are kept"),
    sizes: (Machine(), "dcgan", {"data.size": 64}, "few"),
    by_folder: (Machine(), "dcgan", {"game.conditional": True, "data.labels": True}, "few"),
    by_table: (Machine(), "dcgan", {"game.conditional": True}, "few"),
    by_angle: (Machine(), "dcgan", {"game.conditional": True, "game.network": "Concatenation"}, "few"),
    by_angle_large: (Machine(), "dcgan", {"game.conditional": True, "game.loss": "Hinge"}, "few"),
    parts: (Machine(), "dcgan", {"game.conditional": False}, "parts of a data set"),
    joined: (Machine(), "pix2pix", {"plan.batch": 4}, "taken for a pair"),
    lettered: (Machine(), "cyclegan", {"data.size": 64}, ""),
    mvtec: (Machine(), "f-anogan", {"plan.batch": 16}, ""),
    copies: (GPU, "r3gan", {"game.network.width": 384}, "1 file is a copy of another"),
}


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_a_folder_decides_its_task_its_game_and_its_settings(make, tmp_path, monkeypatch):
    """And the user is warned; the recipe that comes of it can be trained."""
    machine, game, settings, warning = CASES[make]
    monkeypatch.setattr("saddle.runs.deciding._machine", lambda given, device: machine)
    recipe, _, said = ask_of([str(make(tmp_path / "data"))], {}, tmp_path / "run")
    assert recipe.game == game
    assert settings.items() <= flat_of(recipe).items()
    assert [line for line in said if line.startswith("note: ") and warning in line] or not warning
    assert len([line for line in said if not line.startswith("note: ")]) == 2 + len(RULES)


def flat_of(recipe: Recipe) -> dict:
    from saddle.base.settings import flat

    return flat(recipe.to_dict())


IMAGES = {
    1500: (Machine(), {"data.size": 64, "plan.batch": 32}, ""),
    50_000: (Machine(), {"data.size": 64}, "a processor sees a part of 50,000 images"),
    50_001: (GPU, {"data.size": 128, "game.views": [], "plan.batch": 64}, None),
    50_002: (HOURS, {"data.size": 256}, None),
    1501: (Machine(minutes=9), {"data.size": 32, "game.network.network.width": 16}, ""),
    1502: (Machine(GPU.kind, GPU.name, minutes=9), {"data.size": 128}, ""),
}


@pytest.mark.parametrize("n", IMAGES)
def test_number_and_machine_decide_size_batch_and_augmentation(n):
    machine, settings, warning = IMAGES[n]
    decision = decide(Seen("folder:faces", n, {(300, 400): n}), machine)
    assert settings.items() <= dict(decision.settings).items()
    assert any(warning in words for words in decision.warnings) if warning else not decision.warnings
    assert any(machine.name in reason for reason in decision.reasons)


@pytest.mark.parametrize(
    ("asked", "recipe"),
    [
        ({}, "images-large"),
        ({"data.size": "32"}, "images-small"),
        ({"data.size": "64,96"}, "images-large"),
        ({"data.size": "48,96"}, "images-small"),
        ({"data.crop": "128"}, "images-large"),
    ],
)
def test_the_size_that_is_asked_for_decides_the_game(asked, recipe):
    assert decide(Seen("folder:faces", 1500, {(300, 400): 1500}), Machine(), asked).recipe == recipe


def test_little_time_makes_networks_narrower_where_there_are_no_labels():
    """With labels a discriminator of that width learned nothing of digits (docs/folder.md)."""
    plain, told = (
        decide(Seen("folder:faces", 1500, {(32, 32): 1500}, **labels), Machine(minutes=4)).settings
        for labels in ({}, {"label_kind": "class", "labels": ("a", "b")})
    )
    assert plain["game.network.network.width"] == 16
    assert "game.network.network.width" not in told


def test_columns_are_for_games_that_take_them():
    """R3GAN has a vector of its own for every class, and none for a number."""
    seen = Seen("folder:faces", 1500, {(64, 64): 1500}, label_file="faces.csv", label_kind="numbers")
    assert decide(seen, Machine()).settings["game.conditional"]
    on_gpu = decide(seen, GPU)
    assert on_gpu.recipe == "images"
    assert "game.conditional" not in on_gpu.settings
    assert any("r3gan takes classes alone" in reason for reason in on_gpu.reasons)


def test_two_folders_are_translated_without_pairs(tmp_path):
    places = [str(fill(tmp_path / name, 8)) for name in ("horses", "zebras")]
    recipe, _folder, _ = ask_of(places, {}, tmp_path / "run")
    assert recipe.game == "cyclegan"
    assert recipe.data.source == f"domains:{','.join(places)}"


def test_what_the_user_sets_stands(tmp_path):
    """A rule that it would end is told as the user's."""
    edits = {"data.size": "32", "plan.batch": "8", "game.views": "none", "plan.rounds": "5"}
    recipe, _, said = ask_of([str(sizes(tmp_path / "data"))], edits, tmp_path / "run")
    assert (recipe.data.size, recipe.plan.batch, recipe.plan.rounds, recipe.plan.minutes) == (32, 8, 5, None)
    assert "data.size 32, as you ask" in said


def test_every_task_begins_with_a_recipe_and_has_a_width_for_both_machines():
    assert (
        {*OF_FOLDERS, *(task.recipe for task in TASKS.values())}
        == WIDTHS.keys()
        == {file.stem for file in OWN.glob("*.yaml")}
    )
    for file in OWN.glob("*.yaml"):
        recipe = Recipe.read(file)
        for width in (*WIDTHS[file.stem], *filter(None, [NARROWER.get(file.stem)])):
            assert recipe.change(dict(width.settings)).game == yaml.safe_load(file.read_text())["game"]["name"]


def test_every_rule_stands_in_the_docs():
    page = Path(__file__).parents[1].joinpath("docs", "folder.md").read_text()
    for rule in RULES:
        assert " ".join((rule.__doc__ or "").split()) in " ".join(page.split())


def test_the_same_command_starts_and_goes_on(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    thirty(tmp_path / "photos")
    small = ["--game.network.network.width", "8", "--plan.scores", "0", "--data.size", "8", "--plan.batch", "4"]
    assert main(["train", "photos", "--plan.rounds", "2", *small]) == 0
    assert "game: dcgan" in capsys.readouterr().out
    assert main(["train", "photos", "--plan.rounds", "3"]) == 0
    told = capsys.readouterr().out
    assert "going on after round 2 of 3" in told
    assert "game: dcgan" not in told
    assert (tmp_path / "runs" / "own-photos" / "recipe.yaml").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["empty"], "no images in empty"),
        (["notes.txt"], "cannot be trained on"),
        (["photos", "--data", "digits"], "says what to train on"),
        (["photos", "--config", "x.yaml"], "decides the recipe itself"),
        (["photos", "nothing"], "there is no folder or file 'nothing'"),
        (["./nothing"], "there is no folder or file './nothing'"),
        (["~nobody/photos"], "there is no folder or file '~nobody/photos'"),
        (["photos", "x" * 300], "there is no folder or file 'xxx"),
        (["x" * 300], "no game 'xxx"),
        (["run"], "is a run; go on with it: saddle train --run run"),
        (["dcgan", "wgan"], "one game is trained at a time"),
        (["photo", "empty"], "there is no folder photo"),
        (["photo"], "no game 'photo' (did you mean photos or projection"),  # other tests' games may be near too
        (["photo"], "; there is no folder or file of that name either"),
        (["./phtos"], "there is no folder or file './phtos' (did you mean photos?)"),
    ],
)
def test_what_no_folder_can_decide_is_refused_in_words(words, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "run").mkdir()
    Recipe.default("dcgan").write(tmp_path / "run" / "recipe.yaml")
    (tmp_path / "notes.txt").write_text("no image")
    fill(tmp_path / "photos", 3, size=(16, 16))
    assert main(["train", *words]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("begun", ["folder:one/photos", "domains:two/photos,one", "photo:one/photos/0.png", "digits"])
def test_a_run_of_another_folder_of_that_name_is_not_gone_on_with(begun, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place in ("one/photos", "two/photos"):
        fill(tmp_path / place, 3, size=(16, 16))
    Recipe.default("dcgan").change({"data.source": begun}).write(tmp_path / "runs" / "own-photos" / "recipe.yaml")
    with pytest.raises(UsageError, match=f"own-photos holds a run on {begun}, and not on two/photos; choose another"):
        ask_of(["two/photos"], {})
    if begun.startswith(("folder", "photo:")):
        assert ask_of(["one/../one/photos/"], {})[0].data.source == begun


def test_a_games_name_wins_over_a_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "dcgan", 3, size=(16, 16))
    assert main(["train", "dcgan", "--data", "nothing"]) == 2
    assert "no data source 'nothing'" in capsys.readouterr().err
    assert is_place("./dcgan")
    assert not is_place("dcgan")
    assert not is_place("nowhere")


def test_a_place_where_no_rule_decides_says_what_to_do(tmp_path):
    with pytest.raises(UsageError, match="name a game: saddle train GAME --data captioned:x"):
        decide(Seen("captioned:x", 5, {(8, 8): 5}), Machine())


def test_many_sub_folders_and_broken_tables_are_no_labels(tmp_path):
    root = thirty(tmp_path / "data")
    (root / "labels.csv").write_text("file,label\nnothing.png,a\n")
    seen = look([str(root)], DataOptions())
    assert not seen.label_kind
    assert "labels.csv is not used as labels" in seen.notes[0]


@pytest.mark.parametrize("kind", TASKS)
def test_the_largest_sides_stand_in_the_docs(kind):
    page = Path(__file__).parents[1].joinpath("docs", "folder.md").read_text()
    sides = TASKS[kind].brief or TASKS[kind].sides[0], *TASKS[kind].sides
    assert f" | {' | '.join(map(str, sides))} |\n" in page
