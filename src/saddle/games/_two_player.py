"""The alternating game of Goodfellow et al. (2014), Algorithm 1, for any network, loss, penalties and views."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ..auxiliaries import Auxiliary
from ..base import dist
from ..base.errors import UsageError, some
from ..base.formulas import weighed
from ..base.precision import full, second_order
from ..base.ranges import NonNegativeInt, PositiveFloat, PositiveInt, Weight
from ..base.settings import Before
from ..context import Context, Output
from ..layers.discrimination import MinibatchDiscrimination
from ..layers.minibatch import MinibatchStd
from ..losses import AdversarialLoss, NonSaturating
from ..nets import dcgan
from ..nets.absent import Absent
from ..nets.network import Network
from ..optim import OwnOptim
from ..spec import SAMPLES, Batch, ConditionKind, DataSpec
from ..tasks import Move, Synthesis
from ..views import View
from ._adversarial import Adversarial, Duel
from ._conditional import Conditional

Weights = dict[str, Tensor]  # parameters by name


class TwoPlayer(Conditional, Adversarial):
    """One generator against one discriminator. Final games choose the options' defaults."""

    takes = SAMPLES  # if the network does
    shares_logits = True
    takes_conditions: ClassVar[tuple[ConditionKind, ...]] = ("class", "labels", "numbers")  # likewise

    @dataclass(frozen=True)
    class Networks(Synthesis.Options):
        """The settings that come first."""

        network: Network = dcgan.DCGAN()  # the architecture of both players
        conditional: bool = False  # give both players the label of each sample
        loss: AdversarialLoss = NonSaturating()  # adversarial loss

        @property
        def told(self) -> bool:
            return self.conditional

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Networks):
        auxiliaries: tuple[Auxiliary, ...] = ()  # further losses, from the discriminator's features
        adversarial_weight: Weight = 1.0  # factor on the generator's adversarial loss; 0 leaves it to the auxiliaries
        unroll: NonNegativeInt = 0
        """steps of the discriminator that the generator looks ahead, and through which it learns"""
        unroll_lr: PositiveFloat = 0.1  # of those steps, which are plain gradient descent on the adversarial loss
        generator_batch: Annotated[PositiveInt, Before(1)] = 1
        """fakes of the generator's step to each real sample of a batch"""
        fresh_fakes: bool = True  # draw new noise for the generator's step, or reuse the discriminator's fakes
        discriminator_optim: OwnOptim = None  # where it differs, as in TTUR

        def __post_init__(self) -> None:
            super().__post_init__()
            if not (self.fresh_fakes or self.generator_batch == 1):
                raise UsageError(f"generator_batch is 1 where fresh_fakes is false, not {self.generator_batch}")

    options: Options
    discriminator: Any  # samples (and labels) → Output

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o = self.options
        spec = data if o.conditional else data.unconditional()
        self.generator = o.network.generator(o.z_dim, spec)
        self.discriminator = self.build_discriminator(self.add_duel(spec))
        self.check_duels()

    def parts(self) -> tuple[Any, ...]:
        return self.options.loss, *super().parts(), *self.options.auxiliaries

    def build_discriminator(self, data: DataSpec) -> nn.Module:
        """Of what the views show."""
        return self.options.network.discriminator(data)

    def check_data(self) -> None:
        super().check_data()
        if not self.options.conditional:
            return
        if not self.options.network.takes_labels:
            raise UsageError(
                f"{type(self.options.network).__name__} takes no labels; leave out game.conditional, or choose "
                "--game.network Concatenation, which gives them to a network that takes none"
            )
        self.check_labels("--game.conditional false")
        if not (self.data.classes or self.options.network.takes_columns):
            raise UsageError(
                f"{type(self.options.network).__name__} has a vector of its own for every class, and these data are "
                f"labelled in columns ({some(self.data.condition.names)}); choose a game that takes columns, such as "  # type: ignore[union-attr]
                "cgan, or leave out game.conditional"
            )

    def check_batch(self, n: int) -> None:
        n = self.packs(n)
        for module in self.discriminator.modules():
            if isinstance(module, MinibatchStd):
                module.check(n * dist.world())
        if n * dist.world() < 2:
            self.check_single()

    def check_single(self) -> None:
        """UsageError if anything compares the samples of a batch, for one is judged at a time."""
        reasons = [each.alone for each in self.options.auxiliaries]
        for module in (*self.generator.modules(), *self.discriminator.modules()):
            if isinstance(module, MinibatchDiscrimination):
                reasons.append("minibatch discrimination compares the samples of a batch")
            if isinstance(module, nn.BatchNorm1d):
                reasons.append("batch norm of vectors takes its mean and deviation over the samples of a batch")
        if reason := next(filter(None, reasons), None):
            raise UsageError(f"{reason}, and here each is alone; choose a larger --plan.batch, or fewer micro-batches")

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.generator(z) if label is None else self.generator(z, label)

    def discriminate(self, x: Tensor, label: Tensor | None = None, weights: Weights | None = None) -> Output:
        """What the discriminator, with these weights if given, says of what the views show of samples.

        x [N, …], labels [N, …]
        """
        x = self.seen(x)
        given = (x,) if label is None else (x, label)
        if weights is None:
            output = self.discriminator(*given)
        else:
            with second_order(x):
                output = functional_call(self.discriminator, weights, (full(x), *given[1:]))
        return output._replace(logits=full(output.logits))

    def asks_features(self) -> bool:
        """Does this game compare what the discriminator's last layer sees of single images?"""
        return False

    def refusal(self, part: Any, duel: Duel) -> str | None:
        if self.asks_features() and isinstance(part, View) and part.least() > 1:
            name = type(self).__name__
            return (
                f"{name} compares the discriminator's features of one image, but packs are judged as one; leave it out"
            )
        return super().refusal(part, duel)

    def judges_alone(self) -> bool:
        """Can the discriminator be asked about one sample as it is, without a label, and not beside others?"""
        compares = any(isinstance(m, MinibatchDiscrimination | MinibatchStd) for m in self.discriminator.modules())
        o, absent = self.options, isinstance(self.discriminator, Absent)
        return not (absent or o.conditional or compares or any(view.least() > 1 for view in o.views))

    def features(self, image: Tensor) -> Tensor | None:
        features = self.discriminator(image).features if self.judges_alone() else None
        return full(features) if isinstance(features, Tensor) else None

    def landscape(self, points: Tensor) -> Tensor | None:
        """D itself, without the views; None where it takes a label, or more than one point to judge."""
        return self.options.loss.output(full(self.discriminator(points).logits)) if self.judges_alone() else None

    def signs(self, held: Batch, trained: Batch) -> dict[str, Tensor]:
        """Beside those of its samples, the discriminator's mean output, without the views, for three kinds of samples.

        These are held-out samples, samples that it learned from, and generated ones.
        """
        found = super().signs(held, trained)
        if any(view.least() > 1 for view in self.options.views) or min(map(len, (held["image"], trained["image"]))) < 2:
            return found
        label = self.label_of(held)
        made = self.decode(self.noise(len(held["image"]), label), label)
        kinds = {"heldout": (held["image"], label), "trained": (trained["image"], self.label_of(trained))}
        return found | {f"d_{name}": self.judged(*kind) for name, kind in {**kinds, "made": (made, label)}.items()}

    def judged(self, x: Tensor, label: Tensor | None) -> Tensor:
        """The mean, [], of D(x) or of the critic's values, for samples [N, …], with labels [N, …] if it takes some."""
        given = (x,) if label is None else (x, label)
        return self.options.loss.output(full(self.discriminator(*given).logits)).mean()

    def look_ahead(self, real: Tensor, fake: Tensor, label: Tensor | None) -> Weights:
        """The discriminator's weights after `unroll` steps, as functions of the fakes.  Metz et al., 2017, Eq. 9.

        https://arxiv.org/abs/1611.02163

        real [N, …], fake [N, …], labels [N, …]
        """
        weights: Weights = dict(self.discriminator.named_parameters())
        for _ in range(self.options.unroll):
            logits = (self.discriminate(x, label, weights).logits for x in (real, fake))
            loss = self.options.loss.at(self.progress).discriminator(*logits)
            with second_order(real):
                gradients = torch.autograd.grad(loss, [*weights.values()], create_graph=True, materialize_grads=True)
                steps = [self.options.unroll_lr * dist.joint_mean(gradient) for gradient in gradients]
            weights = {name: weights[name] - step for name, step in zip(weights, steps, strict=True)}
        return weights

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o, loss, steps = self.options, self.options.loss.at(self.progress), self.steps()
        for step in range(steps):
            batch = next(batches)
            real, label = batch["image"], self.label_of(batch)  # of the fakes too
            z = self.noise(len(real), label)
            answers = step == steps - 1 and not o.fresh_fakes
            with torch.set_grad_enabled(answers):
                fake = self.decode(z, label)
            context = self.discriminators_context(real, fake.detach(), z, label)
            self.note(d_real=o.loss.output(context.real_logits), d_fake=o.loss.output(context.fake_logits))
            yield Move(
                "discriminator",
                adversarial=loss.discriminator(context.real_logits, self.unreal_logits(context)),
                **self.extras("discriminator", context),
            )
            self.adapt(context.real_logits)

        if o.fresh_fakes:
            real, label = self.for_generator(real, label)
            z = self.noise(len(real), label)
            fake = self.decode(z, label)
        ahead = self.look_ahead(real, fake, label) if o.unroll else None
        context = self.context(real, fake, z, label, loss.relativistic or any(a.compares for a in o.auxiliaries), ahead)
        adversarial = loss.generator(context.real_logits, context.fake_logits) if o.adversarial_weight else None
        yield Move(
            "generator",
            adversarial=None if adversarial is None else o.adversarial_weight * adversarial,
            **self.extras("generator", context),
        )

    def unreal_logits(self, context: Context) -> Tensor:
        """Of all that the discriminator is to refuse in its own move: those of the fakes.  [N, …]"""
        return context.fake_logits

    def for_generator(self, real: Tensor, label: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Real samples and labels, each as often as the generator draws a fake beside it: in every process its own.

        Each goes from [N, …] to [N · generator_batch, …].
        """
        times = self.options.generator_batch
        if times == 1:
            return real, label
        return real.repeat_interleave(times, 0), None if label is None else label.repeat_interleave(times, 0)

    def discriminators_context(self, real: Tensor, fake: Tensor, z: Tensor, label: Tensor | None) -> Context:
        """Where penalties share its logits, these can be differentiated by the samples, and twice.  Each is [N, …]."""
        if not any(penalty.shares() for penalty in self.options.penalties):
            return self.context(real, fake, z, label, compares=True)
        with torch.compiler.set_stance("force_eager"):
            real, fake = (full(x).detach().requires_grad_() for x in (real, fake))
            return self.context(real, fake, z, label, compares=True)

    def context(
        self,
        real: Tensor,
        fake: Tensor,
        z: Tensor,
        label: Tensor | None,
        compares: bool,
        weights: Weights | None = None,
    ) -> Context:
        """Real and fake samples as judged, by these weights if given; the real ones only if somebody `compares`.

        Each is [N, …].
        """
        return Context(
            score=lambda x: self.discriminate(x, label, weights).logits,
            real=real,
            fake=fake,
            real_output=self.discriminate(real, label, weights) if compares else None,
            fake_output=self.discriminate(fake, label, weights),
            z=z,
            label=label,
            generate=partial(self.decode, label=label),
            rounds=self.rounds,
            progress=self.progress,
        )

    def formulas(self, player: str) -> dict[str, str]:
        told = super().formulas(player)
        if player not in ("discriminator", "generator"):
            return told
        return told | {each.name: each.formula(player) for each in self.options.auxiliaries if player in each.players}

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        weight = self.options.adversarial_weight if side == "generator" else 1.0
        return weighed(adversarial=(weight, self.options.loss.formula(side)))

    def extras(self, player: str, context: Context, duel: int = 0) -> dict[str, Any]:
        auxiliary = {}
        for each in self.options.auxiliaries:
            if player in each.players:
                auxiliary[each.name] = each(replace(context, player=self.get_submodule(player), mover=player))
        return auxiliary | super().extras(player, context, duel)
