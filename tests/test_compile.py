"""torch.compile: the same round, with the penalties, which it cannot differentiate twice, outside."""

from functools import partialmethod

import pytest
import torch
from torch import nn


@pytest.mark.parametrize("name", ["wgan-gp", "dcgan", "sngan", "r3gan"])
def test_compiled_players_play_the_same_round(name, play, monkeypatch):
    """Traced and differentiated by the compiler, but without its code generator, which wants a C++ compiler."""
    plain = play(name, rounds=1)
    monkeypatch.setattr(nn.Module, "compile", partialmethod(nn.Module.compile, backend="aot_eager"))
    compiled = play(name, rounds=1, compile=True)
    assert compiled.game.state_dict().keys() == plain.game.state_dict().keys(), "checkpoints would not fit"
    for term, loss in plain.losses.items():
        assert torch.isclose(compiled.losses[term], loss, rtol=1e-3, atol=1e-4), term
