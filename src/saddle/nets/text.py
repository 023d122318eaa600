"""What a text means, as a vector: encoders of captions, each a setting.

The character CNN-RNN of Reed et al., 2016, https://arxiv.org/abs/1605.05395, which GAN-CLS and its successors take;
a bag of words; and any function from texts to vectors that a program plugs in.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, pad

from ..base.errors import SaddleError, UsageError
from ..base.ranges import PositiveInt, at_least
from ..base.settings import Settings
from ..spec import Condition
from ..spec.text import to_texts, words

Function = Callable[[Sequence[str]], Any]  # texts → vectors [N, dims], as a tensor, an array or lists of numbers

# 70 characters; the hyphen comes twice and counts where it comes last, as in the paper's code.
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789-,;.!?:'\"/\\|_@#$%^&*~`+-=<>()[]{} "
_plugged: dict[str, Function] = {}

LONGEST = 64  # different words of a text that an exported bag of words takes
SHORTEST = 66  # characters, of which convolutions and pooling leave one step for the recurrent network


@dataclass(frozen=True)
class TextEncoder(Settings, ABC):
    """A text encoder as a setting."""

    any_words: ClassVar[bool] = False  # does it make sense of words that the data do not have?

    dims: PositiveInt = 1024  # length of an embedding

    @abstractmethod
    def build(self, condition: Condition) -> nn.Module:
        """Captions int64 [N, condition.length], bytes with 0 behind their end → embeddings float [N, dims].

        UsageError for a condition whose texts it cannot read.
        """


@dataclass(frozen=True)
class CharCNNRNN(TextEncoder):
    """Reed et al.'s: three convolutions over characters, a plain recurrent network, the mean of its states.

    1,814,144 parameters. Characters outside the alphabet of 70 are blanks, capitals small letters.
    """

    length: Annotated[int, at_least(SHORTEST)] = 201
    """characters that are read; shorter texts are filled up with blanks"""
    filters: PositiveInt = 384  # channels of the first convolution; the second has a third more
    units: PositiveInt = 256  # channels of the third convolution and units of the recurrent network

    def build(self, condition: Condition) -> nn.Module:
        if condition.length > self.length:
            raise UsageError(
                f"these texts have up to {condition.length} bytes, and this CharCNNRNN reads {self.length}; "
                f"give it a length of {condition.length}"
            )
        return _Characters(self)


class _Characters(nn.Module):
    def __init__(self, o: CharCNNRNN):
        super().__init__()
        self.length = o.length
        self.register_buffer("table", _one_hot_bytes(), persistent=False)
        second = o.filters * 4 // 3
        self.convolutions = nn.Sequential(
            nn.Conv1d(len(ALPHABET), o.filters, 4),
            nn.ReLU(),
            nn.MaxPool1d(3, 3),
            nn.Conv1d(o.filters, second, 4),
            nn.ReLU(),
            nn.MaxPool1d(3, 3),
            nn.Conv1d(second, o.units, 4),
            nn.ReLU(),
            nn.MaxPool1d(3, 2),
        )
        self.recurrent = nn.RNN(o.units, o.units, nonlinearity="relu", batch_first=True)
        self.embedding = nn.Linear(o.units, o.dims)
        for parameter in self.parameters():
            # 0.08 is the paper's; its layers have at least 160 inputs, and narrower ones would hardly pass anything on.
            bound = 0.08 if parameter.ndim == 1 else max(0.08, parameter[0].numel() ** -0.5)
            nn.init.uniform_(parameter, -bound, bound)

    @property
    def tokenizer(self) -> dict[str, Any]:
        return {
            "kind": "bytes",
            "length": self.length,
            "says": "the bytes of the text in UTF-8, with 0 behind its end, as many as the length",
        }

    def ids(self, label: Tensor) -> Tensor:
        """Captions int64 [N, L] as the tokenizer gives them: int64 [N, length]."""
        return pad(label, (0, self.length - label.shape[1]))

    def read(self, ids: Tensor) -> Tensor:
        """What `forward` gives for captions, of their `ids` [N, length] → [N, dims]."""
        return self(ids)

    def forward(self, label: Tensor) -> Tensor:
        characters = self.table[pad(label, (0, self.length - label.shape[1]))]  # type: ignore[index]  # [N, length, 70]
        states, _ = self.recurrent(self.convolutions(characters.transpose(1, 2)).transpose(1, 2))
        return self.embedding(states.mean(1))


def _one_hot_bytes() -> Tensor:
    """[256, 70]: of each byte its place in the alphabet, nothing if it has none."""
    table = torch.zeros(256, len(ALPHABET))
    for index, character in enumerate(ALPHABET):
        for byte in {ord(character), ord(character.upper())}:
            table[byte] = 0
            table[byte, index] = 1
    return table


@dataclass(frozen=True)
class BagOfWords(TextEncoder):
    """Which of the data's words a text has, in no order, and a linear layer."""

    def build(self, condition: Condition) -> nn.Module:
        return _Bag(condition.names, self.dims)


class _Bag(nn.Module):
    def __init__(self, names: tuple[str, ...], dims: int):
        super().__init__()
        self.index = {name: i for i, name in enumerate(names)}
        self.embedding = nn.Linear(len(names), dims)

    def forward(self, label: Tensor) -> Tensor:
        return self.embedding(self.bag(label))

    @property
    def tokenizer(self) -> dict[str, Any]:
        return {
            "kind": "words",
            "vocabulary": list(self.index),
            "length": LONGEST,
            "says": "the text in small letters, split at all that is neither letter, digit nor _; a word's number is "
            "its place in the vocabulary, from 1 on; other words are left out; 0 fills up to the length",
        }

    def ids(self, label: Tensor) -> Tensor:
        """Captions int64 [N, L] as the tokenizer gives them: int64 [N, length]."""
        out = torch.zeros(len(label), LONGEST, dtype=torch.long)
        for row, text in zip(out, to_texts(label), strict=True):
            said = [self.index[word] + 1 for word in dict.fromkeys(words(text)) if word in self.index][:LONGEST]
            row[: len(said)] = torch.tensor(said, dtype=torch.long)
        return out

    def read(self, ids: Tensor) -> Tensor:
        """What `forward` gives for captions, of their `ids` [N, length] → [N, dims]."""
        bag = one_hot(ids, len(self.index) + 1).amax(1)[:, 1:]
        return self.embedding(bag.to(self.embedding.weight.dtype))

    def bag(self, label: Tensor) -> Tensor:
        """1 for every word that occurs, [N, words]."""
        said = [
            (i, self.index[word])
            for i, text in enumerate(to_texts(label))
            for word in words(text)
            if word in self.index
        ]
        bag = torch.zeros(len(label), len(self.index), dtype=self.embedding.weight.dtype)
        if said:
            bag[tuple(zip(*said, strict=True))] = 1
        return bag.to(label.device)


@dataclass(frozen=True)
class Plugged(TextEncoder):
    """A function of your own from texts to vectors [N, dims], which `saddle.nets.text.plug` made known by a name.

    It is not trained. A recipe holds the name alone and imports nothing: the program that opens the run plugs the
    function in first.
    """

    any_words: ClassVar[bool] = True

    name: str = ""  # that the function was plugged in by

    def build(self, condition: Condition) -> nn.Module:
        if self.name not in _plugged:
            raise UsageError(
                f"no text encoder is plugged in as '{self.name}'; call saddle.nets.text.plug('{self.name}', function) "
                "before the game is built: a recipe names an encoder, but never imports its code"
            )
        return _Function(_plugged[self.name], self)


def plug(name: str, function: Function) -> None:
    """Make `function`, a list of N texts → vectors [N, dims], known to recipes as Plugged(name=…, dims=…)."""
    if not name:
        raise UsageError("a text encoder is plugged in by a name")
    _plugged[name] = function


class _Function(nn.Module):
    def __init__(self, function: Function, o: Plugged):
        super().__init__()
        self.function, self.o, self.tokenizer = function, o, None
        self.register_buffer("like", torch.zeros(()), persistent=False)  # says which device and type

    @torch.no_grad()
    def forward(self, label: Tensor) -> Tensor:
        vectors = torch.as_tensor(self.function(to_texts(label))).to(self.like)  # type: ignore[arg-type]
        if vectors.shape != (len(label), self.o.dims):
            raise SaddleError(
                f"the text encoder '{self.o.name}' made {tuple(vectors.shape)} of {len(label)} texts; "
                f"its dims are {self.o.dims}, so it should make {(len(label), self.o.dims)}"
            )
        return vectors
