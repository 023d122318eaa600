"""What a penalty or an auxiliary loss may look at: one move of a two-player game."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from torch import Tensor, nn

Score = Callable[[Tensor], Tensor]


class Output(NamedTuple):
    """What a discriminator says of samples."""

    logits: Tensor  # [N]
    features: Any = None  # [N, …]: what its last layer saw; None where nobody asks


@dataclass(frozen=True)
class Context:
    """One move: what was judged, by whom, and how to judge and generate more.

    In the generator's move `fake` is part of its graph; in the discriminator's it is detached.
    """

    score: Score  # samples [N, …] → logits [N], as the discriminator is shown them; labels are closed over
    real: Tensor  # [N, …]
    fake: Tensor  # [N, …]
    real_output: Output | None = None  # None in a generator's move that did not ask for it
    fake_output: Output | None = None
    z: Tensor | None = None  # [N, z_dim], what `fake` was made of
    label: Tensor | None = None  # int64 [N], of real and fake samples, where the game is conditional
    generate: Callable[[Tensor], Tensor] | None = None  # z → samples; labels are closed over
    player: nn.Module | None = None  # that moves
    mover: str = "discriminator"  # the player's name
    memory: nn.Module | None = None  # the buffers that the penalty asked for by `remember`
    rounds: int = 0  # played before
    progress: float = 0.0  # of the run, 0 to 1

    @classmethod
    def of(
        cls,
        score: Score,
        real: Tensor,
        fake: Tensor,
        real_logits: Tensor | None = None,
        fake_logits: Tensor | None = None,
        **more: Any,
    ) -> Self:
        """Of samples and, where they were judged already, their logits [N] or, of patches or several heads, [N, …].

        real and fake [N, …], each with its logits, [N] or [N, 1, h, w].
        """
        of_real, of_fake = (None if logits is None else Output(logits) for logits in (real_logits, fake_logits))
        return cls(score, real, fake, of_real, of_fake, **more)

    @property
    def pack(self) -> int:
        """How many samples are judged as one, side by side in the batch: 1 but where they are packed."""
        return len(self.fake) // len(self.fake_logits) if self.fake_output else 1

    @property
    def real_logits(self) -> Any:
        """[N]; None where the real samples were not judged."""
        return self.real_output and self.real_output.logits

    @property
    def fake_logits(self) -> Any:
        """[N]; None where the fakes were not judged."""
        return self.fake_output and self.fake_output.logits
