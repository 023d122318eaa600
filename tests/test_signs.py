"""Signs of health in the log: they tell what they should, and training does not notice them."""

import math
from dataclasses import replace

import pytest
import torch
from small import GAMES, make_trainer, opened, tiny_recipe

from saddle.base.events import read
from saddle.context import Output
from saddle.data import open_source
from saddle.data.stream import Stream
from saddle.runs import registry
from saddle.runs.session import train
from saddle.runs.signs import EVERY, FEWEST, SAMPLES, Signs
from saddle.tasks import signs
from saddle.training.health import StepWatch
from saddle.training.trainer import Trainer

ALL = {"diversity", "saturated", "saturated_data", "d_heldout", "d_trained", "d_made"}


def bits(trainer) -> dict[str, torch.Tensor]:
    state = trainer.state(copy=True)
    return {f"{group}.{name}": x for group, tensors in state.tensors.items() for name, x in tensors.items()}


NONE = {  # games that have none of their own, and why
    "disentangle": "a translation that shows nothing else than its input is asked for",
    "singan": "it learns one image alone",
    "stargan": "what a translation is to show has to be asked for",
}


@pytest.mark.parametrize("name", GAMES)
def test_the_state_is_the_same_bits_with_signs_and_without(name, monkeypatch):
    """A round's random numbers are a function of seed and round, so the state is all that the rest depends on.

    All signs are finite numbers of names that the doctor knows, of eight samples as of 64.
    """
    monkeypatch.setattr("saddle.runs.signs.SAMPLES", 8)
    trainer = make_trainer(name)
    measured = Signs(trainer, opened(tiny_recipe(name).data))
    trainer.steps.on = True
    trainer.play_round()
    found = measured.measure()
    plain = make_trainer(name)
    plain.play_round()
    one, other = bits(trainer), bits(plain)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)
    own = {key for key in found if "/" not in key}
    assert own <= ALL
    assert bool(own) == (name not in NONE)
    moved = {key.partition("/")[2] for key in found if "/" in key}
    assert moved <= trainer.weights.keys()
    assert {f"{kind}/{player}" for kind in ("gradient", "update") for player in moved} == found.keys() - own
    assert all(math.isfinite(x) for x in found.values())


OF_SAMPLES, OF_JUDGES = {"diversity", "saturated", "saturated_data"}, {"d_heldout", "d_trained", "d_made"}


@pytest.mark.parametrize(
    ("name", "data", "own"),
    [
        ("dcgan", "digits", OF_SAMPLES | OF_JUDGES),
        ("gan", "ring", {"diversity"} | OF_JUDGES),
        ("gan-cls", "captions", OF_SAMPLES),
        ("pix2pix", "scenes", {"diversity"}),
        ("srgan", "photos", {"diversity"}),
        ("singan", "photo", set()),
        ("stargan", "digits-coloured", set()),
    ],
)
def test_the_kind_of_a_game_says_which_signs_it_has(name, data, own):
    """The table of docs/troubleshooting.md: images, points, texts, translations, restorations, one image."""
    recipe = tiny_recipe(name, data)
    source = open_source(recipe.data)
    game = registry.load(name)(source.spec, recipe.options)
    trainer = Trainer(game, Stream(source.train, source.spec, 4, 0), recipe.plan)
    assert Signs(trainer, source).measure().keys() == own


def test_a_translation_into_a_label_map_has_no_diversity():
    """Of labels there is no distance."""
    trainer = make_trainer("pix2pix")
    measured = Signs(trainer, open_source(tiny_recipe("pix2pix").data))
    game = trainer.game
    assert "diversity" in game.signs(*measured.samples)
    domain = game.way()[1]
    game.data = replace(game.data, fields={**game.data.fields, domain: replace(game.data.fields[domain], kind="map")})
    assert not game.signs(*measured.samples)


def test_diversity_is_0_where_all_are_alike_and_1_where_they_are_as_different_as_the_data():
    real = torch.randn(64, 3, 8, 8)
    assert float(signs.diversity(torch.ones(64, 3, 8, 8), real)) == 0
    assert float(signs.diversity(torch.randn(64, 3, 8, 8), real)) == pytest.approx(1, abs=0.05)
    assert float(signs.diversity(0.5 * real, real)) == pytest.approx(0.5)


def test_saturated_is_the_share_of_black_and_white():
    images = torch.zeros(2, 1, 2, 2)
    images[0] = 1
    images[1, 0, 0, 0] = -1
    assert float(signs.saturated(images)) == 5 / 8


def test_a_step_is_watched_by_its_gradient_and_by_how_far_weights_move():
    """Gradient descent moves weights by rate × gradient."""
    weight = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
    weight.grad = torch.tensor([0.6, 0.8])
    optim = torch.optim.SGD([weight], lr=0.5)
    watch = StepWatch()
    with watch.step({"player": [weight]}):
        optim.step()
    assert not watch.found
    weight.data = torch.tensor([3.0, 4.0])
    watch.on = True
    with watch.step({"player": [weight]}):
        optim.step()
    assert float(watch.found["gradient/player"]) == pytest.approx(1.0)
    assert float(watch.found["update/player"]) == pytest.approx(0.1)


def test_signs_stand_in_the_log_every_hundred_rounds_and_at_the_end(tmp_path):
    recipe = tiny_recipe("gan", "ring", rounds=EVERY + 30, log_every=20, batch=FEWEST)
    train(recipe, tmp_path / "run", "cpu", quiet=True)
    rounds = [event for event in read(tmp_path / "run" / "events.jsonl") if event["event"] == "round"]
    assert [event["round"] for event in rounds if "signs" in event] == [EVERY, EVERY + 30]
    assert all(event["waited"] >= 0 for event in rounds)
    assert {"diversity", "d_heldout", "gradient/generator", "update/discriminator"} <= rounds[-1]["signs"].keys()


@pytest.mark.parametrize(
    ("plan", "count", "every"),
    [
        ({"batch": 128}, SAMPLES, EVERY),
        ({"batch": 32}, 32, EVERY),
        ({"batch": 32, "micro_batches": 2}, 16, EVERY),
        ({"batch": 4}, FEWEST, 2 * EVERY),
        ({"batch": 1}, FEWEST, 8 * EVERY),
    ],
)
def test_a_measurement_sees_as_few_samples_as_a_batch_or_comes_as_much_more_rarely(plan, count, every):
    trainer = make_trainer("gan", **plan)
    measured = Signs(trainer, open_source(tiny_recipe("gan").data))
    assert [len(batch["image"]) for batch in measured.samples] == [count, count]
    assert [round_ for round_ in range(5, 2 * every + 1) if measured.due(round_)] == [every, 2 * every]


def test_a_discriminator_that_knows_its_images_by_heart_shows_it():
    """It gives the training images 9, and all others 0."""
    trainer = make_trainer("gan")
    measured = Signs(trainer, opened(tiny_recipe("gan").data))
    known = measured.samples[1]["image"].flatten(1)

    class ByHeart(torch.nn.Module):
        def forward(self, x):
            is_known = (x.flatten(1)[:, None] == known).all(2).any(1)
            return Output(9.0 * is_known)

    trainer.game.discriminator = ByHeart()
    found = measured.measure()
    assert found["d_trained"] > 0.99
    assert found["d_heldout"] == found["d_made"] == 0.5
