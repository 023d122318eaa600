"""What all tests share."""

import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import settings
from small import make_trainer

import saddle
from saddle.base import guests
from saddle.metrics import rank1, reading, segmentation
from saddle.optim import Optim
from saddle.runs import beside
from saddle.training.trainer import Trainer

settings.register_profile("saddle", deadline=None)  # how long an example takes says nothing on a busy machine
settings.load_profile("saddle")


def pytest_configure() -> None:
    """Signals as they are in a terminal: what a shell starts in the background ignores some, and so would its heirs."""
    with suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _no_cache_at_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SADDLE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session", autouse=True)
def _few_training_images_are_searched() -> Iterator[None]:
    """At the end of a training, for those that are nearest to samples; all of them are in test_report_beside.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(beside, "MOST", 64)
        yield


@pytest.fixture(scope="session", autouse=True)
def _who_reads_for_scores_learns_briefly() -> Iterator[None]:
    """Tests of what is read say themselves how long it learns."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (reading, segmentation, rank1):
            patch.setattr(module, "STEPS", 20)
        yield


@pytest.fixture(autouse=True)
def _the_same_numbers_in_whatever_order_tests_run() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def toys() -> Iterator[ModuleType]:
    """A plugin from a file, with one of everything that a guest may bring."""
    yield saddle.plugin((Path(__file__).parent / "toys" / "guests" / "toy_guests.py").as_posix())
    del guests._plugged["toy_guests"]  # other tests ask what there is


@pytest.fixture
def play() -> Callable[..., Trainer]:
    """play(name, rounds=…, options=…, **plan) → a trainer after its rounds."""

    def played(name: str, options: Any = None, optim: Optim | None = None, **plan: Any) -> Trainer:
        trainer = make_trainer(name, options, optim, **plan)
        while trainer.round < trainer.rounds:
            trainer.play_round()
        return trainer

    return played


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"
