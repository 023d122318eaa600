"""Settings to plain values and back, and what is said of those that cannot be."""

import sys
from dataclasses import dataclass, fields, replace

import pytest
import yaml
from hypothesis import given, reject
from hypothesis import settings as limits
from hypothesis import strategies as st

from saddle.base.errors import UsageError
from saddle.base.kinds import choices, wants
from saddle.base.remarks import meanings
from saddle.base.settings import change, differences, explain, flat, nest, plain, restore
from saddle.data import DataOptions
from saddle.losses import AdversarialLoss, Hinge, NonSaturating
from saddle.optim import (
    Adam,
    Constant,
    Cosine,
    Exponential,
    Geometric,
    Gradual,
    Linear,
    Logistic,
    Optim,
    Restarted,
    RMSprop,
    Schedule,
    Steps,
    Within,
)
from saddle.penalties import R1, R2, GradientPenalty, Penalty
from saddle.runs import registry
from saddle.training.plan import Plan


@dataclass(frozen=True)
class Options:
    loss: AdversarialLoss = NonSaturating()  # adversarial loss
    penalty: Penalty | None = None
    """on the discriminator"""
    penalties: tuple[Penalty, ...] = ()
    optim: Optim = Adam()
    size: int | tuple[int, int] | None = None
    name: str = "ring"


@dataclass(frozen=True)
class Longer(Options):
    steps: int = 5  # n_critic
    size: int | tuple[int, int] | None = 32


def complaint(**edits: object) -> str:
    with pytest.raises(UsageError) as error:
        change(Options(), {name.replace("__", "."): value for name, value in edits.items()})
    assert error.value.code == 2
    return str(error.value)


def edits_of(options: object) -> st.SearchStrategy[dict[str, object]]:
    """Some settings of a dataclass with other values: some of them out of range, none of a wrong type."""

    def values(name: str) -> st.SearchStrategy[object]:
        setting = explain(options)[name]
        if setting.wants.startswith("one of"):
            return st.sampled_from(setting.wants.removeprefix("one of ").replace(" or none", ", none").split(", "))
        kinds = {bool: st.booleans(), int: st.integers(1, 9), float: st.floats(1e-9, 0.9), str: st.text()}
        return kinds.get(type(setting.value), st.just(setting.value))

    names = st.lists(st.sampled_from(sorted(explain(options))), unique=True, max_size=4)
    return names.flatmap(lambda some: st.fixed_dictionaries({name: values(name) for name in some}))


@pytest.mark.parametrize("game", registry.names())
@limits(deadline=None, max_examples=10)
@given(data=st.data())
def test_settings_survive_a_round_trip_through_yaml(game: str, data: st.DataObject):
    for options in (registry.load(game).Options(), Plan(), DataOptions()):
        try:
            changed = change(options, data.draw(edits_of(options)))
        except UsageError:  # out of range, or of a class that was just replaced
            reject()
        written = yaml.safe_dump(plain(changed))
        assert restore(type(options), yaml.safe_load(written)) == changed


@pytest.mark.parametrize("game", registry.names())
def test_every_setting_of_a_game_is_explained(game: str):
    options = registry.load(game).Options()
    assert [name for name, meaning in meanings(type(options)).items() if not meaning] == []
    assert explain(options).keys() == flat(plain(options)).keys()


def test_one_of_several_classes_is_written_with_its_name():
    rest = {"schedule": {"class": "Constant", "value": 1.0}, "autocast": False, "shared": False}
    assert plain(Options(loss=Hinge(), penalty=R1(weight=5.0), size=(3, 4))) == {
        "loss": "Hinge",
        "penalty": {"class": "R1", "weight": 5.0, "every": 1} | rest,
        "penalties": [],
        "optim": {"class": "Adam", "lr": 2e-4, "schedule": {"class": "Constant", "value": 1.0}}
        | {"betas": [0.5, 0.999], "eps": 1e-8, "beta_2": None, "weight_decay": 0.0},
        "size": [3, 4],
        "name": "ring",
    }


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ({"penalty": "R1", "penalty.weight": "5"}, Options(penalty=R1(weight=5.0))),
        ({"penalty.weight": 5, "penalty": "R1"}, Options(penalty=R1(weight=5.0))),
        ({"penalty": R1(weight=3), "penalty.every": 2}, Options(penalty=R1(weight=3, every=2))),
        (
            {"penalty": {"class": "GradientPenalty", "one_sided": True}},
            Options(penalty=GradientPenalty(one_sided=True)),
        ),
        ({"penalties": "[R1, {class: R2, weight: 2}]"}, Options(penalties=(R1(), R2(weight=2)))),
        ({"optim.lr": "1e-3", "optim.betas": "0,0.9"}, Options(optim=Adam(lr=1e-3, betas=(0.0, 0.9)))),
        ({"optim.betas": [0, 0.9]}, Options(optim=Adam(betas=(0.0, 0.9)))),
        ({"optim": "RMSprop"}, Options(optim=RMSprop())),
        (
            {"optim.schedule": "Linear", "optim.schedule.begin": "0.5"},
            Options(optim=Adam(schedule=Linear(begin=0.5))),
        ),
        ({"size": "32"}, Options(size=32)),
        ({"size": "[32, 64]"}, Options(size=(32, 64))),
        ({"size": "none"}, Options(size=None)),
        ({"size": 1e3}, Options(size=1000)),
        ({"loss": "Hinge"}, Options(loss=Hinge())),
        ({"name": "007"}, Options(name="007")),
    ],
)
def test_names_and_values_mean_what_they_say(edits: dict[str, object], expected: Options):
    assert change(Options(), edits) == expected


def test_the_same_class_keeps_its_settings_and_another_takes_its_own_defaults():
    before = Options(penalty=GradientPenalty(weight=3.0))
    assert change(before, {"penalty": "GradientPenalty"}) == before
    assert change(before, {"penalty": "R1"}).penalty == R1()
    assert change(before, {"penalty": "null"}).penalty is None


@pytest.mark.parametrize("game", registry.names())
def test_one_setting_of_a_players_own_optimizer_leaves_the_others_as_the_games(game: str):
    options = registry.load(game).Options()
    for own in (field.name for field in fields(options) if field.name.endswith("_optim")):
        try:
            shared = change(options, {own: "none"})
        except UsageError:  # it always has one of its own
            continue
        assert getattr(change(shared, {f"{own}.lr": 3e-5}), own) == replace(shared.optim, lr=3e-5)
        both = change(shared, {f"{own}.lr": 3e-5, "optim": "RMSprop", "optim.lr": 1e-4})
        assert (both.optim, getattr(both, own)) == (RMSprop(lr=1e-4), RMSprop(lr=3e-5))
        assert getattr(change(shared, {own: "Adam", f"{own}.lr": 3e-5}), own) == Adam(lr=3e-5)  # a class that is named


def test_a_wrong_type_is_named_with_what_is_wanted():
    assert complaint(size="many") == "size wants a whole number or a list of 2 whole numbers or none, not 'many'"
    assert complaint(optim__lr="fast") == "optim.lr wants a number above 0, not 'fast'"
    assert complaint(optim__lr=True) == "optim.lr wants a number above 0, not 'true'"
    assert complaint(optim__lr="nan") == "optim.lr wants a number above 0, not 'nan'"
    assert complaint(optim__betas="[0.5]") == "optim.betas wants a list of 2 numbers from 0 to below 1, not '[0.5]'"
    assert complaint(name=7) == "name wants text, not '7'"
    assert complaint(penalty=7) == f"penalty wants one of {', '.join(choices(Penalty))} or none, not '7'"
    with pytest.raises(UsageError, match="compile wants true or false, not 'maybe'"):
        change(Plan(), {"compile": "maybe"})
    with pytest.raises(UsageError, match=r"batch wants a whole number of at least 1, not '3\.5'"):
        change(Plan(), {"batch": 3.5})
    with pytest.raises(UsageError, match="precision wants one of auto, bf16, fp32, fp64, not 'fp8'"):
        change(Plan(), {"precision": "fp8"})


def test_an_unknown_name_is_met_with_the_near_ones():
    assert complaint(optim__l="1").startswith("no setting 'optim.l' of Adam (did you mean lr?); there are lr, schedule")
    assert complaint(los="Hinge").startswith("no setting 'los' (did you mean loss?); there are loss, penalty")
    assert complaint(loss="Hing").startswith("loss: no loss 'Hing' (did you mean Hinge")


def test_a_setting_of_another_class_names_its_owner():
    said = complaint(penalty="R1", penalty__one_sided="true")
    assert said.startswith("no setting 'penalty.one_sided' of R1 (GradientPenalty, NearDataPenalty would have it)")
    assert "; there are weight, every" in said


def test_a_setting_of_nothing_says_what_can_be_chosen():
    assert complaint(penalty__weight=3) == (
        "penalty is none and has no setting 'weight'; also choose what penalty is: " + ", ".join(choices(Penalty))
    )


def test_a_value_out_of_range_is_refused_by_its_owner():
    assert complaint(optim__lr="-1") == "optim.lr is above 0, not -1.0"


@pytest.mark.parametrize(
    "name", ["os.system", "subprocess.Popen", "antigravity.Penalty", "saddle.penalties.R1", "Penalty"]
)
def test_no_file_can_name_a_class_that_is_not_a_known_short_name(name: str):
    before = set(sys.modules)
    for given_ in (name, {"class": name}, {"class": name, "weight": 1}):
        assert f"penalty: no penalty '{name}'" in complaint(penalty=given_)
    assert set(sys.modules) == before


def test_a_class_of_another_kind_is_not_a_choice():
    assert "no penalty 'Adam'" in complaint(penalty={"class": "Adam"})


def test_choices_are_the_concrete_classes():
    kinds = (Constant, Cosine, Exponential, Geometric, Gradual, Linear, Logistic, Restarted, Steps, Within)
    assert choices(Schedule) == {kind.__name__: kind for kind in kinds}
    names = "Constant, Cosine, Exponential, Geometric, Gradual, Linear, Logistic, Restarted, Steps, Within"
    assert wants(Schedule | None) == f"one of {names} or none"


def test_meanings_are_comments_or_docstrings_and_are_inherited():
    told = meanings(Longer)
    assert (told["loss"], told["penalty"]) == ("adversarial loss", "on the discriminator")
    assert (told["steps"], told["name"]) == ("n_critic", "")


def test_differences_name_each_setting_once():
    a, b = Options(name="grid"), Options(penalty=R1(), optim=Adam(lr=0.1))
    assert differences(a, b) == [
        "penalty is none, there R1",
        "optim.lr is 0.0002, there 0.1",
        "name is grid, there ring",
    ]
    assert differences(a, a) == []


def test_nesting_does_not_depend_on_the_order():
    assert nest({"a.b.c": 1, "a.b": "X", "a.d": 2}) == nest({"a.d": 2, "a.b": "X", "a.b.c": 1})
    assert nest({"a.b.c": 1, "a.b": "X"}) == {"a": {"b": {"class": "X", "c": 1}}}


class TestSlots:
    """A setting that holds any number of parts: tuple[Penalty, ...]."""

    def test_parts_are_named_in_a_row_and_changed_by_their_names(self):
        edits = {"penalties": "R1, GradientPenalty", "penalties.R1.weight": "5"}
        assert change(Options(), edits).penalties == (R1(weight=5.0), GradientPenalty())

    def test_a_part_that_is_there_keeps_its_settings(self):
        before = Options(penalties=(R1(weight=3.0),))
        assert change(before, {"penalties.R1.every": 4}).penalties == (R1(weight=3.0, every=4),)
        assert change(before, {"penalties": "GradientPenalty,R1"}).penalties == (GradientPenalty(), R1(weight=3.0))

    @pytest.mark.parametrize("nothing", ["none", "", "[]", None, [], ()])
    def test_nothing_empties_the_slot(self, nothing):
        assert change(Options(penalties=(R1(),)), {"penalties": nothing}).penalties == ()

    def test_plain_values_come_back_as_they_were(self):
        options = Options(penalties=(R1(weight=3.0), GradientPenalty(one_sided=True)))
        assert restore(Options, plain(options)) == options
        assert flat(plain(options))["penalties.GradientPenalty.one_sided"] is True

    def test_differences_are_told_by_part(self):
        a, b = Options(penalties=(R1(),)), Options(penalties=(R1(weight=2.0),))
        assert differences(a, b) == ["penalties.R1.weight is 1.0, there 2.0"]
        assert differences(Options(), b)[0] == "penalties is [], there [R1]"

    def test_every_setting_of_a_part_is_explained(self):
        told = explain(Options(penalties=(R1(weight=2.0),)))
        assert (told["penalties"].value, told["penalties.R1.weight"].value) == (["R1"], 2.0)
        assert "R1" in told["penalties"].wants

    def test_complaints_name_the_slot_and_what_it_holds(self):
        assert complaint(penalties="R3").startswith("penalties[0]: no penalty 'R3' (did you mean R")
        assert complaint(penalties__R1__weight=3) == "penalties holds no 'R1' whose settings could change: it is none"
        assert "penalties wants none or a list of" in complaint(penalties=7)


def test_meanings_say_none_as_one_writes_it():
    for options in (DataOptions(), Plan()):
        assert not any("None" in setting.meaning for setting in explain(options).values())
