"""A run may begin with another run's weights: with all that fit and nothing else, and is then a run like any other."""

import re
import shutil
from pathlib import Path

import pytest
import torch
from playing import in_round
from small import GAMES, make_trainer
from torch import Tensor, nn

import saddle
from saddle.base.errors import UsageError
from saddle.base.folder import RunFolder
from saddle.cli import main
from saddle.layers.memory import Memory
from saddle.layers.spectral import spectral_norm
from saddle.layers.weight_norm import WeightNorm
from saddle.runs import warm
from saddle.runs.recipe import Recipe, inherited
from saddle.training.checkpoint import Checkpoints

SETTINGS = {"game.network.width": 8, "plan.batch": 4, "plan.save_every": 1, "plan.log_every": 1, "plan.pictures": 1}
SETTINGS |= {"plan.samples": 50, "plan.scores": 0, "plan.precision": "fp32"}


def train(folder: Path, game: str = "gan", rounds: int = 4, start: Path | None = None, **settings) -> Path:
    edits = SETTINGS | settings
    saddle.train(game, "ring", folder, rounds=rounds, settings=edits, device="cpu", quiet=True, start=start)
    return folder


def tensors(folder: Path, round_: int, group: str = "game") -> dict[str, Tensor]:
    return Checkpoints(folder / "checkpoints").load(round_).tensors[group]


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def ended_alike(one: Path, other: Path, round_: int = 4) -> bool:
    return all(equal(tensors(one, round_, g), tensors(other, round_, g)) for g in ("game", "averages", "optimizers"))


def cut() -> None:
    raise KeyboardInterrupt


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A source, and a run that began with its weights and was cut off after its second round, in `half`."""
    home = tmp_path_factory.mktemp("home")
    train(home / "source")
    train(home / "warm", start=home / "source", **{"plan.seed": 1})
    with pytest.MonkeyPatch.context() as patch:
        in_round(2, cut, patch)
        with pytest.raises(KeyboardInterrupt):
            train(home / "half", start=home / "source", **{"plan.seed": 1})
    return home


def test_it_begins_with_the_weights_and_averages_and_without_their_optimizers(home):
    facts = Checkpoints(home / "half" / "checkpoints").load(0).facts
    for group in ("game", "averages"):
        assert equal(tensors(home / "half", 0, group), tensors(home / "source", 4, group))
    assert not tensors(home / "half", 0, "optimizers")
    assert (facts["round"], facts["batches_drawn"]) == (0, 0)
    assert facts["recipe"]["from"]["round"] == 4
    own = {f"copies.{name}": tensor for name, tensor in tensors(home / "source", 4).items()}
    averages = tensors(home / "half", 0, "averages")
    assert any(not torch.equal(own[name], tensor) for name, tensor in averages.items()), "averages are no copies"


def test_what_does_not_fit_is_named_and_has_the_weights_that_the_seed_gives(home, tmp_path, capsys):
    edits = {"game.network.depth": 2, "plan.save_every": 1}
    train(tmp_path / "cold", rounds=1, **edits)
    words = [f"--{name}={value}" for name, value in (SETTINGS | edits).items()]
    words += ["--plan.rounds=1", "--device=cpu", "--from", str(home / "source"), "--run", str(tmp_path / "run")]
    assert main(["train", "gan", "--data=ring", *words]) == 0
    said = capsys.readouterr().out
    assert f"begins with the weights of {home / 'source'}, round 4\n" in said
    assert "generator: 4 of 6 tensors; not: 4.weight [2, 8] there [8, 8], 4.bias [2] there [8]\n" in said
    assert "discriminator: all 6 tensors\n" in said
    cold, source, run = (tensors(tmp_path / "cold", 0), tensors(home / "source", 4), tensors(tmp_path / "run", 0))
    last = {"generator.4.weight", "generator.4.bias"}
    assert all(torch.equal(tensor, (cold if name in last else source)[name]) for name, tensor in run.items())


def test_another_game_begins_with_what_fits(home, tmp_path):
    train(tmp_path / "run", "wgan-gp", 1, home / "source", **{"game.discriminator_steps": 1})
    assert equal(tensors(tmp_path / "run", 0), tensors(home / "source", 4))


def test_a_start_in_which_no_layer_fits_is_refused_and_leaves_nothing(home, tmp_path):
    with pytest.raises(
        UsageError, match=r"no layer of this game fits the weights of .*source, round 4(?s:.*)0\.weight"
    ):
        train(tmp_path / "run", start=home / "source", **{"game.network.width": 9, "game.z_dim": 5})
    assert not (tmp_path / "run").exists()


def test_a_resumed_run_does_not_need_the_other_one_and_ends_in_the_same_bits(home, tmp_path):
    shutil.copytree(home / "half", tmp_path / "run")
    for file in ("recipe.yaml", "checkpoints/round-0000001/facts.json"):
        assert str(home / "source") in (tmp_path / "run" / file).read_text()
    (home / "source").rename(home / "gone")
    try:
        train(tmp_path / "run", start=home / "source", **{"plan.seed": 1})  # the same command
        train(shutil.copytree(home / "half", tmp_path / "again"), **{"plan.seed": 1})
    finally:
        (home / "gone").rename(home / "source")
    assert ended_alike(tmp_path / "run", home / "warm")
    assert ended_alike(tmp_path / "again", home / "warm")


def test_the_same_recipe_again_gives_the_same_bits(home, tmp_path):
    saddle.train(run=tmp_path / "run", config=home / "warm" / "recipe.yaml", device="cpu", quiet=True)
    assert ended_alike(tmp_path / "run", home / "warm")
    assert Recipe.read(tmp_path / "run") == Recipe.read(home / "warm")


@pytest.fixture
def moved(home, tmp_path) -> tuple[Path, Path]:
    """A copy of the source, and the recipe of a run that begins with it."""
    source, recipe = tmp_path / "source", tmp_path / "recipe.yaml"
    shutil.copytree(home / "source", source)
    recipe.write_text((home / "warm" / "recipe.yaml").read_text().replace(str(home / "source"), str(source)))
    return source, recipe


def test_the_same_recipe_refuses_other_weights_and_missing_ones_by_name(moved, home, tmp_path, capsys):
    source, recipe = moved
    again = ["train", "--config", str(recipe), "--run", str(tmp_path / "run"), "--device=cpu"]
    shutil.rmtree(source / "checkpoints" / "round-0000004")
    assert main(again) == 2
    assert f"begins with the weights of {source}, round 4, and there is no such checkpoint" in capsys.readouterr().err
    shutil.copytree(home / "warm" / "checkpoints" / "round-0000004", source / "checkpoints" / "round-0000004")
    assert main(again) == 2
    assert "and they are others by now (SHA-256 " in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_weights_that_were_tampered_with_are_refused(moved, tmp_path, capsys):
    source, recipe = moved
    file = source / "checkpoints" / "round-0000004" / "game.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert main(["train", "--config", str(recipe), "--run", str(tmp_path / "run"), "--device=cpu"]) == 1
    assert f"{file} is not what was saved: its SHA-256 differs" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_run_without_a_checkpoint_needs_the_weights_which_may_have_moved(moved, home, tmp_path):
    source, recipe = moved
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(recipe, run / "recipe.yaml")
    source.rename(tmp_path / "there")
    with pytest.raises(UsageError, match="there is no such checkpoint; name where that run lies with --from"):
        train(run, **{"plan.seed": 1})
    train(run, start=tmp_path / "there", **{"plan.seed": 1})
    assert ended_alike(run, home / "warm")
    assert RunFolder(run).events("change")[0]["settings"] == {"from.run": [str(source), str(tmp_path / "there")]}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--run", "{home}/source", "--from", "{home}/source"], "cannot begin with its own weights"),
        (
            ["--run", "{home}/source", "--from", "{home}/warm"],
            "began with the weights that its seed gives, and not with",
        ),
        (
            ["--run", "{home}/warm", "--from", "{home}/half"],
            "began with the weights of {home}/source, round 4, and not",
        ),
        (["--run", "{home}/warm", "--from", "{home}/source", "--from-checkpoint", "3"], "began with the weights of"),
        (["--run", "{home}/new", "--from", "{home}/source", "--from-checkpoint", "9"], "there are best, last, 3, 4"),
        (["--run", "{home}/new", "--from", "{home}/nowhere"], "is not a run folder: there is no such folder"),
        (["--run", "{home}/new", "--from-checkpoint", "last"], "--from-checkpoint is of the run that --from names"),
    ],
)
def test_a_start_that_cannot_be_says_what_can(home, capsys, words, said):
    assert main(["train", "--device=cpu", *(word.format(home=home) for word in words)]) == 2
    assert said.format(home=home) in capsys.readouterr().err
    assert not (home / "new").exists()


def test_a_folder_that_began_with_other_weights_is_another_run(home):
    recipe = Recipe.read(home / "warm")
    other = Recipe.from_dict(recipe.to_dict() | {"from": {"run": "runs/b", "round": 3, "sha256": "0" * 64}})
    with pytest.raises(
        UsageError, match=r"from\.run is runs/b, there .*\n  from\.round is 3, there 4\n  from\.sha256 is"
    ):
        other.check_folder(home / "warm")
    with pytest.raises(UsageError, match=r"from\.round is none, there 4"):
        Recipe.from_dict({k: v for k, v in recipe.to_dict().items() if k != "from"}).check_folder(home / "warm")


def test_the_part_of_a_recipe_is_there_only_where_it_is_used(home):
    assert list(Recipe.read(home / "source").to_dict()) == ["game", "data", "plan"]
    recipe = Recipe.read(home / "warm")
    assert recipe.to_dict()["from"] == {"run": str(home / "source"), "round": 4, "sha256": recipe.start.sha256}
    assert Recipe.from_yaml(recipe.to_yaml()) == recipe


@pytest.mark.parametrize("given", ["runs/a", {"run": "runs/a"}, {"run": "runs/a", "round": 1, "sha256": "abc"}, []])
def test_half_a_start_in_a_recipe_is_refused(given):
    with pytest.raises(UsageError, match="from wants run, round and sha256, as saddle train --from writes them"):
        Recipe.from_dict({"game": "gan", "from": given})


def test_who_looks_at_a_run_is_told_what_it_began_with(home, capsys):
    told = f"the weights of {home / 'source'}, round 4"
    assert saddle.load(home / "warm", device="cpu").info()["began_with"] == told
    assert "began_with" not in saddle.load(home / "source", device="cpu").info()
    assert RunFolder(home / "warm").events("start")[0]["began_with"] == told
    assert f"<dt>began with</dt><dd>{told}</dd>" in (home / "warm" / "report.html").read_text()
    assert main(["info", str(home / "warm"), "--device=cpu"]) == 0
    assert told in " ".join(capsys.readouterr().out.split())


def test_without_a_game_the_settings_are_those_of_the_other_run(home, tmp_path):
    command = ["train", "--from", str(home / "source"), "--run", str(tmp_path / "run"), "--device=cpu", "--quiet"]
    assert main([*command, "--plan.rounds=1", "--game.optim.schedule=Constant"]) == 0
    recipe, source = Recipe.read(tmp_path / "run"), Recipe.read(home / "source")
    assert recipe.differences(source)[:1] == ["plan.rounds is 1, there 4"]
    assert recipe.start.round == 4


def test_any_checkpoint_may_be_the_start(home, tmp_path):
    edits = {"settings": SETTINGS, "rounds": 1, "device": "cpu", "quiet": True, "start": home / "source"}
    saddle.train("gan", "ring", tmp_path / "run", **edits, start_checkpoint=3)
    assert equal(tensors(tmp_path / "run", 0), tensors(home / "source", 3))
    assert warm.choose(home / "source", "last").round == 4


class Parts(nn.Module):
    """With statistics, vectors, flags and counts beside weights, for images of a size."""

    def __init__(self, width: int, size: int = 2):
        super().__init__()
        self.norm, self.judge = nn.BatchNorm1d(4), spectral_norm(nn.Linear(4, width))
        self.weighed, self.memory = WeightNorm(nn.Linear(4, width, bias=False)), Memory(3, (size,))


def test_buffers_come_with_what_they_tell_of_or_not_at_all():
    there = Parts(4).state_dict()
    assert warm.fitting(Parts(4), there).keys() == there.keys()
    wider = warm.fitting(Parts(5), there)
    assert {"norm.running_mean", "norm.num_batches_tracked", "norm.weight", "memory.filled"} <= wider.keys()
    assert not {"weighed.ready", "weighed.scale", "judge.parametrizations.weight.0.seen"} & wider.keys()
    assert not {"memory.filled", "memory.samples"} & warm.fitting(Parts(4, 3), there).keys()


@pytest.mark.parametrize("name", GAMES)
def test_every_game_begins_with_all_its_weights_and_plays(name):
    done, fresh = make_trainer(name), make_trainer(name, seed=1)
    done.course.progress = lambda round_: 1.0  # all stages have begun
    done.play_round()
    state = done.state(copy=True).tensors
    assert warm.fitting(fresh.game, state["game"]).keys() == state["game"].keys()
    warm.put(fresh, state)
    for group in ("game", "averages"):
        assert equal(fresh.state().tensors[group], state[group])
    fresh.play_round()
    assert all(torch.isfinite(loss) for loss in fresh.losses.values())
    fresh.check()


def test_averages_that_are_not_there_begin_as_the_weights():
    done, fresh = make_trainer("gan"), make_trainer("gan", seed=1)
    done.play_round()
    warm.put(fresh, {"game": done.state().tensors["game"], "averages": {}})
    state = fresh.state().tensors
    assert all(torch.equal(tensor, state["game"][name[len("copies.") :]]) for name, tensor in state["averages"].items())


def test_what_the_data_of_a_new_run_have_of_the_other_run_is_named(tmp_path):
    data = {"source": "folder:a", "size": 32, "range": [0, 4095]}
    (tmp_path / "old").mkdir()
    Recipe.from_dict({"game": "dcgan", "data": data}).write(tmp_path / "old" / "recipe.yaml")
    edits = {"data": "folder:b", "data.size": 32}
    (line,) = inherited(Recipe.read(tmp_path / "old").change(edits), tmp_path / "old", edits)
    assert re.fullmatch(r"data\.range \[0.*, 4095.*\], as in .*old", line)
    Recipe.from_dict({"game": "dcgan"}).write(tmp_path / "old" / "recipe.yaml")
    assert inherited(Recipe.read(tmp_path / "old"), tmp_path / "old", {}) == []
