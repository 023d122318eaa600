"""The sampler and the stream: which sample comes when, and who gets it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from saddle.base import dist
from saddle.base.errors import UsageError
from saddle.data import labels as some_labels
from saddle.data.sampler import coins, places
from saddle.data.source import Split
from saddle.data.stream import Stream
from saddle.spec import Batch, DataSpec

seeds = st.integers(0, 2**63 - 1)
N = 37


def numbered(n: int = N, m: int = 23) -> Split:
    """Images that carry their own number, with it as the label; and an unpaired domain of m more."""
    image = np.arange(n, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 2, 3), np.uint8)
    image[..., 0] += 100  # a left and a right
    other = np.arange(m, dtype=np.float32)[:, None]
    return Split({"image": image, "label": np.arange(n), "other": other}, domains=(("image", "label"), ("other",)))


SPEC = DataSpec.of((1, 2, 3), ("image", "label", "other"))


def stream(batch_size: int = 12, seed: int = 3, **settings: object) -> Stream:
    return Stream(numbered(), SPEC, batch_size, seed, **settings)  # type: ignore[arg-type]


def taken(of: Stream, start: int, count: int) -> list[list[Batch]]:
    return [batches for batches, _ in zip(of.batches(start), range(count), strict=False)]


def whole(parts: list[Batch]) -> Batch:
    return {key: torch.cat([part[key] for part in parts]) for key in parts[0]}


def same(one: Batch, other: Batch) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@given(seeds, st.integers(1, 60), st.integers(0, 5))
def test_each_epoch_is_a_permutation(seed: int, n: int, epoch: int) -> None:
    assert sorted(places(seed, "image", n, epoch * n, n)) == list(range(n))


@given(seeds, st.integers(1, 60), st.integers(0, 300), st.integers(0, 200), st.integers(0, 200))
def test_draws_continue_where_earlier_ones_ended(seed: int, n: int, start: int, first: int, second: int) -> None:
    together = places(seed, "image", n, start, first + second)
    apart = [places(seed, "image", n, start, first), places(seed, "image", n, start + first, second)]
    assert together.tolist() == np.concatenate(apart).tolist()
    assert coins(seed, "a", start, first + second)[first:].tolist() == coins(seed, "a", start + first, second).tolist()


def test_epochs_seeds_and_keys_have_permutations_of_their_own() -> None:
    orders = [places(seed, key, 50, epoch * 50, 50) for seed in (0, 1) for key in ("a", "b") for epoch in (0, 1)]
    assert len({tuple(order) for order in orders}) == 8


def test_the_order_is_the_same_on_every_machine() -> None:
    assert places(0, "image", 10, 8, 6).tolist() == [0, 4, 4, 5, 0, 3]


def test_coins_are_fair_and_independent_of_their_neighbours() -> None:
    tossed = coins(1, "image", 0, 100_000).astype(float)
    assert abs(tossed.mean() - 0.5) < 0.01
    assert abs(np.corrcoef(tossed[1:], tossed[:-1])[0, 1]) < 0.015


def test_nothing_can_be_drawn_from_no_samples() -> None:
    with pytest.raises(ValueError, match="no samples"):
        places(0, "image", 0, 0, 1)


@settings(max_examples=30)
@given(seeds, st.integers(1, 3), st.sampled_from([1, 2, 4]), st.booleans(), st.integers(0, 9))
def test_any_share_out_among_processes_and_micro_batches_makes_the_same_batch(
    seed: int, micro_batches: int, world: int, flip: bool, number: int
) -> None:
    (alone,) = taken(stream(24, seed, flip=flip), number, 1)[0]
    parts: dict[int, Batch] = {}
    for rank in range(world):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dist, "rank", lambda rank=rank: rank)
            patch.setattr(dist, "world", lambda: world)
            shares = taken(stream(24, seed, flip=flip, micro_batches=micro_batches), number, 1)[0]
        parts |= {i * world + rank: share for i, share in enumerate(shares)}
    assert same(whole([parts[i] for i in range(micro_batches * world)]), alone)


@settings(max_examples=20)
@given(st.integers(0, 12), st.booleans())
def test_starting_at_k_equals_skipping_k(k: int, flip: bool) -> None:
    skipped, started = taken(stream(flip=flip), 0, k + 2)[k:], taken(stream(flip=flip), k, 2)
    assert all(same(whole(a), whole(b)) for a, b in zip(skipped, started, strict=True))


def test_every_sample_comes_once_an_epoch_whatever_the_batch_size() -> None:
    labels = torch.cat([whole(batch)["label"] for batch in taken(stream(batch_size=10), 0, 37)])
    for epoch in labels.split(N):
        assert sorted(epoch.tolist()) == list(range(N))


def test_image_and_label_stay_together_and_unpaired_domains_do_not() -> None:
    split = Split({"a": np.arange(40), "b": np.arange(40)}, domains=(("a",), ("b",)))
    pair = whole(taken(Stream(split, DataSpec.of((1,), ("a", "b")), 40, 0), 0, 1)[0])
    assert not torch.equal(pair["a"], pair["b"])
    batch = whole(taken(stream(), 0, 1)[0])
    assert torch.equal(((batch["image"][:, 0, 0, 2] + 1) * 127.5).round().long(), batch["label"])


def test_a_mirror_turns_about_half_the_images_and_nothing_else() -> None:
    plain = [whole(batch) for batch in taken(stream(), 0, 20)]
    mirrored = [whole(batch) for batch in taken(stream(flip=True), 0, 20)]
    before, after = (torch.cat([batch["image"] for batch in of]) for of in (plain, mirrored))
    turned = (before != after).flatten(1).any(1)
    assert torch.equal(after[turned], before[turned].flip(-1))
    assert 0.35 < turned.float().mean() < 0.65
    assert all(torch.equal(a["label"], b["label"]) for a, b in zip(plain, mirrored, strict=True))


def test_sixteen_bit_images_are_mirrored_too() -> None:
    image = np.arange(40 * 4, dtype=np.uint16).reshape(40, 1, 1, 4) * 400
    (batch,) = taken(Stream(Split({"image": image}), DataSpec.of((1, 1, 4), bits=16), 40, 0, flip=True), 0, 1)[0]
    rows = {tuple(row) for row in ((batch["image"] + 1) * 32767.5).round().int().flatten(1).tolist()}
    straight, turned = {tuple(r) for r in image.reshape(40, 4)}, {tuple(r[::-1]) for r in image.reshape(40, 4)}
    assert rows <= straight | turned
    assert rows & straight
    assert rows & turned


def test_only_the_keys_of_the_specification_are_drawn() -> None:
    (batch,) = taken(Stream(numbered(), DataSpec.of((1, 2, 3), ("image",)), 4, 0), 0, 1)[0]
    assert list(batch) == ["image"]


@pytest.mark.parametrize(("batch_size", "micro_batches"), [(10, 3), (0, 1), (4, 0)])
def test_a_batch_that_cannot_be_divided_is_refused(batch_size: int, micro_batches: int) -> None:
    with pytest.raises(UsageError, match=f"batch of {batch_size} cannot be divided into {micro_batches}"):
        stream(batch_size=batch_size, micro_batches=micro_batches)


def test_stored_images_become_floats_from_minus_one_to_one() -> None:
    split = Split({"image": np.array([0, 255], np.uint8).reshape(2, 1, 1, 1)})
    deep = Split({"image": np.array([0, 65535], np.uint16).reshape(2, 1, 1, 1)})
    for part in (split, deep):
        image = part.take([0, 1])["image"]
        assert image.dtype == torch.float32
        assert image.flatten().tolist() == [-1.0, 1.0]


def test_a_split_takes_lists_and_slices_and_keeps_labels_whole() -> None:
    split = numbered()
    assert len(split) == N
    assert split.take([3, 1])["label"].tolist() == [3, 1]
    assert split.take(slice(None))["other"].shape == (23, 1)  # as far as every domain goes
    assert split.take(slice(2, 5))["label"].dtype == torch.int64


def test_columns_of_one_domain_must_be_of_one_length() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        Split({"image": np.zeros((3, 2), np.float32), "label": np.zeros(4, np.int64)})
    with pytest.raises(ValueError, match="do not divide the keys"):
        Split({"a": np.zeros(3), "b": np.zeros(3)}, domains=(("a",),))


def test_labelled_samples_can_make_up_a_share_of_every_epoch() -> None:
    split = numbered()
    few = np.where(np.arange(N) < 4, np.arange(N), -1)
    split = Split({**split.columns, "label": few}, split.domains)
    spec = replace(SPEC, partial=True)
    half = Stream(split, spec, 65, 3, labelled_share=0.5)  # 33 without a label, and 4 with one, eight times each
    ((batch,),) = taken(half, 0, 1)
    counts = torch.bincount(batch["image"][:, 0, 0, 1].add(1).mul(127.5).round().long(), minlength=N)
    assert counts.tolist() == [8] * 4 + [1] * (N - 4), "the others come once an epoch, as ever"
    plain = Stream(split, spec, 65, 3)
    assert same({"other": taken(half, 2, 1)[0][0]["other"]}, {"other": taken(plain, 2, 1)[0][0]["other"]})
    with pytest.raises(UsageError, match="no samples without a label"):
        stream(labelled_share=0.5)


@given(st.lists(st.booleans(), min_size=2, max_size=60), st.floats(0, 0.95))
def test_the_labelled_share_of_an_epoch_is_met_to_within_a_repeat(known: list[bool], share: float) -> None:
    told, count = np.array(known), sum(known)
    found = some_labels.epoch(told, share)
    assert sorted(set(found)) == list(range(len(known)))
    if 0 < count < len(known):
        here = told[found].sum()
        assert here >= count
        assert abs(here - max(share * len(found), count)) <= count
