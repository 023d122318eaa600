"""Views: what the discriminator is shown, one distribution for real and fake, with gradients."""

import math
from dataclasses import replace

import pytest
import torch
from playing import images, play
from seeding import seed_all
from torch.autograd import gradcheck, gradgradcheck

from saddle.base import rng
from saddle.base.errors import UsageError
from saddle.games.dcgan import DCGAN as Game
from saddle.layers.changes import change_colour, change_geometry, cut_out, resample, shift
from saddle.losses import Hinge, LeastSquares, NonSaturating, Wasserstein
from saddle.nets.dcgan import DCGAN
from saddle.nets.mlp import MLP
from saddle.optim import Constant
from saddle.spec import DataSpec
from saddle.views import ADA, DiffAugment, InstanceNoise, Packing, Shown, View, indifference

DATA = DataSpec.of((3, 8, 8))
VIEWS = [DiffAugment(), ADA(p=0.9), InstanceNoise(), Packing(2)]
FULL = torch.tensor(1.0, dtype=torch.float64)


def shown(view: View, x: torch.Tensor, seed: int = 0, progress: float = 0.0) -> torch.Tensor:
    seed_all(seed)
    return view.build(DataSpec.of(tuple(x.shape[1:])))(x, progress)


def name(value: object) -> str:
    return type(value).__name__


@pytest.mark.parametrize("view", VIEWS, ids=name)
def test_gradients_flow_to_the_samples_twice(view):
    """Through the view, and through its gradient: a penalty on the input differentiates twice."""
    x = images(4, 3, 8, 8).double().requires_grad_()
    out = shown(view, x)
    (gradient,) = torch.autograd.grad(out.pow(3).sum(), x, create_graph=True)
    assert gradient.abs().sum() > 0
    (second,) = torch.autograd.grad(gradient.square().sum(), x)
    assert second.abs().sum() > 0


@pytest.mark.parametrize("view", VIEWS, ids=name)
def test_real_and_fake_are_changed_by_one_law(view):
    """The module knows nothing of which it sees: equal draws change equal samples equally."""
    x = images(6, 3, 8, 8)
    assert torch.equal(shown(view, x), shown(view, x.clone()))
    assert name(view) == "Packing" or not torch.equal(shown(view, x), shown(view, x, seed=1))


@pytest.mark.parametrize("view", VIEWS, ids=name)
def test_every_sample_is_changed_for_itself_whatever_the_division(view):
    x, module = images(8, 3, 8, 8), view.build(DATA)
    whole = shown(view, x)
    parts = []
    for part in (0, 1):
        with rng.share(part, 2):
            seed_all(0)
            parts.append(module(x[4 * part : 4 * part + 4], 0.0))
    assert torch.allclose(torch.cat(parts), whole, atol=1e-6)


@pytest.mark.parametrize(
    "view", [DiffAugment(False, 0, 0), ADA(p=0.0), ADA(), InstanceNoise(Constant(0.0)), Packing(1)], ids=name
)
def test_a_view_of_nothing_is_the_identity(view):
    x = images(5, 3, 8, 8)
    assert torch.allclose(shown(view, x), x, atol=1e-6)


@pytest.mark.parametrize("view", [DiffAugment(), ADA(p=0.5)], ids=name)
@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 8, 12), (4, 28, 20)])
def test_any_size_and_number_of_channels_is_changed(view, shape):
    x = images(9, *shape)
    out = shown(view, x)
    assert out.shape == x.shape
    assert torch.isfinite(out).all()


def test_a_shift_moves_pixels_and_fills_with_zero():
    x = torch.arange(1.0, 10.0).view(1, 1, 3, 3).repeat(2, 1, 1, 1)
    moved = shift(x, torch.tensor([1, 0]), torch.tensor([0, -1]))
    assert moved[0, 0].tolist() == [[0, 1, 2], [0, 4, 5], [0, 7, 8]]
    assert moved[1, 0].tolist() == [[4, 5, 6], [7, 8, 9], [0, 0, 0]]


def test_a_cutout_is_a_rectangle_that_may_lie_partly_outside():
    x = torch.ones(2, 1, 4, 4)
    cut = cut_out(x, torch.tensor([1, -1]), torch.tensor([0, 3]), 2, 2)
    assert cut[0, 0].tolist() == [[1, 0, 0, 1], [1, 0, 0, 1], [1, 1, 1, 1], [1, 1, 1, 1]]
    assert cut[1, 0].tolist() == [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], [0, 1, 1, 1]]


def test_diffaugment_moves_by_an_eighth_and_cuts_half_a_side():
    x = torch.ones(2000, 1, 16, 16)
    moved = shown(DiffAugment(False, 0.125, 0), x)[:, 0]
    gaps = (moved.amax(1) == 0).sum(1)
    assert gaps.max() == 2
    assert (gaps == 0).float().mean() == pytest.approx(1 / 5, abs=0.03)  # one of -2 … 2
    cut = (shown(DiffAugment(False, 0, 0.5), x) == 0).sum((1, 2, 3))
    assert cut.max() == 64
    assert cut.min() >= 16  # the centre lies inside


def test_diffaugment_changes_colour_within_the_papers_bounds():
    x = images(4000, 3, 2, 2)
    out = shown(DiffAugment(True, 0, 0), x)
    brighter = (out - x).mean((1, 2, 3))
    assert brighter.abs().max() <= 0.5
    assert brighter.std() == pytest.approx(1 / 12**0.5, rel=0.05)
    grey = images(4000, 1, 1, 2)  # without colours and about its mean: contrast alone
    ratio = (shown(DiffAugment(True, 0, 0), grey).diff(dim=3) / grey.diff(dim=3)).flatten()
    assert 0.5 <= ratio.min() < 0.51
    assert 1.49 < ratio.max() <= 1.5 + 1e-3


def test_instance_noise_is_fresh_and_ends_at_nothing():
    x, view = torch.zeros(500, 2), InstanceNoise()
    module = view.build(DataSpec.of((2,)))
    first, second = module(x, 0.5), module(x, 0.5)
    assert not torch.equal(first, second)
    assert first.std() == pytest.approx(0.05, rel=0.1)
    assert torch.equal(module(x, 1.0), x)


def test_with_instance_noise_the_best_discriminator_of_two_points_is_known():
    """D*(x) = σ((d x - d²/2) / s²) for the real point d, the fake 0 and noise s: 1/2 in the middle."""
    d, s, n = 1.0, 0.5, 200_000
    noisy = InstanceNoise(Constant(s)).build(DataSpec.of((1,)))
    seed_all(0)
    real, fake = noisy(torch.full((n, 1), d), 0.0), noisy(torch.zeros(n, 1), 0.0)
    for x in (0.0, 0.5, 1.0):
        near = [((samples - x).abs() < 0.05).sum() for samples in (real, fake)]
        best = 1 / (1 + math.exp(-(d * x - d * d / 2) / s**2))
        assert near[0] / sum(near) == pytest.approx(best, abs=0.03)


def test_packing_lays_neighbours_on_top_of_each_other():
    x = images(6, 3, 8, 8)
    packed = shown(Packing(3), x)
    assert packed.shape == (2, 9, 8, 8)
    assert torch.equal(packed[1, 3:6], x[4])
    assert Packing(3).shows(DATA).shape == (9, 8, 8)
    assert Packing(2).shows(DataSpec.of((2,))).shape == (4,)


@pytest.mark.parametrize(("samples", "parameters"), [(1, 405_201), (2, 407_201), (3, 409_201), (4, 411_201)])
def test_packing_adds_the_papers_parameters(samples, parameters):
    """PacGAN's 2-D critic: 3 maxout layers of 200 units and 5 pieces; each further sample 2,000 weights."""
    from torch import nn

    from saddle.nets.maxout import MaxoutLayer

    inputs = Packing(samples).shows(DataSpec.of((2,))).shape[0]
    layers = [MaxoutLayer(inputs, 200, 5), MaxoutLayer(200, 200, 5), MaxoutLayer(200, 200, 5), nn.Linear(200, 1)]
    assert sum(p.numel() for layer in layers for p in layer.parameters()) == parameters


def test_resampling_by_known_maps_gives_known_images():
    x = images(1, 2, 4, 4).double()
    still, none = torch.eye(2).double()[None], torch.zeros(1, 2).double()
    assert torch.allclose(resample(x, still, none), x)
    flip = torch.tensor([[[-1.0, 0.0], [0.0, 1.0]]]).double()
    assert torch.allclose(resample(x, flip, none), x.flip(3))
    quarter = torch.tensor([[[0.0, -1.0], [1.0, 0.0]]]).double()
    assert torch.allclose(resample(x, quarter, none), torch.rot90(x, 1, (2, 3)))
    right = resample(x, still, torch.tensor([[1.0, 0.0]]).double())
    assert torch.allclose(right[..., :-1], x[..., 1:])
    assert torch.allclose(right[..., -1], x[..., 2])  # reflected: 2 comes after 3
    half = resample(x, still, torch.tensor([[0.5, 0.0]]).double())
    assert torch.allclose(half[..., 0], (x[..., 0] + x[..., 1]) / 2)


def test_resampling_has_the_gradients_of_finite_differences():
    matrix, offset = torch.randn(2, 2, 2).double(), torch.randn(2, 2).double()
    x = images(2, 1, 4, 3).double().requires_grad_()
    assert gradcheck(lambda x: resample(x, matrix, offset), x)
    assert gradgradcheck(lambda x: resample(x, matrix, offset), x)


def test_geometry_keeps_an_even_image_and_colours_a_grey_one_evenly():
    """Reflected at the edges, an image of one value stays so; without colours there is nothing to turn."""
    even = torch.full((50, 3, 8, 8), 0.3, dtype=torch.float64)
    assert torch.allclose(change_geometry(even, FULL), even)
    coloured = change_colour(even, FULL)
    assert torch.allclose(coloured, coloured[:, :1, :1, :1].expand_as(coloured))


def test_hue_turns_about_the_grey_axis():
    """Luma and saturation stay: with chance 1, the luma's distribution is brightness, contrast and inversion alone."""
    seed_all(0)
    x = images(3000, 3, 1, 1).double()
    out = change_colour(x, FULL)
    chroma, before = out - out.mean(1, keepdim=True), x - x.mean(1, keepdim=True)
    angle = torch.cosine_similarity(chroma, before, dim=1).clamp(-1, 1).acos()
    assert angle.mean() == pytest.approx(math.pi / 2, abs=0.05)  # uniform
    assert (out.mean(1) * x.mean(1)).mean().abs() < 0.02  # half of them inverted


def test_every_change_of_ada_comes_with_its_chance():
    x = images(4000, 1, 6, 6).double()
    for p in (0.1, 0.5):
        seed_all(1)
        same = (change_geometry(x, torch.tensor(p).double()) - x).flatten(1).abs().amax(1) < 1e-9
        flip, turn, pixels = 1 - p / 2, 1 - p * 3 / 4, 1 - p * 5 / 9  # at times they are the identity
        untouched = flip * turn * pixels * (1 - p) ** 4  # scale, stretch, rotation, fractional translation
        assert same.double().mean() == pytest.approx(untouched, abs=0.025)


def show(module: Shown, round_: int) -> None:
    """In a round of a run whose progress has long ended."""
    module.begin(round_)
    module(images(2, 3, 8, 8), 1.0)


def adapted(view: ADA, rounds: int, real_logits: torch.Tensor) -> torch.Tensor:
    module = view.build(DATA)
    for round_ in range(rounds):
        show(module, round_)
        module.adapt(real_logits)
    show(module, rounds)
    return module.p


def test_adas_chance_rises_by_the_papers_step_every_fourth_batch():
    """dp = B · 4 / 500,000: 0.000256 at 32 a batch, 0.000512 at 64."""
    for batch, step in ((32, 0.000256), (64, 0.000512)):
        assert adapted(ADA(), 3, torch.ones(batch)) == 0
        assert adapted(ADA(), 4, torch.ones(batch)) == pytest.approx(step)
        assert adapted(ADA(), 8, torch.ones(batch)) == pytest.approx(2 * step)


def test_adas_chance_goes_from_0_to_1_in_500_000_images_and_back():
    assert adapted(ADA(), 20, torch.ones(25_000)) == pytest.approx(1)
    assert adapted(ADA(images=1000), 4, torch.ones(250)) == pytest.approx(1)
    assert adapted(ADA(images=1000), 8, torch.ones(250)) == 1
    assert adapted(ADA(), 8, torch.cat((torch.ones(79), -torch.ones(21)))) == 0  # r = 0.58, below the target
    assert adapted(ADA(), 8, torch.cat((torch.ones(81), -torch.ones(19)))) > 0


def test_a_fixed_chance_stays():
    assert adapted(ADA(p=0.25), 8, torch.ones(1000)) == 0.25


def test_all_micro_batches_of_a_round_see_one_chance():
    whole, parts = ADA(images=100).build(DATA), ADA(images=100).build(DATA)
    for round_ in range(8):
        show(whole, round_)
        whole.adapt(torch.tensor([1.0, 1.0]))
        for _ in range(2):
            show(parts, round_)
            parts.adapt(torch.tensor([1.0]))
            assert parts.p == whole.p
    assert whole.p > 0


def test_the_state_of_ada_is_in_its_buffers():
    module, other = ADA(images=100).build(DATA), ADA(images=100).build(DATA)
    for round_ in range(6):
        show(module, round_)
        module.adapt(torch.ones(2))
    other.load_state_dict(module.state_dict())
    for each in (module, other):
        for round_ in range(6, 12):
            show(each, round_)
            each.adapt(torch.ones(2))
    assert other.p == module.p > 0


def test_where_a_loss_is_indifferent():
    assert indifference(NonSaturating()) == pytest.approx(0, abs=1e-6)
    assert indifference(Hinge()) == pytest.approx(0, abs=1e-6)
    assert indifference(LeastSquares()) == pytest.approx(0.5)
    assert math.isnan(indifference(Wasserstein()))


def options(**settings):
    return replace(Game.Options(network=DCGAN(width=4), z_dim=4), **settings)


@pytest.mark.parametrize("loss", [LeastSquares(), Wasserstein()], ids=name)
def test_ada_wants_a_loss_that_parts_real_from_fake_at_0(loss):
    with pytest.raises(UsageError, match=rf"{name(loss)} does not part real from fake at 0; fix the chance"):
        Game(DATA, options(loss=loss, views=(ADA(),)))
    Game(DATA, options(loss=loss, views=(ADA(p=0.2),)))


def test_packing_with_labels_is_refused():
    from saddle.nets.network import Network

    class Labelled(DCGAN, Network):
        takes_labels = True

    with pytest.raises(UsageError, match="no common label"):
        Game(DataSpec.of(DATA.shape, ("image", "label"), ("a", "b")), options(
            network=Labelled(width=4), conditional=True, views=(Packing(2),)
        ))  # fmt: skip


def test_packing_wants_batches_that_divide():
    with pytest.raises(UsageError, match="Packing shows 3 samples at a time"):
        Game(DATA, options(views=(Packing(3),))).check_batch(4)
    with pytest.raises(UsageError, match="Packing shows 2 samples at a time, and the 1"):
        Game(DATA, options(views=(Packing(2), Packing(2)))).check_batch(2)


@pytest.mark.parametrize("view", [DiffAugment(), ADA()], ids=name)
def test_points_have_no_colours(view):
    with pytest.raises(UsageError, match=f"{name(view)} changes images, and what it would be shown are points"):
        Game(DataSpec.of((2,)), options(network=MLP(8, 1), views=(view,)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DiffAugment(translation=2), "translation is from 0 to 1, not 2"),
        (lambda: DiffAugment(cutout=-1), "cutout is from 0 to 1, not -1"),
        (lambda: ADA(p=1.5), "p is from 0 to 1 or none, not 1.5"),
        (lambda: ADA(every=0), "every is at least 1, not 0"),
        (lambda: Packing(0), "samples is at least 1, not 0"),
        (lambda: InstanceNoise(Constant(-1.0)), "value is at least 0, not -1"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(UsageError, match=message):
        make()


@pytest.mark.parametrize("view", [*VIEWS, ADA()], ids=name)
def test_a_game_with_a_view_plays_and_moves_both_players(view):
    torch.manual_seed(0)
    game = Game(DATA, options(views=(view,)))
    moves = play(game, {"image": images(4, 3, 8, 8)}, rounds=2)
    assert all(torch.isfinite(loss) for move in moves for loss in move.losses.values())
    assert "views" not in game.players()
