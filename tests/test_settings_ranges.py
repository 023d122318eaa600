"""Every setting that has a range is held to it, whoever builds the settings; and what is said of ranges."""

import math
from abc import ABCMeta
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from fractions import Fraction
from functools import cache
from inspect import isabstract
from typing import Annotated, Any, Literal, get_args

import numpy as np
import pytest
import yaml

from saddle import tasks
from saddle.base.errors import UsageError
from saddle.base.kinds import choices, wants
from saddle.base.ranges import (
    PositiveInt,
    Range,
    Share,
    above,
    arms,
    at_least,
    at_most,
    below,
    between,
    hints,
    multiple_of,
    own_range,
    range_of,
    unmarked,
)
from saddle.base.settings import Before, OutOfRange, Settings, change, explain, of_a_run, plain, restore
from saddle.data import DataOptions
from saddle.games.dcgan import DCGAN
from saddle.games.gan import GAN
from saddle.games.wgan_gp import WGANGP
from saddle.layers.search import Descent
from saddle.losses import LeastSquares
from saddle.runs import registry
from saddle.runs.warm import Start
from saddle.tasks.game import Game
from saddle.tasks.searching import Surprise
from saddle.training.plan import Plan
from saddle.use.restoring import How
from saddle.use.translating import Way


@cache
def classes() -> tuple[type, ...]:
    """Every class of settings: those that games, plans, data and uses are made of, and the parts of these."""
    uses = {each.Use for each in vars(tasks).values() if isinstance(each, type) and issubclass(each, Game)}
    games = {registry.load(name).Options for name in registry.names()}
    waiting, found = [*games, *uses, Plan, DataOptions, Start, Descent, Surprise, How, Way], set[type]()
    while waiting:
        kind = waiting.pop()
        if kind not in found:
            found.add(kind)
            waiting += [owner for owner in kind.__mro__ if is_dataclass(owner)]
            waiting += [part for hint in hints(kind).values() for part in parts(hint)]
    return tuple(sorted(found, key=lambda kind: f"{kind.__module__}.{kind.__qualname__}"))


def parts(hint: Any) -> Iterator[type]:
    """The classes of settings that a setting of this type may hold."""
    for arm in map(unmarked, arms(hint)):
        if isinstance(arm, ABCMeta):
            yield from (arm, *choices(arm).values())
        elif is_dataclass(arm):
            yield arm  # type: ignore[misc]
        else:
            yield from (part for each in get_args(arm) for part in parts(each))


def ranged(hint: Any) -> Iterator[tuple[Any, Range]]:
    """How a value of this type is made of a number, and the range of the number, for every range in it."""
    for arm in arms(hint):
        inner = unmarked(arm)
        if own := own_range(arm):
            yield (int if inner is int else float), own
        for i, part in enumerate(get_args(inner) if str(inner).startswith("tuple") else ()):
            for _, bounds in ranged(part) if part is not Ellipsis else ():
                n = 1 if Ellipsis in get_args(inner) else len(get_args(inner))
                rest = [next((float(b.low) for _, b in ranged(each)), 0.0) for each in get_args(inner)[:n]]
                yield (lambda x, i=i, rest=rest: (*rest[:i], x, *rest[i + 1 :])), bounds


def outside(bounds: Range, whole: bool) -> Iterator[float]:
    """One step outside each bound, and numbers that are none."""
    if math.isfinite(bounds.low):
        yield bounds.low if bounds.above else bounds.low - 1 if whole else math.nextafter(bounds.low, -math.inf)
    if math.isfinite(bounds.high):
        yield bounds.high if bounds.below else bounds.high + 1 if whole else math.nextafter(bounds.high, math.inf)
    if bounds.step > 1:
        yield bounds.low + 1
    if not whole:
        yield from (math.nan, math.inf, -math.inf)


def build(kind: type, **given: Any) -> Any:
    needed = {each.name: "a" for each in fields(kind) if each.default is MISSING and each.name not in given}
    return kind(**needed | given)


CASES = [
    pytest.param(kind, field.name, id=f"{kind.__module__.removeprefix('saddle.')}.{kind.__qualname__}.{field.name}")
    for kind in classes()
    if not isabstract(kind)
    for field in fields(kind)
    if any(True for _ in ranged(hints(kind)[field.name]))
]


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_step_outside_of_a_range_is_refused_by_name(kind: type, name: str):
    for make, bounds in ranged(hints(kind)[name]):
        for number in outside(bounds, isinstance(bounds.low, int) and make is int):
            with pytest.raises(OutOfRange) as error:
                build(kind, **{name: make(number)})
            assert str(error.value).startswith(name)
            assert bounds.told(number) in str(error.value)


def test_settings_are_checked_wherever_they_are_defined():
    assert [kind for kind in classes() if not issubclass(kind, Settings)] == []
    assert len(CASES) > 300


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: f"{kind.__module__}.{kind.__qualname__}")
def test_a_subclass_has_no_setting_without_the_range_of_the_class_above(kind: type):
    for owner in kind.__mro__[1:]:
        for name, hint in hints(owner).items() if is_dataclass(owner) else ():
            if range_of(hint):
                assert range_of(hints(kind)[name]), f"{name} had one in {owner.__qualname__}"


@dataclass(frozen=True)
class Numbers(Settings):
    steps: Annotated[PositiveInt, Before(3)] = 1  # of a round
    rate: Annotated[float, above(0), at_most(1)] = 0.5
    sides: Annotated[int, at_least(2), multiple_of(2)] | tuple[PositiveInt, PositiveInt] | None = None
    shares: tuple[Share, ...] = ()
    open: Annotated[float, above(-1), below(1)] | Literal["auto"] = "auto"


@dataclass(frozen=True)
class More(Numbers):
    steps: int = 5


@dataclass(frozen=True)
class Whole(Settings):
    numbers: Numbers = Numbers()


def complaint(**given: Any) -> str:
    with pytest.raises(UsageError) as error:
        Numbers(**given)
    return str(error.value)


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        (at_least(1), "at least 1"),
        (above(0), "above 0"),
        (at_most(1000), "at most 1,000"),
        (below(0.5), "below 0.5"),
        (between(0, 1), "from 0 to 1"),
        (above(0) & at_most(1), "above 0 and up to 1"),
        (above(0) & below(1), "above 0 and below 1"),
        (at_least(0) & below(1), "from 0 to below 1"),
        (at_least(0) & above(0) & between(-1, 5) & below(5), "above 0 and below 5"),
        (at_least(2) & multiple_of(2), "even and at least 2"),
        (between(1, 10**15), "at least 1"),
        (between(1, 10**15) & multiple_of(3), "a multiple of 3 and at least 1"),
    ],
)
def test_a_range_says_what_it_is(bounds: Range, said: str):
    assert str(bounds) == said


def test_a_vast_bound_is_told_to_those_who_are_beyond_it():
    assert between(1, 10**15).told(10**16) == "from 1 to 1,000,000,000,000,000"


def test_what_is_no_number_is_in_no_range():
    assert not any(Range().holds(x) for x in (math.nan, math.inf, -math.inf))
    assert Range().holds(-1e300)


def test_python_names_the_setting_the_engine_its_place_and_both_say_the_same():
    assert complaint(steps=0) == "steps is at least 1, not 0"
    with pytest.raises(UsageError) as error:
        change(Whole(), {"numbers.steps": "0"})
    assert str(error.value) == "numbers.steps is at least 1, not 0"
    with pytest.raises(UsageError) as error:
        restore(Whole, {"numbers": {"shares": [0.5, 2]}}, "game")
    assert str(error.value) == "game.numbers.shares[1] is from 0 to 1, not 2.0"


def test_ranges_hold_inside_of_unions_and_rows():
    assert complaint(sides=3) == "sides is even and at least 2 or none, not 3"
    assert complaint(sides=(4, 0)) == "sides[1] is at least 1, not 0"
    assert complaint(shares=(0.0, math.nan)) == "shares[1] is from 0 to 1, not nan"
    assert complaint(open=1) == "open is above -1 and below 1, not 1"
    assert Numbers(steps=7, rate=1, sides=(1, 1), shares=(0, 1.0), open=0.5)


def test_a_value_of_another_type_is_named_with_what_is_wanted():
    assert complaint(steps=1.5) == "steps wants a whole number of at least 1, not '1.5'"
    assert complaint(steps=True) == "steps wants a whole number of at least 1, not 'true'"
    assert complaint(rate=None) == "rate wants a number above 0 and up to 1, not 'none'"
    assert complaint(open="of") == "open wants a number above -1 and below 1 or one of auto, not 'of'"
    assert complaint(sides=(1, 2, 3)).endswith("or a list of 2 whole numbers of at least 1 or none, not '[1, 2, 3]'")
    assert wants(hints(Numbers)["sides"]).startswith("a whole number, even and at least 2 or a list")


def test_numbers_of_numpy_are_numbers():
    assert Numbers(steps=np.int64(2), rate=np.float32(0.5)).steps == 2
    assert complaint(steps=np.int64(0)) == "steps is at least 1, not 0"


def test_another_default_in_a_subclass_keeps_the_range_and_what_came_before():
    with pytest.raises(UsageError, match=r"^steps is at least 1, not 0$"):
        More(steps=0)
    with of_a_run():
        assert restore(More, {}).steps == 3


def test_a_number_without_a_range_is_finite():
    @dataclass(frozen=True)
    class Free(Settings):
        shift: float = 0.0

    assert Free(-5).shift == -5
    with pytest.raises(UsageError, match=r"^shift is a finite number, not nan$"):
        Free(math.nan)


@pytest.mark.parametrize("whole", [GAN.Options, DCGAN.Options, WGANGP.Options])
def test_games_refuse_what_cannot_be_in_python_too(whole: type):
    with pytest.raises(UsageError, match=r"^discriminator_steps is at least 1, not 0$"):
        whole(discriminator_steps=0)
    with pytest.raises(UsageError, match=r"^loss wants one of .*EnergyMargin, .*, not 'hinge'$"):
        whole(loss="hinge")


def test_bounds_are_told_with_each_setting():
    told = explain(GAN.Options())
    assert (told["discriminator_steps"].range, told["optim.lr"].range) == (
        between(1, math.inf),
        above(0) & at_most(1e30),
    )
    assert told["prior"].range is told["conditional"].range is None
    assert explain(Numbers())["shares"].range == between(0, 1)
    assert explain(Numbers())["sides"].range is None  # one of two ranges


NAN, INFINITY, HUGE = np.float64("nan"), np.float64("inf"), 10**400


@pytest.mark.parametrize("given", [NAN, INFINITY, np.float32(2), HUGE, -HUGE, Fraction(HUGE), np.True_, b"1"])
def test_an_odd_number_is_refused_by_name_however_it_comes(given: Any):
    for refuse in (lambda: Numbers(rate=given), lambda: change(Numbers(), {"rate": given})):
        with pytest.raises(UsageError, match=r"^rate ") as error:
            refuse()
        assert len(str(error.value)) < 200


def test_a_whole_number_that_no_recipe_holds_is_refused_by_python_too():
    said = "steps is a whole number of at most 64 bits"
    for refuse in (lambda: Numbers(steps=2**64), lambda: change(Numbers(), {"steps": 2**64})):
        with pytest.raises(UsageError, match=said):
            refuse()
    with pytest.raises(OutOfRange, match=r"^steps is at least 1, not -1000"):
        Numbers(steps=-HUGE)


def test_numbers_of_other_libraries_become_pythons_and_survive_a_file():
    settings = Numbers(steps=np.int64(3), rate=np.float32(0.5), sides=[np.int16(2), 3], shares=[Fraction(1, 4)])
    assert settings == Numbers(steps=3, rate=0.5, sides=(2, 3), shares=(0.25,))
    assert restore(Numbers, yaml.safe_load(yaml.safe_dump(plain(settings)))) == settings
    assert yaml.safe_load(yaml.safe_dump(plain(LeastSquares(a=10**30)))) == {**plain(LeastSquares()), "a": 1e30}


def test_a_name_in_a_slot_that_is_no_text_is_refused():
    with pytest.raises(UsageError, match="penalties holds no '1'"):
        change(WGANGP.Options(), {"penalties": {1: 2}})
