"""The alternating game of Goodfellow et al. (2014), Algorithm 1, for any network, loss, penalties and views."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from .. import rng
from ..augment import View
from ..auxiliaries import Auxiliary
from ..errors import UsageError
from ..game import Move, Synthesis
from ..losses import AdversarialLoss, NonSaturating
from ..nets import dcgan
from ..nets.network import Network
from ..optim import Optim
from ..penalties import Penalty
from ..precision import full
from ..scene import Scene, Verdict
from ..spec import Batch, DataSpec


class TwoPlayer(Synthesis):
    """One generator against one discriminator. Final games choose the options' defaults."""

    takes_points = True  # if the network does

    @dataclass(frozen=True)
    class Options(Synthesis.Options):
        network: Network = dcgan.DCGAN()  # the architecture of both players
        conditional: bool = False  # give both players the class of each sample
        loss: AdversarialLoss = NonSaturating()  # what both players make of the logits
        penalties: tuple[Penalty, ...] = ()  # what they pay beside it
        views: tuple[View, ...] = ()  # what the discriminator is shown of real and fake samples alike
        auxiliaries: tuple[Auxiliary, ...] = ()  # further losses, from the discriminator's features
        adversarial_weight: float = 1.0  # factor on the generator's adversarial loss; 0 leaves it to the auxiliaries
        discriminator_steps: int = 1  # the discriminator's steps to one of the generator
        fresh_fakes: bool = True  # draw new noise for the generator's step, or let it answer for the fakes just judged
        discriminator_optim: Optim | None = None  # where it differs, as in TTUR

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.discriminator_steps < 1:
                raise UsageError(f"discriminator_steps is at least 1, not {self.discriminator_steps}")

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o = self.options
        if o.conditional:
            self.needs = ("image", "label")  # type: ignore[misc]  # of this game, not of its class
        spec = data if o.conditional else replace(data, classes=())
        self.generator = o.network.generator(o.z_dim, spec)
        shown, views = spec, []
        for view in o.views:
            views.append(view.build(shown))
            shown = view.shows(shown)
        self.views = nn.ModuleList(views)
        self.discriminator = o.network.discriminator(shown)
        for part in (o.loss, *o.penalties, *o.views, *o.auxiliaries):
            if reason := part.forbids(self):
                raise UsageError(reason)
        self.memories = nn.ModuleList(penalty.remember(self) or nn.Module() for penalty in o.penalties)

    def check_data(self) -> None:
        super().check_data()
        if not self.options.conditional:
            return
        if not self.options.network.takes_labels:
            raise UsageError(f"{type(self.options.network).__name__} takes no labels; leave out game.conditional")
        if not self.data.classes:
            raise UsageError(
                f"{type(self).__name__} is told the class of each sample (game.conditional), but these data have no "
                "labels; choose --game.conditional false, or data with labels"
            )

    def check_batch(self, n: int) -> None:
        for view in self.options.views:
            if n % view.least():
                raise UsageError(
                    f"{type(view).__name__} shows {view.least()} samples at a time, and the {n} of a batch's part do "
                    "not divide evenly; choose another --plan.batch"
                )

    def optim(self, player: str) -> Optim:
        own = self.options.discriminator_optim if player == "discriminator" else None
        return own or self.options.optim

    @property
    def labels(self) -> tuple[str, ...]:
        return self.data.classes if self.options.conditional else ()

    def draw_label(self, n: int) -> Tensor | None:
        return rng.randint(len(self.data.classes), n, device=self.device) if self.options.conditional else None

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.generator(z) if label is None else self.generator(z, label)

    def judge(self, x: Tensor, label: Tensor | None = None) -> Verdict:
        """What the discriminator says of what the views show of samples."""
        for view in self.views:
            x = view(x, self.progress)
        verdict = self.discriminator(x) if label is None else self.discriminator(x, label)
        return verdict._replace(logits=full(verdict.logits))

    def steps(self) -> int:
        """How many the discriminator takes in this round."""
        return self.options.discriminator_steps

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o, loss, steps = self.options, self.options.loss.at(self.progress), self.steps()
        for step in range(steps):
            batch = next(batches)
            real, label = batch["image"], batch["label"] if o.conditional else None  # of the fakes too
            z = self.noise(len(real), label)
            answers = step == steps - 1 and not o.fresh_fakes
            with torch.set_grad_enabled(answers):
                fake = self.decode(z, label)
            scene = self.scene(real, fake.detach(), z, label, compares=True)
            self.note(d_real=o.loss.output(scene.real_logits), d_fake=o.loss.output(scene.fake_logits))
            yield Move(
                "discriminator",
                adversarial=loss.discriminator(scene.real_logits, scene.fake_logits),
                **self.extras("discriminator", scene),
            )
            for view in self.views:
                view.adapt(scene.real_logits.detach())

        if o.fresh_fakes:
            z = self.noise(len(real), label)
            fake = self.decode(z, label)
        scene = self.scene(real, fake, z, label, loss.relativistic or any(a.compares for a in o.auxiliaries))
        adversarial = loss.generator(scene.real_logits, scene.fake_logits) if o.adversarial_weight else None
        yield Move(
            "generator",
            adversarial=None if adversarial is None else o.adversarial_weight * adversarial,
            **self.extras("generator", scene),
        )

    def scene(self, real: Tensor, fake: Tensor, z: Tensor, label: Tensor | None, compares: bool) -> Scene:
        """Real and fake samples as judged; the real ones only where somebody `compares`."""
        return Scene(
            score=lambda x: self.judge(x, label).logits,
            real=real,
            fake=fake,
            real_verdict=self.judge(real, label) if compares else None,
            fake_verdict=self.judge(fake, label),
            z=z,
            generate=partial(self.decode, label=label),
            progress=self.progress,
        )

    def extras(self, player: str, scene: Scene) -> dict[str, Tensor | None]:
        """What the player pays beside the adversarial loss, by name."""
        scene, o = replace(scene, player=self.get_submodule(player)), self.options
        paid: dict[str, Tensor | None] = {each.name: each(scene) for each in o.auxiliaries if player in each.players}
        for penalty, memory in zip(o.penalties, self.memories, strict=True):
            if player in penalty.players:
                paid[penalty.name] = penalty(self.rounds, replace(scene, memory=memory))
        return paid
