"""Encoder. Fast Unsupervised Anomaly Detection with Generative Adversarial Networks. Schlegl et al., 2019.
https://doi.org/10.1016/j.media.2019.01.010

An encoder E for a generator G that is trained already and does not change: `saddle train encoder --from RUN`, of any
run that draws images. It minimises two errors: mean (x - G(E(x)))² of images x of that run's data (izi), and mean (z -
E(G(z)))² of latents z drawn from its prior (ziz). The paper has either. Zhu et al., 2020
(https://arxiv.org/abs/2004.00049), too, learn from data through a fixed G, so that codes lie where G draws well. E is
f-AnoGAN's without its last tanh, since z need not lie in [-1, 1]. For a G with styles, E infers the styles.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..base import rng
from ..base.errors import UsageError, some
from ..base.formulas import weighed
from ..base.plain import Garbled, from_yaml
from ..base.precision import full
from ..base.ranges import Weight
from ..base.settings import plain, restore
from ..nets import f_anogan
from ..optim import Optim, RMSprop
from ..spec import Batch, Condition, DataSpec
from ..tasks import Columns, Encoding, Game, Held, Move, Synthesis, part
from ..tasks.game import Weights
from ..tasks.searching import check_reached, check_told
from ._named import load


class Encoder(Synthesis, Encoding):
    in_short = "An encoder learns to invert the generator of a finished run."
    group = "encode"
    averaged = ("encoder",)

    @dataclass(frozen=True)
    class Options(Game.Options):
        needs_run: ClassVar[bool] = True

        of: str = "dcgan"  # the game of the generator; --from RUN sets it
        settings: str = ""  # of that game, as a line of YAML; --from RUN sets them
        network: f_anogan.FAnoGAN = f_anogan.FAnoGAN()  # the encoder is that of this architecture
        optim: Optim = RMSprop(lr=5e-5)  # of the encoder
        latent_weight: Weight = 1.0  # of the latents that were drawn, beside the images of the data; 0: these alone

        def beside(self, game: str, options: Game.Options) -> "Encoder.Options":
            if isinstance(options, Encoder.Options):  # its encoder goes on learning, beside the same generator
                return options
            return replace(self, of=game, settings=json.dumps(plain(options)))

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        self.sampler = self._sampler().requires_grad_(False)
        with rng.apart("shapes"), torch.no_grad():
            label = self.draw_label(1)
            self.form = tuple(self.sampler.searched(self.sampler.noise(1, label), label).shape[1:])  # of a latent
        asked = self.condition if label is not None else None
        self.needs = (self.image, *([asked.key] if asked else []))
        self.any_words = self.sampler.any_words
        self.encoder = self.options.network.encoder(prod(self.form), data, bounded=False)

    def _sampler(self) -> Synthesis:
        o, kind = self.options, load(self.options.of)
        if not issubclass(kind, Synthesis):
            raise UsageError(f"{o.of} draws no images of latents, so there is none to find; choose a run that samples")
        try:
            given = from_yaml(o.settings) or {}
        except Garbled as error:
            raise UsageError(f"game.settings wants the settings of {o.of} as YAML: {error}") from None
        return kind(self.data, restore(kind.Options, given, "game.settings", kind.Options()))

    def check_data(self) -> None:
        self.check_kind()
        if self.data.single:
            raise UsageError("an encoder learns to find the latents of images, and these data have one image")

    def check_batch(self, n: int) -> None:
        label = self.draw_label(1)
        check_reached(self.sampler, self.sampler.noise(1, label), label)

    def inherited(self, weights: Weights, averages: Weights) -> dict[str, Weights]:
        """The generator as it is used, with its averages, under the name that it has here."""
        if any(name.startswith("sampler.") for name in weights):
            return super().inherited(weights, averages)
        used = {**weights, **{name.removeprefix("copies."): tensor for name, tensor in averages.items()}}
        wrong = [
            name
            for name, tensor in self.sampler.state_dict().items()
            if name not in used or used[name].shape != tensor.shape
        ]
        if wrong:
            raise UsageError(
                f"this is not the {self.options.of} that the encoder is for: {some(wrong, 3)} would have to be others; "
                "leave the settings, and all that decides the form of the data, as they are in that run"
            )
        return {"game": {f"sampler.{name}": tensor for name, tensor in used.items()}, "averages": {}}

    def train(self, mode: bool = True) -> "Encoder":
        super().train(mode)
        self.sampler.eval()  # nothing of it changes
        return self

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        batch, weight = next(batches), self.options.latent_weight
        image, label = batch[self.image], self.label_of(batch)
        z = self.noise(len(image), label) if weight else image.new_zeros(0, prod(self.form))
        with torch.no_grad():
            drawn = full(self.decode(z, label)) if weight else image[:0]
        code, again = full(self.encoder(torch.cat((image, drawn.to(image))))).split((len(image), len(drawn)))
        yield Move(
            "encoder",
            image=(full(self.decode(code, label)) - image).square().mean(),
            latent=weight * (again - z).square().mean() if weight else None,
        )

    letters: ClassVar[dict[str, str]] = {"G": "the generator, which stays as it is", "E": "the encoder"}

    def formulas(self, player: str) -> dict[str, str]:
        latent = self.options.latent_weight
        return weighed(image=(1.0, "‖G(E(x)) - x‖²"), latent=(latent, "‖E(G(z)) - z‖²"))

    def label_of(self, batch: Batch) -> Tensor | None:
        """The labels [N, …] of a batch, for a generator that takes them."""
        return batch[self.needs[1]] if self.needs[1:] else None

    @property
    def image(self) -> str:
        """The key of the images that `decode` draws."""
        return self.data.keys[0]

    @torch.no_grad()
    def encode(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """E(x), z or, of a game with styles, its numbers in a row.  [N, K]"""
        return full(self.encoder(image))

    @property
    def encodes_with_label(self) -> bool:
        return bool(self.needs[1:])

    @property
    def own_numbers(self) -> int:
        return prod(self.form)

    @torch.no_grad()
    def reconstruct(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Images as their codes remember them. UsageError where a label is missing."""
        check_told(self, label)
        return super().reconstruct(image, label)

    def noise(self, n: int, label: Tensor | None = None) -> Tensor:
        """Latents in a row, as `encode` gives them.  [n, K]"""
        label = self.draw_label(n) if label is None else label
        return self.sampler.searched(self.sampler.noise(n, label), label).flatten(1)

    def latent_parts(self) -> list[dict[str, Any]]:
        """Those of its generator's run; where that has styles, which are not drawn, how many numbers there are."""
        own, size = self.sampler.latent_parts(), prod(self.form)
        return own if sum(part["size"] for part in own) == size else [part("styles", size, "found")]

    def searched(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Latents [N, K] in the form that the generator's own run takes.  [N, …]"""
        return z.reshape(z.shape[0], *self.form)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.sampler.decode(self.searched(z), label)

    @property
    def drawn_keys(self) -> tuple[str, ...]:
        return self.sampler.drawn_keys

    def together(self, z: Tensor, label: Tensor | None = None) -> dict[str, Tensor]:
        return self.sampler.together(self.searched(z), label)

    def features(self, image: Tensor) -> Tensor | None:
        return self.sampler.features(image)

    @property
    def trunk(self) -> nn.Module | None:
        return self.sampler.trunk

    @property
    def labels(self) -> tuple[str, ...]:
        return self.sampler.labels

    @property
    def condition(self) -> Condition | None:
        return self.sampler.condition

    def embed(self, label: Tensor) -> Tensor | None:
        return self.sampler.embed(label)

    def draw_label(self, n: int) -> Tensor | None:
        return self.sampler.draw_label(n)

    @property
    def early_scores(self) -> tuple[str, ...] | None:
        return ("reconstruction",)

    def shown(self, held: Held) -> Columns:
        """32 held-out images, and what is drawn of their codes."""
        batch = held(32)
        return {"image": batch[self.image], "again": self.reconstruct(batch[self.image], self.label_of(batch))}
