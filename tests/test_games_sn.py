"""sngan, projection, sagan, biggan, biggan-deep: their order of moves, their labels, and samples with truncation."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from playing import images, play, values
from seeding import seed_all
from small import TINY, make_trainer
from torch import nn

import saddle
from saddle.base.errors import UsageError
from saddle.cli import main
from saddle.games._truncated import truncated_normal
from saddle.games.biggan import BigGAN
from saddle.games.biggan_deep import BigGANDeep
from saddle.games.dcgan import DCGAN
from saddle.games.gan import GAN
from saddle.games.projection import Projection
from saddle.games.sagan import SAGAN
from saddle.games.sngan import SNGAN
from saddle.nets import biggan, dcgan, sagan
from saddle.nets.biggan_deep import BigGANDeep as DeepNetworks
from saddle.nets.mlp import MLP
from saddle.nets.sngan import SNCNN, SNResNet
from saddle.optim import SGD
from saddle.penalties import R1
from saddle.spec import DataSpec

SMALL = DataSpec.of((1, 8, 8), ("image", "label"), ("a", "b", "c"))
BATCH = {"image": images(6, 1, 8, 8), "label": torch.tensor([0, 1, 2, 0, 1, 2])}
NETWORKS = {
    SNGAN: SNResNet(2),
    Projection: SNResNet(2),
    SAGAN: sagan.SAGAN(4),
    BigGAN: biggan.BigGAN(2, shared=4),
    BigGANDeep: DeepNetworks(2, shared=4),
}
by_game = pytest.mark.parametrize("kind", NETWORKS)
by_truncated = pytest.mark.parametrize("kind", [BigGAN, BigGANDeep])


def small(kind, data=SMALL, **options):
    torch.manual_seed(0)
    seed_all(0)
    return kind(data, kind.Options(**{"network": NETWORKS[kind], "z_dim": 8} | options))


@by_game
def test_a_round_has_finite_losses_and_the_papers_order_of_moves(kind):
    steps = {SNGAN: 5, Projection: 5, SAGAN: 1, BigGAN: 2, BigGANDeep: 2}[kind]
    moves = play(small(kind), BATCH, rounds=2)
    assert [move.players[0] for move in moves] == ([*["discriminator"] * steps, "generator"]) * 2
    assert all(map(math.isfinite, values(moves)))


@pytest.mark.parametrize(
    ("kind", "of_generator", "of_discriminator"), [(SAGAN, 1e-4, 4e-4), (BigGAN, 5e-5, 2e-4), (BigGANDeep, 5e-5, 2e-4)]
)
def test_the_discriminator_learns_at_four_times_the_generators_rate(kind, of_generator, of_discriminator):
    game = small(kind)
    assert (game.optim("generator").lr, game.optim("discriminator").lr) == (of_generator, of_discriminator)


def test_sngans_learning_rate_falls_in_a_line_to_zero():
    optim = SNGAN.Options().optim
    assert [optim.at(0, progress)["lr"] for progress in (0.0, 0.5, 1.0)] == [2e-4, 1e-4, 0.0]


def test_sngan_has_no_labels_and_the_others_have_the_datas():
    assert small(SNGAN).labels == ()
    assert all(small(kind).labels == ("a", "b", "c") for kind in NETWORKS if kind is not SNGAN)


def test_sngan_with_labels_is_projection():
    def weights(game):
        return {name: tuple(p.shape) for name, p in game.named_parameters()}

    assert weights(small(SNGAN, conditional=True)) == weights(small(Projection))
    assert weights(small(SNGAN)) != weights(small(Projection))


@pytest.mark.parametrize("kind", [kind for kind in NETWORKS if kind is not SNGAN])
def test_real_and_fake_are_judged_with_the_labels_of_the_batch(kind, monkeypatch):
    game, seen = small(kind), []
    judge = game.discriminate
    monkeypatch.setattr(game, "discriminate", lambda x, label, *more: seen.append(label) or judge(x, label, *more))
    play(game, BATCH)
    assert seen
    own = BATCH["label"]
    assert all(torch.equal(label, own.repeat_interleave(len(label) // len(own))) for label in seen)


@pytest.mark.parametrize("kind", [kind for kind in NETWORKS if kind is not SNGAN])
def test_data_without_labels_are_refused_unless_the_game_is_told_so(kind):
    data = DataSpec.of((1, 8, 8))
    with pytest.raises(UsageError, match=r"have no labels; choose --game.conditional false, or data with labels"):
        small(kind, data)
    game = small(kind, data, conditional=False)
    play(game, {"image": BATCH["image"]})
    assert game.sample(2).shape == (2, 1, 8, 8)


def test_a_network_without_labels_is_refused_by_a_conditional_game():
    with pytest.raises(UsageError, match=r"SNCNN takes no labels; leave out game.conditional"):
        small(SNGAN, network=SNCNN(2), conditional=True)


def test_a_label_that_is_missing_is_named():
    with pytest.raises(UsageError, match="label"):
        small(Projection, DataSpec.of((1, 8, 8), ("image",)))
    assert small(Projection).needs == ("image", "label")
    assert small(SNGAN).needs == ("image",)


@pytest.mark.parametrize(("limit", "std"), [(2.0, 0.8796), (1.0, 0.5396), (0.5, 0.2839)])
def test_truncated_noise_stays_within_its_limit_and_has_the_law_of_drawing_again(limit, std):
    """Scaling noise that was truncated at 2 would have a std of .4398 at .5."""
    z = truncated_normal(torch.rand(200_000, generator=torch.Generator().manual_seed(0)), limit)
    assert z.abs().max() <= limit
    assert z.std().item() == pytest.approx(std, abs=2e-3)
    drawn = torch.randn(2_000_000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    again = drawn[drawn.abs() <= limit]
    share = torch.linspace(0.05, 0.95, 7, dtype=torch.float64)
    assert torch.allclose(z.quantile(share), again[:200_000].quantile(share), atol=0.012)


def test_the_ends_of_the_uniform_numbers_are_the_limits():
    ends = truncated_normal(torch.tensor([0.0, 0.5, 1.0]), 9.0)
    assert ends.tolist() == pytest.approx([-9, 0, 9], abs=1e-6)


def means(generator: nn.Module) -> torch.Tensor:
    return torch.cat([m.running_mean for m in generator.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)])


@by_truncated
def test_truncated_samples_have_standing_statistics_of_their_own_truncation(kind):
    """Statistics of all of z would be those of other maps."""
    game = small(kind).eval()
    before = {name: t.clone() for name, t in game.generator.state_dict().items()}
    found = [means(game.standing_generator(t)) for t in (0.1, 1.0, 0.1)]
    assert torch.equal(found[0], found[2])
    assert not torch.allclose(found[0], found[1], atol=1e-3)
    assert all(torch.equal(t, before[name]) for name, t in game.generator.state_dict().items())
    assert set(game.players()) == {"generator", "discriminator"}


@by_truncated
def test_standing_statistics_follow_the_weights(kind):
    game = small(kind).eval()
    before = means(game.standing_generator(0.5))
    assert game.standing_generator(0.5) is game.standing_generator(0.5)
    play(game, BATCH, rounds=2)
    assert not torch.equal(means(game.standing_generator(0.5)), before)


@by_truncated
def test_the_generator_sees_noise_within_the_limit_and_the_label(kind):
    game, seen = small(kind).eval(), []
    game.standing_generator(0.5).register_forward_pre_hook(lambda _, inputs: seen.append(inputs))
    label = torch.tensor([2, 0, 1])
    game.sample(3, label, truncation=0.5)
    ((z, told),) = seen
    assert 0 < z.abs().max() <= 0.5
    assert torch.equal(told, label)


@by_truncated
def test_samples_are_the_same_whether_or_not_the_statistics_were_there(kind):
    game, drawn = small(kind).eval(), []
    for _ in range(2):
        seed_all(3)
        drawn.append(torch.cat([game.sample(2, truncation=0.5) for _ in range(2)]))
    assert torch.equal(*drawn)


@by_truncated
@pytest.mark.parametrize("truncation", [0.0, -1.0, math.inf, math.nan])
def test_a_truncation_that_leaves_nothing_is_refused(kind, truncation):
    with pytest.raises(UsageError, match="truncation is the largest size of a number in z, greater than 0, not"):
        small(kind).sample(1, truncation=truncation)


def test_a_game_that_cannot_truncate_says_so():
    game = DCGAN(DataSpec.of((1, 8, 8)), DCGAN.Options(network=dcgan.DCGAN(4)))
    with pytest.raises(UsageError, match=r"DCGAN cannot truncate: .* leave it out"):
        game.sample(1, truncation=0.5)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("biggan") / "run"
    smallest = ["--data.size", "8", "--game.network.width", "2", "--game.network.shared", "4", "--game.z_dim", "8"]
    assert main(["train", "biggan", *smallest, "--run", str(folder), "--quiet", *TINY]) == 0
    return folder


def files(capsys: pytest.CaptureFixture[str], *argv: str) -> list[Path]:
    assert main([*argv, "--json"]) == 0
    return [Path(name) for name in json.loads(capsys.readouterr().out)["files"]]


def test_the_command_line_samples_a_label_with_truncation(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    drawn = []
    for truncation in ("0.1", "2", "0.1"):
        out = tmp_path / "some.npy"
        argv = ["-n", "5", "--label", "7", "--truncation", truncation, "--out", str(out)]
        assert files(capsys, "sample", str(run), *argv) == [out]
        drawn.append(np.load(out))
    assert (drawn[0] == drawn[2]).all()
    assert (drawn[0] != drawn[1]).any()
    assert (saddle.load(run).sample(5, label="7", truncation=0.1).numpy() == drawn[0]).all()
    (picture,) = files(capsys, "sample", str(run), "--truncation", "0.5")
    assert picture == run / "sample-seed-0-truncation-0.5.png"


@pytest.mark.parametrize(
    ("truncation", "said"),
    [("0", "greater than 0, not 0.0"), ("much", "truncation wants a number or none, not 'much'")],
)
def test_the_command_line_refuses_a_truncation_that_is_none(
    run: Path, capsys: pytest.CaptureFixture, truncation: str, said: str
):
    assert main(["sample", str(run), "--truncation", truncation]) == 2
    assert said in capsys.readouterr().err


def test_a_walk_keeps_the_label_of_its_row(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch):
    seen = []
    decode = BigGAN.decode
    monkeypatch.setattr(BigGAN, "decode", lambda self, z, label: seen.append(label.tolist()) or decode(self, z, label))
    walk = ["interpolate", str(run), "--rows", "3", "--steps", "4"]
    assert files(capsys, *walk) == [run / "interpolate-seed-0.png"]
    assert all(len(set(row)) == 1 and len(row) == 4 for row in seen)
    assert len({row[0] for row in seen}) > 1
    seen.clear()
    assert files(capsys, *walk, "--label", "7") == [run / "interpolate-seed-0-label-7.png"]
    assert seen == [[7] * 4] * 3
    assert main([*walk, "--label", "11"]) == 2
    assert "no label '11'" in capsys.readouterr().err


@pytest.mark.parametrize("penalties", [(), (R1(weight=1.0),)])
def test_micro_batches_leave_a_spectrally_normalised_step_unchanged(penalties):
    """One iteration a forward pass would make more of them, and a different function for every part of the batch."""
    options = GAN.Options(network=MLP(8, 1, spectral=True), penalties=penalties)
    states = []
    for micro_batches in (1, 2):
        trainer = make_trainer("gan", options, SGD(lr=1e-2), rounds=3, precision="fp64", micro_batches=micro_batches)
        for _ in range(3):
            trainer.play_round()
        states.append(trainer.game.state_dict())
    assert max(float((t - states[1][name]).abs().max()) for name, t in states[0].items()) < 1e-12


def test_an_unrolled_discriminator_may_be_spectrally_normalised():
    options = GAN.Options(network=MLP(8, 1, spectral=True), unroll=2, z_dim=4)
    game = GAN(SMALL, options)
    assert all(map(math.isfinite, values(play(game, BATCH, rounds=2))))
