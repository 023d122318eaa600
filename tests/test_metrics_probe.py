"""What codes give away to a probe: the domain or the attributes of an image, and its class."""

import numpy as np
import pytest
import torch
from making import Made, game_on, scored
from test_metrics_attributes_of_translations import Asked, bars
from torch import Tensor

from saddle.base.errors import UsageError
from saddle.data import DataOptions, open_source
from saddle.metrics import probe
from saddle.metrics.probe import CHANCE, Known, Probed, flat, told
from saddle.metrics.traits import Traits
from saddle.runs import scoring
from saddle.spec import Batch, Condition

BOTH = ["probe_attribute", "probe_content"]
TWO = Traits(Condition("class", ("x", "y")))


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "STEPS", 150)


class Coded(Made):
    """A game whose code of an image is the image; `upright`: in domain b its negative, as in a."""

    upright = False

    def code(self, batch: Batch, domain: str) -> Tensor:
        image = batch[domain]
        return -image if self.upright and domain == "b" else image


class OfBars(Asked):
    """A game whose code of a bar is its shape alone; `says`: and its colour."""

    says = False

    def code(self, batch: Batch, domain: str) -> Tensor:
        x = batch[domain]
        return x if self.says else (x.amax(1, keepdim=True) > -0.9).float()


def test_two_blobs_are_told_apart_and_noise_is_not() -> None:
    chance = torch.Generator().manual_seed(0)
    values = torch.randint(2, (300, 1), generator=chance)
    noise = torch.randn(300, 5, generator=chance)
    for codes, expected in ((noise + 6 * values, 1.0), (noise, 0.5)):
        parts = [Known(codes[rows], values[rows]) for rows in (slice(200), slice(200, None))]
        found = told(Probed(*parts, TWO), 0)
        assert found.value == pytest.approx(expected, abs=0.12)
        assert found.beside[CHANCE] == pytest.approx(max(values[200:].float().mean(), 1 - values[200:].float().mean()))
        assert told(Probed(*parts, TWO), 0) == found, "the same seed tells the same"


def test_unknown_values_teach_nothing_and_ask_nothing() -> None:
    values = torch.tensor([[0], [1]] * 20 + [[-1]] * 20)
    codes = torch.cat([values[:40].float(), torch.zeros(20, 1)])
    found = told(Probed(Known(codes, values), Known(codes, values), TWO), 0)
    assert found.value == 1
    assert found.beside[CHANCE] == 0.5


def test_maps_of_codes_are_seen_coarsely_and_with_their_deviation() -> None:
    assert flat(torch.zeros(2, 3, 4, 4)).shape == (2, 48)
    assert flat(torch.zeros(2, 7)).shape == (2, 7)
    wide = flat(torch.randn(2, 3, 16, 9, generator=torch.Generator().manual_seed(0)))
    assert wide.shape == (2, 3 * 4 * 4 + 3)
    x = torch.arange(64.0).view(1, 1, 8, 8)
    assert flat(x)[0, 0] == x[0, 0, :2, :2].mean()
    assert flat(x)[0, -1] == x.std()


def test_the_domain_of_a_digit_is_told_from_its_pixels_and_not_once_both_are_alike() -> None:
    source = open_source(DataOptions(source="digits-inverted", size=8))
    game = game_on(source, Coded)
    assert {*BOTH} <= {*scoring.defaults(game, source, final=True)}
    tells = scored(game, source, *BOTH)
    assert tells["probe_attribute"].value > 0.99
    assert tells["probe_attribute"].beside == {CHANCE: 0.5}
    game.upright = True
    alike = scored(game, source, *BOTH)
    assert alike["probe_attribute"].value < 0.6
    assert alike["probe_content"].value > 0.8
    assert alike["probe_content"].beside[CHANCE] < 0.13
    assert 0 < alike["probe_content"].uncertainty < 0.02


def test_of_one_domain_its_labels_are_what_a_code_is_not_to_say() -> None:
    source = bars()
    game = OfBars(source.spec).eval()
    mute = scored(game, source, *BOTH)
    game.says = True
    says = scored(game, source, *BOTH)
    assert says["probe_attribute"].value > 0.9 > 0.7 > mute["probe_attribute"].value
    assert mute["probe_content"].value > 0.95
    assert list(says["probe_attribute"].details) == ["red / green / blue", "bright"]
    labels = source.heldout.columns["label"]
    commonest = (labels[:, :3].mean(0).max() + max(labels[:, 3].mean(), 1 - labels[:, 3].mean())) / 2
    assert says["probe_attribute"].beside[CHANCE] == pytest.approx(float(np.float64(commonest)))


def test_a_game_without_codes_has_no_such_score() -> None:
    source = bars()
    with pytest.raises(UsageError, match="'probe_attribute' needs a game that translates from codes"):
        scored(Asked(source.spec).eval(), source, "probe_attribute")
