"""Do the images that one latent shows in two domains belong together?"""

from dataclasses import replace

import pytest
import torch
from making import scored
from torch import Tensor, nn

from saddle.base import rng
from saddle.base.errors import UsageError
from saddle.data import DataOptions, Judged, Source, open_source
from saddle.metrics import reading
from saddle.metrics.pairs_of_latents import CHANCE, Together, agreement, difference
from saddle.runs import scoring
from saddle.tasks import Synthesis

BOTH = ["pair_agreement", "pair_difference"]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "STEPS", 150)


class Coupled(Synthesis):
    """A game whose latent is the place of a digit; `apart`: the second domain shows another one."""

    device, dtype = torch.device("cpu"), torch.float32
    needs = ("a", "b")
    apart = False

    def round(self, batches):
        yield from ()

    def noise(self, n: int, label: Tensor | None = None) -> Tensor:
        return rng.randint(len(self.digits), n)[:, None].float()

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.digits[z[:, 0].long()]

    def together(self, z: Tensor, label: Tensor | None = None) -> dict[str, Tensor]:
        return {"a": self.decode(z), "b": -self.decode(z.roll(7, 0) if self.apart else z)}


@pytest.fixture(scope="module")
def source() -> Source:
    return open_source(DataOptions(source="digits-inverted", size=16))


def coupled(source: Source, apart: bool = False) -> Coupled:
    game = Coupled(source.spec).eval()
    game.digits, game.apart = source.heldout.take(slice(None))["a"], apart
    game.generator = nn.Identity()
    return game


def test_pairs_that_belong_together_agree_and_others_do_by_chance(source: Source) -> None:
    game = coupled(source)
    assert {*BOTH} <= {*scoring.defaults(game, source, final=True)}
    good, bad = (scored(coupled(source, apart), source, *BOTH) for apart in (False, True))
    assert good["pair_agreement"].value > 0.85
    assert bad["pair_agreement"].value < 0.25
    assert good["pair_agreement"].beside[CHANCE] < 0.2
    assert good["pair_agreement"].details.keys() == {"reader of a", "reader of b"}
    assert min(good["pair_agreement"].details.values()) > 0.85
    assert good["pair_difference"].value == 0
    assert bad["pair_difference"].value == pytest.approx(good["pair_difference"].beside[CHANCE], rel=0.1)
    assert good["pair_agreement"].fingerprint["latents"] == 1000


def test_the_difference_is_from_what_the_data_say(source: Source) -> None:
    a = torch.tensor([[[[-1.0, 0.5]]], [[[0.0, 0.0]]]])
    b = torch.tensor([[[[1.0, -0.5]]], [[[0.5, 0.5]]]])
    found = difference(Together({"a": a, "b": b}, {}, lambda key: pytest.fail("is not read"), lambda x: -x))
    assert found.value == pytest.approx((0 + 0.25) / 2)
    assert found.beside[CHANCE] == pytest.approx(0.375)


def test_without_classes_or_a_relation_there_is_no_such_score(source: Source) -> None:
    game = coupled(source)
    unrelated = replace(source, judged=Judged())
    with pytest.raises(UsageError, match=r"'pair_difference' needs .* data that say what belongs together"):
        scored(game, unrelated, "pair_difference")
    bare = replace(source.train, columns={k: source.train.columns[k] for k in "ab"}, domains=(("a",), ("b",)))
    with pytest.raises(UsageError, match=r"'pair_agreement' needs .* the classes of training images of each"):
        scored(game, replace(source, train=bare), "pair_agreement")


def test_agreement_is_the_share_of_latents_and_chance_the_product_of_shares(monkeypatch) -> None:
    said = {"a": torch.tensor([0, 1, 1, 0]), "b": torch.tensor([0, 1, 0, 0])}

    class Says:
        def __init__(self, key):
            self.key = key

        def read(self, images):
            return said[self.key][: len(images), None]

    class Lesson:
        def __init__(self, key):
            self.key, self.traits = key, Two()

    class Two:
        class condition:
            names = ("x", "y")

    monkeypatch.setattr("saddle.metrics.pairs_of_latents.reader", lambda lesson: Says(lesson.key))
    images = {key: torch.zeros(4, 1, 2, 2) for key in "ab"}
    real = images["a"][:2], torch.tensor([0, -1])
    found = agreement(Together(images, {key: Lesson(key) for key in "ab"}, lambda key: real))
    assert found.value == 0.75
    assert found.beside[CHANCE] == pytest.approx(0.5 * 0.75 + 0.5 * 0.25)
    assert found.details == {"reader of a": 1, "reader of b": 1}
