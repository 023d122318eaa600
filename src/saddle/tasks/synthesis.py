"""Synthesis: a generator turns noise into samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from ..base import rng
from ..base.errors import UsageError
from ..base.ranges import NonNegativeInt
from ..nets.judged import pooled, trunk_of
from ..spec import Batch, Condition, DataSpec, conditions
from . import signs
from .form import Form, Forms, Port, part, rows_of, seen
from .game import Columns, Game, Held

MOST_CLASSES = 10  # in a picture
OF_LATENTS = ("pair_agreement", "pair_difference")  # of games whose latents show images of several domains
Prior = Literal["normal", "uniform"]
OF_CLASSES = ("accuracy", "intra_fid_multiple", "intra_diversity", "class_precision", "class_recall")


class Synthesis(Game):
    """A game whose generator turns noise into samples."""

    purpose = "sampling (saddle sample)"

    any_words: bool = False  # of one that is asked by a text: does it understand words that the data do not have?

    @dataclass(frozen=True)
    class Options(Game.Options):
        z_dim: NonNegativeInt = 100  # length of the latent z
        prior: Prior = "normal"  # distribution of a number of z: normal, or uniform in [-1, 1]

        @property
        def told(self) -> bool:
            """Is the generator always given something beside z, such as a label? Then z may have no numbers."""
            return False

        @property
        def found(self) -> bool:
            """Does an encoder find z of images? Then z has a number, whatever else the generator gets."""
            return False

        def __post_init__(self) -> None:
            super().__post_init__()
            if not (self.z_dim or (self.told and not self.found)):
                least = "1, and 0 where the generator is given a label or a text"
                why = "1, for z is what the encoder is to find of an image" if self.found else least
                raise UsageError(f"z_dim is at least {why}, not 0")

    @dataclass(frozen=True)
    class Use(Game.Use):
        truncation: float | None = None  # less variety, more fidelity; biggan: |z| ≤ this; stylegan2: 1 to 0, the mean

    @classmethod
    def choices(cls) -> tuple[str, ...]:
        can = cls.truncated is not Synthesis.truncated
        return tuple(name for name in super().choices() if name != "truncation" or can)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes that a sample can be asked to be, in order; empty if it cannot be asked for one."""
        return ()

    @property
    def condition(self) -> Condition | None:
        """What a sample can be asked to show; None if it cannot be asked. `label` is such a condition everywhere."""
        return Condition("class", self.labels) if self.labels else None

    def noise(self, n: int, label: Tensor | None = None) -> Tensor:
        """z, of the prior, and whatever else the generator takes, for labels [n, …] if given.  [n, z_dim]"""
        return self.draw_prior(n, self.options.z_dim)  # type: ignore[attr-defined]

    def draw_prior(self, n: int, numbers: int, beside: int = 0) -> Tensor:
        """Numbers of the prior, and beside them more that are normal whatever the prior.  [n, numbers + beside]"""
        if self.options.prior == "normal":  # type: ignore[attr-defined]
            return rng.randn(n, numbers + beside, device=self.device).to(self.dtype)
        z = self.uniform(n, numbers)
        return (torch.cat((z, rng.randn(n, beside, device=self.device)), 1) if beside else z).to(self.dtype)

    limits: ClassVar[tuple[float, float]] = (-1.0, 1.0)  # of a uniform number of z

    def latent_parts(self) -> list[dict[str, Any]]:
        """How the numbers of `noise` are drawn, part by part in their order: see `form.part`."""
        return self.prior_parts(self.options.z_dim)  # type: ignore[attr-defined]

    def prior_parts(self, numbers: int, beside: int = 0) -> list[dict[str, Any]]:
        """How `draw_prior` draws so many numbers, and beside them normal ones."""
        normal = self.options.prior == "normal"  # type: ignore[attr-defined]
        z = part("z", numbers, "normal") if normal else self.uniform_part("z", numbers)
        return [part for part in (z, part("beside", beside, "normal")) if part["size"]]

    def uniform_part(self, name: str, numbers: int) -> dict[str, Any]:
        """How `uniform` draws so many numbers."""
        low, high = self.limits
        return part(name, numbers, "uniform", low=low, high=high)

    def uniform(self, *shape: int) -> Tensor:
        """Uniform numbers for z, of the given shape: here in [-1, 1].  [*shape]"""
        return rng.rand(*shape, device=self.device) * 2 - 1

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The samples of given latents (and labels [N, …]), [N, C, H, W] in [-1, 1] or [N, D]."""
        return self.generator(z)  # type: ignore[operator]

    def together(self, z: Tensor, label: Tensor | None = None) -> dict[str, Tensor]:
        """All images [N, …] of latents z [N, …] and labels [N, …], by key; of one domain what `decode` gives."""
        return {self.data.keys[0]: self.decode(z, label)}

    def by_size(self, z: Tensor, label: Tensor | None = None) -> dict[str, Tensor]:
        """Images of every size that one latent shows, by height and width. UsageError from a game of one size.

        z [N, …], labels [N, …] → each [N, C, h, w]
        """
        raise UsageError(f"{type(self).__name__} draws images of one size alone; leave out --every-size")

    def searched(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """What a search for an image changes, and `decode` takes in place of z [N, …] (and labels [N, …]): here z.

        Of a game with styles, the styles: a form of its own [N, …] that is not as wide as [N, z_dim].
        """
        return z

    def features(self, image: Tensor) -> Tensor | None:
        """What its discriminator's last layer sees of images [N, C, H, W], without its views: [N, …].

        Of each image by itself; None where there is no such layer, or where it compares the images of a batch.
        """
        return None

    @property
    def trunk(self) -> nn.Module | None:
        """The layers of its discriminator before those that take a label or give logits; None if there are none."""
        return trunk_of(getattr(self, "discriminator", None))

    @torch.no_grad()
    def pooled(self, image: Tensor) -> Tensor:
        """What its discriminator's `trunk` sees of samples [N, …], without its views, of each map its mean: [N, K].

        UsageError where there is no such thing.
        """
        if self.trunk is None:
            raise UsageError(
                f"{type(self).__name__} has no discriminator that looks at images alone, before anything else is said "
                "of them; choose another run"
            )
        return pooled(self.trunk, image)

    def embed(self, label: Tensor) -> Tensor | None:
        """Labels [N, …] as numbers [N, E] that `decode` takes in their place, with others between them.

        None where there are no others. Columns are such numbers already.
        """
        return label if label.is_floating_point() else None

    def draw_label(self, n: int) -> Tensor | None:
        """Labels [n, …] for samples that were not asked to be anything, from the distribution of the training data.

        None where the generator needs no label, or deals codes of its own.
        """
        condition = self.data.condition
        if condition is None or condition.key not in self.needs or self.condition != condition:
            return None
        label = conditions.pick(self.data, rng.rand(n, device=self.device))
        return label.to(self.dtype) if label.is_floating_point() else label

    @torch.no_grad()
    def sample(self, n: int, label: Tensor | None = None, truncation: float | None = None) -> Tensor:
        """n new samples, [n, C, H, W] in [-1, 1] or [n, D], of labels [n, …] if given.

        `truncation` trades variety for fidelity; UsageError from a game that cannot.
        """
        label = self.draw_label(n) if label is None else label
        if truncation is not None:
            return self.truncated(n, label, truncation)
        return self.decode(self.noise(n, label), label)

    def sample_with(self, n: int, label: Tensor | None, use: Synthesis.Use) -> Tensor:
        """n new samples [n, …] as `sample` draws them, of labels [n, …], with what was chosen.

        UsageError for what cannot be.
        """
        return self.sample(n, label, use.truncation)

    def truncated(self, n: int, label: Tensor | None, truncation: float) -> Tensor:
        """n new samples [n, …] of labels [n, …], with less variety; each game says what the number means."""
        raise UsageError(f"{type(self).__name__} cannot truncate: its samples come from all of its noise; leave it out")

    @property
    def scores(self) -> tuple[str, ...]:
        always = super().scores + OF_LATENTS
        if not self.labels:
            return always
        return always + (OF_CLASSES if "label" in self.needs else ("purity",))

    def signs(self, held: Batch, trained: Batch) -> dict[str, Tensor]:
        """Of images whether they are at their limits too. Of one image that is learned alone there is nothing."""
        real = held.get(self.data.keys[0])
        if real is None or len(real) < 2 or self.data.single:
            return super().signs(held, trained)
        made = self.sample(min(signs.MOST, len(real)))
        found = {"diversity": signs.diversity(made, real)}
        if self.data.is_image:
            found |= {"saturated": signs.saturated(made), "saturated_data": signs.saturated(real)}
        return super().signs(held, trained) | found

    def example(self) -> tuple[str, ...]:
        """Nothing, or one thing that the data show and samples can be asked for: `--label cat`."""
        return conditions.example(self.condition, self.data) if self.condition else ()

    def shown(self, held: Held) -> Columns:
        """64 samples; eight of each class, from the same eight z, or eight under each of eight other conditions.

        Points and signals beside those of the data.
        """
        if not self.data.is_image:
            n = 1000 if self.data.main.kind == "points" else 8
            return {"data": held(n)[self.data.keys[0]], "samples": self.sample(n)}
        condition = self.condition
        if condition is None:
            return {"": self.sample(64)}
        if condition.kind == "class":
            return self.shown_by_class(condition.names)
        label = self.draw_label(8)
        assert label is not None
        images = self.sample(64, label.repeat_interleave(8, 0)).split(8)
        return list(zip(conditions.captions(condition, label), images, strict=True))

    def shown_by_class(self, names: tuple[str, ...]) -> dict[str, Tensor]:
        """Eight samples of each of at most ten classes, evenly spaced."""
        columns = {}
        for k in torch.linspace(0, len(names) - 1, min(len(names), MOST_CLASSES)).round().int().tolist():
            rng.restart()  # the same z for all
            columns[names[k]] = self.sample(8, torch.full((8,), k, device=self.device))
        return columns

    def forms(self) -> Forms:
        """Latents, with labels where the generator takes them, → samples, as "sample"."""
        return super().forms() | {"sample": self._drawn()}

    @property
    def drawn_keys(self) -> tuple[str, ...]:
        """The keys of what `together` gives, in its order."""
        return self.data.keys[:1]

    @property
    def told_beside(self) -> Condition | None:
        """The condition that `decode` takes beside z; None where there is none, or z holds it."""
        condition = self.data.condition
        return condition if condition and condition.key in self.needs and self.condition == condition else None

    def latent_port(self) -> Port:
        """z, with how its numbers are drawn."""
        return Port("z", "the latent: all of its parts, one after the other", {"parts": self.latent_parts()})

    def _drawn(self) -> Form | str:
        label = self.told_beside

        def compute(z: Tensor, label: Tensor | None = None) -> tuple[Tensor, ...]:
            return tuple(self.together(z, label).values())

        def draw(n: int, larger: bool) -> tuple[Tensor, ...]:
            told = self.draw_label(n) if label else None
            z = self.noise(n, told).cpu()
            return (z,) if told is None else (z, told.cpu())

        return Form(
            compute=compute,
            draw=draw,
            inputs=(self.latent_port(), *((label_port(self.data, label),) if label else ())),
            outputs=tuple(seen(key, self.data.fields.get(key, self.data.main)) for key in self.drawn_keys),
        )


def label_port(data: DataSpec, label: Condition) -> Port:
    """What a sample is asked to show, with the names, and of classes how often each is in the data."""
    told = {"class": "int64, the number of a class", "text": "int64, numbers that stand for a text"}
    facts: dict[str, Any] = {"names": list(label.names)} if label.kind != "text" else {}
    if label.kind == "class" and data.distribution:
        facts["shares"] = list(data.distribution)
    if label.kind not in ("class", "text"):
        facts["rows"] = rows_of(data)
    return Port("label", told.get(label.kind, str(label)), facts)
