"""StarGAN: every line of its fact sheet on sets of labels and on use, with what proves it."""

import pytest
import torch
from playing import images, play
from seeding import seed_all
from sheets import Sheet, value
from test_sheet_stargan import BATCH, CONDITION, DATA, NAN, ROWS, moves, small, watched
from torch import Tensor, nn

from saddle.base.errors import UsageError
from saddle.data import DataOptions, open_source
from saddle.games._attributes import Attributes
from saddle.games.stargan import StarGAN
from saddle.optim import Adam
from saddle.spec import Condition, DataSpec, conditions

SHEET = Sheet(
    *("labels.drawn-from-the-data", "use.alone", "mask.layout", "mask.unknown-slice-has-no-gradient"),
    *("mask.both-sets-in-one-round", "mask.new-labels-are-of-its-set", "mask.unlabelled-teach-what-is-real"),
    *("mask.sets-refused", "mask.data-apart", "mask.half-known-needs-sets", "users.hair", "users.binary"),
    *("users.class", "users.as-it-is", "users.several-sets-at-once", "users.any-size", "users.names-the-domain"),
    "users.own-labels",
)
proves = SHEET.proves
SETS = "black,blond;male,young"


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


def apart() -> dict[str, Tensor]:
    label = BATCH["label"].clone()
    label[:2, 2:], label[2:, :2] = NAN, NAN
    return BATCH | {"label": label}


@proves("labels.drawn-from-the-data")
def _new_labels_are_rows_of_the_data_as_often_as_they_occur():
    game = small()
    drawn = [tuple(row) for row in game.draw(3000).tolist()]
    assert set(drawn) == set(ROWS)
    assert all(drawn.count(row) / 3000 == pytest.approx(1 / 3, abs=0.03) for row in ROWS)
    classes = small(DataSpec.of((3, 16, 16), ("image", "label"), ("a", "b"), distribution=(0.25, 0.75)))
    assert float(classes.draw(3000)[:, 1].mean()) == pytest.approx(0.75, abs=0.03)


@proves("use.alone")
def _a_translation_does_not_depend_on_the_other_images():
    game = small(label_sets=SETS)
    label = torch.tensor([[1.0, NAN, NAN, NAN], [NAN, NAN, 1.0, NAN], [NAN] * 4, [0.0, 1.0, 0.0, 0.0]])
    batch = BATCH | {"label": label}
    together = game.translate(batch, "image")
    for i in range(4):
        alone = game.translate({key: x[i : i + 1] for key, x in batch.items()}, "image")
        assert torch.allclose(alone, together[i : i + 1], atol=1e-5)


@proves("mask.layout")
def _the_generator_is_told_the_labels_of_one_set_zeros_and_which_set_it_is():
    attributes = Attributes.of(CONDITION, SETS)
    told = attributes.vector(apart()["label"], torch.tensor([0, 0, 1, 1]))
    assert told.tolist() == [[1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1], [0, 0, 0, 1, 0, 1]]
    assert attributes.size == 6


@proves("mask.unknown-slice-has-no-gradient")
def _the_names_of_labels_that_are_not_known_are_neither_right_nor_wrong():
    logits = images(4, 4).requires_grad_()
    attributes = Attributes.of(CONDITION, SETS)
    attributes.losses(logits, apart()["label"]).sum().backward()
    assert logits.grad is not None
    assert not logits.grad[:2, 2:].any()
    assert not logits.grad[2:, :2].any()
    assert logits.grad[:2, :2].all()
    assert logits.grad[2:, 2:].all()


@proves("mask.both-sets-in-one-round", "mask.new-labels-are-of-its-set")
def _images_of_both_sets_are_in_one_step_and_each_is_told_labels_of_its_own():
    game = small(partial(DATA), label_sets=SETS)
    seen = watched(game)
    made = moves(game, apart())
    assert [move.players for move in made] == [("discriminator",), ("generator",)]
    for _, told in seen:
        assert told[:, 4:].tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]
        assert not told[:2, 2:4].any()
        assert not told[2:, :2].any()
    each = game.attributes.losses(game.judge(BATCH["image"]).classes, apart()["label"])
    assert value(made[0].losses["classes"]) == pytest.approx(value(each.sum(1).mean()), rel=1e-5)


def partial(data: DataSpec) -> DataSpec:
    return DataSpec(data.fields, partial=True, distribution=data.distribution)


@proves("mask.unlabelled-teach-what-is-real")
def _an_image_without_labels_is_judged_and_translated_and_no_more():
    data = DataSpec.of((3, 16, 16), ("image", "label"), ("a", "b"), partial=True)
    game = small(data)
    judged, drawn = moves(game, {"image": BATCH["image"], "label": torch.full((4,), -1)})
    assert value(judged.losses["classes"]) == value(drawn.losses["reconstruction"]) == 0
    assert value(drawn.losses["classes"]) > 0
    assert all(torch.isfinite(loss) for move in (judged, drawn) for loss in move.losses.values())


@proves("mask.sets-refused")
def _sets_that_are_none_are_refused():
    for sets, says in {
        "black,blond;male,bald": "no label 'bald'",
        "black,blond,male;male,young": "'male' is named twice",
        "black,blond;male": "in none is young",
        "black,male;blond,young": "black, blond exclude each other",
    }.items():
        with pytest.raises(UsageError, match=says):
            small(label_sets=sets)
    with pytest.raises(UsageError, match="exclude each other"):
        small(DataSpec.of((3, 16, 16), ("image", "label"), ("a", "b")), label_sets="a;b")


@proves("mask.data-apart")
def _there_are_digits_of_which_half_are_labelled_in_one_way_and_half_in_another():
    source = open_source(DataOptions(source="digits-coloured:apart", size=16))
    whole = open_source(DataOptions(source="digits-coloured", size=16))
    label, truth = (torch.from_numpy(each.train.columns["label"][:]) for each in (source, whole))
    known = Attributes.of(source.spec.condition, "red,green,blue,inverted;thin,normal,bold").known(label)
    assert (known.sum(1) == 1).all()
    assert known.float().mean(0).tolist() == [0.5, 0.5]
    assert torch.equal(label.nan_to_num(-1)[~label.isnan()], truth[~label.isnan()])
    assert not torch.isnan(torch.from_numpy(source.heldout.columns["label"][:])).any()
    assert source.spec.partial
    assert not whole.spec.partial
    shares = torch.tensor(source.spec.distribution).mean(0)
    assert torch.allclose(shares, truth.mean(0), atol=0.05)
    with pytest.raises(UsageError, match="digits-coloured:apart"):
        open_source(DataOptions(source="digits-coloured:together"))


@proves("mask.half-known-needs-sets")
def _data_whose_labels_are_known_in_part_want_to_be_told_which_belong_together():
    with pytest.raises(UsageError, match=r"say with game\.label_sets"):
        small(partial(DATA))
    assert small(partial(DATA), label_sets="black,blond,male,young").attributes.size == 4


class Painter(nn.Module):
    """Draws the labels that it is told, one a column of the image, over what is there already where they are not 0."""

    def forward(self, x, label):
        drawn = x.clone()
        drawn[:, 0, 0, : label.shape[1]] = label
        return drawn


def told(game: StarGAN, likely: list[float], **asked: float) -> list[float]:
    """What the generator is told of an image whose labels the critic believes with these probabilities."""
    game.generator = Painter()
    chances = torch.tensor([likely])
    game.classify = lambda image: chances.log()  # type: ignore[method-assign]
    label = torch.tensor([[asked.get(name, NAN) for name in CONDITION.names]])
    drawn = game.translate({"image": BATCH["image"][:1], "label": label}, "image")
    return drawn[0, 0, 0, : game.attributes.size].tolist()


@proves("users.hair")
def _who_becomes_blond_is_no_longer_black_haired():
    assert told(small(), [0.9, 0.1, 0.2, 0.8], blond=1.0) == [0, 1, 0, 1]
    assert told(small(), [0.9, 0.1, 0.2, 0.8], black=0.0) == [0, 1, 0, 1]


@proves("users.binary")
def _a_label_that_is_on_or_off_changes_alone():
    assert told(small(), [0.9, 0.1, 0.2, 0.8], male=1.0) == [1, 0, 1, 1]
    assert told(small(), [0.9, 0.1, 0.2, 0.8], young=0.0) == [1, 0, 0, 0]


@proves("users.class")
def _every_class_can_be_asked_for_and_minus_1_is_as_it_is():
    game = small(DataSpec.of((3, 16, 16), ("image", "label"), ("a", "b", "c")))
    game.generator = Painter()
    game.classify = lambda image: torch.tensor([[0.1, 0.2, 0.7]]).log().expand(len(image), 3)  # type: ignore[method-assign]
    drawn = game.translate({"image": BATCH["image"], "label": torch.tensor([0, 1, 2, -1])}, "image")
    assert drawn[:, 0, 0, :3].argmax(1).tolist() == [0, 1, 2, 2]
    assert game.asked == Condition("class", ("a", "b", "c"))


@proves("users.as-it-is")
def _what_is_not_asked_for_is_as_the_critic_names_it():
    assert told(small(), [0.3, 0.7, 0.2, 0.8]) == [0, 1, 0, 1]
    game = small()
    without = game.translate({"image": BATCH["image"]}, "image")
    nothing = {"image": BATCH["image"], "label": torch.full((4, 4), NAN)}
    assert torch.equal(without, game.translate(nothing, "image"))


@proves("users.several-sets-at-once")
def _what_is_asked_of_two_sets_takes_two_translations_and_of_one_takes_one():
    game = small(label_sets=SETS)
    seen = watched(game)
    for label, masks in (([1.0, NAN, 1.0, NAN], [[1, 0], [0, 1]]), ([NAN, NAN, NAN, 1.0], [[0, 1]])):
        seen.clear()
        game.translate({"image": BATCH["image"][:1], "label": torch.tensor([label])}, "image")
        assert [told[0, 4:].tolist() for _, told in seen] == masks


@proves("users.any-size")
def _images_of_another_size_are_translated_at_their_own():
    x = images(1, 3, 24, 40)
    label = torch.tensor([[NAN, 1.0, NAN, NAN]])
    assert small().translate({"image": x, "label": label}, "image").shape == x.shape
    assert (small().multiple("image", "image"), small().smallest("image", "image")) == (4, 8)


@proves("users.names-the-domain")
def _the_critic_says_which_labels_an_image_shows():
    seed_all(0)
    game = small(DATA, optim=Adam(lr=3e-3))
    play(game, BATCH, 100)
    chances = game.classify(BATCH["image"]).exp()
    assert torch.equal((chances >= 0.5).float(), BATCH["label"])
    assert torch.allclose(chances[:, :2].sum(1), torch.ones(4))
    assert (game.classifies, game.exclusive) == (CONDITION.names, False)


@proves("users.own-labels")
def _labels_known_in_part_are_completed_by_those_of_the_next_image_that_knows_them():
    rows = torch.tensor([[1.0, NAN], [NAN, 5.0], [2.0, NAN], [NAN, NAN]])
    assert conditions.completed(rows).tolist() == [[1, 5], [2, 5], [2, 5], [1, 5]]
    assert conditions.completed(torch.tensor([[1.0, NAN]])).shape == (0, 2)
    known = torch.tensor([[1.0, 2.0], [NAN, 3.0]])
    assert conditions.distribution(Condition("numbers", ("a", "b")), known) == ((1.0, 2.0),)
