"""What players that judge have in common: how often they move, what they are shown, and their penalties."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

from torch import Tensor, nn

from ..base.errors import UsageError
from ..base.kinds import choices
from ..base.ranges import PositiveInt
from ..context import Context
from ..losses import AdversarialLoss
from ..penalties import Penalty, paid, remembered
from ..spec import DataSpec
from ..tasks import Game
from ..views import View

OF_IMAGES = {"x": "a true image", "G(z)": "the generator's output for a damaged one"}  # of games that restore
PAIRED = {  # likewise, of games that learn from pairs
    "x": "a pair (a, b)",
    "G(z)": "a drawn pair (a, G(a))",
    "a": "what is given",
    "b": "the true image of it",
}
OF_DOMAINS = {  # likewise, of games that translate between two domains
    "a": "an image of domain a",
    "b": "one of domain b",
    "G(a)": "the translation of a",
    "F(b)": "that of b",
    "C_a": "the logit of the judge of domain a",
    "C_b": "that of the judge of domain b",
    "D_a": "the probability of the judge of domain a, σ of its logit",
    "D_b": "that of the judge of domain b",
}


def by_domain(formulas: dict[str, str]) -> dict[str, str]:
    """Formulas of judges of the domains a and b with what they judge: images of their own, and translations."""
    own = {name: _of_domain(formula, name[-1]) for name, formula in formulas.items() if name[-2:] in ("_a", "_b")}
    return formulas | own


def _of_domain(formula: str, domain: str) -> str:
    formula = formula.replace("G(z)", {"a": "F(b)", "b": "G(a)"}[domain])
    formula = re.sub(r"(?<!\w)x(?![\w\u0302])", domain, formula)  # not of x̂
    return re.sub(r"(?<!\w)([CD])(?=\()", rf"\1_{domain}", formula)


@dataclass(frozen=True, eq=False)
class Duel:
    """One player that judges, and the one whose samples it judges: the game as these two see it.

    Penalties and views ask it what they would ask a game of one generator and one discriminator.
    """

    game: Any
    data: DataSpec  # of the samples, as penalties see them
    viewed: DataSpec  # of what the views are shown of them, most often the same
    name: str  # of the player in the log, after that of a penalty; "" where that is clear
    discriminator: str  # path of the network that judges
    generator: str | None  # path of the network that makes what is judged

    @property
    def options(self) -> Any:
        return self.game.options

    @property
    def criterion(self) -> AdversarialLoss | None:
        return self.game.criterion

    @property
    def companion(self) -> str:
        return self.game.companion

    @property
    def moves_latents(self) -> bool:
        return self.game.moves_latents and getattr(self.options, "z_dim", 1) > 0

    @property
    def shares_logits(self) -> bool:
        return self.game.shares_logits

    def side(self, player: str) -> str | None:
        """Is this player its "discriminator" or its "generator"? None if neither."""
        sides = {"discriminator": self.discriminator, "generator": self.generator}
        return next((side for side, path in sides.items() if path and path.partition(".")[0] == player), None)

    @property
    def suffix(self) -> str:
        """What is at the end of the names of its losses."""
        return f"_{self.name}" if self.name else ""

    def get_submodule(self, name: str) -> nn.Module:
        """The network of "discriminator" or "generator"; by any other path, that of the game."""
        path = {"discriminator": self.discriminator, "generator": self.generator}.get(name, name)
        if path is None:
            raise AttributeError(f"{type(self.game).__name__} has no generator")
        return self.game.get_submodule(path)


class Adversarial(Game):
    """A game with players that judge. Each takes the same number of steps, views and penalties, which are settings.

    A game calls `add_duel` for each of them before it builds its network, `check_duels` at the end of its `__init__`,
    and in its round `steps`, `seen` before every judgement, `extras` in every move and `adapt` after a judge's step.
    """

    forbidden: ClassVar[dict[str, str]] = {}  # of these settings, those that the paper's form has no room for: why
    moves_latents: ClassVar[bool] = True  # is a fake made of a latent whose neighbours can be drawn too?
    shares_logits: ClassVar[bool] = False  # can a penalty differentiate the adversarial loss's own logits?
    letters: ClassVar[dict[str, str]] = {
        "x": "a sample of the data",
        "G(z)": "a sample that the generator draws",
        "C": "the discriminator's logit",
        "D": "the discriminator's probability, σ of its logit",
        "E(x)": "minus the discriminator's logit",
        "E C": "the mean of C over the batch",
        "c": "the class, or the code, that a sample is to show",
        "f": "what the discriminator's last layer sees",
        "KL": "Kullback and Leibler's divergence",
    }

    @dataclass(frozen=True)
    class Options(Game.Options):
        penalties: tuple[Penalty, ...] = ()  # added to the losses of players, most of them discriminators
        views: tuple[View, ...] = ()  # changes of what discriminators are shown, real and fake samples alike
        discriminator_steps: PositiveInt = 1  # steps of the players that judge to one of the others

    options: Options
    views: Any  # modules: those of the first duel, then those of the next
    memories: Any  # of penalties, likewise

    def __init__(self, data: DataSpec, options: Any = None):
        super().__init__(data, options)
        for name, reason in self.forbidden.items():
            default = next(field.default for field in fields(self.Options) if field.name == name)
            if getattr(self.options, name) != default:
                raise UsageError(reason)
        self.duels: list[Duel] = []
        self.views, self.memories = nn.ModuleList(), nn.ModuleList()

    def add_duel(
        self,
        data: DataSpec,
        name: str = "",
        discriminator: str = "discriminator",
        generator: str | None = "generator",
        scored: DataSpec | None = None,
    ) -> DataSpec:
        """One more player that judges samples like these: what its network must be built for, as views show it.

        `scored` is what penalties see, where that is more than the views are shown.
        """
        self.duels.append(Duel(self, scored or data, data, name, discriminator, generator))
        for view in self.options.views:
            self.views.append(view.build(data))
            data = view.shows(data)
        return data

    def parts(self) -> tuple[Any, ...]:
        """The settings that may forbid themselves."""
        return *self.options.penalties, *self.options.views

    def check_duels(self) -> None:
        """UsageError if a part cannot go with a player that judges; else the penalties get their buffers."""
        for duel in self.duels:
            for part in self.parts():
                if reason := self.refusal(part, duel):
                    raise UsageError(reason)
        memories = [remembered(self.options.penalties, duel) for duel in self.duels]
        self.memories = nn.ModuleList(memory for of_duel in memories for memory in of_duel)

    def refusal(self, part: Any, duel: Duel) -> str | None:
        """Why a part cannot go with this player that judges, in one sentence; None if it can."""
        if isinstance(part, Penalty) and duel.generator is None and set(part.players) != {"discriminator"}:
            return (
                f"{type(part).__name__} is a penalty on a generator, and {type(self).__name__.lower()} has none: "
                "choose another penalty, or put it on the discriminator, where it has a setting `player`"
            )
        return part.forbids(duel)

    def refused(self) -> dict[str, str]:
        """What cannot be chosen of the settings of players that judge, by its name, and why, in one sentence each."""
        why = {f"game.{name}": reason for name, reason in self.forbidden.items()}
        for slot, kind in {"penalties": Penalty, "views": View}.items():
            for name, part in choices(kind).items() if slot not in self.forbidden else ():
                reasons = [self._refusal_of(part(), duel) for duel in self.duels]
                if reason := next(filter(None, reasons), None):
                    why[f"game.{slot} {name}"] = reason
        return why

    def _refusal_of(self, part: Any, duel: Duel) -> str | None:
        try:
            if isinstance(part, View):
                part.build(duel.viewed)
        except UsageError as error:
            return str(error)
        return self.refusal(part, duel)

    @property
    def criterion(self) -> AdversarialLoss | None:
        """The loss of the logits of those that judge; None where they go down another one."""
        return self.options.loss  # type: ignore[attr-defined]

    @property
    def companion(self) -> str:
        """What each sample is judged together with, or judged for, in a word: a label; "" if it is judged alone."""
        return ""

    def packs(self, n: int) -> int:
        """How many are judged where n samples are shown. UsageError if they do not divide evenly."""
        for view in self.options.views:
            if n % view.least():
                raise UsageError(
                    f"{type(view).__name__} shows {view.least()} samples at a time, and the {n} of a batch's part do "
                    "not divide evenly; choose another --plan.batch"
                )
            n //= view.least()
        return n

    def check_batch(self, n: int) -> None:
        super().check_batch(n)
        self.packs(n)

    def steps(self) -> int:
        """How many the players that judge take in this round."""
        return self.options.discriminator_steps

    def seen(self, x: Tensor, duel: int = 0) -> Tensor:
        """What a player that judges is shown of samples [N, …].  [N, …]"""
        for view in self._views(duel):
            view.begin(self.rounds)
            x = view(x, self.progress)
        return x

    def adapt(self, real_logits: Tensor, duel: int = 0) -> None:
        """After a step of a player that judges: views learn from what it made of the real samples, [N, …]."""
        for view in self._views(duel):
            view.adapt(real_logits.detach())

    def _views(self, duel: int) -> Iterator[Any]:
        count = len(self.options.views)
        return (self.views[duel * count + i] for i in range(count))

    def extras(self, player: str, context: Context, duel: int = 0) -> dict[str, Any]:
        """The penalties on the "discriminator" or the "generator" of a duel, by name."""
        penalties, players = self.options.penalties, self.duels[duel]
        if not penalties:
            return {}
        network = players.get_submodule(player)
        context = replace(context, player=network, mover=player, rounds=self.rounds, progress=self.progress)
        memories = self.memories[duel * len(penalties) : (duel + 1) * len(penalties)]
        return {f"{name}{players.suffix}": loss for name, loss in paid(penalties, memories, context).items()}

    def formulas(self, player: str) -> dict[str, str]:
        told = super().formulas(player)
        for duel in self.duels:
            if side := duel.side(player):
                told |= self.judgement(duel, side)
                owed = [each for each in self.options.penalties if side in each.players]
                told |= {f"{each.name}{duel.suffix}": each.formula(side) for each in owed}
        return told

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        """The formula of the adversarial loss of the "discriminator" or the "generator" of a duel, by its name."""
        return {f"adversarial{duel.suffix}": self.criterion.formula(side)} if self.criterion else {}
