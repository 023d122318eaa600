"""Precision, recall, density, coverage and copying against the package prdc and closed forms."""

import math

import prdc as oracle
import pytest
import torch
from torch import Tensor

from saddle.base.errors import UsageError
from saddle.metrics import blocks
from saddle.metrics.nearest import copying
from saddle.metrics.prdc import prdc, radii
from saddle.metrics.uncertainty import groups, halves, reached_error


def normal(n: int, d: int, seed: int, shift: float = 0.0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)) + shift


def test_all_four_equal_the_package_prdc() -> None:
    real, fake = normal(300, 4, seed=0), normal(250, 4, seed=1, shift=0.7)
    for k in (3, 5):
        theirs = oracle.compute_prdc(real.double().numpy(), fake.double().numpy(), nearest_k=k)
        ours = prdc(real, fake, precision_k=k, density_k=k)
        for name, value in theirs.items():
            assert getattr(ours, name)[0] == pytest.approx(value, abs=1e-12), name


def test_a_set_has_full_precision_and_recall_in_itself() -> None:
    x = normal(100, 8, seed=0)
    shape = prdc(x, x)
    assert (shape.precision[0], shape.recall[0], shape.coverage[0]) == (1, 1, 1)


def test_duplicates_are_within_a_ball_of_no_width() -> None:
    x = normal(10, 3, seed=0).repeat_interleave(10, 0) + 100
    assert float(radii(x, [5])[0].max()) == 0
    shape = prdc(x, x)
    assert (shape.precision[0], shape.recall[0]) == (1, 1)
    assert (shape.density[0], shape.coverage[0]) == (0, 0)  # `<`, as the paper has it


def test_samples_far_away_score_nothing() -> None:
    shape = prdc(normal(100, 4, seed=0), normal(100, 4, seed=1, shift=100.0))
    assert [score[0] for score in (shape.precision, shape.recall, shape.density, shape.coverage)] == [0, 0, 0, 0]


def test_swapping_the_sets_swaps_precision_and_recall() -> None:
    a, b = normal(120, 4, seed=0), 0.5 * normal(80, 4, seed=1)
    one, other = prdc(a, b), prdc(b, a)
    assert one.precision[0] == other.recall[0]
    assert one.recall[0] == other.precision[0]
    assert one.precision[0] != one.recall[0]


def test_equal_laws_have_density_one_and_the_known_coverage() -> None:
    n, k = 300, 5
    shapes = [prdc(normal(n, 4, 2 * i), normal(n, 4, 2 * i + 1)) for i in range(12)]
    density = sum(shape.density[0] for shape in shapes) / len(shapes)
    coverage = sum(shape.coverage[0] for shape in shapes) / len(shapes)
    assert density == pytest.approx(1, abs=0.03)
    assert coverage == pytest.approx(1 - math.prod((n - 1 - i) / (2 * n - 1 - i) for i in range(k)), abs=0.01)


def test_samples_in_the_thick_of_real_ones_have_density_above_one() -> None:
    assert prdc(normal(300, 4, seed=0), 0.1 * normal(100, 4, seed=1)).density[0] > 1.2


def test_the_errors_are_about_the_spread_over_fresh_samples() -> None:
    real = normal(150, 3, seed=0)
    shapes = [prdc(real, normal(200, 3, seed=seed, shift=0.8)) for seed in range(1, 40)]
    for name in ("precision", "recall", "density", "coverage"):
        spread = float(torch.tensor([getattr(shape, name)[0] for shape in shapes]).std())
        told = float(torch.tensor([getattr(shape, name)[1] for shape in shapes]).mean())
        assert 0.5 < told / spread < 2, name


def test_halves_of_the_samples_are_measured_as_if_they_were_all() -> None:
    real, fake = normal(80, 3, seed=0), normal(95, 3, seed=1, shift=0.8)
    splits, dealt = halves(10), groups(95)
    shapes = [prdc(real, fake[torch.cat([dealt[i] for i in half.nonzero()])]) for half in splits]
    assert len(splits) % 2 == 0
    assert all(int(half.sum()) == 5 for half in splits)
    whole = prdc(real, fake)
    for name, shrinking in (("recall", 80), ("coverage", 0)):
        shares = torch.tensor([getattr(shape, name)[0] for shape in shapes])
        value, error = getattr(whole, name)
        assert error == pytest.approx(reached_error(value, shares, shrinking)), name


def test_balls_as_wide_as_the_set_hold_everything() -> None:
    x = normal(30, 3, seed=0)
    shape = prdc(x, x, precision_k=29, density_k=29)
    assert (shape.precision[0], shape.recall[0], shape.coverage[0]) == (1, 1, 1)


def test_no_block_of_distances_exceeds_the_bound_and_none_changes_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = normal(90, 4, seed=0), normal(110, 4, seed=1)
    whole, held = prdc(real, fake), []
    rows = blocks.rows

    def watched(count: int, width: int):  # type: ignore[no-untyped-def]
        for part in rows(count, width):
            held.append(8 * (part.stop - part.start) * width)
            yield part

    monkeypatch.setattr(blocks, "BLOCK_BYTES", 10_000)
    monkeypatch.setattr(blocks, "rows", watched)
    assert prdc(real, fake) == whole
    assert max(held) <= 10_000
    assert len(held) > 20


def test_blocks_of_fifty_thousand_stay_within_64_megabytes_and_cover_every_row() -> None:
    parts = list(blocks.rows(50_000, 50_000))
    assert max(part.stop - part.start for part in parts) * 50_000 * 8 <= 64 * 2**20
    assert [part.start for part in parts[1:]] == [part.stop for part in parts[:-1]]
    assert (parts[0].start, parts[-1].stop) == (0, 50_000)


def test_distances_far_from_the_origin_keep_their_digits() -> None:
    x = normal(50, 6, seed=0).double() + 1e4
    found = torch.cat([block for _, block in blocks.squared_distances(x, x)])
    exact = (x[:, None] - x).square().sum(-1)
    torch.testing.assert_close(found, exact, rtol=1e-9, atol=1e-9)
    assert float(found.diagonal().abs().max()) == 0


def test_too_few_samples_for_the_neighbours_are_refused() -> None:
    with pytest.raises(UsageError, match="5 real and 100 generated samples are too few for the 5-th neighbour"):
        prdc(normal(5, 2, 0), normal(100, 2, 1))


def test_copies_are_told_from_fresh_samples_and_from_samples_far_off() -> None:
    train, heldout = normal(300, 5, seed=0), normal(200, 5, seed=1)
    fresh, error = copying(normal(500, 5, seed=2), train, heldout)
    assert fresh == pytest.approx(0.5, abs=0.08)
    assert 0 < error < 0.02
    assert copying(train, train, heldout)[0] == 1
    assert copying(normal(100, 5, seed=3, shift=50.0), train, heldout)[0] == 0


def test_copying_counts_ties_half() -> None:
    train, heldout = torch.zeros(1, 1), torch.tensor([[1.0], [2.0]])
    assert copying(torch.tensor([[1.0], [1.0]]), train, heldout)[0] == pytest.approx(0.75)
