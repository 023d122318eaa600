"""Every two parts of a two-player game either play together or are refused at the start, with a reason."""

import itertools
from collections.abc import Iterator
from dataclasses import fields, replace
from functools import cache
from typing import Any

import pytest
import torch
from playing import images, play
from small import shipped

from saddle.auxiliaries import Auxiliary
from saddle.base.errors import UsageError
from saddle.games._two_player import TwoPlayer
from saddle.losses import AdversarialLoss
from saddle.nets.dcgan import DCGAN
from saddle.nets.network import Network
from saddle.penalties import Penalty
from saddle.runs import registry
from saddle.spec import DataSpec
from saddle.views import View

LABELLED = ("image", "label")
SMALL = ("width", "channel", "w_dim", "units")  # in the name of a setting that makes a network large
SLOTS = {"loss": AdversarialLoss, "penalties": Penalty, "views": View, "auxiliaries": Auxiliary, "network": Network}
CHEAP = [factor for factor in SLOTS if factor != "network"] + ["unroll"]
BATCH = 4


@cache
def parts(factor: str) -> dict[str, Any]:
    """All values of a setting by name: found by looking, so that a part that is added is tried too."""
    for game in registry.names():
        registry.load(game)  # which may bring parts of its own
    if factor == "unroll":
        return {"unroll 2": 2, "unroll 0": 0}
    made = {name: kind() for name, kind in shipped(SLOTS[factor]).items()}
    if factor == "network":
        all_of_them = {f"{name}{detail}": each for name, part in made.items() for detail, each in variants(part)}
        return {name: network for name, network in all_of_them.items() if plays_at_all(network)}
    return {name: (part,) if factor in ("penalties", "views", "auxiliaries") else part for name, part in made.items()}


def variants(network: Network) -> Iterator[tuple[str, Network]]:
    """The network at its smallest, with one after the other of its choices between words or of yes and no."""
    numbers = {f.name for f in fields(network) if type(getattr(network, f.name)) is int}  # whatever its range
    sizes = {name: min(16, getattr(network, name)) for name in numbers if any(word in name for word in SMALL)}
    small = replace(network, **sizes)
    yield "", small
    for field in fields(network):
        for value in (True, "virtual", "stddev", "discrimination", "none"):
            try:
                if isinstance(getattr(small, field.name), type(value)) and fits(field, value):
                    yield f"({field.name}={value})", replace(small, **{field.name: value})
            except UsageError:
                continue


def fits(field: Any, value: Any) -> bool:
    """May this be the field's value, and is it another than the default?"""
    from typing import get_args

    return field.default != value and (value is True or value in get_args(field.type))


def plays_at_all(network: Network) -> bool:
    """Some networks say that they have no generator: they are made for one game, and it for them."""
    try:
        network.generator(8, DataSpec.of((3, 32, 32)))
    except UsageError as refusal:
        return "no generator" not in str(refusal)
    return True


@cache
def data_of(network: Network) -> tuple[DataSpec, bool]:
    """The smallest data that the network draws, and whether it wants their labels."""
    for shape, conditional in itertools.product([(2,), (3, 8, 8), (3, 16, 16), (3, 32, 32)], [False, True]):
        data = DataSpec.of(shape, LABELLED, ("a", "b"))
        if conditional and not network.takes_labels:
            continue
        if network == plain() and len(shape) == 1:
            continue
        try:
            TwoPlayer(data, TwoPlayer.Options(network=network, conditional=conditional, z_dim=8))
        except UsageError:
            continue
        return data, conditional
    raise AssertionError(f"{network} draws nothing of all this")


def plain() -> Network:
    """Without batch norm in the discriminator, so that no penalty is refused on its account."""
    return DCGAN(width=4, critic=True)


def trains(count: int = BATCH, **settings: Any) -> bool:
    """Does the game play three rounds of `count` samples with finite values? False if it was refused with a reason."""
    network = settings.setdefault("network", plain())
    data, conditional = data_of(network)
    if "views" in settings and len(data.shape) == 1:  # most views want images, where the network draws them
        data = next((DataSpec.of(shape, LABELLED, ("a", "b")) for shape in [(3, 8, 8)] if draws(network, shape)), data)
    torch.manual_seed(0)
    try:
        game = TwoPlayer(data, TwoPlayer.Options(z_dim=8, conditional=conditional, **settings))
        game.check_batch(count)
    except UsageError as refusal:
        if len(str(refusal).split()) < 7:
            raise AssertionError(f"no reason: {refusal}") from refusal
        return False
    batch = {"image": images(count, *data.shape), "label": torch.arange(count) % 2}
    moves = play(game, batch, rounds=3)
    assert len(moves) == 6
    for move in moves:
        assert all(torch.isfinite(loss) for loss in move.losses.values()), move.losses
    assert all(torch.isfinite(p).all() for p in game.parameters())
    return True


def draws(network: Network, shape: tuple[int, ...]) -> bool:
    try:
        network.discriminator(DataSpec.of(shape))
    except UsageError:
        return False
    return True


@pytest.mark.parametrize(("one", "other"), [*itertools.combinations(CHEAP, 2), ("penalties",) * 2, ("views",) * 2])
def test_every_pair_of_parts_plays_or_is_refused_with_a_reason(one, other):
    """All pairs rather than all combinations: what breaks is nearly always two parts that do not know each other.

    The rest of the game is a small DCGAN without batch norm in the discriminator, with the non-saturating loss.
    """
    broken, trained = [], set()
    for (a, first), (b, second) in itertools.product(parts(one).items(), parts(other).items()):
        settings = {one: first, other: second} if one != other else {one: first + second}
        if outcome(broken, f"{a} and {b}", settings):
            trained |= {a, b}
    assert broken == []
    assert trained, "everything was refused"


def hands(every_loss: bool) -> Iterator[dict[str, tuple[str, Any]]]:
    """Games in which every part occurs, as name and value, in as few as there are views or losses."""
    penalties, views, unroll = (list(parts(slot).items()) for slot in ("penalties", "views", "unroll"))
    losses = list(parts("loss").items())
    for turn in range(max(len(views), len(losses) if every_loss else 0)):
        hand = {"loss": losses[turn % len(losses)]}
        if turn < len(views):
            hand |= {"views": views[turn], "unroll": unroll[turn % len(unroll)]}
            hand |= {f"penalties {name}": (name, part) for name, part in penalties[turn :: len(views)]}
            hand |= {f"auxiliaries {name}": (name, part) for name, part in parts("auxiliaries").items()}
        yield hand


def settings_of(hand: dict[str, tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, (_, part) in hand.items():
        slot = key.split()[0]
        made[slot] = made[slot] + part if slot in made else part
    return made


@pytest.mark.parametrize("name", parts("network"))
def test_every_part_plays_with_this_network_or_is_refused_with_a_reason(name):
    """Many parts at a time, to save time; those of a game that does not play are tried alone.

    Losses see the logits alone, so that only the plain networks meet them all.
    """
    network, broken = {"network": parts("network")[name]}, []
    for hand in hands(every_loss="(" not in name):
        if not outcome(None, "", settings_of(hand) | network):
            for key, (other, part) in hand.items():
                outcome(broken, f"{name} and {other}", {key.split()[0]: part} | network)
    assert broken == []


def outcome(broken: list[str] | None, what: str, settings: dict[str, Any]) -> bool:
    """`trains`; an error that is no refusal is noted in `broken`, if that is given."""
    try:
        return trains(**settings)
    except Exception as error:
        if broken is not None:
            broken.append(f"{what}: {type(error).__name__}: {str(error).splitlines()[0]}")
        return False


@pytest.mark.parametrize("factor", [*SLOTS, "unroll"])
def test_every_part_plays_with_something(factor):
    """A part that all others refuse would pass the tests above."""
    networks = [plain(), *parts("network").values()] if factor != "network" else []

    def plays(part: Any) -> bool:
        return any(trains(**{factor: part, "network": each}) for each in networks or [part])

    assert [name for name, part in parts(factor).items() if not plays(part)] == []


@pytest.mark.parametrize("factor", SLOTS)
def test_every_part_plays_with_a_single_sample_or_refuses_it(factor):
    """What compares the samples of a batch has nothing to compare; a batch may be one sample, or micro-batches may."""
    broken = []
    for name, part in parts(factor).items():
        try:
            trains(count=1, **{factor: part})
        except Exception as error:
            broken.append(f"{name}: {type(error).__name__}: {str(error).splitlines()[0]}")
    assert broken == []


@pytest.mark.parametrize("minibatch", ["discrimination", "stddev"])
def test_what_compares_samples_is_refused_a_single_one(minibatch):
    settings = {"network": DCGAN(width=4, critic=True, minibatch=minibatch)}
    assert trains(**settings)
    assert not trains(count=1, **settings)
