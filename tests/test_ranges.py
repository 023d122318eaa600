"""Numbers and rows that cannot be: each is refused by its dotted name, before anything is built or written."""

import math

import pytest

from saddle.base.errors import SaddleError, UsageError
from saddle.cli import main
from saddle.data import open_source
from saddle.optim import SGD, Adam, Constant, Cosine, Exponential, Geometric, Linear, Steps, Within
from saddle.penalties import GradientPenalty
from saddle.runs import registry
from saddle.runs.recipe import Recipe
from saddle.spec import DataSpec
from saddle.training.health import OutOfMemory, memory_in_words
from saddle.training.plan import Plan


def complaint(game: str, **edits: object) -> str:
    with pytest.raises(UsageError) as error:
        Recipe.default(game).change({name.replace("__", "."): value for name, value in edits.items()})
    return str(error.value)


@pytest.mark.parametrize(
    ("game", "name", "value", "said"),
    [
        ("dcgan", "game.optim.eps", "-1", "game.optim.eps is at least 0, not -1.0"),
        ("dcgan", "game.optim.weight_decay", "-1", "game.optim.weight_decay is at least 0, not -1.0"),
        ("dcgan", "game.optim.lr", "1e40", "game.optim.lr is above 0 and up to 1e30, not 1e+40"),
        ("dcgan", "game.adversarial_weight", "-1", "game.adversarial_weight is at least 0, not -1"),
        ("dcgan", "game.z_dim", "9" * 20, "game.z_dim is a whole number of at most 64 bits"),
        ("dcgan", "game.z_dim", "9" * 5000, "game.z_dim wants a whole number"),
        ("dcgan", "data.size", "9" * 20, "data.size is a whole number of at most 64 bits"),
        ("dcgan", "data.size", 10**9, "data.size is from 1 to 65,536 or none, not 1000"),
        ("dcgan", "data.crop", "64,0", "data.crop[1] is from 1 to 65,536, not 0"),
        ("dcgan", "plan.batch", 10**19, "plan.batch is from 1 to 1,000,000,000,000,000, not 1000"),
        ("dcgan", "plan.batch", 0, "plan.batch is at least 1, not 0"),
        ("dcgan", "plan.save_every", 0, "plan.save_every is at least 1 or none, not 0"),
        ("dcgan", "plan.ema_ramp", 0, "plan.ema_ramp is above 0 or none, not 0.0"),
        ("dcgan", "plan.ema_ramp", -1, "plan.ema_ramp is above 0 or none, not -1.0"),
        ("dcgan", "plan.seed", -1, "plan.seed is at least 0, not -1"),
        ("dcgan", "plan.seed", 2**64, "plan.seed is a whole number of at most 64 bits"),
        ("dcgan", "plan.minutes", 1e300, "plan.minutes is above 0 and up to 10,000,000 or none, not 1e+300"),
        ("dcgan", "plan.samples", 10**9, "plan.samples is from 2 to 10,000,000 or none, not 1000000000"),
        ("dcgan", "game.penalties", "[", "game.penalties wants none or a list of"),
        ("dcgan", "game.penalties", "R1,R1", "game.penalties holds R1 twice"),
        ("dcgan", "game.views", "[DiffAugment, DiffAugment]", "game.views holds DiffAugment twice"),
        ("cyclegan", "game.blocks", 0, "game.blocks is from 1 to 1,000 or none, not 0"),
        ("cyclegan", "game.blocks", 10**12, "game.blocks is from 1 to 1,000 or none, not 1000000000000"),
        ("mgan", "game.generators", 10**12, "game.generators is from 1 to 1,000, not 1000"),
        ("stackgan", "game.kl_weight", -1, "game.kl_weight is at least 0, not -1.0"),
        ("stackgan-v2", "game.kl_weight", -1, "game.kl_weight is at least 0, not -1.0"),
        ("stackgan-v2", "game.colour_weight", -1, "game.colour_weight is at least 0 or none, not -1.0"),
        ("singan", "game.slow_after", 2, "game.slow_after is from 0 to 1, not 2.0"),
        ("singan", "game.max_side", 3, "max_side is at least min_side"),
        ("vaegan", "game.equilibrium", -1, "game.equilibrium is above 0, not -1.0"),
    ],
)
def test_a_number_or_row_that_cannot_be_is_refused_by_its_name(game: str, name: str, value: object, said: str):
    assert said in complaint(game, **{name: value})


@pytest.mark.parametrize(
    "make",
    [
        lambda: Constant(-1.0),
        lambda: Linear(start=-1.0),
        lambda: Linear(end=-1.0),
        lambda: Linear(begin=0.5, finish=0.5),
        lambda: Cosine(start=-1.0),
        lambda: Exponential(factor=-1.0),
        lambda: Geometric(start=0.0),
        lambda: Steps(factor=-1.0),
        lambda: Steps((0.5, 0.25)),
        lambda: Steps((0.0,)),
        lambda: Within(begin=0.5, finish=0.5),
        lambda: SGD(momentum=Constant(1.0)),
        lambda: SGD(momentum=Linear(0.5, 2.0)),
        lambda: Adam(beta_2=Constant(1.0)),
        lambda: GradientPenalty(target=-1.0),
    ],
)
def test_a_schedule_is_of_numbers_that_can_be_a_rate_a_weight_or_a_share(make):
    with pytest.raises(UsageError):
        make()


def test_a_schedule_that_grows_beyond_all_numbers_is_infinite_and_no_error():
    assert Exponential(start=1.0, factor=2.0)(10_000, 1.0) == math.inf


def test_a_seed_of_64_bits_and_one_row_of_everything_are_fine():
    assert Plan(seed=2**64 - 1, save_every=1, ema_ramp=1e-9).seed == 2**64 - 1
    assert len(Recipe.default("dcgan").change({"game.penalties": "R1,R2"}).options.penalties) == 2


@pytest.mark.parametrize("size", [10**12, 10**19])
@pytest.mark.parametrize(("game", "name"), [("gan", "z_dim"), ("vae", "width"), ("dcgan", "network.width")])
def test_a_network_that_no_machine_holds_is_memory_that_ran_out(game: str, name: str, size: int):
    recipe = Recipe.default(game).change({f"game.{name}": size})
    with pytest.raises(OutOfMemory, match="memory ran out"), memory_in_words(recipe.plan):
        registry.load(game)(open_source(recipe.data).spec, recipe.options)


@pytest.mark.parametrize(
    "words",
    [
        "train nothing --plan.batch 32 --plan.batch 64",
        "train nothing --plan.batch=32 --plan.batch=32",
        "train nothing --data ring --data.source grid",
        "train nothing --run a --folder b",
        "sample a -n 3 -n 4",
        "sample a -n3 --seed 1 --seed=2",
        "sample a --out b.png --out c.png",
    ],
)
def test_an_option_given_twice_is_refused_by_name(words: str, capsys):
    assert main(words.split()) == 2
    assert "is given twice; keep one of them" in capsys.readouterr().err


def test_an_option_that_is_meant_to_be_given_again_is_not(capsys):
    assert main(["sample", "nowhere", "--text", "a", "--text", "b"]) == 2
    assert "nowhere is not a run folder" in capsys.readouterr().err


LEFT = {"RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}


@pytest.mark.parametrize(
    ("left", "said"),
    [
        ({"WORLD_SIZE": "2"}, "the environment has WORLD_SIZE=2 and no RANK: start with torchrun, or unset WORLD_SIZE"),
        ({"WORLD_SIZE": "2", "RANK": "0"}, "WORLD_SIZE=2 and no MASTER_ADDR"),
        ({"WORLD_SIZE": "x"}, "WORLD_SIZE in the environment is 'x'"),
        ({"WORLD_SIZE": "0"}, "WORLD_SIZE in the environment is '0'"),
        ({"LOCAL_RANK": "x"}, "LOCAL_RANK in the environment is 'x'"),
        ({"LOCAL_RANK": "-1"}, "LOCAL_RANK in the environment is '-1'"),
        (LEFT | {"WORLD_SIZE": "2", "RANK": "5"}, "RANK in the environment is '5'"),
        (LEFT | {"WORLD_SIZE": "2", "MASTER_PORT": "http"}, "MASTER_PORT in the environment is 'http'"),
    ],
)
def test_what_another_program_left_in_the_environment_is_named(left, said, tmp_path, monkeypatch, capsys):
    for name in ("WORLD_SIZE", "LOCAL_RANK", *LEFT):
        monkeypatch.delenv(name, raising=False)
    for name, value in left.items():
        monkeypatch.setenv(name, value)
    assert main(["train", "gan", "--run", str(tmp_path / "run")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("device", ["cuda:x", "cuda:-1", "cuda:", "cpu:1", "", "mps:²"])
def test_a_device_by_a_wrong_number_is_refused(device: str, tmp_path, capsys):
    assert main(["train", "gan", "--run", str(tmp_path / "run"), "--device", device]) == 2
    assert f"no device '{device}'; there are auto" in capsys.readouterr().err


DATA = DataSpec.of((1, 16, 16), ("image", "label"), ("a", "b")).to_facts()


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, "'data.shape' is 'none'"),
        (DATA | {"colour": 1}, "'data.colour' is '1'"),
        (DATA | {"fields": {}}, "'data.fields'"),
        (DATA | {"fields": {"image": {"kind": "image", "shape": [1, -16, 16]}}}, "'data.fields.image.shape'"),
        (DATA | {"fields": {"image": {"kind": "image", "shape": [16, 16]}}}, "'data.fields.image.shape'"),
        (DATA | {"fields": {"image": {"kind": "image", "shape": [1, 10**9, 10**9]}}}, "'data.fields.image.shape'"),
        (DATA | {"fields": {"image": {"kind": "sound", "shape": [1, 16, 16]}}}, "'data.fields.image.kind' is 'sound'"),
        (DATA | {"fields": {"image": {"shape": [1, 16, 16]}}}, "'data.fields.image.kind'"),
        (DATA | {"distribution": [1, 2, 3]}, "'data.distribution'"),
        (DATA | {"domains": [["a"]]}, "'data.domains'"),
        (DATA | {"single": 1}, "'data.single'"),
        ({"shape": [1, 16, 16], "keys": ["image"], "bits": "x"}, "'data.bits' is 'x'"),
    ],
)
def test_facts_that_no_data_have_are_refused_by_name(facts, said):
    with pytest.raises(SaddleError) as error:
        DataSpec.from_facts(facts)
    assert said in str(error.value)


def test_facts_of_data_that_are_some_are_read():
    assert DataSpec.from_facts(DATA) == DataSpec.of((1, 16, 16), ("image", "label"), ("a", "b"))
