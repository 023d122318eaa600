"""Seeding is torch's own, without its cost."""

import traceback

import pytest
import torch

from saddle.base import rng


def test_the_default_generator_is_seeded_as_torch_seeds_it():
    rng.seed("a", 1)
    ours = torch.rand(3)
    torch.manual_seed(rng.number("a", 1, (0, 1)))
    assert torch.equal(ours, torch.rand(3))


def test_seeding_keeps_no_stack_trace(monkeypatch: pytest.MonkeyPatch):
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("torch.manual_seed formats one for every kind of device that is absent")

    monkeypatch.setattr(traceback, "format_stack", refuse)
    rng.seed("a", 1)
