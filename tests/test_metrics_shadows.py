"""Scores of shadows: colours in L*a*b*, the balanced error rate, deep and soft ones apart; by hand and by numpy."""

import numpy as np
import pytest
import torch
from making import Paired, game_on, scored

from saddle.base.errors import UsageError
from saddle.data import DataOptions, Source, open_source, trivial
from saddle.data.source import Split
from saddle.metrics.lab import lab, lab_error
from saddle.metrics.shadows import THRESHOLD, balanced_error, darker, shares
from saddle.metrics.translated import COLOURS, INPUT, MEAN
from saddle.runs import scoring
from saddle.spec import DataSpec, Field
from saddle.spec.field import HOLE

CHANCE = np.random.default_rng(0)
SHADOWS = ["lab_error", "lab_error_shadow", "lab_error_outside"]


class Finds(Paired):
    """A game that finds the mask in an image."""

    needs = ("a", "mask")


def shaded(known: bool = True, title: str = "shadow mask") -> Source:
    """24 to train on, 12 held out: the left half is darker, by what the column says."""
    clear = CHANCE.integers(90, 250, (36, 3, 16, 16)).astype(np.uint8)
    kept = np.tile([0.35, 0.6, 0.8], 12)
    mask = np.zeros((36, 1, 16, 16), np.uint8)
    mask[..., :8] = 255
    dark = np.where(mask > 0, clear * kept[:, None, None, None], clear).astype(np.uint8)
    columns = {"a": dark, "b": clear, "mask": mask}
    if known:
        soft = np.arange(36, dtype=np.float32)[:, None]
        columns |= {"strength": (1 - kept).astype(np.float32)[:, None], "softness": soft}
    fields = {key: Field("image", (3, 16, 16)) for key in "ab"} | {"mask": Field("mask", (1, 16, 16), title=title)}
    parts = (Split({key: x[rows] for key, x in columns.items()}) for rows in (slice(24), slice(24, None)))
    return Source("shaded", DataSpec(fields), *parts, "mark")


def test_colours_in_lab_are_those_of_the_tables_and_of_numpy() -> None:
    corners = torch.tensor([[1.0, 1, 1], [-1, -1, -1], [1, -1, -1], [-1, -1, 1]])[:, :, None, None]
    expected = [[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20], [32.30, 79.19, -107.86]]
    assert lab(corners)[..., 0, 0].tolist() == [pytest.approx(row, abs=0.02) for row in expected]
    a, b = CHANCE.integers(0, 256, (2, 4, 3, 5, 7)).astype(np.uint8)
    ours = lab_error(*(torch.from_numpy(x) / 127.5 - 1 for x in (a, b)))
    assert np.allclose(ours.numpy(), trivial.lab_error(a, b), atol=1e-9)
    with pytest.raises(UsageError, match="they must be alike"):
        lab_error(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 5))


def test_a_colour_that_is_off_counts_where_it_is_and_beside_it_stands_the_input() -> None:
    source = shaded()
    found = scored(game_on(source, Paired), source, *SHADOWS)
    a, b, mask = trivial.held_out(source, "a", "b", "mask")
    error, inside = trivial.lab_error(a, b), mask > 0
    for name, expected in zip(SHADOWS, (error.mean(), error[inside].mean(), 0), strict=True):
        assert found[name].value == pytest.approx(expected)
        assert found[name].beside[INPUT] == pytest.approx(expected)
        assert {INPUT, MEAN, COLOURS} == set(found[name].beside)
    assert found["lab_error"].uncertainty > 0
    deep, middle, light = (found["lab_error_shadow"].details[name] for name in ("deep", "middle", "light"))
    assert deep > middle > light > 0
    assert deep == pytest.approx(error[0::3][:, :, :, :8].mean())
    halves = found["lab_error_shadow"].details
    assert halves["hard"] == pytest.approx(error[:6, :, :, :8].mean()), "the first half is the harder one"
    assert halves["soft"] == pytest.approx(error[6:, :, :, :8].mean())


def test_without_columns_of_shadows_there_are_no_parts_and_a_hole_is_no_shadow() -> None:
    bare = shaded(known=False)
    assert scored(game_on(bare, Paired), bare, "lab_error")["lab_error"].details == {}
    holes = shaded(title=HOLE)
    assert not {*SHADOWS} & {*scoring.defaults(game_on(holes, Paired), holes, final=True)}
    with pytest.raises(UsageError, match="'lab_error' needs a game that translates to images in colour"):
        scored(game_on(holes, Paired), holes, "lab_error")


def test_thirds_are_of_the_light_that_is_kept_and_halves_by_the_median() -> None:
    kept, soft = torch.tensor([0.3, 0.49, 0.51, 0.69, 0.71, 0.95]), torch.tensor([5.0, 1, 2, 6, 3, 4])
    of = shares(torch.stack([1 - kept, soft], 1).double())
    assert of["deep"].tolist() == [True, True, False, False, False, False]
    assert of["middle"].tolist() == [False, False, True, True, False, False]
    assert of["light"].tolist() == [False, False, False, False, True, True]
    assert of["hard"].tolist() == [False, True, True, False, True, False]
    assert (of["hard"] ^ of["soft"]).all()
    assert shares(torch.full((3, 2), torch.nan)) == {}


def test_the_balanced_error_weighs_both_sides_alike() -> None:
    assert balanced_error(torch.tensor([[3, 4, 90, 100]])) == pytest.approx(100 * (1 - (0.75 + 0.9) / 2))
    assert balanced_error(torch.tensor([[1, 2, 8, 8], [2, 2, 0, 8]])) == pytest.approx(100 * (1 - (0.75 + 0.5) / 2))
    assert np.isnan(balanced_error(torch.tensor([[0, 0, 5, 5]])))
    said, truth = CHANCE.random((2, 5, 1, 6, 6)) < 0.5
    rows = np.stack([x.sum((1, 2, 3)) for x in (said & truth, truth, ~said & ~truth, ~truth)], 1)
    assert balanced_error(torch.from_numpy(rows)) == pytest.approx(trivial.balanced_error(said, truth))


@pytest.mark.parametrize("right", [True, False])
def test_a_mask_is_read_at_0_and_a_threshold_stands_beside(right: bool) -> None:
    source = shaded()
    half = torch.where(torch.arange(16) < 8, 0.01, -0.01)
    game = game_on(source, Finds, mask=lambda x: (half if right else -half).expand(len(x), 1, 16, 16))
    score = scored(game, source, "ber")["ber"]
    assert score.value == (0 if right else 100)
    assert score.uncertainty == 0
    a, mask = trivial.held_out(source, "a", "mask")
    assert score.beside[THRESHOLD] == pytest.approx(trivial.balanced_error(trivial.darker(a), mask > 0))
    assert score.beside[MEAN] == 0, "all shadows lie in one place"
    assert set(score.details) == {"deep", "middle", "light", "hard", "soft"}
    assert "ber" in scoring.defaults(game, source, final=True)
    assert (darker(torch.from_numpy(a) / 127.5 - 1).numpy() == trivial.darker(a)).all()


def test_those_of_the_embedded_shadows_are_what_its_baselines_say() -> None:
    options = DataOptions(source="shadows", size=32)
    source = open_source(options)
    said = {each.name: each.value for each in trivial_of(source, options)}
    found = scored(game_on(source, Paired), source, *SHADOWS)
    for name, part in zip(SHADOWS, ("all", "in the shadow", "outside"), strict=True):
        assert found[name].beside[INPUT] == pytest.approx(said[f"copy, {part}"])
    ber = scored(game_on(source, Finds, mask=lambda x: x[:, :1]), source, "ber")["ber"]
    assert ber.beside[THRESHOLD] == pytest.approx(said["threshold"], abs=0.05)


def trivial_of(source: Source, options: DataOptions):
    from saddle.data.sources import shadows

    return shadows.baselines(source, options)
