"""Perceptual path length: closed forms of linear generators, what is left out, and by what distance it is measured."""

from pathlib import Path

import pytest
import torch
from making import scored
from styled import styled
from test_metrics_lpips import WIDTHS, alexnet, written
from torch import Tensor, nn

from saddle.base import rng
from saddle.base.errors import SaddleError, UsageError
from saddle.data import DataOptions, Source, open_source
from saddle.metrics.extractors import extractor
from saddle.metrics.lpips import Lpips
from saddle.metrics.path_length import Paths, lengths, path_length, steps
from saddle.runs import scoring
from saddle.runs.coding import paths
from saddle.spec import DataSpec
from saddle.tasks import Synthesis
from saddle.use.latents import slerp

MATRIX = 0.02 * torch.randn(3, 64, generator=torch.Generator().manual_seed(0))


class Linear(Synthesis):
    """A game whose images are linear in noise [N, 3], or in styles, [N, 1, 3], which are twice the noise and 1."""

    device, dtype = torch.device("cpu"), torch.float32
    needs = ("image",)
    styles = False
    trembles = 0.0

    def round(self, batches):
        yield from ()

    def noise(self, n: int, label: Tensor | None = None) -> Tensor:
        return rng.randn(n, 3)

    def searched(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return (2 * z + 1)[:, None] if self.styles else z

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return (z.reshape(len(z), 3) @ MATRIX).view(-1, 1, 8, 8) + self.trembles * rng.randn(len(z), 1, 8, 8)


@pytest.fixture(scope="module")
def source() -> Source:
    return open_source(DataOptions(source="digits", size=8))


def linear(source: Source, styles: bool = False) -> Linear:
    game = Linear(source.spec).eval()
    game.generator = nn.Identity()
    game.styles = styles
    return game


def measured(game: Synthesis, source: Source, whole: bool, n: int = 400, epsilon: float = 1e-4) -> Tensor:
    pairs = paths(game, source, 0).images(n, whole, epsilon)
    return torch.cat([lengths(*pair, extractor("pixels"), epsilon) for pair in pairs])


@pytest.mark.parametrize("epsilon", [1e-4, 1e-2])
def test_between_styles_that_of_a_linear_generator_is_the_squared_length_of_the_image_of_their_difference(
    epsilon: float,
) -> None:
    a, b = torch.randn(2, 50, 1, 3)
    pair = steps(linear_decode, a, b, torch.rand(50, 1, 1), torch.lerp, epsilon)
    found = lengths(*pair, extractor("pixels"), epsilon)
    expected = ((b - a)[:, 0] @ MATRIX).square().sum(1)
    assert found.tolist() == pytest.approx(expected.tolist(), rel=0.05 if epsilon < 1e-3 else 1e-3)


def linear_decode(z: Tensor) -> Tensor:
    return (z.reshape(len(z), 3) @ MATRIX).view(-1, 1, 8, 8)


@pytest.mark.parametrize("t", [0.0, 0.3])
def test_on_the_great_circle_it_is_that_of_the_circles_speed(t: float) -> None:
    a, b = torch.randn(2, 50, 3)
    angle = torch.acos(torch.cosine_similarity(a, b))[:, None]
    speed = angle / angle.sin() * (torch.cos(t * angle) * b - torch.cos((1 - t) * angle) * a)
    pair = steps(linear_decode, a, b, torch.full((50, 1), t), slerp, 1e-3)
    found = lengths(*pair, extractor("pixels"), 1e-3)
    assert found.tolist() == pytest.approx((speed @ MATRIX).square().sum(1).tolist(), rel=0.05)


def test_a_game_with_styles_goes_straight_and_one_of_noise_on_the_circle(source: Source) -> None:
    """Styles are twice the noise: the mean square of their difference is 4 · 2 in each direction."""
    straight = measured(linear(source, styles=True), source, whole=True)
    assert float(straight.mean()) == pytest.approx(8 * float(MATRIX.square().sum()), rel=0.15)
    assert [paths(linear(source, styles), source, 0).space for styles in (False, True)] == ["z", "w"]
    round_ = measured(linear(source), source, whole=False)
    a, b = torch.randn(2, 4000, 3)
    at_once = lengths(*steps(linear_decode, a, b, torch.zeros(4000, 1), slerp), extractor("pixels"))
    assert float(round_.median()) == pytest.approx(float(at_once.median()), rel=0.2)  # long where b is opposite to a


def test_a_generator_of_one_image_has_none_and_chance_in_the_images_does_not_count(source: Source) -> None:
    game = linear(source)
    calm = measured(game, source, whole=True)
    game.trembles = 0.05
    assert measured(game, source, whole=True).tolist() == pytest.approx(calm.tolist(), rel=0.1)
    game.decode = lambda z, label=None: torch.zeros(len(z), 1, 8, 8)
    assert measured(game, source, whole=True).max() == 0


def test_the_least_and_greatest_hundredth_are_left_out_and_the_error_is_that_of_fresh_draws() -> None:
    assert path_length(torch.arange(101.0).double() ** 9)[0] == pytest.approx(
        float((torch.arange(1.0, 100).double() ** 9).mean())
    )
    chance = torch.Generator().manual_seed(0)
    drawn = [path_length(torch.randn(500, generator=chance).double().exp()) for _ in range(100)]
    spread = float(torch.tensor([value for value, _ in drawn]).std())
    assert sum(error for _, error in drawn) / 100 == pytest.approx(spread, rel=0.3)
    with pytest.raises(SaddleError, match="1 of 3 path lengths are not finite"):
        path_length(torch.tensor([1.0, float("nan"), 2.0]))


def test_it_is_lpips_where_its_files_are_given_and_else_the_extractors(tmp_path: Path) -> None:
    files = written(tmp_path, alexnet(), *([0.1] * n for n in WIDTHS))
    lpips, _ = Lpips.load(files)
    images = torch.rand(2, 2, 3, 40, 40) * 2 - 1
    assert lengths(*images, lpips, 0.1).tolist() == pytest.approx((lpips(*images) / 0.01).tolist(), rel=1e-5)
    assert scoring._of_lpips(["ppl"], files)[0] is not None
    assert scoring._of_lpips(["ppl"], files[0]) == (None, files[0])


def test_large_images_become_means_of_pixels() -> None:
    board = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(256, 256).expand(1, 3, 512, 512)
    assert lengths(board, torch.zeros_like(board), extractor("pixels"), 1.0).item() == 0


def test_runs_are_scored_by_it_with_what_it_rests_on(source: Source) -> None:
    scores = scored(linear(source), source, "ppl", "ppl_end", extractor="pixels", n=60)
    entries = {"paths": 60, "epsilon": 1e-4, "space": "z", "extractor": "pixels"}
    assert entries.items() <= scores["ppl"].fingerprint.items()
    assert scores["ppl"].value > 0 < scores["ppl_end"].value
    points = open_source(DataOptions(source="ring"))
    game = linear(source)
    game.data = points.spec
    with pytest.raises(UsageError, match="'ppl' needs a game that draws images from latents"):
        scored(game, points, "ppl", extractor="pixels")


def test_the_noise_between_styles_stays_and_both_kinds_of_stylegan2_are_finite(source: Source) -> None:
    game = styled(data=DataSpec.of((1, 16, 16))).eval()
    large = open_source(DataOptions(source="digits", size=16))
    assert isinstance(paths(game, large, 0), Paths)
    for whole in (True, False):
        assert measured(game, large, whole, n=8).isfinite().all()
