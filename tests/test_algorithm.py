"""The algorithm where one looks for it: gan's round is Algorithm 1, and every loss of every game states its formula."""

import inspect
import re
from copy import deepcopy
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from playing import images, play, values
from seeding import seed_all
from small import GAMES, shipped, tiny_recipe
from torch import Tensor, nn

from saddle.auxiliaries import Auxiliary, FeatureMatching
from saddle.base.formulas import filled, nth, times
from saddle.cli import main
from saddle.data import spec_of
from saddle.games._two_player import TwoPlayer
from saddle.games.gan import GAN, OF_ALGORITHM_1
from saddle.losses import AdversarialLoss, Hinge, LeastSquares, NonSaturating, RelativisticPairing, TopK
from saddle.nets.conditional import Concatenation
from saddle.nets.mlp import MLP
from saddle.optim import Linear
from saddle.penalties import R1, GradientPenalty, LatentConsistency, Penalty
from saddle.runs import algorithm, registry
from saddle.runs.algorithm import Step, blocks, formulas_of, played, stages
from saddle.spec import DataSpec
from saddle.training.checkpoint import Checkpoints
from saddle.views import InstanceNoise

PAGE = Path(__file__).parent.parent / "docs/algorithm.md"
LABELLED = DataSpec.of((1, 4, 4), classes=("a", "b"))
BATCH = {"image": images(6, 1, 4, 4), "label": torch.tensor([0, 1, 0, 1, 1, 0])}


def gan(**options: Any) -> GAN:
    seed_all(0)
    return GAN(LABELLED, GAN.Options(**{"network": MLP(8, 1), "z_dim": 3} | options))


def weights(game: nn.Module) -> list[Tensor]:
    return [tensor.clone() for tensor in game.state_dict().values()]


def test_the_round_of_gan_fits_on_a_page_of_fifteen_lines():
    assert len(inspect.getsource(GAN.round).splitlines()) <= 15


@pytest.mark.parametrize("loss", [NonSaturating(), Hinge(), LeastSquares(-1, 1, 0), TopK()])
@pytest.mark.parametrize("k", [1, 3])
def test_algorithm_1_is_the_familys_round_to_the_bit(loss, k, monkeypatch):
    ours, theirs = (gan(loss=loss, discriminator_steps=k) for _ in range(2))
    made = play(ours, BATCH, rounds=3)
    assert len(made) == 3 * (k + 1)
    monkeypatch.setattr(GAN, "plain", False)
    assert values(play(theirs, BATCH, rounds=3)) == values(made)
    assert all(map(torch.equal, weights(ours), weights(theirs)))
    assert ours.notes == theirs.notes


SLOTS: dict[str, Any] = {
    "conditional": True,
    "penalties": (R1(),),
    "views": (InstanceNoise(),),
    "auxiliaries": (FeatureMatching(),),
    "adversarial_weight": 0.5,
    "unroll": 1,
    "generator_batch": 2,
    "fresh_fakes": False,
}


def test_the_slots_below_are_all_that_there_are():
    assert {*SLOTS} | OF_ALGORITHM_1 == {field.name for field in fields(TwoPlayer.Options)}


@pytest.mark.parametrize("slot", SLOTS)
def test_what_is_in_a_slot_acts_as_in_the_familys_round(slot):
    network = Concatenation(MLP(8, 1)) if slot == "conditional" else MLP(8, 1)
    filled_, family = (gan(network=network, **{slot: SLOTS[slot]}) for _ in range(2))
    plain = gan(network=network)
    play(plain, BATCH, rounds=2)
    made = play(filled_, BATCH, rounds=2)
    family.round = lambda batches: TwoPlayer.round(family, batches)
    assert values(play(family, BATCH, rounds=2)) == values(made)
    ours, others = weights(filled_), weights(plain)
    assert len(ours) != len(others) or not all(map(torch.equal, ours, others))


def test_a_relativistic_loss_is_shown_real_samples_in_gan_too():
    play(gan(loss=RelativisticPairing()), BATCH)


class Watched:
    """What a training was given, and from where it began, seen by `GAN.round` and `GAN.noise`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.real, self.latents, self.players = [], [], {}
        play_round, draw = GAN.round, GAN.noise

        def seen(batches):
            for batch in batches:
                self.real.append(batch["image"].clone())
                yield batch

        def round_(game, batches):
            if game.rounds < 1 and not self.real:
                self.players = {"G": deepcopy(game.generator), "D": deepcopy(game.discriminator)}
            yield from play_round(game, seen(batches))

        def noise(game, n, label=None):
            z = draw(game, n, label)
            if game.training and self.players:
                self.latents.append(z.clone())
            return z

        monkeypatch.setattr(GAN, "round", round_)
        monkeypatch.setattr(GAN, "noise", noise)


def block(language: str, page: Path = PAGE) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("k", [1, 3])
def test_the_loop_of_the_page_finds_the_weights_of_the_command_beside_it(k, tmp_path, monkeypatch):
    """In fp64, where 20 rounds leave about 1e-12 between them; see the page for fp32."""
    (loop, *_), (command, *_) = block("python"), block("sh")
    words = command.replace("\\\n", " ").split()[1:]
    words[words.index("--game.discriminator_steps") + 1] = str(k)
    small = "--game.network.width 32 --plan.batch 16 --plan.samples 8 --plan.scores 0 --plan.pictures 0 --device cpu"
    folder = str(tmp_path / "run")
    watched = Watched(monkeypatch)
    assert main([*words, *small.split(), "--plan.precision", "fp64", "--run", folder, "--quiet"]) == 0
    assert (len(watched.real), len(watched.latents)) == (20 * k, 20 * (k + 1))

    data, latents, players = iter(watched.real), iter(watched.latents), watched.players
    judge = LogitsOf(players["D"])
    exec(loop, {"G": players["G"], "D": judge, "data": data, "noise": lambda n: next(latents), "k": k, "rounds": 20})
    kept = Checkpoints(tmp_path / "run/checkpoints").load(20)
    for name, player in (("generator", players["G"]), ("discriminator", players["D"])):
        for key, ours in player.state_dict().items():
            torch.testing.assert_close(ours, kept.tensors["game"][f"{name}.{key}"], rtol=0, atol=1e-9)


class LogitsOf(nn.Module):
    """A discriminator as notes have it, whose output is the logit."""

    def __init__(self, discriminator: nn.Module):
        super().__init__()
        self.discriminator = discriminator

    def forward(self, x: Tensor) -> Tensor:
        return self.discriminator(x).logits


def test_the_page_shows_the_round_that_is_played():
    source = inspect.cleandoc("\n" + inspect.getsource(GAN.round))
    assert source.strip() in block("python")[1]


# Formulas.

KINDS = {name: kind for base in (AdversarialLoss, Penalty, Auxiliary) for name, kind in shipped(base).items()}


def sides(part: Any) -> tuple[str, ...]:
    return ("discriminator", "generator") if isinstance(part, AdversarialLoss) else part.players


@pytest.mark.parametrize("name", KINDS)
def test_the_docstring_of_a_loss_begins_with_its_formula(name):
    part = KINDS[name]()
    for side in sides(part):
        formula = part.formula(side)
        assert re.search(r"[CDEGWfJθ]", formula)
        assert re.search(r"[-+(²‖*]", formula)
        assert not re.search(r"\b(19|20)\d\d\b|https", formula), "the source is no part of it"


@pytest.mark.parametrize("name", KINDS)
def test_every_number_among_the_settings_of_a_loss_is_put_into_its_formula(name):
    """But for those that are 0 in it, and those that say how it is computed."""
    kind = KINDS[name]
    for field in fields(kind):
        if not isinstance(field.default, int | float) or isinstance(field.default, bool):
            continue
        before, after = kind(), kind(**{field.name: 7 if field.name == "every" else 0.37})
        told = [part.formula(side) for part in (before, after) for side in sides(part)]
        half = len(told) // 2
        assert told[:half] != told[half:], f"{name}.{field.name}"


@pytest.mark.parametrize(
    ("formula", "numbers", "expected"),
    [
        ("-α · log D(x) - (1 - α) · log(1 - D(x))", {"α": 1.0}, "-log D(x)"),
        ("-α · log D(x) - (1 - α) · log(1 - D(x))", {"α": 0.9}, "-0.9 · log D(x) - 0.1 · log(1 - D(x))"),
        ("(C(x) - b)² / 2 + (C(G(z)) - a)² / 2", {"a": -1, "b": 0}, "C(x)² / 2 + (C(G(z)) + 1)² / 2"),
        ("(‖∇C(x̂)‖ - target)², x̂ somewhere", {"target": 0}, "‖∇C(x̂)‖², x̂ somewhere"),
        ("max(0, m - E(x))", {"m": 10}, "max(0, 10 - E(x))"),
    ],
)
def test_values_are_put_in_as_one_would_write_them(formula, numbers, expected):
    assert filled(formula, numbers) == expected


@pytest.mark.parametrize(
    ("weight", "formula", "expected"),
    [
        (1.0, "(|a| + |b|)", "|a| + |b|"),
        (2.0, "a + b, b small", "2 · (a + b), b small"),
        (0.5, "-log D(x)", "-0.5 · log D(x)"),
        (3.0, "(a - b)²", "3 · (a - b)²"),
        (1.0, "(a - b) · (c)", "(a - b) · (c)"),
        (2.0, "|F(G(a)) - a|, the mean", "2 · |F(G(a)) - a|, the mean"),
        (2.0, "-log p(y | x) - KL(p ‖ q)", "2 · (-log p(y | x) - KL(p ‖ q))"),
    ],
)
def test_a_factor_stands_before_the_whole_formula(weight, formula, expected):
    assert times(weight, formula) == expected


def test_a_lazy_penalty_says_how_often_and_counts_for_the_rounds_between():
    told = R1(weight=10.0, every=16).formula("discriminator")
    assert told == "160 · ‖∇C(x)‖² / 2, on real samples; in every 16th round"
    assert [*map(nth, (1, 2, 3, 4, 11, 22))] == ["1st", "2nd", "3rd", "4th", "11th", "22nd"]


def test_a_schedule_is_told_with_the_weight():
    told = GradientPenalty(schedule=Linear(start=0.0, end=1.0)).formula("discriminator")
    assert told.endswith("from fake to real; times Linear(start 0, end 1, begin 0, finish 1)")


def test_each_side_of_a_penalty_has_its_own_weight():
    assert LatentConsistency(generator_weight=2.0).formula("generator") == "-2 · (G(z) - G(z + 0.03 ε))²"


# Every game.

SETTINGS: list[tuple[str, dict[str, Any]]] = [  # under which games have losses that their recipes leave out, or others
    ("aae", {"supervision": "none"}),
    ("aae", {"penalties": (R1(),)}),
    ("cgan", {"separate_heads": True}),
    ("cgan", {"mismatched": True}),
    ("cyclegan", {"identity_weight": 5.0, "penalties": (R1(),)}),
    ("disentangle", {"adversarial_weight": 1.0, "consistency_weight": 1.0, "removal": "reversal"}),
    ("disentangle", {"network": "two-encoders", "consistency_weight": 1.0}),
    ("dtn", {"smooth_weight": 1.0, "distance": "cosine"}),
    ("ebgan", {"pretraining": 0.2}),
    ("f-anogan", {"encoder": "ziz"}),
    ("f-anogan", {"encoder": "izi"}),
    ("gan", {"adversarial_weight": 0.0, "auxiliaries": (FeatureMatching(),)}),
    ("gan", {"penalties": (R1(), LatentConsistency())}),
    ("gln", {"pretraining": 0.0}),
    ("lapgan", {"penalties": (R1(), LatentConsistency())}),
    ("pan", {"margin": 0.0}),
    ("pix2pix", {"adversarial_weight": 0.0}),
    ("pix2pix", {"l1_weight": 0.0}),
    ("sgan", {"feature_matching": False}),
    ("sgan", {"supervised": True}),
    ("simgan", {"self_weight": 0.0}),
    ("spade", {"encoder": True}),
    ("srgan", {"pixel_weight": 1.0, "pretraining": 0.0}),
    ("srgan", {"discriminator": "projection"}),
    ("srgan", {"pretraining": 1.0}),
    ("st-cgan", {"removes": False}),
    ("tpgan", {"local": False}),
    ("unit", {"domain_weight": 1.0}),
]
ALL = [(name, {}) for name in GAMES] + SETTINGS


def named(settings: Any) -> str:
    return settings if isinstance(settings, str) else ", ".join(settings)


@pytest.mark.parametrize(("name", "settings"), ALL, ids=named)
def test_every_loss_of_a_game_has_a_formula_and_none_is_left_over(name, settings, monkeypatch):
    monkeypatch.setattr(algorithm, "EVENLY", 2)
    monkeypatch.setattr(algorithm, "NEAR", 2.0**-3)
    recipe = tiny_recipe(name)
    recipe = replace(recipe, options=replace(recipe.options, **settings))
    seed_all(0)
    game = registry.load(name)(spec_of(recipe.data), recipe.options)
    found = [step for _, steps in stages(game, recipe) for step in steps]
    for step in found:
        assert {*formulas_of(game, step)} == {*step.losses}
        assert all(formulas_of(game, step).values())
    moved = {(player, loss) for step in found for player in step.players for loss in step.losses}
    players = {player for player, _ in moved}
    assert {(player, loss) for player in players for loss in game.formulas(player)} <= moved


@pytest.mark.parametrize(
    ("name", "shares", "begin"),
    [
        ("gan", {}, []),
        ("dtn", {"pretraining": 0.3}, [0.3]),
        ("simgan", {"refiner_pretraining": 0.1, "discriminator_pretraining": 0.02}, [0.1, 0.12]),
        ("f-anogan", {"encoder_share": 0.35}, [0.65]),
        ("gln", {"pretraining": 0.77}, [0.77]),
    ],
)
def test_stages_begin_where_the_settings_say(name, shares, begin):
    recipe = tiny_recipe(name)
    recipe = replace(recipe, options=replace(recipe.options, **shares))
    game = registry.load(name)(spec_of(recipe.data), recipe.options)
    assert [place for place, _ in stages(game, recipe)] == pytest.approx([0.0, *begin], abs=1e-3)


def test_what_is_repeated_is_told_once():
    judge, mover = Step(("d",), ("x",), ("d",), 1), Step(("g",), ("x",), ("g",), 0)
    assert blocks([judge] * 5 + [mover]) == [([judge], 5), ([mover], 1)]
    assert blocks([judge, mover, mover] * 2) == [([judge, mover, mover], 2)]
    assert blocks([judge, *[mover, judge] * 3]) == [([judge, mover], 3), ([judge], 1)]


def test_watching_a_round_leaves_the_game_as_it_is():
    game = gan(discriminator_steps=2)
    before = weights(game)
    assert [step.batches for step in played(game, 5, 0.5)] == [1, 1, 0]
    assert all(map(torch.equal, weights(game), before))
    assert (game.rounds, game.progress) == (0, 0.0)


@pytest.mark.parametrize(("trick", "conjugate"), [("true", False), ("false", True)])
def test_a_formula_explains_no_letter_that_does_not_stand_in_it(trick, conjugate, capsys):
    """f-GAN's generator has no f*, unless it minimises the bound itself; and f* is not the f of features."""
    assert main(["describe", "fgan", "--algorithm", "--game.loss.trick", trick]) == 0
    told = capsys.readouterr().out
    generator = told.partition("2. generator")[2]
    assert ("f*" in generator) == conjugate
    assert "\nf: " not in told
