"""Texts as bytes, the grammar of captions, and the source that draws them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from saddle.base.errors import UsageError
from saddle.data import DataOptions, Source, open_source
from saddle.spec import Condition
from saddle.spec.grammar import ATTRIBUTES, COMBINATIONS, HELD_OUT, caption, coverage, read
from saddle.spec.text import condition_of, packed, to_bytes, to_texts, words

TEXTS = [caption(combination) for combination in COMBINATIONS]
CONDITION = condition_of(TEXTS)


def opened(**settings: object) -> Source:
    return open_source(DataOptions(source="captions", **settings))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text("aZ9 -\nöß€字🐈"), min_size=1, max_size=4))
def test_bytes_give_their_texts_back(texts: list[str]) -> None:
    length = max(len(text.encode()) for text in texts)
    assert to_texts(torch.from_numpy(packed(texts, length))) == texts


def test_a_text_is_told_to_be_too_long() -> None:
    with pytest.raises(UsageError, match=r"is 43 bytes long; this game takes texts of up to 37"):
        to_bytes(["a large yellow triangle at the toptop right"], CONDITION)


def test_words_never_seen_are_named_with_those_near_them() -> None:
    with pytest.raises(
        UsageError, match=r"never seen in training: purpur, cirle \(did you mean circle or red\?\); there are a, at"
    ):
        to_bytes(["a purpur cirle"], CONDITION)
    assert to_texts(to_bytes(["a purpur cirle"], CONDITION, any_words=True)) == ["a purpur cirle"]


def test_a_text_without_words_is_refused() -> None:
    with pytest.raises(UsageError, match="has no words"):
        to_bytes([" ?"], CONDITION)


def test_words_are_alike_in_any_case_and_punctuation() -> None:
    assert words("A small, RED circle.") == ["a", "small", "red", "circle"]


def test_the_condition_of_texts_is_their_words_and_the_longest() -> None:
    assert condition_of(["b a", "ö"]) == Condition("text", ("a", "b", "ö"), 3)


def test_the_grammar_has_120_captions_and_each_is_read_back() -> None:
    assert len(set(TEXTS)) == 120
    assert [read(text) for text in TEXTS] == COMBINATIONS.tolist()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a red circle at the top", "names 0 of the sizes"),
        ("a small red blue circle at the top", "names 2 of the colours"),
    ],
)
def test_a_text_outside_the_grammar_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(text)


def test_every_thing_is_held_out_at_one_place_and_every_pair_of_words_is_seen() -> None:
    assert HELD_OUT.sum() == 24
    assert len(np.unique(COMBINATIONS[HELD_OUT][:, :3], axis=0)) == 24
    seen = COMBINATIONS[~HELD_OUT]
    sizes = [len(names) for names in ATTRIBUTES.values()]
    for i in range(4):
        for j in range(i):
            assert len(np.unique(seen[:, [i, j]], axis=0)) == sizes[i] * sizes[j]


def test_no_held_out_caption_is_trained_on() -> None:
    source = opened()
    trained, kept = (
        set(to_texts(torch.from_numpy(split.columns["caption"][:]))) for split in (source.train, source.heldout)
    )
    assert (len(trained), len(kept)) == (96, 24)
    assert not trained & kept


def test_drawings_of_one_caption_differ_and_come_again() -> None:
    first, again = (opened(size=16).train.take([5, 101, 197])["image"] for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[1], first[2])


def test_drawings_are_of_any_size_and_whole() -> None:
    for sides in ((16, 16), (64, 64), (20, 33)):
        images = opened(size=sides).train.take(slice(96))["image"]
        assert images.shape == (96, 3, *sides)
        frame = [images[..., 0], images[..., -1], images[:, :, 0], images[:, :, -1]]
        assert all((side < 0).all() for side in frame), "more than half a pixel at the edge is covered"


def test_mirroring_would_lie_and_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no use for data\.flip"):
        opened(flip=True)


@pytest.mark.parametrize("shape", range(3))
def test_shapes_of_one_radius_have_one_area(shape: int) -> None:
    covered = coverage(shape, np.array([[20.0, 20.0]]), np.array([8.0]), 40, 40)
    assert covered.sum() == pytest.approx(np.pi * 64, rel=0.005)
