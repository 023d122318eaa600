"""The playground in the plane: what the discriminator thinks of every point, and which modes which games draw."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from PIL import Image
from seeding import seed_all
from torch import nn

from saddle.base.errors import UsageError
from saddle.base.folder import RunFolder
from saddle.cli import main
from saddle.data import DataOptions, open_source
from saddle.games._two_player import TwoPlayer
from saddle.games.gan import GAN
from saddle.losses import NonSaturating, Wasserstein
from saddle.nets.mlp import MLP
from saddle.runs import benchmark, registry, scoring
from saddle.runs.benchmark import Bench, Entry
from saddle.runs.recipe import Recipe
from saddle.spec import DataSpec
from saddle.views import InstanceNoise, View

TINY = {"plan.rounds": 2, "plan.batch": 4, "plan.pictures": 1, "plan.scores": 1, "game.network.width": 8}
SMALL = MLP(width=4)
WORDS = [f"--{name}={value}" for name, value in TINY.items()]


def two_player(network: MLP = SMALL, **options) -> TwoPlayer:
    seed_all(0)
    return TwoPlayer(DataSpec.of((2,)), TwoPlayer.Options(network=network, **options))


@pytest.mark.parametrize("loss", [NonSaturating(), Wasserstein()], ids=lambda loss: type(loss).__name__)
def test_the_landscape_is_what_the_loss_calls_d_of_every_point_without_the_views(loss):
    game, points = two_player(loss=loss, views=(InstanceNoise(),)), torch.randn(6, 2)
    assert torch.equal(game.landscape(points), loss.output(game.discriminator(points).logits))


@dataclass(frozen=True)
class Pairs(View):
    def build(self, data):
        return nn.Identity()

    def least(self):
        return 2


def test_a_discriminator_that_judges_several_points_at_a_time_has_no_landscape():
    assert two_player(views=(Pairs(),)).landscape(torch.zeros(4, 2)) is None


@pytest.mark.parametrize("minibatch", ["stddev", "discrimination"])
def test_a_discriminator_that_compares_samples_has_no_landscape(minibatch):
    assert two_player(MLP(width=4, minibatch=minibatch)).landscape(torch.zeros(4, 2)) is None


@pytest.mark.parametrize("source", ["ring", "grid", "swiss-roll"])
def test_every_game_with_a_recipe_in_the_plane_offers_a_landscape_of_finite_numbers(source):
    recipes = [Recipe.default(name, source) for name in registry.names() if benchmark.shipped(name, source)]
    spec = open_source(recipes[0].data).spec
    shown = {
        recipe.game: registry.load(recipe.game)(spec, recipe.options).landscape(torch.randn(5, 2)) for recipe in recipes
    }
    assert "wgan-gp" in shown
    for values in shown.values():
        assert values is None or (values.shape == (5,) and values.isfinite().all())


def seen(capsys) -> list[dict]:
    return json.loads(capsys.readouterr().out)


def test_modes_trains_every_game_with_every_seed_and_leaves_runs_and_a_sheet(tmp_path: Path, capsys):
    argv = [
        "benchmark",
        "modes",
        "--games",
        "gan,wgan-gp",
        "--data",
        "ring,grid",
        "--seeds",
        "2",
        "--out",
        str(tmp_path),
    ]
    assert main([*argv, *WORDS, "--json"]) == 0
    told = seen(capsys)
    wanted = [(d, g, s) for d in ("ring", "grid") for g in ("gan", "wgan-gp") for s in (0, 1)]
    assert [(e["data"], e["game"], e["seed"]) for e in told] == wanted
    assert all(e["scores"].keys() == {"modes", "high_quality", "mode_kl"} for e in told)
    assert {Recipe.read(Path(e["run"])).plan.seed for e in told} == {0, 1}
    with Image.open(tmp_path / "modes.png") as sheet:
        assert sheet.size == (2 * 240, 4 * 260)


def test_a_finished_run_is_not_trained_again_and_the_table_has_its_spread(tmp_path: Path, capsys, monkeypatch):
    argv = ["benchmark", "modes", "--games", "gan", "--data", "ring", "--seeds", "2", "--out", str(tmp_path), *WORDS]
    assert main([*argv, "--json"]) == 0
    before = seen(capsys)
    monkeypatch.setattr(benchmark, "train", pytest.fail)
    for seed, modes in ((0, 8), (1, 5)):
        path = RunFolder(tmp_path / f"gan-ring-{seed}").benchmark
        path.write_text(json.dumps(json.loads(path.read_text()) | {"scores": before[0]["scores"] | {"modes": modes}}))
    assert main(argv) == 0
    assert "6.5 [5 – 8]" in capsys.readouterr().out


def test_an_interrupted_run_goes_on_and_a_run_of_other_settings_is_refused(tmp_path: Path, capsys):
    argv = ["benchmark", "modes", "--games", "gan", "--data", "ring", "--seeds", "1", "--out", str(tmp_path), *WORDS]
    assert main([*argv, "--json"]) == 0
    log = tmp_path / "gan-ring-0" / "events.jsonl"
    log.write_text("".join(line for line in log.read_text().splitlines(True) if '"stop"' not in line))
    assert main([*argv, "--json"]) == 0
    assert log.read_text().count('"start"') == 2
    assert main([word.replace("batch=", "batch=1") for word in argv]) == 2
    assert "holds a run of another recipe; choose another --out, or the same settings" in capsys.readouterr().err


def test_all_games_with_a_recipe_take_part_unless_named():
    everyone = list(benchmark.planned([], ["ring", "stacked-digits"], 2, {}))
    pairs = [(recipe.data.source, recipe.game, recipe.plan.seed) for recipe in everyone]
    assert {("ring", "gan", 1), ("ring", "wgan-gp", 0), ("stacked-digits", "dcgan", 1)} <= set(pairs)
    assert ("ring", "dcgan", 0) not in pairs
    named = list(benchmark.planned(["dcgan", "gan"], ["ring", "stacked-digits"], 1, {"plan.batch": "8"}))
    assert [(recipe.data.source, recipe.game) for recipe in named] == [("ring", "gan"), ("stacked-digits", "dcgan")]
    assert {recipe.plan.batch for recipe in named} == {8}


@pytest.mark.parametrize(
    ("games", "places", "said"),
    [
        (["gna"], ["ring"], "no game 'gna'"),
        (["gan"], ["rung"], "no modes are known of 'rung' .did you mean ring"),
        (["gan"], ["swiss-roll"], "no modes are known of 'swiss-roll'"),
        (["dcgan"], ["ring", "grid"], "brings no recipe for dcgan on ring or grid, only for .*gan, .*wgan-gp"),
    ],
)
def test_what_cannot_be_compared_is_said_before_anything_is_trained(games, places, said, tmp_path: Path):
    with pytest.raises(UsageError, match=said):
        benchmark.modes(Bench(games, 1, tmp_path, {}), places)
    assert list(tmp_path.iterdir()) == []


def test_settings_that_one_of_the_games_cannot_take_are_refused_before_the_first_is_trained(tmp_path):
    edits = {"plan.rounds": 2, "plan.batch": 4, "game.loss": "EnergyMargin"}  # mgan can take it
    with pytest.raises(UsageError, match="EnergyMargin wants a discriminator that gives energies"):
        benchmark.modes(Bench(["mgan", "gan"], 1, tmp_path, edits), ["grid"])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_things_is_refused_before_another_run_is_trained(tmp_path):
    (tmp_path / "gan-ring-1").mkdir()
    (tmp_path / "gan-ring-1" / "thesis.tex").write_text("dear")
    with pytest.raises(UsageError, match="gan-ring-1 exists and is not a run folder; choose another --out"):
        benchmark.modes(Bench(["gan"], 2, tmp_path, TINY), ["ring"])
    assert [path.name for path in tmp_path.iterdir()] == ["gan-ring-1"]


def test_a_spread_is_the_median_between_the_least_and_the_greatest():
    assert benchmark.spread([8.0, 1.0, 7.0]) == "7 [1 – 8]"
    assert benchmark.spread([0.98765, 0.98771]) == "0.988"
    assert benchmark.spread([8, 8]) == "8"
    assert benchmark.spread([12_345.6, 1000.0]) == "6673 [1000 – 12346]"


def test_each_place_has_a_table_of_its_own_scores():
    entries = [Entry("gan", "ring", s, "x", 3.0, {"modes": s, "high_quality": 0.5, "mode_kl": 1}) for s in (1, 2, 3)]
    entries += [Entry("dcgan", "stacked-digits", 0, "x", 9.0, {"stacked_modes": 99, "stacked_kl": 3.4})]
    assert list(benchmark.tables(entries)) == [
        (
            "ring",
            ["game", "modes", "high_quality", "mode_kl", "seconds", "seeds"],
            [["gan", "2 [1 – 3]", "0.5", "1", "3", "3"]],
        ),
        (
            "stacked-digits",
            ["game", "stacked_modes", "stacked_kl", "seconds", "seeds"],
            [["dcgan", "99", "3.4", "9", "1"]],
        ),
    ]


def test_scores_draw_as_many_samples_as_their_data_ask_for(monkeypatch):
    """Of 2,000 samples even equal shares show 865 of the 1,000 stacked digits."""
    drawn = []
    monkeypatch.setattr(scoring, "evaluate", lambda *_, n, **__: drawn.append(n) or {})
    for name in ("stacked-digits", "digits"):
        source = open_source(DataOptions(source=name, size=8))
        game = GAN(source.spec, GAN.Options(network=MLP(4), z_dim=2))
        for n in (None, 50):
            scoring.score(game, source, ["fid"], n)
    assert drawn == [26_000, 50, 2000, 50]
