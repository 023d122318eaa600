"""LAPGAN and SinGAN: pyramids of networks."""

import itertools
import math

import pytest
import torch
from playing import images, play
from seeding import seed_all
from torch import nn

from saddle.base.errors import UsageError
from saddle.games.lapgan import LAPGAN, pyramid
from saddle.games.singan import SinGAN, gradient_penalty
from saddle.layers.colours import palette, quantised, softened
from saddle.layers.resize import doubled, halved, resized
from saddle.nets import lapgan, singan
from saddle.spec import DataSpec

CLASSES = tuple("0123456789")
PHOTO = DataSpec.of((3, 40, 40), single=True)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def one_image(**settings: object) -> SinGAN:
    torch.manual_seed(0)
    game = SinGAN(PHOTO, SinGAN.Options(**({"width": 4, "widest": 8} | settings)))
    seed_all("test")
    return game


def trained(game: SinGAN, rounds: int = 8) -> SinGAN:
    """Through all scales, a round or two each, as the trainer would."""
    batch = {"image": resized(images(1, 3, 10, 10), (40, 40)).expand(2, -1, -1, -1)}
    for i in range(rounds):
        game.progress = i / rounds
        play(game, batch)
    return game.eval()


# LAPGAN


@pytest.mark.parametrize(("classes", "generator", "discriminator"), [(10, 232_579, 129_409), (0, 218_179, 116_545)])
def test_the_levels_have_the_references_parameters(classes: int, generator: int, discriminator: int):
    with torch.device("meta"):
        assert count(lapgan.LevelGenerator(3, (32, 32), classes)) == generator
        assert count(lapgan.LevelDiscriminator(3, (32, 32), classes)) == discriminator


def test_building_and_collapsing_a_pyramid_gives_the_image_back():
    levels = pyramid(images(3, 3, 32, 24), 3)
    x = levels[0]
    for real in levels[1:]:
        residual = real - doubled(halved(real))
        x = doubled(x) + residual
    assert torch.allclose(x, levels[-1], atol=1e-6)


def test_a_constant_image_has_no_residual():
    image = torch.full((1, 3, 16, 16), 0.3)
    assert (image - doubled(halved(image))).abs().max() < 1e-6


@pytest.mark.parametrize(
    ("size", "found"),
    [
        ((32, 32), [(8, 8), (16, 16), (32, 32)]),
        ((64, 64), [(8, 8), (16, 16), (32, 32), (64, 64)]),
        ((24, 48), [(12, 24), (24, 48)]),
    ],
)
def test_the_levels_of_an_image_halve_to_about_eight_pixels(size: tuple[int, int], found: list[tuple[int, int]]):
    assert lapgan.levels(*size) == found


@pytest.mark.parametrize("size", [(8, 8), (33, 33), (15, 40)])
def test_sizes_that_do_not_halve_are_refused_with_the_nearest(size: tuple[int, int]):
    with pytest.raises(UsageError, match=r"LAPGAN cannot draw .* must halve evenly .* the nearest sizes are"):
        lapgan.levels(*size)


def small_lapgan(**settings: object) -> LAPGAN:
    torch.manual_seed(0)
    options = LAPGAN.Options(**({"width": 4, "smallest_width": 8, "z_dim": 5} | settings))
    seed_all("test")
    return LAPGAN(DataSpec.of((1, 32, 32), ("image", "label"), CLASSES), options)


class Watched(nn.Module):
    """Notes what it is given."""

    def __init__(self, inner: nn.Module):
        super().__init__()
        self.inner, self.seen = inner, []

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        self.seen.append(inputs)
        return self.inner(*inputs)


def test_a_level_sees_its_real_image_and_a_residual_on_the_same_coarse_one():
    """Not the residual alone, and not a residual drawn for another image."""
    game = small_lapgan()
    game.generator[1], game.discriminator[1] = Watched(game.generator[1]), Watched(game.discriminator[1])
    real = images(4, 1, 32, 32)
    next(game.round(iter([{"image": real, "label": torch.zeros(4, dtype=torch.int64)}])))
    ((noise, coarse),) = game.generator[1].seen
    shown, faked = (seen[0] for seen in game.discriminator[1].seen)
    assert torch.equal(coarse, doubled(halved(halved(real))))
    assert torch.equal(shown, halved(real))
    assert torch.allclose(faked - game.generator[1].inner(noise, coarse), coarse, atol=1e-6)


def test_the_noise_of_a_level_is_a_plane():
    game = small_lapgan()
    z, middle, fine = game.split(game.noise(3))
    assert (z.shape, middle.shape, fine.shape) == ((3, 5), (3, 1, 16, 16), (3, 1, 32, 32))
    assert fine.min() >= -1
    assert fine.max() <= 1
    assert fine.std() == pytest.approx(1 / math.sqrt(3), rel=0.05)


def test_levels_learn_independently_of_each_other():
    game = small_lapgan()
    batch = {"image": images(4, 1, 32, 32), "label": torch.zeros(4, dtype=torch.int64)}
    for move in game.round(itertools.repeat(batch)):
        player = game.get_submodule(move.players[0])
        for name, loss in move.losses.items():
            gradients = torch.autograd.grad(loss, list(player.parameters()), retain_graph=True, allow_unused=True)
            own = [
                p
                for net, size in zip(player, game.sizes, strict=True)
                if f"level_{size[0]}" == name
                for p in net.parameters()
            ]
            reached = {id(p) for p, g in zip(player.parameters(), gradients, strict=True) if g is not None}
            assert reached == {id(p) for p in own}


def test_a_conditional_lapgan_is_asked_for_a_class_and_a_plain_one_is_not():
    game = small_lapgan(conditional=True).eval()
    assert game.labels == CLASSES
    assert game.sample(4).shape == (4, 1, 32, 32)
    z = game.noise(1)
    assert not torch.equal(game.decode(z, torch.tensor([1])), game.decode(z, torch.tensor([2])))
    assert small_lapgan().labels == ()
    with pytest.raises(UsageError, match=r"have no labels; choose --game\.conditional false"):
        LAPGAN(DataSpec.of((1, 32, 32)), LAPGAN.Options(conditional=True))


# SinGAN


@pytest.mark.parametrize(
    ("width", "generator", "discriminator"), [(32, 29_763, 29_185), (64, 114_819, 113_665), (128, 450_819, 448_513)]
)
def test_the_scales_have_the_references_parameters(width: int, generator: int, discriminator: int):
    with torch.device("meta"):
        assert count(singan.ScaleGenerator(3, width)) == generator
        assert count(singan.scale_discriminator(3, width)) == discriminator


def test_widths_double_every_four_scales_up_to_128():
    with torch.device("meta"):
        game = SinGAN(DataSpec.of((3, 250, 188), single=True))
        small = SinGAN(DataSpec.of((3, 40, 40), single=True), SinGAN.Options(width=100, factor=0.9))
    assert [net.body[0].out_channels for net in game.generator] == [32] * 4 + [64] * 4 + [128] * 2
    assert {net.body[0].out_channels for net in small.generator} == {100, 128}


def test_a_pyramid_begins_at_25_pixels_and_ends_with_the_image():
    sizes = singan.pyramid(188, 250)
    assert (len(sizes), sizes[0], sizes[-1]) == (10, (25, 33), (188, 250))
    assert singan.pyramid(128, 128) == [(s, s) for s in (25, 32, 40, 50, 64, 80, 101, 128)]
    for height, width in ((128, 128), (427, 640), (26, 26), (1000, 60)):
        sizes = singan.pyramid(height, width, least=10)
        assert all(a < b for pair in itertools.pairwise(sizes) for a, b in zip(*pair, strict=True))
        assert (min(sizes[0]), max(sizes[-1]) <= 250) == (10, True)


@pytest.mark.parametrize("size", [(25, 25), (20, 90), (30, 900)])
def test_an_image_too_small_for_a_pyramid_is_refused(size: tuple[int, int]):
    with pytest.raises(UsageError, match="a pyramid from 25 pixels needs an image whose shorter side is longer"):
        singan.pyramid(*size)


def test_a_generator_whose_last_layer_is_zero_returns_the_coarse_image():
    net = singan.ScaleGenerator(3, 4)
    for parameter in net.body[-2].parameters():
        nn.init.zeros_(parameter)
    coarse = images(2, 3, 13, 17)
    assert torch.equal(net(torch.randn(2, 3, 13, 17), coarse), coarse)


@pytest.mark.parametrize("net", [singan.ScaleGenerator(3, 4).body, singan.scale_discriminator(3, 4)])
def test_nothing_is_padded_inside_and_eleven_pixels_are_seen(net: nn.Module):
    net = net.double()
    for i, layer in enumerate(net):
        if isinstance(layer, nn.InstanceNorm2d):
            net[i] = nn.Identity()  # its statistics are of the whole image
    x = images(1, 3, 40, 40).double().requires_grad_()
    y = net(x)
    assert y.shape[2:] == (30, 30)
    y[..., 15, 15].sum().backward()
    rows = x.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    assert (len(rows), int(rows[0])) == (11, 15)


def test_a_scale_makes_the_same_of_an_image_in_training_in_use_and_beside_others():
    """Statistics of other images, remembered from training, would blur the reconstruction."""
    net = singan.ScaleGenerator(3, 4).double()
    noise, coarse = images(2, 3, 13, 17).double(), 3 * images(2, 3, 13, 17).double()
    together = net(noise, coarse)
    assert torch.allclose(net.eval()(noise, coarse), together)
    assert torch.allclose(net(noise[1:], coarse[1:]), together[1:])


def test_the_fixed_noise_is_drawn_once():
    """The official loop draws it anew in every iteration at the coarsest scale."""
    game = one_image()
    before = game.fixed.clone()
    assert torch.equal(trained(game).fixed, before)
    assert all(not plane.any() for plane in game.fixed_planes()[1:])
    assert torch.equal(game.reconstruct(), game.reconstruct())


def test_the_amplitude_of_the_noise_is_a_tenth_of_the_reconstructions_error():
    game = one_image()
    image = images(1, 3, 40, 40)
    game.begin(0, image)
    game.begin(1, image)
    arrives = resized(game.reconstruct(1), game.sizes[1])
    error = (arrives - resized(image, game.sizes[1])).square().mean().sqrt()
    assert torch.isclose(game.amplitudes[1], 0.1 * error)
    assert game.amplitudes[0] == 1


def test_every_step_of_the_generator_has_fresh_fakes():
    """The official code steps three times on one fake, whose graph the first step has already used up."""
    game = one_image()
    batch = {"image": images(2, 3, 40, 40)}
    losses = [m.losses["adversarial"] for m in play(game, batch) if "generator" in m.players]
    assert len(losses) == 3
    assert len({float(loss.detach()) for loss in losses}) == 3


def test_a_round_has_three_steps_of_each_and_forgets_at_a_new_scale():
    game = one_image()
    batch = {"image": images(1, 3, 40, 40)}
    first, second = play(game, batch), play(game, batch)
    assert [m.players[0][0] for m in first] == list("dddggg")
    assert [m.forget for m in first] == [True, False, False] * 2
    assert not any(m.forget for m in second)
    game.progress = 0.3
    assert [m.forget for m in play(game, batch)] == [True, False, False] * 2


def test_a_scale_goes_on_from_the_weights_of_the_one_before_if_it_is_as_wide():
    game = one_image(width=4, widest=8, factor=0.9)
    image = images(1, 3, 40, 40)
    game.begin(2, image)
    assert all(
        torch.equal(a, b) for a, b in zip(game.generator[1].parameters(), game.generator[2].parameters(), strict=True)
    )
    game.begin(4, image)  # twice as wide
    assert game.generator[4].body[0].out_channels == 2 * game.generator[3].body[0].out_channels


def test_finished_scales_stay_as_they_are_statistics_included():
    """Batch norm of scales below must not go on counting what the scale above draws."""
    game = one_image()
    batch = {"image": images(1, 3, 40, 40)}
    play(game, batch)
    before = {name: tensor.clone() for name, tensor in game.generator[0].state_dict().items()}
    game.progress = 0.3
    play(game, batch)
    assert all(torch.equal(tensor, before[name]) for name, tensor in game.generator[0].state_dict().items())


def test_the_penalty_is_on_each_pixels_norm_over_the_channels():
    """A critic that sums w · x has the gradient w at every pixel: (|w| - 1)²."""

    class Linear(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x * torch.tensor([2.0, 2.0, 1.0]).view(3, 1, 1)).sum(1, keepdim=True)

    x = images(2, 3, 8, 8)
    assert torch.isclose(gradient_penalty(Linear(), x, -x), torch.tensor(4.0))


def test_learning_rates_fall_to_a_tenth_after_four_fifths_of_a_scale():
    game = one_image()
    rates = []
    for share in (0.0, 0.79, 0.81, 1.0, 1.81):
        game.progress = share / len(game.sizes)
        rates.append(game.optim("generator").lr)
    assert rates == pytest.approx([5e-4, 5e-4, 5e-5, 5e-4, 5e-5])


def test_many_pictures_are_refused():
    with pytest.raises(UsageError, match="SinGAN learns one picture, and these data have many: choose --data photo"):
        SinGAN(DataSpec.of((3, 40, 40)))


def test_samples_of_any_size_and_copies_below_a_scale():
    game = trained(one_image())
    assert game.draw(2, (30, 90)).shape == (2, 3, 30, 90)
    assert game.draw(20).shape == (20, 3, 40, 40)
    assert game.sample(3).shape == (3, 3, 40, 40)
    game.amplitudes[-1] = 0
    copies, new = game.draw(3, start=len(game.sizes) - 1), game.draw(3)
    assert torch.allclose(copies, game.reconstruct().expand_as(copies), atol=1e-6)
    assert not torch.allclose(new[0], new[1], atol=1e-3)
    with pytest.raises(UsageError, match="leave out the scale"):
        game.draw(1, (30, 30), start=1)
    with pytest.raises(UsageError, match=r"scales go from 0 to 3, the finest; there is no 9"):
        game.draw(1, start=9)


def test_scales_that_have_not_begun_only_enlarge():
    game = one_image()
    play(game, {"image": images(1, 3, 40, 40)})
    game.eval()
    planes = game.fixed_planes()
    expected = game.step(0, planes[0], torch.zeros(1, 3, 25, 25))
    for size in game.sizes[1:]:
        expected = resized(expected, size)
    assert torch.allclose(game.reconstruct(), expected)


def test_super_resolution_takes_any_picture_and_grows_it_by_steps():
    game = trained(one_image())
    assert game.super_resolution(images(1, 3, 20, 31), times=4).shape == (1, 3, 80, 124)
    with pytest.raises(UsageError, match="enlarges by a finite number above 1"):
        game.super_resolution(images(1, 3, 20, 20), times=1)


def test_editing_leaves_everything_far_from_the_mask_as_it_was():
    game = trained(SinGAN(DataSpec.of((3, 40, 90), single=True), SinGAN.Options(width=4)))
    image, mask = images(1, 3, 40, 90), torch.zeros(1, 1, 40, 90)
    mask[..., 10:20, :6] = 1
    made = game.harmonise(image, mask, start=1)
    assert torch.allclose(made[..., 40:], image[..., 40:])
    assert not torch.allclose(made[..., :10], image[..., :10], atol=1e-3)
    with pytest.raises(UsageError, match="mask is black"):
        game.edit(image, torch.zeros_like(mask), start=1)
    with pytest.raises(UsageError, match="scales go from 1"):
        game.edit(image, mask, start=0)


def test_a_film_moves_and_starts_near_the_image():
    game = trained(one_image())
    frames = game.animate(4, start=0)
    assert frames.shape == (4, 3, 40, 40)
    assert not torch.equal(frames[0], frames[1])
    still = game.animate(3, start=0, alpha=1.0)
    assert torch.allclose(still[1], game.reconstruct()[0], atol=1e-6)


def test_a_painting_is_brought_to_the_learned_colours():
    image = torch.tensor([-1.0, 0.0, 1.0]).repeat_interleave(4).view(1, 1, 3, 4)
    colours = palette(image, 3)
    assert sorted(colours.flatten().tolist()) == [-1.0, 0.0, 1.0]
    assert quantised(torch.tensor([[[[0.4, 0.6]]]]), colours).flatten().tolist() == [0.0, 1.0]
    assert trained(one_image()).paint_to_image(images(1, 3, 60, 60)).shape == (1, 3, 40, 40)


def test_a_soft_mask_is_one_inside_and_zero_far_away():
    mask = torch.zeros(1, 1, 80, 80)
    mask[..., 40, 40] = 1
    soft = softened(mask, radius=7)
    assert soft[0, 0, 40, 40] == 1
    assert soft[0, 0, 40, 70] == 0
    assert (soft.diff(dim=3)[0, 0, 40, 40:] <= 1e-6).all()
