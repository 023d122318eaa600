"""R3GAN: the network's counts, the loss's identities, both penalties in every round, and what changes over the run."""

import math
from dataclasses import dataclass

import pytest
import torch
from playing import images, play
from seeding import seed_all
from small import make_trainer
from torch import nn

from saddle.base.errors import UsageError
from saddle.context import Context, Output
from saddle.games.r3gan import R3GAN
from saddle.losses import RelativisticPairing
from saddle.nets import r3gan
from saddle.nets.r3gan import Block
from saddle.optim import Adam, Cosine
from saddle.penalties import R1, R2
from saddle.spec import DataSpec
from saddle.tasks import Move
from saddle.views import Shown, View

POINTS = torch.randn(5, 2)
IMAGENET_32 = r3gan.R3GAN(width=1536, group=32)
IMAGENET_64 = r3gan.R3GAN(width=1536, wide=5, group=32)
SMALL = r3gan.R3GAN(width=16, wide=1, blocks=1, group=4)


def data(size: int = 8, classes: int = 0, channels: int = 3) -> DataSpec:
    return DataSpec.of((channels, size, size), ("image", "label"), tuple(str(i) for i in range(classes)))


def small(classes: int = 0, **options) -> R3GAN:
    seed_all(0, "weights")
    return R3GAN(data(classes=classes), R3GAN.Options(z_dim=8, network=SMALL, **options))


def linear(x: torch.Tensor) -> torch.Tensor:
    """A critic whose gradient is (3, 4) everywhere."""
    return x @ torch.tensor([3.0, 4.0])


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("network", "size", "classes", "generator", "discriminator"),
    [
        (r3gan.R3GAN(), 32, 10, 20_781_952, 21_280_512),  # CIFAR-10
        (r3gan.R3GAN(), 32, 0, 20_732_160, 20_683_776),
        (r3gan.R3GAN(), 64, 0, 22_429_824, 22_381_440),  # FFHQ
        (r3gan.R3GAN(), 256, 0, 23_057_952, 23_009_568),
        (IMAGENET_32, 32, 1000, 82_914_304, 86_548_992),
        (IMAGENET_64, 64, 1000, 103_570_432, 107_205_120),
    ],
)
def test_networks_have_the_papers_parameter_counts(network, size, classes, generator, discriminator):
    with torch.device("meta"):
        assert count(network.generator(64, data(size, classes))) == generator
        assert count(network.discriminator(data(size, classes))) == discriminator


def test_a_block_is_at_first_the_identity():
    x = torch.randn(2, 8, 4, 4)
    assert torch.equal(Block(8, 16, 4, gain=1.4)(x), x)


def test_no_layer_normalises():
    game = small()
    alone = game.generator(torch.ones(1, 8))
    assert torch.allclose(game.generator(torch.tensor([[1.0] * 8, [5.0] * 8]))[:1], alone, atol=1e-6)
    assert not [m for m in game.modules() if "Norm" in type(m).__name__]


def test_widths_that_do_not_fall_into_groups_are_refused():
    with pytest.raises(UsageError, match="would have 16, 8, 4, 2 channels; 2 times each is to be a multiple of 16"):
        r3gan.R3GAN(width=16, wide=1).generator(8, data(32))
    with pytest.raises(UsageError, match="blocks is from 1 to 1,000, not 0"):
        r3gan.R3GAN(blocks=0)
    with pytest.raises(UsageError, match="R3GAN cannot draw 30×30 images"):
        r3gan.R3GAN().generator(8, data(30))


def test_where_data_and_fakes_are_alike_both_players_lose_log_2():
    logits = torch.randn(6)
    loss = RelativisticPairing()
    assert float(loss.discriminator(logits, logits)) == pytest.approx(math.log(2))
    assert float(loss.generator(logits, logits)) == pytest.approx(math.log(2))


def test_only_differences_of_paired_logits_count():
    loss, real, fake = RelativisticPairing(), torch.randn(6), torch.randn(6)
    for player in (loss.discriminator, loss.generator):
        assert torch.isclose(player(real + 7, fake + 7), player(real, fake))
        assert not torch.isclose(player(real, fake.roll(1)), player(real, fake)), "pairs, not all combinations"
    assert torch.equal(loss.generator(real, fake), loss.discriminator(fake, real))


def test_the_real_logits_are_not_detached_in_the_discriminators_loss():
    real, fake = torch.randn(6, requires_grad=True), torch.randn(6, requires_grad=True)
    RelativisticPairing().discriminator(real, fake).backward()
    assert torch.allclose(real.grad, -fake.grad)
    assert (real.grad < 0).all()


def test_the_generators_loss_is_the_relativistic_one_and_nothing_overwrites_it():
    game, (real, fake) = small(penalties=()), (images(4, 3, 8, 8), images(4, 3, 8, 8).flip(0))
    logits = {id(real): torch.tensor([1.0, 2, 3, 4]), id(fake): torch.tensor([0.0, 2, 4, 8])}
    game.discriminate = lambda x, *_: Output(logits.get(id(x), logits[id(fake)]), x)
    game.decode = lambda z, label=None: fake
    *_, move = game.round(iter([{"image": real}]))
    assert float(move.losses["adversarial"]) == pytest.approx(
        sum(math.log(1 + math.exp(gap)) for gap in (1, 0, -1, -4)) / 4
    )


def test_r1_and_r2_of_a_linear_critic_are_gamma_times_its_squared_norm():
    context = Context(linear, POINTS, POINTS)
    paid = R1(weight=0.7)(0, context) + R2(weight=0.7)(0, context)
    assert float(paid) == pytest.approx(0.7 * 25)


def test_both_penalties_are_paid_in_every_round():
    moves: list[Move] = play(small(), {"image": images(4, 3, 8, 8)}, rounds=3)
    paid = [set(move.losses) for move in moves if "discriminator" in move.players]
    assert paid == [{"adversarial", "r1", "r2"}] * 3


def test_settings_go_from_first_to_last_on_a_cosine():
    o = R3GAN.Options()
    assert o.optim.at(0, 0.0) == {"lr": pytest.approx(2e-4), "betas": (0.0, pytest.approx(0.9))}
    assert o.optim.at(9, 0.5) == {"lr": pytest.approx(1.25e-4), "betas": (0.0, pytest.approx(0.945))}
    assert o.optim.at(9, 1.0) == {"lr": pytest.approx(5e-5), "betas": (0.0, pytest.approx(0.99))}
    for penalty in o.penalties:
        x = POINTS.clone().requires_grad_()
        judged = Output(linear(x), x)
        paid = [float(penalty(0, Context(linear, x, x, judged, judged, progress=progress))) for progress in (0.0, 1.0)]
        assert paid == pytest.approx([0.05 * 25 / 2, 0.005 * 25 / 2])  # γ / 2 · ‖w‖²


def test_a_cosine_is_half_way_in_the_middle_and_flat_at_both_ends():
    cosine = Cosine(2.0, 1.0, finish=0.5)
    assert [cosine(0, p) for p in (0.0, 0.25, 0.5, 1.0)] == pytest.approx([2.0, 1.5, 1.0, 1.0])
    assert cosine(0, 0.01) > 2 - 0.01 * 2
    with pytest.raises(UsageError, match="finish is above 0 and up to 1, not 0"):
        Cosine(finish=0)


def test_the_trainer_hands_beta_2_to_the_optimizer():
    trainer = make_trainer("r3gan", rounds=2)
    now = []
    for _ in range(2):
        trainer.play_round()
        now.append(trainer.optims["generator"].param_groups[0]["betas"])
    assert now == [(0.0, pytest.approx(0.9)), (0.0, pytest.approx(0.945))]


def test_beta_2_lies_in_0_to_1():
    with pytest.raises(UsageError, match=r"β₂ lies in \[0, 1\)"):
        Adam(beta_2=Cosine(0.9, 1.0))


def test_a_penalty_in_half_precision_is_close_to_the_full_one():
    game = small()
    with torch.no_grad():
        for block in game.modules():
            if isinstance(block, Block):
                block.narrow.weight.normal_(0, 0.1)
    weights = [*game.discriminator.parameters()]
    context = Context(lambda x: game.discriminate(x).logits, images(8, 3, 8, 8), images(8, 3, 8, 8))

    def measured(penalty: R1, half: bool) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            value = penalty(0, context)
        gradients = torch.autograd.grad(value, weights, allow_unused=True)
        return value, torch.cat([g.flatten() for g in gradients if g is not None])

    (full, full_gradient), (kept, kept_gradient) = (measured(R1(), half) for half in (False, True))
    half, half_gradient = measured(R1(autocast=True), half=True)
    assert torch.equal(kept, full)
    assert torch.equal(kept_gradient, full_gradient)
    assert half != full
    assert torch.isclose(half, full, rtol=0.02)
    assert float((half_gradient - full_gradient).norm() / full_gradient.norm()) < 0.03


def test_autocast_does_nothing_for_a_game_in_full_precision():
    context = Context(nn.Conv2d(3, 1, 8), images(4, 3, 8, 8), images(4, 3, 8, 8))
    assert torch.equal(R1(autocast=True)(0, context), R1()(0, context))


def test_labels_reach_both_players():
    game = small(classes=3, conditional=True)
    z = torch.randn(1, 8).expand(3, -1)
    label = torch.arange(3)
    fake = game.decode(z, label)
    assert not torch.allclose(fake[0], fake[1])
    logits = game.discriminate(fake[:1].expand(3, -1, -1, -1), label).logits
    assert len(logits.unique()) == 3
    moves = play(game, {"image": images(4, 3, 8, 8), "label": torch.arange(4) % 3})
    assert [move.players for move in moves] == [("discriminator",), ("generator",)]


def discriminators_move(game: R3GAN) -> tuple[dict[str, float], torch.Tensor]:
    """Its losses and its gradient, in float64, where no block is the identity any more."""
    game.double()
    with torch.no_grad():
        for block in game.modules():
            if isinstance(block, Block):
                block.narrow.weight.fill_(0.1)
    seed_all(1)
    move = next(game.round(iter([{"image": images(4, 3, 8, 8).double()}])))
    sum(move.losses.values()).backward(inputs=[*game.discriminator.parameters()])
    gradient = torch.cat([p.grad.flatten() for p in game.discriminator.parameters()])
    return {name: float(loss.detach()) for name, loss in move.losses.items()}, gradient


def test_penalties_on_shared_logits_are_those_on_new_ones():
    (paid, gradient), (anew, expected) = (
        discriminators_move(small(penalties=(R1(weight=2.0, shared=shared), R2(shared=shared))))
        for shared in (True, False)
    )
    assert paid == pytest.approx(anew, rel=1e-12)
    assert paid["r1"] > 1e-4 < paid["r2"]
    assert torch.allclose(gradient, expected, rtol=1e-9, atol=1e-14)


@dataclass(frozen=True)
class Halved(View):
    """Samples at half their size."""

    def build(self, data: DataSpec) -> Shown:
        class Halves(Shown):
            def forward(self, x: torch.Tensor, progress: float) -> torch.Tensor:
                return x / 2

        return Halves()


@pytest.mark.parametrize("shared", [False, True])
def test_the_penalised_gradient_is_that_of_the_samples_and_not_of_what_the_views_show(shared):
    game = small(penalties=(R1(weight=1.0, shared=shared),), views=(Halved(),))
    w = torch.ones(3 * 8 * 8)

    def discriminate(x: torch.Tensor, label: None = None) -> Output:
        return Output(x.flatten(1) @ w, x)

    game.discriminator.forward = discriminate
    move = next(game.round(iter([{"image": images(4, 3, 8, 8)}])))
    assert float(move.losses["r1"].detach()) == pytest.approx(192 / 4 / 2)


def test_penalties_are_shared_in_half_precision_too():
    trainer = make_trainer("r3gan", precision="bf16")
    trainer.play_round()
    assert {"discriminator/r1", "discriminator/r2"} <= trainer.losses.keys()


def test_logits_that_a_game_does_not_share_cannot_be_asked_for():
    with pytest.raises(
        UsageError, match=r"r1\.shared: this game does not judge its samples so that they can be shared"
    ):
        R1(shared=True)(0, Context(linear, POINTS, POINTS))
