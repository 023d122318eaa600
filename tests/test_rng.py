"""Random numbers belong to a context: who samples leaves who trains as it was, and the caller too."""

import threading
import traceback
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import saddle
from saddle.base import rng
from saddle.tasks import Classification, Encoding

TINY = {"data.size": 16, "game.network.width": 4, "plan.batch": 8, "plan.precision": "fp32", "plan.scores": 0}
TINY |= {"plan.pictures": 2, "plan.samples": 20}


def weights(run: Path) -> dict[str, Tensor]:
    return saddle.load(run, "last", "cpu").state.tensors["game"]


def test_a_training_seeds_the_default_generator_as_torch_does():
    with rng.preserved(), rng.stepping("a", 1):
        ours = torch.rand(3)
    torch.manual_seed(rng.number("a", 1, (0, 1)))
    assert torch.equal(ours, torch.rand(3))


def test_seeding_keeps_no_stack_trace(monkeypatch: pytest.MonkeyPatch):
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("torch.manual_seed formats one for every kind of device that is absent")

    monkeypatch.setattr(traceback, "format_stack", refuse)
    with rng.preserved(), rng.stepping("a", 1):
        rng.randn(2)


def test_a_restart_gives_the_same_numbers_once_more():
    rng.seed("a")
    first = rng.randn(3)
    assert not torch.equal(first, rng.randn(3))
    rng.restart()
    assert torch.equal(first, rng.randn(3))


def test_a_generator_that_is_seeded_again_is_a_new_one_to_the_bit():
    """Normal numbers come in pairs, of which the second is kept; it must not outlive the seed."""
    for draw in (lambda: rng.randn(3), lambda: rng.rand(5), lambda: rng.randint(7, 3)):
        rng.seed("first")
        rng.randn(1)
        rng.seed("second")
        found = draw(), rng.randn(2)
        ours = rng._state().generators[torch.device("cpu")]
        ours.set_state(torch.Generator().manual_seed(rng.number("second")).get_state())
        assert torch.equal(found[0], draw())
        assert torch.equal(found[1], rng.randn(2))


def test_numbers_apart_are_drawn_by_a_generator_that_was_used_before_and_leave_the_others_as_they_were():
    rng.seed("outside")
    whole = rng.randn(4)
    rng.seed("outside")
    halves, inside, used = [rng.randn(2)], [], set()
    for _ in range(3):
        with rng.apart("inside"):
            inside.append(rng.randn(2))
            with rng.apart("deeper"):
                rng.randn(1)
            inside.append(rng.randn(2))
            used.add(id(rng._state().generators[torch.device("cpu")]))
    halves.append(rng.randn(2))
    assert torch.equal(torch.cat(halves), whole)
    assert all(torch.equal(inside[i], inside[i % 2]) for i in range(6))
    assert len(used) <= 2
    assert id(rng._state().generators[torch.device("cpu")]) not in used


def test_the_numbers_of_one_thread_are_not_those_of_another():
    rng.seed("here")
    expected = rng.randn(4)
    rng.seed("here")
    other = threading.Thread(target=lambda: (rng.seed("there"), rng.randn(4)))
    other.start()
    other.join()
    assert torch.equal(rng.randn(4), expected)


def test_networks_are_built_from_their_seed_and_leave_the_random_state_as_it_was():
    rng.seed("kept")
    torch.manual_seed(3)
    expected = rng.randn(2), torch.rand(2)
    rng.seed("kept")
    torch.manual_seed(3)
    made = []
    for _ in range(2):
        with rng.building("weights"):
            made.append(nn.Linear(3, 3).weight)
    assert torch.equal(*made)
    assert torch.equal(rng.randn(2), expected[0])
    assert torch.equal(torch.rand(2), expected[1])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 12 rounds that nobody disturbed."""
    folder = tmp_path_factory.mktemp("rng") / "run"
    saddle.train("dcgan", run=folder, rounds=12, settings=TINY, device="cpu", quiet=True)
    return folder


def test_two_threads_that_load_and_sample_leave_a_training_to_the_bit_as_it_was(trained: Path, tmp_path: Path):
    failures: list[BaseException] = []

    def use() -> None:
        try:
            drawn = [saddle.load(trained, device="cpu").sample(4, seed=7) for _ in range(10)]
            assert all(torch.equal(each, drawn[0]) for each in drawn)
        except BaseException as error:
            failures.append(error)

    def train() -> None:
        saddle.train("dcgan", run=tmp_path / "run", rounds=12, settings=TINY, device="cpu", quiet=True)

    threads = [threading.Thread(target=work) for work in (train, use, use)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    own, other = weights(trained), weights(tmp_path / "run")
    assert own.keys() == other.keys()
    assert all(torch.equal(own[name], other[name]) for name in own)


def state() -> tuple[bytes, bool, bool]:
    cudnn = torch.backends.cudnn
    return torch.get_rng_state().numpy().tobytes(), cudnn.deterministic, cudnn.benchmark


@pytest.fixture(scope="module")
def able(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that samples, encodes, classifies and can be swept."""
    folder = tmp_path_factory.mktemp("able") / "run"
    settings = {"data.size": 16, "plan.batch": 8, "plan.scores": 0, "plan.pictures": 1, "plan.samples": 200}
    settings |= {"game.width": 8, "game.supervision": "semi"}
    saddle.train("aae", run=folder, rounds=1, settings=settings, device="cpu", quiet=True)
    return folder


def test_no_use_of_a_run_changes_the_callers_random_state(able: Path):
    torch.manual_seed(5)
    before = state()
    run = saddle.load(able, device="cpu")
    images = torch.zeros(2, *run.spec.shape)
    run.sample(3)
    run.interpolate(2, 3)
    run.traverse(steps=2)
    run.as_(Encoding)
    run.reconstruct(images)
    run.as_(Classification)
    run.classify(images)
    run.moved(images, run.direction("3"))
    run.evaluate(["error"], 20)
    run.info()
    saddle.describe("dcgan")
    assert state() == before


def test_a_training_puts_the_random_state_and_cudnns_settings_back(tmp_path: Path):
    torch.manual_seed(6)
    before = state()
    saddle.train("dcgan", run=tmp_path / "run", rounds=1, settings=TINY, device="cpu", quiet=True)
    assert state() == before


def test_trainings_that_overlap_put_the_random_state_back_as_the_first_one_found_it():
    torch.manual_seed(8)
    before = state()
    first, second = rng.preserved(), rng.preserved()
    first.__enter__()
    torch.rand(3)
    second.__enter__()
    torch.rand(3)
    first.__exit__(None, None, None)
    assert state() != before
    second.__exit__(None, None, None)
    assert state() == before


def test_sources_settings_and_games_are_read_in_several_threads_at_once():
    """CPython 3.11's parser is not made for that, and fails now and then."""
    failures: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(20):
                saddle.data.list_sources()
                saddle.registry.summary("gan")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
