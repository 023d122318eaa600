"""Texts as numbers: the bytes of their UTF-8, int64 [N, length], 0 behind the end."""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..base.errors import UsageError, near, some
from .field import Condition

if TYPE_CHECKING:
    from torch import Tensor


def to_bytes(texts: Sequence[str], condition: Condition, any_words: bool = False) -> "Tensor":
    """Texts in the form that a game takes them: int64 [N, condition.length].

    UsageError for a text that is too long and, unless `any_words` will do, for words that the data do not have.
    """
    import torch

    for text in texts:
        _check(text, condition, any_words)
    return torch.from_numpy(packed(texts, condition.length))


def to_texts(label: "Tensor") -> list[str]:
    """What the bytes [N, length] say; a byte that is no valid UTF-8 shows as �."""
    rows = label.detach().cpu().numpy().astype(np.uint8)
    return [row.tobytes().rstrip(b"\0").decode("utf-8", "replace") for row in rows]


def packed(texts: Sequence[str], length: int) -> NDArray[np.int64]:
    """The bytes of texts that are known to fit, [N, length]."""
    rows = np.zeros((len(texts), length), np.int64)
    for row, text in zip(rows, texts, strict=True):
        data = text.encode()
        row[: len(data)] = np.frombuffer(data, np.uint8)
    return rows


def words(text: str) -> list[str]:
    """Its words in order, in small letters, without punctuation."""
    return re.findall(r"\w+", text.lower())


def condition_of(texts: Iterable[str]) -> Condition:
    """The condition that these texts are: as long as the longest of them, its names their words in order."""
    texts = list(texts)
    vocabulary = sorted({word for text in texts for word in words(text)})
    return Condition("text", tuple(vocabulary), max(len(text.encode()) for text in texts))


def _check(text: str, condition: Condition, any_words: bool) -> None:
    size = len(text.encode("utf-8", "replace"))
    if not words(text):
        raise UsageError(f"the text {text!r} has no words")
    if size > condition.length:
        raise UsageError(f"the text {text!r} is {size} bytes long; this game takes texts of up to {condition.length}")
    vocabulary = set(condition.names)
    unseen = [] if any_words else [word for word in dict.fromkeys(words(text)) if word not in vocabulary]
    if unseen:
        raise UsageError(
            f"the text {text!r} has words that were never seen in training: "
            + some(f"{word}{near(word, condition.names)}" for word in unseen)
            + f"; there are {some(condition.names, 40)}"
        )
