"""Do translations follow the image that is to be their style?"""

import numpy as np
import pytest
import torch
from making import Paired, game_on, scored
from test_metrics_attributes_of_translations import Asked, bars, painted
from test_metrics_segmentation import painted as maps
from torch import Tensor

from saddle.metrics import reading, segmentation
from saddle.metrics.style import STYLE, WITHOUT, following, mean_colour
from saddle.metrics.translated import INPUT
from saddle.runs import scoring
from saddle.spec import Batch


class Styled(Paired):
    """A game that paints all of a map in the mean colour of its style, else in a colour of its own."""

    styled = True

    def translate(self, batch: Batch, to: str) -> Tensor:
        (a, *_), style = batch["a"].shape, batch.get("style")
        colour = torch.linspace(-1, 1, a)[:, None].expand(a, 3) if style is None else style.mean((2, 3))
        return colour[:, :, None, None].expand(a, 3, 16, 16)


class Swapping(Asked):
    """A game without requests that paints a bar in the colour of its style; `copies`: it gives back the style."""

    styled, asked, copies = True, None, False

    def translate(self, batch: Batch, to: str) -> Tensor:
        image, style = batch["image"], batch.get("style", batch["image"])
        if self.copies:
            return style
        bright = ((style + 1) / 2).amax((2, 3))
        label = torch.cat([(bright > 0.25).float(), (bright.amax(1, keepdim=True) > 0.75).float()], 1)
        return painted(label, (image[:, :, 0].amax((1, 2)) > -0.9).long())


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "STEPS", 80)
    monkeypatch.setattr(segmentation, "STEPS", 2)


def test_the_correlation_is_pearsons_channel_by_channel() -> None:
    rows = torch.from_numpy(np.random.default_rng(0).normal(size=(20, 2, 3)))
    expected = np.mean([np.corrcoef(rows[:, 0, c], rows[:, 1, c])[0, 1] for c in range(3)])
    assert following(rows) == pytest.approx(expected)
    rows[:, 0, 1] = 0.5
    expected = np.mean([np.corrcoef(rows[:, 0, c], rows[:, 1, c])[0, 1] for c in (0, 2)])
    assert following(rows) == pytest.approx(expected), "a flat channel says nothing"
    assert np.isnan(following(torch.ones(5, 2, 3, dtype=torch.float64)))
    assert mean_colour(torch.tensor([[[[0.0, 4.0]]]])).tolist() == [[0.5]]


def test_a_game_that_takes_the_colour_of_a_style_follows_it() -> None:
    source = maps()
    game = game_on(source, Styled)
    assert "style_following" in scoring.defaults(game, source, final=True)
    score = scored(game, source, "style_following")["style_following"]
    assert score.value == pytest.approx(1, abs=1e-6)
    assert abs(score.beside[WITHOUT]) < 0.7
    assert score.uncertainty < 1e-6


def test_an_exchange_shows_the_labels_of_the_style_and_the_class_of_the_input() -> None:
    source = bars()
    game = Swapping(source.spec).eval()
    names = ["swap_attributes", "swap_labels"]
    assert {*names} <= {*scoring.defaults(game, source, final=True)}
    good = scored(game, source, *names)
    assert good["swap_attributes"].value > 0.95
    assert good["swap_attributes"].beside[STYLE] > 0.95 > good["swap_attributes"].beside[INPUT]
    assert good["swap_labels"].value > 0.95
    game.copies = True
    copied = scored(game, source, *names)
    assert copied["swap_attributes"].value > 0.95
    assert copied["swap_labels"].value < 0.8, "it forgot its input"


def test_games_without_styles_have_no_such_scores() -> None:
    source = bars()
    names = {"style_following", "swap_attributes", "swap_labels"}
    assert not names & {*scoring.at_hand(Asked(source.spec).eval(), source)}
