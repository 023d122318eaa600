"""Recipes: shipped, written, read, changed, and asked for."""

from pathlib import Path

import pytest
import yaml

from saddle.base.errors import UsageError
from saddle.base.settings import flat
from saddle.data import DataOptions, list_sources
from saddle.metrics import metric_names
from saddle.penalties import R1
from saddle.runs import recipe as recipes
from saddle.runs import registry
from saddle.runs.recipe import WRITTEN, Recipe, ask, default_folder, expected, shipped
from saddle.training.plan import Plan

FILES = sorted(Path(recipes.__file__).parents[1].joinpath("recipes").glob("*.yaml"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("game", registry.names())
def test_every_game_has_a_recipe_on_embedded_data_with_one_budget(game: str):
    recipe = Recipe.default(game)
    assert recipe.game == game
    assert recipe.data.source.partition(":")[0] in {name.partition(":")[0] for name in list_sources()}
    assert recipe.plan.minutes is not None or recipe.plan.fixed_rounds() < Plan().fixed_rounds()
    assert recipe != Recipe(game, registry.load(game).Options(), DataOptions(), Plan())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_shipped_recipe_is_readable_begins_with_its_command_and_expects_scores_that_exist(file: Path):
    recipe = Recipe.read(file)
    game, _, source = file.stem.partition(".")
    assert recipe.data.source.partition(":")[0] == source or not source
    command = f"# saddle train {game}" + (f" --data {recipe.data.source}" if source else "")
    assert recipe.game == game or game not in registry.names()  # such as 'best', which is no game
    command += " --from runs/dcgan-digits" if recipe.options.needs_run else ""
    assert file.read_text().splitlines()[0] == command
    assert Recipe.default(game, source or None) == recipe
    assert expected(game, source or None).keys() <= metric_names().keys()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_recipe_survives_its_file(file: Path, tmp_path: Path):
    recipe = Recipe.read(file)
    recipe.write(tmp_path / "recipe.yaml")
    assert (
        Recipe.read(tmp_path / "recipe.yaml") == Recipe.read(tmp_path) == Recipe.from_dict(recipe.to_dict()) == recipe
    )


def test_another_embedded_source_has_its_own_recipe():
    assert shipped("wgan-gp", "ring") != shipped("wgan-gp")
    assert type(Recipe.default("wgan-gp", "ring").options.network).__name__ == "MLP"
    assert expected("wgan-gp", "ring") == {"modes": 8}


@pytest.mark.parametrize("source", ["folder:photos", "array:../digits.npy", "swiss-roll"])
def test_data_without_a_recipe_take_the_papers_settings(source: str):
    paper = Recipe("dcgan", registry.load("dcgan").Options(), DataOptions(source=source), Plan())
    assert Recipe.default("dcgan", source) == paper
    assert expected("dcgan", source) == {}


def test_a_game_whose_paper_trains_on_single_images_does_so_on_data_without_a_recipe():
    assert Recipe.default("cyclegan", "domains:horses,zebras").plan == Plan(batch=1)
    assert Recipe.default("pix2pix", "pairs:facades").plan == Plan(batch=1)
    assert Recipe.default("cyclegan").plan.batch == 8  # its recipe says so


def test_what_a_file_leaves_out_is_the_papers_and_names_may_be_short():
    recipe = Recipe.from_yaml("game: wgan-gp\ndata: ring\nplan: {batch: 32}")
    assert recipe == Recipe("wgan-gp", registry.load("wgan-gp").Options(), DataOptions(source="ring"), Plan(batch=32))


def test_one_budget_replaces_the_recipes():
    recipe = Recipe.default("dcgan")
    assert recipe.plan.rounds
    assert recipe.change({"plan.minutes": 2}).plan.rounds is None
    assert recipe.change({"plan.minutes": 2}).plan == recipe.change({"plan.rounds": None, "plan.minutes": "2"}).plan
    with pytest.raises(UsageError, match="one budget, not rounds and images"):
        recipe.change({"plan.rounds": 10, "plan.images": 640})
    assert recipe.change({"plan.batch": 32}).plan.rounds == recipe.plan.rounds


def test_changes_are_dotted_names():
    recipe = Recipe.default("dcgan").change({"game.penalties": "R1", "data": "folder:a", "data.flip": True})
    assert recipe.options.penalties == (R1(),)
    assert recipe.data == DataOptions(source="folder:a", flip=True)
    assert Recipe.default("dcgan").differences(recipe) == [
        "game.penalties is [], there [R1]",
        "data.source is digits, there folder:a",
        "data.flip is false, there true",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "needs at least a line such as 'game: dcgan'"),
        ("- 1", "needs at least a line such as 'game: dcgan'"),
        ("game: [", "is not readable YAML"),
        ("game: dcgn", "no game 'dcgn' (did you mean dcgan"),
        ("game: dcgan\nplam: {}", "no setting 'plam' (did you mean plan"),
        ("game: dcgan\nplan: 5", "plan wants settings by name, not '5'"),
        ("game: {name: dcgan, los: Hinge}", "no setting 'game.los' (did you mean loss?)"),
        ("game: !!python/object/apply:os.system [true]", "is not readable YAML"),
        ("game: {name: dcgan, network: {class: os.system}}", "no network 'os.system'"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused_with_the_reason(text: str, said: str, tmp_path: Path):
    (tmp_path / "recipe.yaml").write_text(text)
    with pytest.raises(UsageError) as error:
        Recipe.read(tmp_path / "recipe.yaml")
    assert str(error.value).startswith(str(tmp_path / "recipe.yaml"))
    assert said in str(error.value)


def test_missing_and_binary_files_are_named(tmp_path: Path):
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(UsageError, match=r"there is no file .*no\.yaml"):
        Recipe.read(tmp_path / "no.yaml")
    with pytest.raises(UsageError, match=r"picture\.png is not a recipe: it is not text in UTF-8"):
        Recipe.read(tmp_path / "picture.png")


def test_asking_for_nothing_is_dcgan_on_digits(here: Path):
    assert ask() == (Recipe.default("dcgan"), Path("runs/dcgan-digits"))


def test_the_same_command_asks_for_the_same_run(here: Path):
    recipe, folder = ask("dcgan", {"plan.batch": "32"})
    recipe.write(folder / "recipe.yaml")
    assert ask("dcgan", {"plan.batch": "32"}) == (recipe, folder)
    assert ask("dcgan") == (recipe, folder)
    assert ask(folder=folder) == (recipe, folder)
    assert ask("dcgan", {"plan.batch": "16"})[0].differences(recipe) == ["plan.batch is 16, there 32"]


def test_a_file_can_be_the_start_and_the_command_line_overrides_it(here: Path):
    Recipe.default("wgan-gp", "ring").write(here / "mine.yaml")
    recipe, folder = ask(config=here / "mine.yaml", edits={"plan.batch": 8})
    assert folder == Path("runs/wgan-gp-ring")
    assert recipe == Recipe.default("wgan-gp", "ring").change({"plan.batch": 8})


def test_a_folder_of_another_game_is_refused(here: Path):
    Recipe.default("wgan").write(here / "run" / "recipe.yaml")
    with pytest.raises(UsageError, match=r"has a recipe of wgan, not of dcgan; choose another folder with --run"):
        ask("dcgan", folder=here / "run")
    with pytest.raises(UsageError, match="no game 'dcgn'"):
        ask("dcgn", folder=here / "run")


@pytest.mark.parametrize(
    ("source", "name"),
    [("digits", "dcgan-digits"), ("folder:/a/my photos/", "dcgan-my-photos"), ("array:x/y.npy", "dcgan-y.npy")],
)
def test_a_runs_folder_is_named_after_game_and_data(source: str, name: str):
    assert default_folder("dcgan", source) == Path("runs", name)


def test_settings_may_be_given_nested():
    recipe, folder = ask("dcgan", {"data": {"source": "digits", "size": 16}, "plan": {"batch": 8}})
    assert (recipe.data.size, recipe.plan.batch, folder.name) == (16, 8, "dcgan-digits")


@pytest.mark.parametrize(
    ("game", "setting", "before", "now"),
    [
        ("sngan", "generator_batch", 1, 2),
        ("biggan-deep", "network.mirrored", True, False),
        ("projection", "network.bias", True, False),
    ],
)
def test_a_run_that_was_begun_before_there_was_a_setting_keeps_what_it_had(tmp_path, game, setting, before, now):
    """A run writes all of its settings: one that is missing came later, with a default that may be another."""
    recipe = Recipe(game, registry.load(game).Options(), DataOptions(), Plan()).to_dict()
    *path, name = setting.split(".")
    owner = recipe["game"]
    for part in path:
        owner = owner[part]
    assert owner.pop(name) == now
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    (tmp_path / "copied.yaml").write_text(f"{WRITTEN}0.0.1. The same again: …\n{yaml.safe_dump(recipe)}")
    files = (tmp_path, tmp_path / "copied.yaml", tmp_path / "recipe.yaml")
    read = [flat(Recipe.read(place).to_dict())[f"game.{setting}"] for place in files]
    assert read == [before, before, now]  # of a run, of the file that it wrote, and of a recipe that somebody wrote


def test_the_recipe_that_a_run_writes_says_so_and_as_a_file_is_the_same(tmp_path):
    recipe = Recipe.default("projection")
    recipe.write(tmp_path / "recipe.yaml")
    assert (tmp_path / "recipe.yaml").read_text("utf-8").startswith(WRITTEN)
    assert Recipe.read(tmp_path / "recipe.yaml") == Recipe.read(tmp_path) == recipe
    assert recipe.options.network.bias, "the accepted recipe keeps what it was accepted with"
