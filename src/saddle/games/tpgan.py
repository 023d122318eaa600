"""TP-GAN. Beyond Face Rotation: Global and Local Perception GAN for Photorealistic and Identity Preserving Frontal View
Synthesis. Huang et al., 2017. https://arxiv.org/abs/1704.04086

A face that is turned to the side is drawn from the front. One path sees the whole face; four others cut out eyes, nose
and mouth at their landmarks, turn each of them and put them where they belong (Section 3.1). The drawing must be near
the true one, symmetric, and of the same person (Section 3.2), in features of a network that recognises people. The
authors' network is not available. By default the game's own encoder takes its place, which learns whose face it sees;
`perceptual` chooses another one.

Layers, order of moves and weights are those of the authors' code. Its distances are sums over places of values in [0,
1]; the paper's are means, with the weights 0.3 (symmetry), 1e-3 (adversarial), 3e-3 (identity), 1e-4 (variation) and
1e-3 (whose face). As there, the visible half is on the left: faces that look the other way are mirrored first. The
code's batch norm uses the statistics of the batch in use too. Here it takes running statistics, and noise is 0, so that
an image's result depends on this image alone. The parts of a true face are cut where the drawn ones are put, not at
landmarks of its own, which no data need.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from ..base import rng
from ..base.errors import UsageError
from ..base.formulas import times, weighed
from ..base.precision import full
from ..base.ranges import Few, NonNegativeFloat, PositiveInt, Weight, at_least
from ..context import Context
from ..layers.resample import shrink
from ..layers.symmetry import asymmetry, summed, variation, with_edges
from ..losses import AdversarialLoss, NonSaturating
from ..nets.tpgan import Frontal, Generator, check, identity_head, local_discriminator
from ..nets.tpgan_parts import (
    Rotators,
    check_landmarks,
    cut_parts,
    flipped,
    frontal_parts,
    fused,
    looks_left,
    mirrored,
)
from ..optim import Adam, Optim
from ..spec import Batch, DataSpec
from ..tasks import Move, Restoration
from ._adversarial import Adversarial, Duel
from ._perceived import Perceived

DEVIATION = 0.02  # of the noise
HALVES = (1, 2, 4)  # images that are compared have 1 / these of the size


class Faces(NamedTuple):
    """What a round sees, every face with its far half on the right."""

    turned: Tensor  # [N, C, H, W]
    frontal: Tensor  # [N, C, H, W]
    landmarks: Tensor | None  # [N, 10], of the turned ones
    label: Tensor | None  # whose they are, int64 [N]


class TPGAN(Perceived, Adversarial, Restoration):
    in_short = "A face that looks to the side is drawn as seen from the front."
    group = "restore"
    batch = 10
    moves_latents = False

    @dataclass(frozen=True)
    class Options(Perceived.Options, Adversarial.Options):
        loss: AdversarialLoss = NonSaturating(real_target=0.9)  # adversarial loss of the logits of places
        restraint: NonNegativeFloat = 0.1
        """weight of the mean logit of drawn faces, so that D(G(x)) is to be 0.9, not 1"""
        local: bool = True  # paths for eyes, nose and mouth, which need landmarks
        pixel_weights: tuple[Weight, Weight, Weight] = (1.0, 1.0, 1.5)  # of the image, and at 1/2 and 1/4 of its size
        symmetry_weight: Weight = 0.3  # λ1: of asymmetry, times the weight of each size
        adversarial_weight: Weight = 20.0  # λ2: of the adversarial loss
        perceptual_weight: float = 40.0  # λ3: of the distance in features of a network; by default the game's encoder
        variation_weight: Weight = 1e-3  # λ4: of differences of neighbours
        identity_weight: Weight = 10.0  # α: of the cross-entropy of whose face it is; 0 needs no label
        part_weight: Weight = 3.0  # of the distance of turned parts, in a step of their own
        generator_steps: Few = 2  # to one of the discriminator, on the same batch
        z_dim: PositiveInt = 100  # numbers of the noise
        width: Annotated[int, at_least(8)] = 64  # channels of the generator's largest maps
        discriminator_width: PositiveInt = 64  # channels of the discriminator's largest maps
        optim: Optim = Adam(lr=1e-4, betas=(0.9, 0.999))  # of all players; of the rotators two, one for their own step

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        o = options or self.Options()
        given = ("a", "b") if {"a", "b"} <= data.fields.keys() and "damaged" not in data.fields else self.needs
        self.needs = (*given, *(["landmarks"] if o.local else []), *(["label"] if o.identity_weight else []))
        super().__init__(data, options)
        channels, *size = data.fields[self.needs[1]].shape
        self.size = size[0], size[1]
        check(self.size)
        extra = 0
        if o.local:
            self.rotators, extra = Rotators(channels, o.width), o.width + channels
        self.generator = Generator(channels, self.size, o.width, o.z_dim, extra)
        if o.identity_weight:
            self.identity = identity_head(4 * o.width, len(data.classes))
        shown = self.add_duel(DataSpec.of((channels, *self.size)))
        check((shown.shape[1], shown.shape[2]))
        self.discriminator = local_discriminator(shown.shape, o.discriminator_width)
        self.add_features(self.needs[1])
        self.check_duels()

    @property
    def averaged(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("generator", *(["rotators"] if self.options.local else []))

    @property
    def phases(self) -> dict[str, str]:  # type: ignore[override]
        return {"parts": "rotators"} if self.options.local and self.options.part_weight else {}

    def check_data(self) -> None:
        self.check_kind()
        fields = self.data.fields
        lacking = [key for key in ("landmarks", "label") if key in self.needs and key not in fields]
        if lacking and {*self.needs[:2]} <= fields.keys():
            without = {"landmarks": "--game.local false", "label": "--game.identity_weight 0"}
            raise UsageError(
                f"TPGAN needs {' and '.join(lacking)} beside turned faces and frontal ones, and these data have none; "
                f"choose {' '.join(without[key] for key in lacking)}, or --data faces-turned"
            )
        super().check_data()
        if self.times != 1:
            raise UsageError(f"TPGAN gives images of the size that they have; these data enlarge {self.times} times")
        if "landmarks" in self.needs and (fields["landmarks"].kind, fields["landmarks"].shape) != ("points", (10,)):
            raise UsageError(f"TPGAN's landmarks are points of shape (10,), five of a face, not {fields['landmarks']}")

    def check_batch(self, n: int) -> None:
        super().check_batch(n)
        if n < 2:
            raise UsageError("TPGAN's norms compare the images of a batch: --plan.batch 2 or more for each process")

    def parts(self) -> tuple[Any, ...]:
        return self.options.loss, *super().parts()

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o, criterion, steps = self.options, self.options.loss.at(self.progress), self.steps()
        for step in range(steps):
            faces = self.faces(next(batches))
            if not step:
                yield from self.learn(faces.frontal)
            with torch.no_grad():
                fake = full(self.draw(faces)[0].whole)
            context = self.context(faces.frontal, fake, True)
            adversarial = criterion.discriminator(context.real_logits, context.fake_logits)
            yield Move("discriminator", adversarial=adversarial, **self.extras("discriminator", context))
            self.adapt(context.real_logits)

        for _ in range(o.generator_steps):  # with the last batch
            if o.local and o.part_weight:
                yield Move("rotators", phase="parts", parts=o.part_weight * self.part_distance(faces))
            made, code = self.draw(faces)
            made = Frontal(*map(full, made))
            context = self.context(faces.frontal, made.whole, criterion.relativistic)
            deceived = criterion.generator(context.real_logits, context.fake_logits)
            whose = self.whose(code, faces.label) if o.identity_weight else None
            yield Move(
                *(name for name in ("generator", "rotators", "identity") if name in self.players()),
                **self.distances(made, faces.frontal),
                adversarial=o.adversarial_weight * (deceived + o.restraint * context.fake_logits.mean()),
                identity=whose,
                perceptual=self.known_by(made.whole, faces.frontal),
                **self.extras("generator", context),
            )

    letters: ClassVar[dict[str, str]] = (
        Perceived.letters
        | Adversarial.letters
        | {
            "x": "a true frontal face",
            "G(z)": "the drawn one",
            "x_s": "the face at 1/s of the size",
            "w_s": "the weight of this size",
            "E": "the generator's encoder",
        }
    )

    def formulas(self, player: str) -> dict[str, str]:
        o, told = self.options, super().formulas(player)
        parts = {"parts": times(o.part_weight, "Σ|part - true part|")} if player in self.phases.values() else {}
        if player != "generator":
            return told | parts
        weights = ", ".join(f"w_{s} = {w:g}" for s, w in zip(HALVES, o.pixel_weights, strict=True))
        own = o.perceptual_weight if o.perceptual is None else None
        return (
            told
            | weighed(
                pixel=(1.0, f"Σ_s w_s · |G(z)_s - x_s|, {weights}; sums over places"),
                symmetry=(
                    o.symmetry_weight,
                    "Σ_s w_s · |left half - mirrored right half|, of G(z)_s; sums over places",
                ),
                variation=(o.variation_weight, "TV(G(z)), the total variation"),
                identity=(o.identity_weight, "-log p(who | E(turned face))"),
                perceptual=(own, "(|Δ code| + Σ|Δ maps|), between what E finds in G(z) and in x"),
            )
            | ({"perceptual": told["perceptual"]} if "perceptual" in told else {})
        )

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        o, formula = self.options, self.options.loss.formula(side)
        if side == "generator":
            return {"adversarial": times(o.adversarial_weight, f"{formula} + {o.restraint:g} · C(G(z))")}
        return {"adversarial": formula}

    def faces(self, batch: Batch) -> Faces:
        """What a batch holds, mirrored where the left half is the far one."""
        turned, frontal = (batch[key] for key in self.needs[:2])
        landmarks, label = batch.get("landmarks"), batch.get("label")
        if not self.options.local or landmarks is None:
            return Faces(turned, frontal, None, label)
        left = looks_left(landmarks)
        landmarks = torch.where(left[:, None], mirrored(landmarks), landmarks)
        return Faces(flipped(turned, left), flipped(frontal, left), landmarks, label)

    def draw(self, faces: Faces, noisy: bool = True) -> tuple[Frontal, Tensor]:
        """Frontal faces of three sizes, and the encoder's codes [N, 4 · width] of the turned ones."""
        x, z_dim, parts = faces.turned, self.options.z_dim, None
        noise = DEVIATION * rng.randn(len(x), z_dim, device=x.device).to(x) if noisy else x.new_zeros(x.shape[0], z_dim)
        if faces.landmarks is not None:
            maps, images = self.rotators(cut_parts(x, faces.landmarks))
            light = {name: _unit(image) for name, image in images.items()}  # black is 0, as the canvas is
            parts = torch.cat((fused(maps, self.size), fused(light, self.size)), 1)
        return self.generator(x, noise, parts)

    def part_distance(self, faces: Faces) -> Tensor:
        """Σ over the parts: the distance of turned parts from those of true faces.  []"""
        assert faces.landmarks is not None
        _, images = self.rotators(cut_parts(faces.turned, faces.landmarks))
        true = frontal_parts(faces.frontal)
        return torch.stack([_apart(full(image), true[name]) for name, image in images.items()]).sum()

    def distances(self, made: Frontal, true: Tensor) -> dict[str, Any]:
        """The losses of images of three sizes: distance from true ones [N, C, H, W], symmetry, variation.

        The variation is that of the largest.
        """
        o = self.options
        pixel, symmetry = [], []
        for weight, x, factor in zip(o.pixel_weights, made, HALVES, strict=True):
            pixel.append(weight * _apart(x, shrink(true, factor)))
            # the whole image is halved first; the others are compared with their edges
            compared = shrink(_unit(x)) if factor == 1 else with_edges(_unit(x))
            symmetry.append(weight * asymmetry(compared))
        return {
            "pixel": torch.stack(pixel).sum(),
            "symmetry": o.symmetry_weight * torch.stack(symmetry).sum() if o.symmetry_weight else None,
            "variation": o.variation_weight * variation(_unit(made.whole)) if o.variation_weight else None,
        }

    def whose(self, code: Tensor, label: Tensor | None) -> Tensor:
        """-E log p [] of labels [N], whose face it is, by the code [N, K] of the turned one."""
        assert label is not None
        logits = full(self.identity(code))
        self.note(identity_right=(logits.argmax(1) == label).float())
        return self.options.identity_weight * cross_entropy(logits, label)

    def known_by(self, made: Tensor, true: Tensor) -> Tensor | None:
        """λ3 times the distance [] of images made from true ones, in features; each is [N, C, H, W].

        The features are those of the chosen network, or of the encoder as it is now: |Δ code| in the mean and |Δ
        smallest maps| summed over places. The image learns, the encoder does not.
        """
        weight = self.options.perceptual_weight
        if self.options.perceptual is not None or not weight:
            return self.perceived(made, true)
        encoder = self.generator.encoder
        fixed = {name: p.detach() for name, p in encoder.named_parameters()}
        fixed |= {name: buffer.clone() for name, buffer in encoder.named_buffers()}
        with torch.no_grad():
            wanted = functional_call(encoder, fixed, (true,))
        found = functional_call(encoder, fixed, (made,))
        maps = summed((full(found.maps[-1]) - full(wanted.maps[-1])).abs())
        return weight * ((full(found.code) - full(wanted.code)).abs().mean() + maps)

    def context(self, real: Tensor, fake: Tensor, compares: bool) -> Context:
        """The discriminator's context of real and fake faces, both [N, C, H, W]; of fakes only if not `compares`."""
        return Context.of(self.score, real, fake, self.score(real) if compares else None, self.score(fake))

    def score(self, x: Tensor) -> Tensor:
        """The logits [N, 1, h, w] of places in faces x [N, C, H, W], as the views show them."""
        return full(self.discriminator(self.seen(x)))

    @property
    def scores(self) -> tuple[str, ...]:
        """Of people that are held out nobody knows the name: they are compared with each other."""
        scores = super().scores
        if not self.options.identity_weight:
            return scores
        return (*(name for name in scores if name != "restored_accuracy"), "rank1")

    @property
    def sized(self) -> bool:
        return True

    @property
    def beside(self) -> tuple[str, ...]:
        return ("landmarks",) if self.options.local else ()

    @torch.no_grad()
    def restore(self, batch: Batch) -> Tensor:
        """Turned faces as they look at us. Landmarks float [N, 10] are between the edges of the image, -1 to 1.

        UsageError for images of another size than the training's, for landmarks that are missing, and for some outside
        of the image.
        """
        x, landmarks = batch[self.needs[0]], batch.get("landmarks")
        if x.shape[2:] != self.size:
            height, width = self.size
            raise UsageError(
                f"TPGAN reads a whole face at once, at the size that it was trained with, {height}×{width} pixels, not "
                f"{x.shape[2]}×{x.shape[3]}; crop and resize the faces"
            )
        if not self.options.local:
            return self.draw(Faces(x, x, None, None), noisy=False)[0].whole
        landmarks = check_landmarks(landmarks, x.shape[0])
        faces = self.faces({self.needs[0]: x, self.needs[1]: x, "landmarks": landmarks})
        made = self.draw(faces, noisy=False)[0].whole
        return flipped(made, looks_left(landmarks))


def _unit(x: Tensor) -> Tensor:
    """Values in [-1, 1] as in [0, 1], as the authors' code has them."""
    return (x + 1) / 2


def _apart(made: Tensor, true: Tensor) -> Tensor:
    """|made - true| of values in [0, 1], summed over places; the mean over images and channels."""
    return summed((made - true).abs()) / 2
