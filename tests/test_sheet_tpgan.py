"""TP-GAN, the game: every line of its fact sheet that is not of its networks, with what proves it."""

import math
from dataclasses import replace
from functools import cache
from itertools import repeat

import pytest
import torch
from playing import images, play
from seeding import seed_all
from sheets import Sheet, silence, value
from torch import Tensor, nn

from saddle.base.errors import UsageError
from saddle.data import DataOptions, spec_of
from saddle.games.tpgan import TPGAN, Faces
from saddle.layers.norm import BatchNorm2d
from saddle.layers.resample import shrink
from saddle.losses import NonSaturating
from saddle.nets.tpgan_parts import cut_parts, frontal_parts, mirrored
from saddle.optim import Adam
from saddle.perceptual import SelfSupervised
from saddle.runs.recipe import Recipe
from saddle.spec import DataSpec, Field
from saddle.tasks import Restoration

SHEET = Sheet(
    "closed.silent-judge",
    "closed.restraint-is-a-target-of-0.9",
    "objective.weights",
    "objective.distances-are-sums-of-values-in-0-to-1",
    "objective.symmetry-of-three-sizes",
    "objective.identity",
    "objective.identity-features-of-the-encoder",
    "objective.parts",
    "objective.another-network",
    "order.judge-then-twice-parts-and-all",
    "order.two-adams-of-the-rotators",
    "gradient.the-adversary-alone-reaches-every-weight",
    "gradient.none-of-the-generators-in-the-judges-step",
    "gradient.the-features-do-not-learn",
    "input.mirrored-to-one-side",
    "input.noise",
    "parts.light-and-maps-reach-the-last-layers",
    "use.an-image-by-itself",
    "use.mirror-image",
    "use.landmarks",
    "use.size",
    "use.beside-and-sized",
    "without.parts",
    "without.labels",
    "without.both-pairs-of-a-and-b",
    "data.refused",
    "adam",
    "batch.ten",
    "recipe",
    "settings.refused",
)
proves = SHEET.proves
SIDE, PEOPLE, N = 32, 5, 2
AT = [-0.4, -0.3, 0.3, -0.3, 0.2, 0.1, -0.2, 0.4, 0.3, 0.4]  # the nose is nearer to the right eye


def data(*keys: str, channels: int = 3, side: int = SIDE) -> DataSpec:
    image = Field("image", (channels, side, side))
    who = Field("class", names=tuple(map(str, range(PEOPLE))))
    fields = {"damaged": image, "image": image, "landmarks": Field("points", (10,)), "label": who}
    return DataSpec({key: fields.get(key, image) for key in keys or fields})


def landmarks(n: int) -> Tensor:
    each = torch.tensor(AT).expand(n, -1)
    return torch.where(torch.arange(n)[:, None] % 2 > 0, mirrored(each), each)


BATCH = {  # the first face looks to the right, the second one to the left
    "damaged": images(N, 3, SIDE, SIDE),
    "image": -images(N, 3, SIDE, SIDE),
    "landmarks": landmarks(N),
    "label": torch.arange(N),
}


def small(spec: DataSpec | None = None, **options) -> TPGAN:
    seed_all(0)
    torch.manual_seed(0)
    return TPGAN(spec or data(), TPGAN.Options(**{"width": 8, "discriminator_width": 4} | options))


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


def slopes(loss: Tensor, player: nn.Module) -> list[Tensor | None]:
    return [*torch.autograd.grad(loss, list(player.parameters()), retain_graph=True, allow_unused=True)]


@proves("closed.silent-judge")
def _of_a_judge_whose_weights_are_0():
    game = small()
    silence(game.discriminator)
    judged, _, drawn, *_ = game.round(repeat(BATCH))
    assert value(judged.losses["adversarial"]) == pytest.approx(2 * math.log(2))
    assert value(drawn.losses["adversarial"]) == pytest.approx(20 * math.log(2))


@proves("closed.restraint-is-a-target-of-0.9")
def _both_want_true_faces_with_chance_9_of_10():
    """The least that is to be paid is the entropy, at log 9."""
    o, logit = TPGAN.Options(), torch.tensor([math.log(9)], requires_grad=True)
    entropy = -(0.9 * math.log(0.9) + 0.1 * math.log(0.1))
    paid = o.loss.generator(None, logit) + o.restraint * logit.mean()
    assert float(paid.detach()) == pytest.approx(entropy)
    assert float(torch.autograd.grad(paid, logit)[0]) == pytest.approx(0, abs=1e-6)
    x = images(6, 4)
    wanted = nn.functional.binary_cross_entropy_with_logits(x, torch.full_like(x, 0.9))
    assert torch.allclose(o.loss.generator(None, x) + o.restraint * x.mean(), wanted)
    judged = wanted + nn.functional.binary_cross_entropy_with_logits(-x, torch.zeros_like(x))
    assert torch.allclose(o.loss.discriminator(x, -x), judged)


@proves("objective.weights", "adam", "batch.ten")
@cache
def _the_settings_are_those_of_the_code():
    o = TPGAN.Options()
    assert (o.pixel_weights, o.symmetry_weight, o.adversarial_weight) == ((1.0, 1.0, 1.5), 0.3, 20.0)
    assert (o.perceptual_weight, o.identity_weight, o.variation_weight, o.part_weight) == (40.0, 10.0, 1e-3, 3.0)
    assert (o.loss, o.generator_steps, o.discriminator_steps) == (NonSaturating(real_target=0.9), 2, 1)
    assert (o.z_dim, o.width, o.discriminator_width) == (100, 64, 64)
    assert o.optim == Adam(lr=1e-4, betas=(0.9, 0.999))
    assert TPGAN.batch == 10


def seen(game: TPGAN, batch: dict[str, Tensor] = BATCH) -> Faces:
    return game.faces(batch)


@proves("objective.distances-are-sums-of-values-in-0-to-1", "objective.symmetry-of-three-sizes")
@cache
def _distances_of_an_image_that_is_off_by_a_constant():
    """Off by .5 in [-1, 1] is .25 in [0, 1], at each of the places of three sizes."""
    game, true = small(), images(2, 3, SIDE, SIDE)
    made = game.generator(true, torch.zeros(2, 100), torch.zeros(2, 11, SIDE, SIDE))[0]
    shifted = made._replace(**{name: shrink(true, k) + 0.5 for name, k in zip(made._fields, (1, 2, 4), strict=True)})
    paid = game.distances(shifted, true)
    places = SIDE**2 * (1 + 1 / 4 + 1.5 / 16)
    assert value(paid["pixel"]) == pytest.approx(0.25 * places, rel=1e-5)

    half = torch.ones(2, 3, SIDE, SIDE // 2)
    step = torch.cat((-half, half), 3)  # 0 and 1: the right half is 1 off
    steps = made._replace(whole=step, half=step[..., ::2, ::2], quarter=step[..., ::4, ::4])
    inner = [0.5 * (SIDE / k) ** 2 for k in (2, 2, 4)]  # places of half an image, which is 1 off
    # of the edges: at the step 3 of 9 neighbours are of the other half, on each side; and those about the image are 0
    edges = [asymmetric_edges(x) for x in (steps.half, steps.quarter)]
    of_each = [inner[0], (inner[1] + edges[0]) / 2, (inner[2] + edges[1]) / 2]
    assert value(game.distances(steps, true)["symmetry"]) == pytest.approx(
        0.3 * (of_each[0] + of_each[1] + 1.5 * of_each[2]), rel=1e-4
    )


def asymmetric_edges(x: Tensor) -> float:
    """Σ |left - mirrored right| of the edges of an image in [-1, 1], by hand: of one channel, in [0, 1]."""
    padded = nn.functional.pad((x[0, 0] + 1) / 2, (1, 1, 1, 1)).double()
    rows, columns = x.shape[2:]
    total = sum(padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3))
    edges = 9 * padded[1:-1, 1:-1] - total
    return float((edges[:, : columns // 2] - edges.flip(1)[:, : columns // 2]).abs().sum())


@proves("objective.identity")
def _the_head_is_asked_whose_the_turned_face_is():
    game = small()
    nn.init.zeros_(game.identity[1].weight)
    nn.init.zeros_(game.identity[1].bias)
    drawn = [*game.round(repeat(BATCH))][2]
    assert value(drawn.losses["identity"]) == pytest.approx(10 * math.log(PEOPLE))
    assert game.identity[1].in_features == 4 * 8


@proves("objective.identity-features-of-the-encoder", "gradient.the-features-do-not-learn")
@cache
def _images_are_compared_in_the_last_two_layers_of_an_encoder_that_stands_still():
    game = small()
    true, made = images(2, 3, SIDE, SIDE), (-images(2, 3, SIDE, SIDE)).requires_grad_()
    before = {name: b.clone() for name, b in game.named_buffers()}
    paid = game.known_by(made, true)
    assert paid is not None
    assert all(torch.equal(b, before[name]) for name, b in game.named_buffers()), "nor do its statistics"
    assert set(slopes(paid, game)) == {None}
    assert torch.autograd.grad(paid, made, retain_graph=True)[0].any()
    one, other = (game.generator.encoder(x) for x in (made, true))
    apart = (one.code - other.code).abs().mean() + (one.maps[-1] - other.maps[-1]).abs().sum((2, 3)).mean()
    assert value(paid) == pytest.approx(40 * value(apart), rel=1e-4)
    assert value(game.known_by(true, true)) == 0
    assert small(perceptual_weight=0.0).known_by(made, true) is None


@proves("objective.another-network")
def _a_network_that_is_chosen_takes_the_encoders_place_and_nobody_elses():
    game = small(perceptual=SelfSupervised(rounds=1, width=4))
    moves = play(game, BATCH)
    assert moves[0].players == ("features",)
    assert "perceptual" not in moves[3].losses, "it is asked after it has learned"
    game.rounds = 1
    moves = [*game.round(repeat(BATCH))]
    assert "perceptual" in moves[2].losses
    assert game.trained_against is not None
    assert small().trained_against is None


@proves("objective.parts")
def _parts_are_compared_with_what_lies_where_they_are_put():
    game = small()
    faces = seen(game)
    _, made = game.rotators(cut_parts(faces.turned, faces.landmarks))
    true = frontal_parts(faces.frontal)
    apart = sum((made[name] - x).abs().sum((2, 3)).mean() / 2 for name, x in true.items())
    assert value([*game.round(repeat(BATCH))][1].losses["parts"]) == pytest.approx(3 * value(apart), rel=1e-5)


@proves("order.judge-then-twice-parts-and-all", "order.two-adams-of-the-rotators")
@cache
def _the_judge_moves_once_and_the_rest_twice_the_rotators_by_a_step_of_their_own_first():
    game = small()
    moves = play(game, BATCH)
    everybody = ("generator", "rotators", "identity")
    assert [m.players for m in moves] == [("discriminator",), *2 * [("rotators",), everybody]]
    assert [m.optims for m in moves[1:3]] == [("parts",), everybody]
    assert game.phases == {"parts": "rotators"}
    assert set(moves[2].losses) == {"pixel", "symmetry", "variation", "adversarial", "identity", "perceptual"}
    assert len([*small(generator_steps=1).round(repeat(BATCH))]) == 3
    dealt = iter([BATCH, BATCH])
    assert len([*small(discriminator_steps=2).round(dealt)]) == 6
    assert next(dealt, None) is None


@proves("gradient.the-adversary-alone-reaches-every-weight", "gradient.none-of-the-generators-in-the-judges-step")
@cache
def _the_adversary_alone_teaches_both_paths_and_the_judges_step_neither():
    game = small()
    judged, _, drawn, *_ = game.round(repeat(BATCH))
    for player in (game.generator, game.rotators):
        assert set(slopes(judged.losses["adversarial"], player)) == {None}
        assert all(slope is not None for slope in slopes(drawn.losses["adversarial"], player))
        weights = [p for p in player.parameters() if p.ndim > 1]
        found = torch.autograd.grad(drawn.losses["adversarial"], weights, retain_graph=True)
        assert all(slope.any() for slope in found)


@proves("input.mirrored-to-one-side")
def _the_far_half_lies_on_the_right():
    """As the code mirrors pictures of the cameras on one side."""
    faces, other = seen(small()), landmarks(N)
    assert torch.equal(faces.turned[0], BATCH["damaged"][0])
    assert torch.equal(faces.turned[1], BATCH["damaged"][1].flip(2))
    assert torch.equal(faces.frontal[1], BATCH["image"][1].flip(2))
    assert torch.allclose(faces.landmarks, torch.tensor(AT).expand(N, -1))
    assert not torch.equal(other[0], other[1])


@proves("input.noise")
def _noise_of_deviation_002_in_training_and_none_in_use():
    game, given = small(z_dim=2000), []
    game.generator.register_forward_pre_hook(lambda _, seen: given.append(seen[1]))
    next(game.round(repeat(BATCH)))
    assert float(given[0].std()) == pytest.approx(0.02, rel=0.05)
    game.eval().restore(BATCH)
    assert not given[1].any()


@proves("parts.light-and-maps-reach-the-last-layers")
def _the_last_layers_see_maps_and_images_of_the_parts_and_black_as_0():
    game, given = small(), []
    game.generator.register_forward_pre_hook(lambda _, seen: given.append(seen[2]))
    next(game.round(repeat(BATCH)))
    assert given[0].shape == (N, 8 + 3, SIDE, SIDE)
    assert float(given[0].min()) == 0
    for rotator in game.rotators.values():
        nn.init.zeros_(rotator.draw[0].weight)
        nn.init.constant_(rotator.draw[0].bias, -20.0)
    game.restore(BATCH)
    assert not given[1][:, 8:].any()


def trained(**options) -> TPGAN:
    """One whose running statistics are not those of the start."""
    game = small(**options)
    play(game, BATCH)
    return game.eval()


@proves("use.an-image-by-itself", "use.mirror-image")
@cache
def _a_result_is_the_images_own_and_of_a_mirror_image_the_mirrored_one():
    game = trained()
    kept = {name: b.clone() for name, b in game.named_buffers()}
    assert any(isinstance(m, BatchNorm2d) for m in game.generator.modules())
    together = game.restore(BATCH)
    alone = [game.restore({k: BATCH[k][i : i + 1] for k in ("damaged", "landmarks")}) for i in range(N)]
    assert torch.allclose(together, torch.cat(alone), atol=1e-5)
    assert all(torch.equal(b, kept[name]) for name, b in game.named_buffers())
    across = game.restore({"damaged": BATCH["damaged"].flip(3), "landmarks": mirrored(BATCH["landmarks"])})
    assert torch.allclose(across, together.flip(3), atol=1e-5)
    assert not torch.allclose(together[0], together[1], atol=1e-3)


@proves("use.landmarks", "use.size", "use.beside-and-sized")
@cache
def _landmarks_are_asked_for_and_images_have_the_size_of_the_training():
    game = trained()
    assert isinstance(game, Restoration)
    assert (game.beside, game.sized, game.times, game.network(), game.reach) == (("landmarks",), True, 1, None, None)
    moved = BATCH["landmarks"].roll(1, 1) * 0.5
    assert not torch.allclose(game.restore(BATCH), game.restore(BATCH | {"landmarks": moved}), atol=1e-4)
    with pytest.raises(UsageError, match="landmarks outside of the image: 2 of 2 faces"):
        game.restore(BATCH | {"landmarks": 40 * BATCH["landmarks"]})
    with pytest.raises(UsageError, match="TPGAN needs landmarks beside the images"):
        game.restore({"damaged": BATCH["damaged"]})
    with pytest.raises(UsageError, match="the size that it was trained with, 32×32 pixels, not 48×32"):
        game.restore({"damaged": images(1, 3, 48, 32), "landmarks": landmarks(1)})
    assert list(game.shown(lambda n: {key: x[:n] for key, x in BATCH.items()})) == ["damaged", "restored", "truth"]


@proves("without.parts", "without.labels", "without.both-pairs-of-a-and-b")
@cache
def _without_landmarks_and_people_one_path_is_left():
    game = small(data("damaged", "image", "label"), local=False)
    assert game.needs == ("damaged", "image", "label")
    assert (
        set(game.players())
        == set(game.averaged) | {"discriminator", "identity"}
        == {
            "generator",
            "discriminator",
            "identity",
        }
    )
    assert [m.players for m in play(game, BATCH)] == [("discriminator",), *2 * [("generator", "identity")]]
    pairs = small(data("a", "b", channels=1), local=False, identity_weight=0.0)
    assert pairs.needs == ("a", "b")
    assert (pairs.beside, set(pairs.players())) == ((), {"generator", "discriminator"})
    batch = {"a": images(N, 1, SIDE, SIDE), "b": -images(N, 1, SIDE, SIDE)}
    assert "identity" not in play(pairs, batch)[1].losses
    assert pairs.eval().restore({"a": batch["a"]}).shape == (N, 1, SIDE, SIDE)


@proves("data.refused")
def _data_that_it_cannot_play_on_are_refused_with_what_to_do():
    with pytest.raises(UsageError, match=r"needs landmarks and label .*--game.local false --game.identity_weight 0"):
        small(data("damaged", "image"))
    with pytest.raises(UsageError, match=r"needs label .*; choose --game.identity_weight 0, or --data faces-turned"):
        small(data("damaged", "image", "landmarks"))
    with pytest.raises(UsageError, match="sides must be multiples of 16, and 32 or more"):
        small(data(side=24))
    four = DataSpec(dict(data().fields) | {"landmarks": Field("points", (8,))})
    with pytest.raises(UsageError, match=r"landmarks are points of shape \(10,\), five of a face"):
        small(four)
    large = DataSpec(dict(data().fields) | {"image": Field("image", (3, 64, 64))})
    with pytest.raises(UsageError, match="TPGAN gives images of the size that they have; these data enlarge 2 times"):
        small(large)
    with pytest.raises(UsageError, match=r"--plan.batch 2 or more"):
        small().check_batch(1)


@proves("recipe")
def _recipes_keep_the_topology():
    faces, digits = Recipe.default("tpgan"), Recipe.default("tpgan", "digits-rotated")
    assert (faces.data.source, faces.data.size) == ("faces-turned", 64)
    plain = TPGAN.Options()
    o = replace(faces.options, width=64, discriminator_width=64, adversarial_weight=20.0, optim=plain.optim)
    assert o == plain
    assert (digits.options.local, digits.options.identity_weight, digits.data.direction) == (False, 0, "b-to-a")
    spec = spec_of(DataOptions(source="faces-turned"))
    with torch.device("meta"):
        assert len(TPGAN(spec, faces.options).identity[1].bias) == 340


@proves("settings.refused")
def _settings_that_cannot_be_are_refused():
    for wrong, words in (
        ({"pixel_weights": (1.0, -1.0, 1.0)}, r"pixel_weights\[1\] is at least 0, not -1\.0"),
        ({"part_weight": -1.0}, "part_weight"),
        ({"generator_steps": 0}, "generator_steps"),
        ({"width": 4}, "width"),
    ):
        with pytest.raises(UsageError, match=words):
            TPGAN.Options(**wrong)
