"""pix2pix: every line of its fact sheet on objective, order of moves and use, with what proves it."""

import inspect
import math

import numpy as np
import pytest
import torch
from playing import images, play
from seeding import seed_all
from sheets import Sheet, kinds, silence, value
from torch import Tensor, nn

from saddle.data.ragged import Ragged
from saddle.data.source import Cropped, Split
from saddle.data.stream import Stream
from saddle.games import pix2pix
from saddle.games.pix2pix import Pix2Pix
from saddle.layers.norm import BatchOfOneNorm2d
from saddle.losses import HalfNonSaturating
from saddle.optim import Adam, Constant
from saddle.penalties import GradientPenalty
from saddle.spec import DataSpec

SHEET = Sheet(
    "closed.bce-at-0",
    "objective.judge-is-halved",
    "objective.non-saturating",
    "loss.is-cross-entropy",
    "objective.condition-is-seen",
    "objective.l1-is-a-mean",
    "objective.weight-of-l1",
    "objective.patches-are-a-mean",
    "objective.l1-off-leaves-the-judge",
    "order.fake-attached-for-the-generator",
    "order.no-gradient-of-the-generator-in-the-judges-step",
    "order.fake-detached-for-the-judge",
    "order.judge-first",
    "order.fake-is-not-redrawn",
    "order.judge-has-moved",
    "adam",
    "schedule.constant",
    "use.no-running-statistics",
    "use.dropout-stays",
    "use.alone",
    "norm.needs-two-values",
    "norm.eps",
    "penalty.not-with-batch-norm",
    "penalty.mean-of-the-map",
    "pool.none",
    "resnet.dropout-in-blocks",
    "batch.one",
    "data.286-to-256",
)
proves = SHEET.proves
DATA = DataSpec.of((3, 16, 16), ("a", "b"))
BATCH = {"a": images(4, 3, 16, 16), "b": -images(4, 3, 16, 16)}


def small(**options) -> Pix2Pix:
    seed_all(0)
    torch.manual_seed(0)
    return Pix2Pix(DATA, Pix2Pix.Options(**{"width": 4, "patch_layers": 1} | options))


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("closed.bce-at-0", "objective.judge-is-halved")
def _cross_entropy_of_logits_of_0():
    game = small()
    silence(game.discriminator)
    judged, drawn = game.round(iter([BATCH]))
    assert value(judged.losses["adversarial"]) == pytest.approx(math.log(2))
    assert value(drawn.losses["adversarial"]) == pytest.approx(math.log(2))


@proves("objective.non-saturating", "loss.is-cross-entropy")
def _the_losses_are_cross_entropies_and_the_generators_does_not_saturate():
    """One collection plays by least squares."""
    loss, real, fake = Pix2Pix.Options().loss, torch.tensor([1.0, -2.0]), torch.tensor([0.5, 3.0])
    one, zero = torch.ones(2), torch.zeros(2)
    bce = nn.functional.binary_cross_entropy_with_logits
    assert loss == HalfNonSaturating()
    assert value(loss.discriminator(real, fake)) == pytest.approx(float(bce(real, one) + bce(fake, zero)) / 2)
    assert value(loss.generator(None, fake)) == pytest.approx(float(bce(fake, one)))


@proves("objective.condition-is-seen")
def _a_pair_of_another_image_is_judged_otherwise():
    """A discriminator that does not see the condition judges realism alone."""
    game = small()
    a, b = BATCH["a"], BATCH["b"]
    assert game.discriminator[0].in_channels == 6
    swapped = game.score(torch.cat((a.flip(0), b), 1))
    assert not torch.allclose(game.score(torch.cat((a, b), 1)), swapped, atol=1e-4)


class Still(nn.Module):
    """A generator that draws one colour."""

    def __init__(self, colour: float):
        super().__init__()
        self.colour = nn.Parameter(torch.tensor(colour))

    def forward(self, x: Tensor) -> Tensor:
        return self.colour.expand_as(x)


@proves("objective.l1-is-a-mean", "objective.weight-of-l1")
def _a_difference_of_a_hundredth_weighs_1_whatever_the_size():
    for side in (16, 32):
        game = Pix2Pix(DataSpec.of((3, side, side), ("a", "b")), Pix2Pix.Options(width=2, patch_layers=1))
        game.generator = Still(0.01)
        x = torch.zeros(2, 3, side, side)
        _, drawn = game.round(iter([{"a": x, "b": x}]))
        assert value(drawn.losses["l1"]) == pytest.approx(1.0)


@proves("objective.patches-are-a-mean")
def _a_loss_is_the_mean_of_patches_and_of_images():
    real, fake = images(2, 1, 5, 5), images(2, 1, 5, 5)
    loss = HalfNonSaturating()
    each = [loss.discriminator(real[i, 0, y, x], fake[i, 0, y, x]) for i in (0, 1) for y in range(5) for x in range(5)]
    assert value(loss.discriminator(real, fake)) == pytest.approx(value(torch.stack(each).mean()), rel=1e-5)


@proves("objective.l1-off-leaves-the-judge", "order.fake-attached-for-the-generator")
def _without_l1_every_weight_of_the_generator_learns_from_the_discriminator():
    """Well-known code detaches the fake in the generator's step: then nothing adversarial is learned."""
    game = small(l1_weight=0.0)
    _, drawn = game.round(iter([BATCH]))
    gradients = torch.autograd.grad(drawn.losses["adversarial"], list(game.generator.parameters()))
    assert all(gradient.any() for gradient in gradients)
    with_l1 = small()
    _, drawn = with_l1.round(iter([BATCH]))
    weights = list(with_l1.discriminator.parameters())
    found = torch.autograd.grad(drawn.losses["l1"], weights, allow_unused=True)
    assert found == (None,) * len(weights)


@proves("order.no-gradient-of-the-generator-in-the-judges-step", "order.fake-detached-for-the-judge")
def _the_discriminators_step_sends_nothing_to_the_generator():
    game = small()
    judged = next(game.round(iter([BATCH])))
    weights = list(game.generator.parameters())
    found = torch.autograd.grad(judged.losses["adversarial"], weights, allow_unused=True)
    assert found == (None,) * len(weights)


@proves("order.judge-first", "order.fake-is-not-redrawn", "order.judge-has-moved")
def _the_generator_is_told_of_the_same_fake_by_a_discriminator_that_has_moved():
    """The first code used what the discriminator had said before its step."""
    game, fakes, seen = small(), [], []
    game.generator.register_forward_hook(lambda _, __, fake: fakes.append(fake))
    game.discriminator.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach().clone()))
    round_ = game.round(iter([BATCH]))
    assert next(round_).players == ("discriminator",)
    with torch.no_grad():
        for p in game.discriminator.parameters():
            p.zero_()
    drawn = next(round_)
    assert drawn.players == ("generator",)
    assert len(fakes) == 1
    assert torch.equal(seen[-1], seen[-2])
    assert value(drawn.losses["adversarial"]) == pytest.approx(math.log(2))


@proves("adam")
def _adam_has_the_papers_constants():
    optim = Pix2Pix.Options().optim
    assert isinstance(optim, Adam)
    assert (optim.lr, optim.betas) == (2e-4, (0.5, 0.999))


@proves("schedule.constant")
def _the_rate_stays():
    """The authors' later code lets it fall in the second half."""
    assert Pix2Pix.Options().optim.schedule == Constant()


@proves("use.no-running-statistics")
def _no_statistics_are_kept():
    """Well-known code in eval mode draws blurred or black images."""
    game = small()
    play(game, BATCH, rounds=1)
    assert [name for name, _ in game.named_buffers()] == []


@proves("use.dropout-stays")
def _dropout_draws_in_use_too():
    game = small().eval()
    for p in game.generator.parameters():
        nn.init.normal_(p, std=0.3)
    image = {"a": BATCH["a"][:1]}
    assert not torch.equal(game.translate(image, "b"), game.translate(image, "b"))


@proves("use.alone")
def _others_in_the_batch_change_nothing():
    game = small(dropout=0.0).train()
    for p in game.generator.parameters():
        nn.init.normal_(p, std=0.3)
    alone = game.translate({"a": BATCH["a"][1:2]}, "b")
    assert torch.equal(game.translate({"a": BATCH["a"]}, "b")[1:2], alone)
    assert torch.allclose(game.generator(BATCH["a"])[1:2], alone, atol=1e-5)


@proves("norm.needs-two-values")
def _a_norm_of_one_pixel_is_an_error_so_that_the_bottleneck_has_none():
    for norm in (BatchOfOneNorm2d(3), nn.InstanceNorm2d(3)):
        with pytest.raises(ValueError, match="Expected more than 1"):
            norm(torch.zeros(1, 3, 1, 1))
    assert small().generator(BATCH["a"][:1]).shape == (1, 3, 16, 16)


@proves("norm.eps")
def _the_norms_eps_is_no_momentum():
    assert {m.eps for m in small().modules() if isinstance(m, BatchOfOneNorm2d)} == {1e-5}


@proves("penalty.not-with-batch-norm")
def _no_norm_mixes_samples_so_that_each_has_a_gradient_of_its_own():
    game = small(penalties=(GradientPenalty(),))
    pairs = images(4, 6, 16, 16).requires_grad_()
    (slope,) = torch.autograd.grad(game.score(pairs)[0].mean(), pairs)
    assert slope[0].any()
    assert not slope[1:].any()


@proves("penalty.mean-of-the-map")
def _a_penalty_differentiates_the_mean_of_the_map_as_the_loss_takes_it():
    """Well-known code differentiates the sum: with so many patches the slope is so many times as steep."""
    game = small(norm="instance", penalties=(GradientPenalty(weight=1.0),))
    slope = 0.1
    game.score = lambda pairs: slope * pairs[:, :1]  # a map as large as the image
    judged = next(game.round(iter([BATCH])))
    assert value(judged.losses["gradient_penalty"]) == pytest.approx((slope / 16 - 1) ** 2, rel=1e-4)


@proves("pool.none")
def _no_fakes_are_remembered():
    assert "ImagePool" not in inspect.getsource(pix2pix)
    assert "pool_size" not in Pix2Pix.Options.__dataclass_fields__


@proves("resnet.dropout-in-blocks")
def _the_residual_translator_has_its_dropout_between_a_blocks_convolutions():
    game = small(generator="resnet", blocks=2)
    blocks = [m for m in game.generator if type(m).__name__ == "Residual"]
    before = ["ReflectionPad2d", "Conv2d", "BatchOfOneNorm2d"]
    assert [kinds(block) for block in blocks] == [[*before, "ReLU", "Dropout", *before]] * 2


@proves("batch.one")
def _without_a_recipe_a_batch_is_one_pair():
    assert Pix2Pix.batch == 1


@proves("data.286-to-256")
def _both_images_of_a_pair_are_enlarged_cut_and_mirrored_alike():
    """Both sides hold the same picture, so that one cut or mirrored otherwise shows."""
    rng, sides = np.random.default_rng(0), (286, 286)
    stored = rng.integers(0, 256, (3, 3, *sides), np.uint8)
    images = Ragged.of(stored.reshape(-1), np.array([(3, *sides)] * 3))
    columns = {key: Cropped(images, np.arange(3), (256, 256)) for key in "ab"}
    spec = DataSpec.of((3, 256, 256), ("a", "b"))
    batches = Stream(Split(columns, fields=spec.fields), spec, 4, seed=0, flip=True).batches()
    seen = [batch for _ in range(4) for batch in next(batches)]
    assert all(torch.equal(batch["a"], batch["b"]) for batch in seen)
    assert len({batch["a"].numpy().tobytes() for batch in seen}) == len(seen)
