"""cyclegan: two ways, two judges, and their memory."""

import math
from dataclasses import replace

import pytest
import torch
from playing import images, play, values
from seeding import seed_all
from torch import nn

from saddle.base import dist, rng
from saddle.base.errors import UsageError
from saddle.games.cyclegan import CycleGAN
from saddle.layers.pool import ImagePool
from saddle.spec import DataSpec, Field

DATA = DataSpec.of((1, 8, 8), keys=("a", "b"))
BATCH = {"a": images(4, 1, 8, 8), "b": -images(4, 1, 8, 8)}


def small(**options) -> CycleGAN:
    torch.manual_seed(0)
    seed_all(0)
    tiny = {"blocks": 1, "width": 2, "patch_layers": 1, "pool_size": 6}
    return CycleGAN(DATA, CycleGAN.Options(**tiny | options))


def test_a_round_is_the_translators_move_and_then_the_judges():
    moves = play(small(), BATCH, rounds=3)
    assert all(map(math.isfinite, values(moves)))
    assert [move.players for move in moves[:2]] == [("a_to_b", "b_to_a"), ("judge_a", "judge_b")]
    assert set(moves[0].losses) == {"adversarial_a", "adversarial_b", "cycle", "identity"}


class Scaled(nn.Module):
    def __init__(self, factor: float):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return self.factor * x


def test_translators_that_change_nothing_have_no_cycle_or_identity_loss():
    game = small()
    game.a_to_b = game.b_to_a = nn.Identity()
    losses = next(game.round(iter([BATCH]))).losses
    assert float(losses["cycle"]) == float(losses["identity"]) == 0
    expected = (game.judge_b(BATCH["a"]) - 1).square().mean()
    assert float(losses["adversarial_b"]) == pytest.approx(float(expected), rel=1e-5)


def test_each_cycle_goes_there_with_one_translator_and_back_with_the_other():
    game = small()
    game.a_to_b, game.b_to_a = Scaled(2.0), Scaled(0.5)
    losses = next(game.round(iter([BATCH]))).losses
    size = {domain: float(x.abs().mean()) for domain, x in BATCH.items()}
    assert float(losses["cycle"]) == pytest.approx(0, abs=1e-6)
    assert float(losses["identity"]) == pytest.approx(5 * (0.5 * size["a"] + size["b"]), rel=1e-5)
    game.b_to_a = Scaled(1.0)
    assert float(next(game.round(iter([BATCH]))).losses["cycle"]) == pytest.approx(
        10 * (size["a"] + size["b"]), rel=1e-5
    )


def test_the_judges_loss_is_halved_and_the_translators_is_not():
    game = small()
    for judge in (game.judge_a, game.judge_b):
        for p in judge.parameters():
            nn.init.zeros_(p)
    translators, judges = game.round(iter([BATCH]))
    assert float(translators.losses["adversarial_a"]) == float(translators.losses["adversarial_b"]) == 1.0
    assert float(judges.losses["adversarial_a"]) == float(judges.losses["adversarial_b"]) == 0.5


def test_fakes_are_attached_in_the_translators_move_and_detached_in_the_judges():
    game = small(cycle_weight=0.0, identity_weight=0.0)
    translators, judges = game.round(iter([BATCH]))
    sum(judges.losses.values()).backward()
    assert all(p.grad is None for way in (game.a_to_b, game.b_to_a) for p in way.parameters())
    assert "identity" not in translators.losses
    sum(translators.losses.values()).backward()
    assert all(way[1].weight.grad.any() for way in (game.a_to_b, game.b_to_a))


def test_translating_gives_for_each_domain_its_image_in_the_other():
    game = small().eval()
    assert torch.equal(game.translate({"a": BATCH["a"]}, "b"), game.a_to_b(BATCH["a"]))
    assert torch.equal(game.translate({"b": BATCH["b"]}, "a"), game.b_to_a(BATCH["b"]))


def test_the_learning_rate_is_constant_for_half_the_run_and_then_falls_to_nothing():
    optim = CycleGAN.Options().optim
    assert [optim.at(0, progress)["lr"] for progress in (0.0, 0.5, 0.75, 1.0)] == pytest.approx([2e-4, 2e-4, 1e-4, 0.0])


@pytest.mark.parametrize(("side", "blocks", "expected"), [(128, None, 6), (256, None, 9), (256, 2, 2)])
def test_a_generator_has_the_papers_blocks_unless_told_otherwise(side, blocks, expected):
    with torch.device("meta"):
        game = CycleGAN(DataSpec.of((3, side, side), keys=("a", "b")), CycleGAN.Options(blocks=blocks))
    assert sum(type(m).__name__ == "Residual" for m in game.a_to_b) == expected


def test_domains_that_it_would_never_see_are_refused():
    image = Field("image", (1, 8, 8))
    fields = {"a": image, "b": replace(image, title="zebras"), "c": replace(image, title="okapis")}
    with pytest.raises(
        UsageError, match=r"2 domains, and these data have 3; it would never see okapis; .* a and zebras"
    ):
        CycleGAN(DataSpec(fields, domains=(("a",), ("b",), ("c",))))


def test_data_without_two_domains_are_refused():
    with pytest.raises(UsageError, match="CycleGAN needs batches with a, b; this data has image"):
        CycleGAN(DataSpec.of((1, 8, 8)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pool_size": -1}, "pool_size is at least 0, not -1"),
        ({"cycle_weight": -1.0}, "cycle_weight is at least 0, not -1"),
        ({"patch_layers": -1}, "patch_layers is from 0 to 1,000, not -1"),
    ],
)
def test_a_setting_out_of_range_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        CycleGAN.Options(**options)


def numbered(first: int, n: int) -> torch.Tensor:
    return torch.arange(first, first + n, dtype=torch.float32).view(n, 1, 1, 1)


def test_the_pool_fills_with_what_it_shows_and_then_shows_half_the_new_and_half_old():
    """In the long run an old image is 2N queries old when it comes out; every image comes out once at most."""
    seed_all(0)
    pool, shown = ImagePool(50, (1, 1, 1)), []
    for query in range(3000):
        shown += pool(numbered(query * 4, 4)).flatten().tolist()
    assert shown[:48] == list(map(float, range(48)))
    late = [(query, image) for query, image in enumerate(shown) if query >= 2000]
    new = sum(query == image for query, image in late) / len(late)
    ages = [query - image for query, image in late if query != image]
    assert new == pytest.approx(0.5, abs=0.02)
    assert sum(ages) / len(ages) == pytest.approx(100, rel=0.06)
    assert min(ages) >= 1, "an image may come back within its own batch, not before it came"
    seen_after_filling = shown[50:]
    assert len(set(seen_after_filling)) == len(seen_after_filling)
    stored = pool.images.flatten().tolist()
    assert sorted([*stored, *seen_after_filling]) == list(map(float, range(12000))), "returned + stored = inserted"


def test_the_pool_is_that_of_images_one_by_one():
    seed_all(7)
    pool, decisions = ImagePool(3, (1, 1, 1)), []
    given = [numbered(10 * i, 5) for i in range(1, 9)]
    shown = [pool(images).flatten().tolist() for images in given]
    seed_all(7)
    memory, expected = [], []
    for batch in given:
        decisions = list(zip((rng.rand(5) < 0.5).tolist(), rng.randint(3, 5).tolist(), strict=True))
        row = []
        for (swap, place), image in zip(decisions, batch.flatten().tolist(), strict=True):
            if len(memory) < 3:
                memory.append(image)
                row.append(image)
            elif swap:
                row.append(memory[place])
                memory[place] = image
            else:
                row.append(image)
        expected.append(row)
    assert shown == expected
    assert pool.images.flatten().tolist() == memory


def test_a_pool_of_none_shows_the_newest():
    x = numbered(0, 4)
    assert torch.equal(ImagePool(0, (1, 1, 1))(x), x)


def test_what_a_pool_shows_has_no_gradient_and_is_a_copy():
    pool = ImagePool(4, (1, 1, 1))
    x = numbered(0, 4).requires_grad_()
    shown = pool(x)
    assert not shown.requires_grad
    pool.images.zero_()
    assert shown.flatten().tolist() == [0, 1, 2, 3]


def run_pool(pool: ImagePool, share: tuple[int, int], batch: torch.Tensor, query: int) -> torch.Tensor:
    index, count = share
    part = len(batch) // count
    with rng.share(index, count):
        seed_all("pool", query)
        return pool(batch[index * part : (index + 1) * part])


def test_micro_batches_see_the_pool_of_the_whole_batch():
    whole, parts = ImagePool(5, (1, 1, 1)), ImagePool(5, (1, 1, 1))
    for query in range(10):
        batch = numbered(8 * query, 8)
        expected = run_pool(whole, (0, 1), batch, query)
        got = torch.cat([run_pool(parts, (i, 4), batch, query) for i in range(4)])
        assert torch.equal(got, expected)
        assert torch.equal(parts.images, whole.images)


def test_processes_see_the_pool_of_the_whole_batch(monkeypatch):
    """Two processes of two micro-batches each: part i · 2 + r is micro-batch i of rank r."""
    whole, ranks = ImagePool(5, (1, 1, 1)), [ImagePool(5, (1, 1, 1)) for _ in range(2)]
    for query in range(10):
        batch = numbered(8 * query, 8)
        expected = run_pool(whole, (0, 1), batch, query)
        got: list[torch.Tensor] = []
        for micro in range(2):
            sent: list[list[torch.Tensor]] = [[], []]
            for rank in range(2):  # what each would send, from a copy of its pool
                rehearsal = ImagePool(5, (1, 1, 1))
                rehearsal.load_state_dict(ranks[rank].state_dict())
                monkeypatch.setattr(dist, "gather", lambda x, mine=sent[rank]: mine.append(x) or x)
                run_pool(rehearsal, (micro * 2 + rank, 4), batch, query)
            monkeypatch.setattr(dist, "world", lambda: 2)
            for rank in range(2):
                messages = iter([torch.cat(pair) for pair in zip(*sent, strict=True)])
                monkeypatch.setattr(dist, "gather", lambda x, messages=messages: next(messages))
                monkeypatch.setattr(dist, "rank", lambda rank=rank: rank)
                got.append(run_pool(ranks[rank], (micro * 2 + rank, 4), batch, query))
            monkeypatch.undo()
        assert torch.equal(torch.cat(got), expected)
        assert torch.equal(ranks[0].images, ranks[1].images)
        assert torch.equal(ranks[0].images, whole.images)


def test_without_a_recipe_a_batch_is_one_image_of_each_domain():
    assert CycleGAN.batch == 1
