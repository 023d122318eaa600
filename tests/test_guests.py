"""Games, losses, networks, sources, metrics and tasks of other people, without a fork; and nothing on a file's word."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

import saddle
from saddle.base import guests
from saddle.base.errors import SaddleError, UsageError
from saddle.cli import main
from saddle.runs import registry
from saddle.runs.introduction import next_command
from saddle.runs.recipe import Recipe
from saddle.spec import DataSpec

HERE = Path(__file__).parent / "toys" / "guests"
FILE = HERE / "toy_guests.py"
SHORT = {"plan.rounds": 2, "plan.batch": 8, "plan.pictures": 1, "plan.scores": 1, "plan.samples": 16}
SHORT |= {"game.z_dim": 3, "plan.log_every": 1, "plan.precision": "fp32"}
WORDS = [f"--{name}={value}" for name, value in SHORT.items()]


@pytest.fixture(scope="module")
def run(toys, tmp_path_factory) -> Path:
    """A run of a game of one's own, on a source, and scored by a metric, of one's own."""
    folder = tmp_path_factory.mktemp("guests") / "run"
    saddle.train(toys.ToyGuest, "guest-points:40", folder, settings=SHORT, device="cpu", quiet=True)
    return folder


def test_a_class_from_python_trains_is_scored_and_opens_again(toys, run):
    opened = saddle.load(run, device="cpu")
    assert type(opened.game) is toys.ToyGuest
    assert opened.sample(5).shape == (5, 2)
    assert opened.recipe.options.loss == toys.Tilted()
    assert opened.evaluate(["guest_mean"], n=16)["guest_mean"].value == pytest.approx(
        float(opened.evaluate(n=16)["guest_mean"].value)
    )
    recipe = yaml.safe_load((run / "recipe.yaml").read_text())
    assert recipe["game"]["name"] == "toy-guest"
    assert recipe["plugins"] == ["toy_guests"]


def test_a_task_of_ones_own_is_asked_for_like_the_houses(toys, run):
    opened = saddle.load(run, device="cpu")
    assert opened.as_(toys.Counting).count() == 3
    assert "counting" in type(opened.game).described()


def test_losses_penalties_and_networks_of_guests_go_into_games_of_the_house(toys):
    recipe = Recipe.default("wgan-gp", "ring").change(
        {"game.loss": "Tilted", "game.loss.slope": 3, "game.penalties": ["SmallScores"], "game.network": "Straight"}
    )
    assert recipe.options.loss == toys.Tilted(slope=3)
    assert recipe.guests() == ["toy_guests"]
    assert Recipe.from_yaml(recipe.to_yaml()).options == recipe.options
    assert Recipe.default("wgan-gp", "ring").guests() == []


def test_without_its_module_a_run_says_which_one_to_plug_in_and_with_it_it_opens(run):
    """Both for the command line and for Python; to resume it too."""
    code = f"""
import sys; sys.path.append({str(HERE)!r})
from saddle.cli import main
assert main(["sample", {str(run)!r}]) == 2
assert "toy_guests" not in sys.modules
assert main(["train", "--run", {str(run)!r}, "--plugin", {str(FILE)!r}, "--quiet"]) == 0
assert main(["sample", {str(run)!r}, "--plugin", "toy_guests", "-n", "2", "--out", {str(run / "x.npy")!r}]) == 0
"""
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    file = FILE.resolve()  # the name alone leads nowhere from another folder
    assert f'add --plugin {file} (in Python: saddle.plugin("{file}"))' in done.stderr
    assert "no game 'toy-guest'" in done.stderr
    assert np.load(run / "x.npy").shape == (2, 2)


def test_a_guests_run_repeats_itself_with_its_module(run):
    assert "--run FOLDER --plugin toy_guests" in (run / "recipe.yaml").read_text().splitlines()[0]
    assert f"saddle sample {run} --plugin" in re.sub("<[^>]*>", "", (run / "report.html").read_text())


def test_importing_the_module_is_enough_for_its_classes(toys, run, monkeypatch):
    monkeypatch.delitem(guests._plugged, "toy_guests")
    assert type(saddle.load(run, device="cpu").game) is toys.ToyGuest


def test_what_a_notebook_defines_is_not_found_by_another_process():
    assert guests.elsewhere(["toy_guests"]) == ["toy_guests"]
    with pytest.raises(UsageError, match="move it to a module"):
        guests.elsewhere(["__main__"])


@pytest.mark.parametrize("module", ["evil_of_a_recipe", "os.path", "../evil_of_a_recipe.py"])
@pytest.mark.parametrize("part", ["plugins", "game", "loss", "data"])
def test_nothing_is_imported_on_the_word_of_a_recipe(module, part, tmp_path, monkeypatch):
    (tmp_path / "evil_of_a_recipe.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    given = {"game": {"name": "wgan-gp"}, "data": {"source": "ring"}}
    given |= {
        "plugins": {"plugins": [module], "game": {"name": "evil-game"}},
        "game": {"game": {"name": module}},
        "loss": {"game": {"name": "wgan-gp", "loss": module}},
        "data": {"data": {"source": f"{module}:x"}},
    }[part]
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(given))
    assert main(["train", "--config", "recipe.yaml", "--run", "run", "--plan.rounds", "1"]) == 2
    assert "evil_of_a_recipe" not in sys.modules
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("given", ["toy_guests", [1], {"toy_guests": 1}])
def test_plugins_in_a_recipe_that_are_no_names_are_refused(given):
    with pytest.raises(UsageError, match="plugins wants a list of names of modules"):
        Recipe.from_dict({"game": "dcgan", "plugins": given})


def test_a_guest_with_the_name_of_a_game_of_the_house_is_refused():
    base = registry.load("dcgan")
    taken = type("DCGAN", (base,), {"__module__": "somebody"})
    with pytest.raises(UsageError, match=r"somebody\.DCGAN would be called 'dcgan'.*give your class another name"):
        saddle.train(taken, rounds=1)
    assert registry.load("dcgan") is base


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('"""ring: my ring"""\ndef open(options, path): ...', "a source 'ring', and that is one of Saddle's"),
        ("METRICS = {'fid': 1}", "a metric 'fid', and that is one of Saddle's"),
        ("METRICS = {'mine': 1}", "is no saddle.metrics.metric.Metric"),
        ("from saddle.games.dcgan import DCGAN as D\nclass DCGAN(D): ...", "would be called 'dcgan'"),
    ],
)
def test_a_plugin_that_takes_a_name_of_the_house_is_refused(text, said, tmp_path, capsys):
    file = tmp_path / f"taking_{abs(hash(text))}.py"
    file.write_text(text)
    assert main(["list", "--plugin", str(file)]) == 2
    assert said in capsys.readouterr().err
    assert file.stem not in guests.plugged()


@pytest.mark.parametrize(
    ("plugin", "code", "said"),
    [
        ("not_there_at_all", 2, "no module 'not_there_at_all' to plug in"),
        ("not/there.py", 2, "there is no file not/there.py to plug in"),
        ("a b", 2, "'a b' is no name of a module"),
        ("broken_plugin", 1, "the plugin broken_plugin fails while it is imported: ZeroDivisionError"),
        ("leaving_plugin", 1, "the plugin leaving_plugin fails while it is imported: SystemExit"),
        ("needing_plugin", 1, "ModuleNotFoundError: No module named 'what_it_needs'"),
        ("./json.py", 2, "another module is called json; rename the file"),
    ],
)
def test_a_plugin_that_cannot_be_had_is_told_in_a_sentence(plugin, code, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken_plugin.py").write_text("1 / 0")
    (tmp_path / "leaving_plugin.py").write_text("raise SystemExit(0)")
    (tmp_path / "needing_plugin.py").write_text("import what_it_needs")
    (tmp_path / "json.py").write_text("")
    assert main(["list", "--plugin", plugin]) == code
    assert said in capsys.readouterr().err


def test_guests_are_listed_and_described_like_the_house(toys, capsys):
    assert main(["list", "--plugin", str(FILE)]) == 0
    assert "toy-guest" in capsys.readouterr().out
    assert main(["describe", "toy-guest", "--plugin", str(FILE), "--data", "ring"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("Toy guest. The tests, 2026.")
    assert "game.loss.slope" in told
    assert "factor on the generator's loss" in told
    assert saddle.describe(toys.ToyGuest, "ring")["name"] == "toy-guest"
    assert saddle.data.list_sources()["guest-points:N"] == "N points on a line, of other people"
    assert saddle.metrics.metric_names()["guest_mean"] == "mean of the samples"


@pytest.mark.parametrize(("given", "said"), [(int, "a game is a class"), (saddle.tasks.Game, "it has no round")])
def test_what_is_no_game_is_refused(given, said):
    with pytest.raises(UsageError, match=said):
        saddle.train(given, rounds=1)


def test_a_class_that_was_defined_again_replaces_the_first_one(toys):
    first, second = (type("Notebook", (toys.ToyGuest,), {"__module__": "a_notebook"}) for _ in "12")
    assert registry.load("notebook") is second
    with pytest.raises(UsageError, match="was defined again since"):
        registry.name_of(first)


def test_two_guests_of_one_name_are_told_apart_by_their_modules(toys):
    kinds = [type("Twin", (toys.ToyGuest,), {"__module__": f"package_{i}"}) for i in "12"]
    with pytest.raises(UsageError, match=r"'twin' may be package_1\.Twin and package_2\.Twin; rename one"):
        registry.load("twin")
    assert kinds


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package, as an installer leaves it: a module, and the names that it offers."""

    def installed(name: str, offers: dict[str, dict[str, str]], text: str) -> None:
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = [f"[saddle.{group}]\n" + "".join(f"{k} = {v}\n" for k, v in of.items()) for group, of in offers.items()]
        (folder / "entry_points.txt").write_text("\n".join(lines))
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        guests._offered.cache_clear()

    yield installed
    guests._offered.cache_clear()


OFFERS = {
    "games": {"offered-game": "offering:OfferedGame"},
    "losses": {"OfferedLoss": "offering:OfferedLoss"},
    "sources": {"offered-points": "offering"},
    "metrics": {"offered_mean": "offering:offered_mean"},
}
TEXT = FILE.read_text().replace("guest-points", "offered-points").replace("ToyGuest", "OfferedGame")
TEXT = TEXT.replace("Tilted", "OfferedLoss").replace("guest_mean", "offered_mean").replace("SmallScores", "OtherScores")
TEXT = TEXT.replace("Straight", "OfferedStraight") + '\noffered_mean = METRICS.pop("offered_mean")\n'


def test_what_an_installed_package_offers_is_named_at_once_and_loaded_when_it_is_used(package, tmp_path):
    package("offering", OFFERS, TEXT)
    assert "offered-game" in registry.guest_names()
    assert registry.summary("offered-game") == "offered by the package offering 1.0"
    assert saddle.data.list_sources()["offered-points"] == "offered by the package offering 1.0"
    assert "offered_mean" in saddle.metrics.metric_names()
    with pytest.raises(UsageError, match="OfferedLoss"):  # among those that there are
        Recipe.default("gan").change({"game.loss": "Nonsense"})
    assert "offering" not in sys.modules
    run = saddle.train("offered-game", "offered-points:40", tmp_path / "run", settings=SHORT, device="cpu", quiet=True)
    assert saddle.load(tmp_path / "run", device="cpu").sample(2).shape == (2, 2)
    assert run.evaluate(["offered_mean"], n=16)["offered_mean"].value
    assert yaml.safe_load((tmp_path / "run" / "recipe.yaml").read_text())["plugins"] == ["offering"]
    assert Recipe.default("gan").change({"game.loss": "OfferedLoss"}).options.loss.slope == 2
    del sys.modules["offering"]


@pytest.mark.parametrize(
    ("offers", "ask"),
    [
        ({"games": {"broken-game": "broken_offer:Gone"}}, lambda: registry.load("broken-game")),
        ({"games": {"other-name": "broken_offer:thing"}}, lambda: registry.load("other-name")),
        (
            {"losses": {"BrokenLoss": "broken_offer:thing"}},
            lambda: Recipe.default("gan").change({"game.loss": "BrokenLoss"}),
        ),
        ({"metrics": {"broken": "broken_offer:thing"}}, lambda: saddle.metrics.names.chosen(["broken"])),
        (
            {"sources": {"broken": "broken_offer:thing"}},
            lambda: Recipe.default("gan", "broken") and saddle.data.open_source(saddle.data.DataOptions("broken")),
        ),
    ],
)
def test_a_package_that_does_not_hold_what_it_offers_is_named(offers, ask, package):
    package("broken_offer", offers, "thing = 1")
    with pytest.raises(SaddleError, match=r"the package broken_offer 1\.0 offers .*mend or remove"):
        ask()


def test_a_name_of_the_house_is_the_houses_whatever_packages_offer(package):
    package(
        "taking", {"games": {"dcgan": "taking:x"}, "metrics": {"fid": "taking:x"}, "sources": {"ring": "taking"}}, ""
    )
    assert registry.load("dcgan").__module__ == "saddle.games.dcgan"
    assert "dcgan" not in registry.guest_names()
    assert saddle.metrics.names.chosen(["fid"])["fid"].says == saddle.metrics.metric_names()["fid"]
    assert saddle.data.open_source(saddle.data.DataOptions("ring")).spec.shape == (2,)
    assert "taking" not in sys.modules


def test_two_packages_that_offer_one_name_are_both_named(package):
    package("one_of_two", {"games": {"twice": "one_of_two:Twice"}}, "")
    package("two_of_two", {"games": {"twice": "two_of_two:Twice"}}, "")
    with pytest.raises(SaddleError, match=r"the packages (one|two)_of_two 1\.0 and .* both offer 'twice'"):
        registry.guest_names()


PAGE = (Path(__file__).parents[1] / "docs" / "guests.md").read_text("utf-8")


def test_the_game_of_the_page_is_one(tmp_path, capsys):
    (code,) = re.findall(r'^```python title="my_gan.py"\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "my_gan.py").write_text(code)
    assert main(["describe", "my-gan", "--plugin", str(tmp_path / "my_gan.py"), "--game.network.width", "4"]) == 0
    assert "game.loss.factor" in capsys.readouterr().out


def test_the_parts_of_the_page_work_without_a_trainer():
    (code,) = (code for code in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL) if "R1" in code)
    names: dict = {}
    exec(code, names)
    for name in ("of_discriminator", "paid", "of_generator"):
        assert names[name].isfinite()
        names[name].backward(retain_graph=True)
    assert all(p.grad is not None for p in names["generator"].parameters())


def test_a_file_that_is_plugged_in_by_its_name_is_found_from_another_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("plugged_by_name.py").write_text("")
    guests.imported("plugged_by_name")
    assert guests.files_of(["plugged_by_name", "torch"]) == {"plugged_by_name": str(tmp_path / "plugged_by_name.py")}


def test_the_next_command_plugs_a_file_in_by_the_path_that_was_given(tmp_path):
    file = tmp_path / "plugged_by_path.py"
    file.write_text("")
    guests.imported(str(file))
    game = registry.load("gan")(DataSpec.of((2,)))
    (said,) = next_command(game, Path("runs/a"), ["plugged_by_path", "elsewhere"])
    assert said == f"what next: saddle sample runs/a --plugin {file} --plugin elsewhere"
