"""lsgan, dragan, fgan, ragan: the papers' networks and settings; every loss and penalty in a whole game."""

import math
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from playing import images, play, values
from safetensors.torch import load_file
from seeding import seed_all
from small import make_trainer, shipped
from test_ranks import TORCHRUN

from saddle.base.errors import UsageError
from saddle.base.precision import Precision
from saddle.games.dragan import DRAGAN
from saddle.games.fgan import FGAN
from saddle.games.gan import GAN
from saddle.games.lsgan import LSGAN
from saddle.games.ragan import RaGAN
from saddle.losses import (
    AdversarialLoss,
    EnergyMargin,
    FDivergence,
    GANDivergence,
    Hinge,
    LeastSquares,
    NonSaturating,
    RelativisticAverage,
    RelativisticPairing,
    TopK,
)
from saddle.nets import dcgan, fgan, lsgan
from saddle.nets.mlp import MLP
from saddle.optim import SGD, Constant
from saddle.penalties import (
    BalancedConsistency,
    Drift,
    GradientPenalty,
    HistoricalAveraging,
    LatentConsistency,
    LeCam,
    NearDataPenalty,
    Orthogonal,
    Penalty,
)
from saddle.runs import registry
from saddle.spec import DataSpec

SMALL, POINTS = DataSpec.of((1, 8, 8)), DataSpec.of((2,))
BATCH, PLANE = {"image": images(6, 1, 8, 8)}, {"image": images(6, 2)}
TINY = {
    LSGAN: lsgan.LSGAN(width=4),
    DRAGAN: dcgan.DCGAN(width=4, critic=True),
    FGAN: fgan.FGAN(width=8, judge_width=8),
    RaGAN: dcgan.DCGAN(width=4),
    GAN: MLP(8, 1),
}


def small(kind, data=SMALL, **options):
    torch.manual_seed(0)
    seed_all(0)
    return kind(data, kind.Options(**{"network": TINY[kind], "z_dim": 4} | options))


def count(module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("network", "z_dim", "data", "generator", "discriminator"),
    [
        (lsgan.LSGAN(), 1024, DataSpec.of((3, 112, 112)), 15_577_667, 4_332_545),
        (fgan.FGAN(), 100, DataSpec.of((1, 28, 28)), 2_508_784, 246_481),
    ],
)
def test_the_papers_networks_have_the_parameters_of_their_layer_lists(network, z_dim, data, generator, discriminator):
    with torch.device("meta"):
        assert count(network.generator(z_dim, data)) == generator
        assert count(network.discriminator(data)) == discriminator


def test_lsgans_layers_are_those_of_its_figure():
    with torch.device("meta"):
        generator = lsgan.LSGAN().generator(1024, DataSpec.of((3, 112, 112)))
        discriminator = lsgan.LSGAN().discriminator(DataSpec.of((3, 112, 112)))
    rising = [(m.out_channels, m.stride[0]) for m in generator if isinstance(m, torch.nn.ConvTranspose2d)]
    assert rising == [(256, 2), (256, 1), (256, 2), (256, 1), (128, 2), (64, 2), (3, 1)]
    falling = [(m.out_channels, m.kernel_size[0]) for m in discriminator.modules() if isinstance(m, torch.nn.Conv2d)]
    assert falling == [(64, 5), (128, 5), (256, 5), (512, 5)]


@pytest.mark.parametrize("size", [(8, 8), (16, 24), (28, 28), (32, 32)])
@pytest.mark.parametrize("network", [lsgan.LSGAN(width=2), fgan.FGAN(width=4, judge_width=4)])
def test_other_sizes_are_drawn_and_judged(network, size):
    data = DataSpec.of((2, *size))
    fake = network.generator(5, data)(torch.randn(3, 5))
    assert fake.shape == (3, 2, *size)
    assert network.discriminator(data)(fake).logits.shape == (3,)


@pytest.mark.parametrize("build", [lambda: lsgan.LSGAN(width=0), lambda: fgan.FGAN(width=0)])
def test_a_network_without_units_is_refused(build):
    with pytest.raises(UsageError, match="at least 1, not 0"):
        build()


@pytest.mark.parametrize("critic", [False, True])
def test_a_critic_of_lsgan_has_no_batch_norm(critic):
    modules = lsgan.LSGAN(width=2, critic=critic).discriminator(DataSpec.of((1, 16, 16))).modules()
    assert any(isinstance(m, torch.nn.BatchNorm2d) for m in modules) != critic


def test_the_papers_settings_are_the_defaults():
    o = LSGAN.Options()
    assert (o.loss, o.z_dim, o.optim.lr, o.optim.betas) == (LeastSquares(0, 1, 1), 1024, 1e-3, (0.5, 0.999))
    o = DRAGAN.Options()
    assert (o.loss, o.penalties) == (NonSaturating(), (NearDataPenalty(10.0, target=1.0, spread=0.5),))
    assert (o.optim.lr, o.optim.betas, o.discriminator_steps) == (1e-4, (0.5, 0.9), 1)
    o = FGAN.Options()
    assert (o.z_dim, o.optim.lr, o.optim.betas[0]) == (100, 2e-4, 0.5)
    assert RaGAN.Options().loss == RelativisticAverage("standard")


def test_fgan_deals_uniform_noise():
    z = small(FGAN, z_dim=50).noise(200)
    assert z.abs().max() <= 1
    assert z.std().item() == pytest.approx(3**-0.5, abs=0.01)


@pytest.mark.parametrize("kind", shipped(FDivergence).values())
def test_fgan_plays_with_each_divergence(kind):
    assert all(map(math.isfinite, values(play(small(FGAN, loss=kind()), BATCH, rounds=2))))


def test_fgans_discriminator_with_the_gans_row_plays_the_first_gans_game():
    one, two = (values(play(small(FGAN, loss=loss), BATCH, rounds=2)) for loss in (GANDivergence(), NonSaturating()))
    assert one == pytest.approx(two, rel=1e-5)


@pytest.mark.parametrize("base", ["standard", "least-squares", "hinge"])
@pytest.mark.parametrize("kind", [RelativisticPairing, RelativisticAverage])
@pytest.mark.parametrize("penalised", [False, True])
def test_ragan_plays_in_all_its_forms(kind, base, penalised):
    extra = {"penalties": (GradientPenalty(),), "network": dcgan.DCGAN(width=4, critic=True)} if penalised else {}
    moves = play(small(RaGAN, loss=kind(base), **extra), BATCH, rounds=2)
    assert all(map(math.isfinite, values(moves)))
    assert ("gradient_penalty" in moves[0].losses) == penalised


@pytest.mark.parametrize("base", ["standard", "least-squares"])
def test_the_relativistic_generator_is_taught_by_the_data_too(base):
    """Its loss with the non-saturating one in its place would not change with the data."""
    game = small(RaGAN, loss=RelativisticAverage(base), data=POINTS, network=MLP(8, 1))

    def of_generator(real) -> float:
        seed_all(0)
        *_, move = game.round(iter([{"image": real}]))
        return float(move.losses["adversarial"].detach())

    assert of_generator(PLANE["image"]) != pytest.approx(of_generator(5 * PLANE["image"]), rel=1e-3)


def test_dragans_penalty_is_part_of_the_discriminators_own_step():
    """Its code elsewhere computes the loss and then goes back through the penalty alone."""
    moves = play(small(DRAGAN), BATCH, rounds=2)
    assert [(*move.players, *move.losses) for move in moves] == [
        ("discriminator", "adversarial", "near_data_penalty"),
        ("generator", "adversarial"),
    ] * 2


ALL_PENALTIES = tuple(kind() for name, kind in shipped(Penalty).items() if name != "PathLength")  # stylegan2's own


def test_every_penalty_plays_and_goes_to_its_players_log():
    moves = play(small(RaGAN, network=dcgan.DCGAN(width=4, critic=True), penalties=ALL_PENALTIES), BATCH, rounds=3)
    assert all(map(math.isfinite, values(moves)))
    for move in moves:
        (player,) = move.players
        paid = {penalty.name for penalty in ALL_PENALTIES if player in penalty.players}
        assert set(move.losses) == {"adversarial"} | paid


OF_LOGITS = [kind for kind in shipped(AdversarialLoss).values() if kind is not EnergyMargin]  # which ebgan plays with


@pytest.mark.parametrize("kind", OF_LOGITS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_every_loss_is_a_setting_of_a_game(kind, precision: Precision):
    options = GAN.Options(z_dim=2, network=MLP(8, 2), loss=kind())
    trainer = make_trainer("gan", options, optim=SGD(lr=1e-3), rounds=3, batch=8, precision=precision, data="ring")
    for _ in range(3):
        trainer.play_round()
    trainer.check()


STATEFUL = (LeCam(decay=0.5), HistoricalAveraging(weight=0.1), Drift(weight=0.1))
WITHOUT_BATCH_LAW = (*STATEFUL, GradientPenalty(), LatentConsistency(std=0.3), Orthogonal(weight=0.01))


def played(penalties, rounds=4, stop=None, loss=NonSaturating(), name="wgan-gp", **plan):  # noqa: B008
    """A game of points without batch norm, with these penalties, after its rounds; resumed after `stop` of them."""
    recipe_options = registry.load(name).Options(z_dim=2, network=MLP(8, 2), loss=loss, penalties=penalties)
    plan = {"rounds": rounds, "batch": 8, "precision": "fp64", "data": "ring", "optim": SGD(lr=1e-2)} | plan
    trainer = make_trainer(name, recipe_options, **plan)
    while trainer.round < (rounds if stop is None else stop):
        trainer.play_round()
    if stop is None:
        return trainer
    second = make_trainer(name, recipe_options, **plan)
    second.load_state(trainer.state(copy=True))
    while second.round < rounds:
        second.play_round()
    return second


def gap(one, two) -> float:
    other = two.game.state_dict()
    counting = (".total", ".count")  # of the round that is under way: a sum over its parts
    return max(float((t - other[k]).abs().max()) for k, t in one.game.state_dict().items() if not k.endswith(counting))


def test_a_resumed_run_remembers_what_its_penalties_remember():
    whole, resumed = played(WITHOUT_BATCH_LAW), played(WITHOUT_BATCH_LAW, stop=2)
    assert gap(whole, resumed) == 0
    without = played(WITHOUT_BATCH_LAW[2:])
    shared = [k for k in without.game.state_dict() if k.startswith(("generator", "discriminator"))]
    assert any(not torch.equal(without.game.state_dict()[k], whole.game.state_dict()[k]) for k in shared)


def test_micro_batches_leave_the_penalties_unchanged():
    assert gap(played(WITHOUT_BATCH_LAW), played(WITHOUT_BATCH_LAW, micro_batches=2)) < 1e-12


def test_a_mean_over_the_batch_is_each_micro_batchs_own():
    """As batch norm's statistics are; documented where it is so."""
    for loss in (RelativisticAverage(), TopK(share=Constant(0.5))):
        assert gap(played((), loss=loss), played((), loss=loss, micro_batches=2)) > 0


RANKED = {  # what looks at the whole batch, and what remembers
    "top-k": dict(loss=TopK(Hinge(), share=Constant(0.4)), penalties=(*WITHOUT_BATCH_LAW, NearDataPenalty())),
    "average": dict(loss=RelativisticAverage("least-squares"), penalties=STATEFUL),
    "images": dict(loss=NonSaturating(), penalties=(BalancedConsistency(), LeCam(decay=0.5)), data="digits"),
}


def test_two_ranks_make_the_step_of_one_with_losses_and_penalties_of_the_whole_batch(tmp_path):
    """A gather whose backward pass drops the other ranks' rows would give each rank's own mean its own gradient."""
    script = str(Path(__file__).parent / "losses_rank.py")
    done = subprocess.run([*TORCHRUN, script, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    for name, settings in RANKED.items():
        one = played(**settings)
        for rank in (0, 1):
            two = load_file(tmp_path / f"{name}.{rank}.safetensors")
            assert max(float((two[k] - t).abs().max()) for k, t in one.game.state_dict().items()) < 1e-12, name


def test_settings_of_losses_and_penalties_reach_from_the_command_line():
    from saddle.runs.recipe import Recipe

    recipe = Recipe.default("ragan").change(
        {
            "game.loss": "RelativisticPairing",
            "game.loss.base": "hinge",
            "game.penalties": "LeCam,HistoricalAveraging",
            "game.penalties.HistoricalAveraging.player": "generator",
        }
    )
    assert recipe.options.loss == RelativisticPairing("hinge")
    assert recipe.options.penalties == (LeCam(), HistoricalAveraging(player="generator"))
    nested = Recipe.default("fgan").change({"game.loss": "TopK", "game.loss.loss": "KL", "game.loss.share.end": 0.7})
    assert nested.options.loss.loss == shipped(FDivergence)["KL"]()
    assert replace(nested.options.loss.share, end=0.5) == TopK().share


def test_a_penalty_on_the_gradient_is_refused_where_the_network_has_batch_norm():
    with pytest.raises(UsageError, match=r"NearDataPenalty looks at each sample's own gradient, but .* batch norm"):
        small(DRAGAN, network=dcgan.DCGAN(width=4), data=DataSpec.of((1, 16, 16)))


def test_points_refuse_what_moves_images():
    with pytest.raises(UsageError, match="BalancedConsistency moves images, and these data are points"):
        small(GAN, data=POINTS, penalties=(BalancedConsistency(),))
