"""Text encoders and the joint embedding of texts and images."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from saddle.base.errors import SaddleError, UsageError
from saddle.base.kinds import choices
from saddle.base.settings import plain, restore
from saddle.nets.embedding import ImageEncoder, joint_embedding, matched
from saddle.nets.text import ALPHABET, BagOfWords, CharCNNRNN, Plugged, TextEncoder, plug
from saddle.spec import Condition, DataSpec
from saddle.spec.grammar import COMBINATIONS, caption
from saddle.spec.text import condition_of, packed, to_bytes

TEXTS = [caption(combination) for combination in COMBINATIONS]
CONDITION = condition_of(TEXTS)
SMALL = CharCNNRNN(dims=12, length=66, filters=24, units=16)
ENCODERS = [SMALL, BagOfWords(dims=12), Plugged(name="lengths", dims=2)]


def lengths(texts: list[str]) -> list[list[float]]:
    return [[len(text), text.count(" ")] for text in texts]


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def built(encoder: TextEncoder, condition: Condition = CONDITION) -> nn.Module:
    plug("lengths", lengths)
    torch.manual_seed(0)
    return encoder.build(condition)


def test_the_character_network_has_the_papers_layers_and_parameters() -> None:
    assert len(ALPHABET) == 70
    with torch.device("meta"):
        encoder = CharCNNRNN().build(Condition("text", (), 201))
    assert count(encoder) == 107_904 + 786_944 + 524_544 + 131_584 + 263_168


def test_its_recurrent_network_takes_eight_steps_of_201_characters() -> None:
    steps = []
    encoder = built(CharCNNRNN(filters=3, units=4, dims=5))
    encoder.recurrent.register_forward_hook(lambda module, given, made: steps.append(made[0].shape))
    encoder(to_bytes(TEXTS[:2], CONDITION))
    assert steps == [(2, 8, 4)]


def test_the_shortest_length_leaves_one_step() -> None:
    assert built(SMALL)(to_bytes(TEXTS[:3], CONDITION)).shape == (3, 12)
    with pytest.raises(UsageError, match="length is at least 66, not 65"):
        CharCNNRNN(length=65)


def test_the_hidden_states_are_averaged_not_the_last_one_taken() -> None:
    encoder = built(CharCNNRNN(filters=6, units=5, dims=4))
    seen = []
    encoder.recurrent.register_forward_hook(lambda module, given, made: seen.append(made[0]))
    made = encoder(to_bytes(TEXTS[:3], CONDITION))
    assert torch.allclose(made, encoder.embedding(seen[0].mean(1)))
    assert not torch.allclose(made, encoder.embedding(seen[0][:, -1]))


def test_characters_of_the_alphabet_are_told_apart_and_capitals_are_not() -> None:
    table = built(SMALL).table
    assert table[list(map(ord, "az09-, "))].argmax(1).tolist() == [0, 25, 26, 35, 59, 37, 69]
    assert torch.equal(table[ord("A")], table[ord("a")])
    assert not table[[0, 10, 200]].any(), "the end of a text and strange bytes are blanks"
    assert table.sum(1).max() == 1


def test_texts_longer_than_the_network_reads_are_refused() -> None:
    with pytest.raises(UsageError, match="up to 90 bytes, and this CharCNNRNN reads 66; give it a length of 90"):
        SMALL.build(Condition("text", (), 90))


@pytest.mark.parametrize("encoder", ENCODERS[:2], ids=lambda e: type(e).__name__)
def test_embeddings_of_different_captions_differ_and_of_padding_do_not_depend(encoder: TextEncoder) -> None:
    module = built(encoder)
    made = module(to_bytes(TEXTS, CONDITION))
    assert len(torch.unique(made, dim=0)) == 120
    longer = torch.from_numpy(packed(TEXTS[:4], CONDITION.length + 9))
    assert torch.allclose(module(longer), made[:4])


def test_a_bag_has_no_order_and_leaves_out_words_it_does_not_know() -> None:
    bag = built(BagOfWords(dims=3)).bag
    one, other, strange = torch.from_numpy(packed(["a red circle", "Circle, a red!", "a violet red circle"], 37))[
        :, None
    ]
    assert torch.equal(bag(one), bag(other))
    assert torch.equal(bag(one), bag(strange))
    assert bag(one).sum() == 3


def test_captions_differ_in_14_words() -> None:
    bags = built(BagOfWords(dims=3)).bag(to_bytes(TEXTS, CONDITION))
    assert int((bags.std(0) > 0).sum()) == 14


def test_any_function_of_texts_can_be_plugged_in() -> None:
    encoder = built(ENCODERS[2]).double()
    made = encoder(to_bytes(["a red circle", "at"], CONDITION))
    assert made.dtype == torch.float64
    assert made.tolist() == [[12, 2], [2, 0]]
    assert count(encoder) == 0


def test_a_function_that_is_not_plugged_in_is_named_and_nothing_imported() -> None:
    with pytest.raises(UsageError, match=r"plugged in as 'os:getcwd'; call saddle\.nets\.text\.plug\('os:getcwd'"):
        Plugged(name="os:getcwd").build(CONDITION)


def test_vectors_of_another_length_are_refused() -> None:
    with pytest.raises(SaddleError, match=r"'lengths' made \(1, 2\) of 1 texts; its dims are 3"):
        built(Plugged(name="lengths", dims=3))(to_bytes(["a"], CONDITION))


def test_encoders_are_settings() -> None:
    assert set(choices(TextEncoder)) == {"BagOfWords", "CharCNNRNN", "Plugged"}
    for encoder in ENCODERS:
        assert restore(TextEncoder, plain(encoder)) == encoder


DIFFERENT = torch.arange(4)[:, None]


def test_the_joint_loss_of_equal_scores_is_the_margin_of_every_wrong_pair() -> None:
    for n in (2, 3, 4):
        zeros = torch.zeros(n, 5)
        assert joint_embedding(zeros, zeros, DIFFERENT[:n]).item() == pytest.approx(2 * (1 - 1 / n))


def test_the_joint_loss_is_the_mean_of_the_hinges_by_hand() -> None:
    image, text = (torch.randn(4, 3, generator=torch.Generator().manual_seed(i)) for i in (0, 1))
    score = (image @ text.T).tolist()
    terms = [
        max(0, 1 + score[i][j] - score[i][i]) + max(0, 1 + score[j][i] - score[i][i])
        for i, j in itertools.permutations(range(4), 2)
    ]
    assert joint_embedding(image, text, DIFFERENT).item() == pytest.approx(sum(terms) / 16, rel=1e-5)


def test_the_joint_loss_is_symmetric_in_image_and_text() -> None:
    image, text = torch.randn(4, 3), torch.randn(4, 3)
    assert torch.allclose(joint_embedding(image, text, DIFFERENT), joint_embedding(text, image, DIFFERENT))


def test_matching_pairs_far_above_the_margin_cost_nothing() -> None:
    assert joint_embedding(2 * torch.eye(4), 2 * torch.eye(4), DIFFERENT) == 0


def test_the_same_caption_twice_is_no_wrong_pair() -> None:
    """A classic mistake: two images of one caption pushed apart."""
    zeros, same = torch.zeros(4, 5), torch.tensor([[0], [0], [1], [1]])
    assert joint_embedding(zeros, zeros, same).item() == pytest.approx(2 * 8 / 16)
    assert joint_embedding(zeros, zeros, same * 0) == 0


def test_the_joint_gradient_reaches_both_encoders() -> None:
    torch.manual_seed(0)
    data = DataSpec.of((3, 16, 16))
    longer = replace(SMALL, length=100)  # at 66 there is one step, and no state to go on from
    texts, images = built(longer), ImageEncoder(data, 12, width=4)
    x, label = torch.randn(6, 3, 16, 16), to_bytes(TEXTS[::20], CONDITION)
    joint_embedding(images(x), texts(label), label).backward()
    for module in (texts, images):  # while all hinges are open, what shifts all embeddings alike cancels out
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters() if p.ndim > 1)


def test_matched_counts_the_same_words_as_its_own() -> None:
    image, text = torch.eye(3), torch.eye(3)[[1, 0, 2]]
    assert matched(image, text, torch.tensor([[0], [1], [2]])) == pytest.approx(1 / 3)
    assert matched(image, text, torch.tensor([[0], [0], [2]])) == 1
    assert math.isclose(matched(torch.eye(3), torch.eye(3), DIFFERENT[:3]), 1)
