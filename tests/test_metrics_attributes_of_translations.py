"""Do translations show the label that was asked for, and the class of their input? By readers trained for it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from making import Made, game_on, scored
from torch import Tensor

from saddle.base.errors import UsageError
from saddle.data import DataOptions, Source, open_source
from saddle.data.source import Split
from saddle.metrics import reading
from saddle.metrics.attributes_changed import REAL, right
from saddle.metrics.traits import Traits
from saddle.metrics.translated import INPUT
from saddle.runs import scoring, teaching
from saddle.spec import Batch, Condition, DataSpec
from saddle.tasks import Translation

HUES = ("red", "green", "blue")
CONDITION = Condition("labels", (*HUES, "bright"), groups=(HUES,))
TRAITS = Traits(CONDITION)
NAN = float("nan")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "STEPS", 80)


def painted(label: Tensor, shape: Tensor) -> Tensor:
    """A bar that stands or lies (shape [N]), of the colour and the brightness that labels [N, 4] say, in [-1, 1]."""
    amount = (0.5 + 0.5 * label[:, 3:]) * label[:, :3]
    mask = torch.zeros(len(label), 1, 8, 8)
    mask[shape == 0, :, 2:6] = 1
    mask[shape == 1, :, :, 2:6] = 1
    return mask * amount[:, :, None, None] * 2 - 1


def bars(seed: int = 0) -> Source:
    """120 to train on, 30 held out, with their labels, and for the scores with their shapes."""
    chance = torch.Generator().manual_seed(seed)
    hue, bright, shape = (torch.randint(n, (150,), generator=chance) for n in (3, 2, 2))
    label = torch.cat([torch.eye(3)[hue], bright[:, None].float()], 1)
    image = ((painted(label, shape) + 1) * 127.5).round().to(torch.uint8)
    columns = {"image": image.numpy(), "label": label.numpy(), "label_image": shape.numpy()}
    parts = (Split({key: x[rows] for key, x in columns.items()}) for rows in (slice(120), slice(120, None)))
    return Source("bars", DataSpec.of((3, 8, 8), ("image", "label"), condition=CONDITION), *parts, f"bars {seed}")


class Asked(Translation):
    """A game that paints a bar as it is asked for; `blind`: it changes nothing; `forgets`: it turns the bar."""

    device, dtype = torch.device("cpu"), torch.float32
    needs = ("image", "label")
    takes_conditions = ("labels",)
    blind = forgets = False

    def round(self, batches):
        yield from ()

    domains = property(lambda self: ("image",))
    ways = property(lambda self: (("image", "image"),))
    asked = property(lambda self: self.data.condition)

    def translate(self, batch: Batch, to: str) -> Tensor:
        image, label = batch["image"], batch["label"]
        stands = (image[:, :, 0].amax((1, 2)) > -0.9).long()
        return image if self.blind else painted(label, 1 - stands if self.forgets else stands)


def asked(source: Source, **how: bool) -> Asked:
    game = Asked(source.spec).eval()
    game.__dict__.update(how)
    return game


def test_traits_are_read_from_labels_and_written_back() -> None:
    label = torch.tensor([[1.0, 0, 0, 1], [0, 0, 1, 0], [NAN, NAN, NAN, 1], [0, 1, 0, NAN]])
    values = TRAITS.values(label)
    assert values.tolist() == [[0, 1], [2, 0], [-1, 1], [1, -1]]
    assert TRAITS.label(values).nan_to_num(9).equal(label.nan_to_num(9))
    assert TRAITS.sizes == (3, 2)
    one = Traits(Condition("class", ("x", "y", "z")))
    assert one.label(one.values(torch.tensor([2, -1]))).tolist() == [2, -1]
    assert one.sizes == (3,)


def test_image_after_image_one_trait_changes_to_each_other_value_in_turn() -> None:
    had = torch.tensor([[1, 0]]).repeat(6, 1)
    changed = TRAITS.changed(had, torch.arange(6))
    assert TRAITS.changes == 3
    assert changed.asked.tolist() == [[2, 0], [0, 0], [1, 1]] * 2
    assert changed.trait.tolist() == [0, 0, 1] * 2
    classes = Traits(Condition("class", ("x", "y", "z")))
    assert classes.changed(torch.tensor([[0], [2]]), torch.tensor([1, 1])).asked.tolist() == [[2], [1]]


def test_the_loss_is_that_of_known_values_alone() -> None:
    logits = torch.tensor([[0.0, 0, 0, 5, 0], [9, 0, 0, 0, 0]], requires_grad=True)
    loss = TRAITS.loss(logits, torch.tensor([[1, -1], [-1, 0]]))
    assert float(loss.detach()) == pytest.approx(np.log(3) + np.log(2), abs=1e-5)
    loss.backward()
    assert logits.grad[0, 3:].abs().max() == logits.grad[1, :3].abs().max() == 0
    assert TRAITS.said(logits).tolist() == [[0, 0], [0, 0]]


def test_right_is_the_trait_that_changes_and_the_share_of_the_others() -> None:
    said, true = torch.tensor([[0, 1, 1], [1, 1, 0]]), torch.tensor([[0, 1, 0], [0, -1, 0]])
    assert right(said, true, torch.tensor([0, 0])).tolist() == [[1, 0.5], [0, 1]]


def test_a_game_that_does_as_it_is_asked_is_right_and_who_changes_nothing_is_not() -> None:
    source = bars()
    good, blind = (scored(asked(source, blind=x), source) for x in (False, True))
    assert {"attribute_accuracy", "attributes_kept", "label_accuracy", "cycle_psnr", "identity_change"} <= set(good)
    assert not {"luminance", "psnr", "l1"} & set(good)
    for name in ("attribute_accuracy", "attributes_kept", "label_accuracy"):
        assert good[name].value > 0.95
    assert blind["attribute_accuracy"].value < 0.05
    assert blind["attribute_accuracy"].value == blind["attribute_accuracy"].beside[INPUT]
    assert good["attribute_accuracy"].beside[REAL] > 0.95
    assert set(good["attribute_accuracy"].details) == {*HUES, "bright", "not bright"}
    assert blind["attributes_kept"].value > 0.95
    assert good["cycle_psnr"].value > 40, "back to the labels that it had"
    assert good["identity_change"].value < 0.01, "asked for its own labels an image stays"
    assert blind["attribute_accuracy"].fingerprint == good["attribute_accuracy"].fingerprint


def test_the_class_of_the_input_is_lost_where_a_game_forgets_it() -> None:
    source = bars()
    found = scored(asked(source, forgets=True), source, "label_accuracy", "attribute_accuracy")
    assert found["attribute_accuracy"].value > 0.95
    assert found["label_accuracy"].value < 0.05
    assert found["label_accuracy"].beside[INPUT] > 0.95
    assert found["label_accuracy"].details["points lost"] > 90


def test_samples_of_such_a_game_are_translations_to_other_labels() -> None:
    source = bars()
    sampler = scoring.ingredients.of(asked(source), source)["samples"]
    assert (sampler.count, sampler.condition) == (30, "class")
    images, shape = sampler(8)
    batch = source.heldout.take(slice(8))
    changed = TRAITS.changed(TRAITS.values(batch["label"]), torch.arange(8))
    assert images.equal(painted(TRAITS.label(changed.asked), batch["label_image"]))
    assert shape.equal(batch["label_image"])


def test_of_two_domains_the_reader_learns_from_the_target() -> None:
    source = open_source(DataOptions(source="digits-inverted", size=16))
    game = game_on(source, Made, b=lambda x: -x, a=lambda x: -x)
    assert set(teaching.class_lessons(source, "ab")) == {"a", "b"}
    right_, wrong = (scored(each, source, "label_accuracy", n=60)["label_accuracy"] for each in (game, game_on(source)))
    assert right_.value == pytest.approx(right_.beside["real images"], abs=0.1)
    assert right_.value > 0.5 > wrong.value
    assert wrong.beside[INPUT] == wrong.value
    assert "label_accuracy" in scoring.defaults(game, source, final=True)


def test_without_labels_there_is_no_such_score() -> None:
    source = bars()
    bare = replace(source, heldout=Split({"image": source.heldout.columns["image"]}))
    with pytest.raises(UsageError, match="'attribute_accuracy' needs a game whose translations are asked for labels"):
        scored(asked(bare), bare, "attribute_accuracy")
    untaught = replace(source, train=Split({k: source.train.columns[k] for k in ("image", "label")}))
    with pytest.raises(UsageError, match=r"'label_accuracy' needs .* the classes of training images"):
        scored(asked(untaught), untaught, "label_accuracy")
