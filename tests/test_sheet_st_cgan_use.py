"""ST-CGAN: every line of its fact sheet on use and settings, with what proves it."""

import pytest
import torch
from playing import images, play
from seeding import seed_all
from sheets import Sheet, count
from test_sheet_st_cgan import BATCH, SIDES, small
from torch import nn

from saddle.base.errors import UsageError
from saddle.data import DataOptions, open_source
from saddle.games.st_cgan import STCGAN
from saddle.layers.norm import BatchOfOneNorm2d
from saddle.optim import Adam, Constant
from saddle.penalties import R1
from saddle.runs.recipe import Recipe
from saddle.runs.translations import translations
from saddle.spec import DataSpec, Field

SHEET = Sheet(
    *("norm.each-its-own", "range.mask", "use.ways-and-what-is-written", "use.a-mask-by-hand"),
    *("use.scores-and-pictures-are-of-found-masks", "use.other-sizes", "alone.detector", "alone.refused-unasked"),
    *("data.refused", "adam", "batch.eight", "init.normal", "recipe", "settings.refused"),
)
proves = SHEET.proves


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("norm.each-its-own")
def _others_in_the_batch_change_nothing_in_training_and_in_use():
    game = small(penalties=(R1(),))
    assert {type(m) for m in game.generator.modules() if "Norm" in type(m).__name__} == {BatchOfOneNorm2d}
    assert not [name for name, _ in game.generator.named_buffers()]
    for p in game.generator.parameters():
        nn.init.normal_(p, std=0.3)
    for to in ("mask", "b"):
        alone = torch.cat([game.translate({"a": each}, to) for each in BATCH["a"].split(1)])
        assert torch.allclose(game.translate(BATCH | {"mask": BATCH["mask"]}, "mask"), game.translate(BATCH, "mask"))
        assert torch.allclose(game.train().translate({"a": BATCH["a"]}, to), alone, atol=1e-5)
        assert torch.equal(game.eval().translate({"a": BATCH["a"][:1]}, to), alone[:1])
    assert all(torch.isfinite(next(game.round(iter([BATCH]))).losses[f"r1_{domain}"]) for domain in ("mask", "b"))


@proves("range.mask")
def _a_mask_lies_between_minus_1_and_1_in_and_out():
    game, seen = small(), []
    game.discriminator["mask"].register_forward_pre_hook(lambda _, given: seen.append(given[0][:, 3:]))
    next(game.round(iter([BATCH])))
    assert sorted(seen[0].unique().tolist()) == [-1, 1]
    assert seen[1].abs().max() <= 1
    assert isinstance(game.generator["mask"].up[-1][-1], nn.Tanh)


@proves("use.ways-and-what-is-written")
def _an_image_becomes_a_mask_and_an_image_without_shadow_and_both_are_written():
    game = small()
    assert game.ways == (("a", "mask"), ("a", "b"))
    assert game.written == ("mask", "b")
    assert game.way() == ("a", "b")
    assert game.translate({"a": BATCH["a"]}, "mask").shape == (4, 1, *SIDES)
    assert game.translate({"a": BATCH["a"]}, "b").shape == (4, 3, *SIDES)
    columns = game.shown(lambda n: {key: x[:n] for key, x in BATCH.items()})
    assert list(columns) == ["a", "a as mask", "a as b", "mask", "b"]
    with pytest.raises(UsageError, match="from 'a' to 'a' there is nothing to translate"):
        game.translate(BATCH, "a")


@proves("use.a-mask-by-hand")
def _a_mask_of_the_users_takes_the_place_of_the_found_one():
    game, shown = small(), []
    assert game.beside == ("mask",)
    found = game.translate({"a": BATCH["a"]}, "b")
    game.generator["b"].register_forward_pre_hook(lambda _, given: shown.append(given[0][:, 3:]))
    own = game.translate({"a": BATCH["a"], "mask": BATCH["mask"]}, "b")
    assert torch.equal(shown[0], 2 * BATCH["mask"] - 1)
    assert not torch.equal(own, found)
    assert torch.equal(game.translate({"a": BATCH["a"], "mask": BATCH["mask"]}, "mask"), 2 * BATCH["mask"] - 1)


@proves("use.scores-and-pictures-are-of-found-masks")
def _the_true_mask_of_held_out_images_is_never_told():
    """Data have the mask beside the image, and a score of what a given mask made of it would flatter."""
    source = open_source(DataOptions(source="shadows", size=32))
    seed_all(0)
    game, shown = STCGAN(source.spec, STCGAN.Options(width=4)).eval(), []
    game.generator["b"].register_forward_pre_hook(lambda _, given: shown.append(given[0]))
    game.shown(lambda n: source.heldout.take(slice(n)))
    way = next(way for way in translations(game, source, 0).ways if way.name.endswith("clear"))
    assert next(iter(way.parts(4, False))).truth is not None
    assert [len(x) for x in shown] == [8, 4]
    for x in shown:
        assert torch.allclose(x[:, 3:], game.generator["mask"](x[:, :3]))


@proves("use.other-sizes")
def _other_sizes_that_halve_evenly_are_translated():
    game = small()
    assert game.multiple("a", "b") == game.smallest("a", "mask") == 32
    assert game.translate({"a": images(1, 3, 32, 64)}, "b").shape == (1, 3, 32, 64)


@proves("alone.detector")
def _without_removal_it_learns_to_find_shadows_from_data_without_clean_images():
    game = small("a", "mask", removes=False)
    assert game.needs == game.domains == ("a", "mask")
    assert (game.ways, game.written, game.beside) == ((("a", "mask"),), ("mask",), ())
    assert list(game.generator) == list(game.discriminator) == ["mask"]
    judged, drawn = play(game, {"a": BATCH["a"], "mask": BATCH["mask"]})
    assert set(judged.losses) == {"adversarial_mask"}
    assert set(drawn.losses) == {"detection", "adversarial_mask"}
    assert count(game.generator["mask"]) == count(small().generator["mask"])


@proves("alone.refused-unasked")
def _it_never_leaves_removal_out_by_itself():
    with pytest.raises(UsageError, match=r"these data have none; choose --game\.removes false, .*triples:PATH"):
        small("a", "mask")
    with pytest.raises(UsageError, match="needs batches with a, mask, b; this data has a, b"):
        small("a", "b")


@proves("data.refused")
def _a_mask_has_two_values():
    image = Field("image", (3, *SIDES))
    with pytest.raises(UsageError, match="masks of two values; the mask of these data is images"):
        STCGAN(DataSpec({"a": image, "mask": Field("image", (1, *SIDES)), "b": image}))


@proves("adam")
def _adam_has_the_papers_constants():
    optim = STCGAN.Options().optim
    assert isinstance(optim, Adam)
    assert (optim.lr, optim.betas, optim.schedule) == (2e-4, (0.5, 0.999), Constant())


@proves("batch.eight")
def _without_a_recipe_a_batch_is_eight():
    assert Recipe.default("st-cgan", "triples:istd").plan.batch == 8


@proves("init.normal")
def _weights_start_with_a_deviation_of_02():
    game = small(width=16)
    for module in (*game.generator.modules(), *game.discriminator.modules()):
        if isinstance(module, nn.modules.conv._ConvNd) and module.weight.numel() > 10_000:
            assert float(module.weight.detach().std()) == pytest.approx(0.02, rel=0.05)


@proves("recipe")
def _shadows_have_a_recipe():
    recipe = Recipe.default("st-cgan")
    assert recipe.data.source == "shadows"
    assert (recipe.options.removal_weight, recipe.options.removes) == (5.0, True)


@proves("settings.refused")
def _settings_that_cannot_be_are_refused():
    for options, words in (
        ({"removal_weight": -1.0}, r"removal_weight is at least 0, not -1\.0"),
        ({"levels": 0}, "levels is from 1 to 1,000 or none, not 0"),
        ({"width": 0}, "width is at least 1, not 0"),
        ({"adversarial_weights": (0.1, -1.0)}, r"adversarial_weights\[1\] is at least 0, not -1\.0"),
        ({"levels": 10**9}, "levels is from 1 to 1,000 or none, not 1000000000"),
    ):
        with pytest.raises(UsageError, match=words):
            small(**options)
