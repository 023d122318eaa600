"""One call of `saddle train`: opens a run folder, goes on where the run stopped, leaves pictures, curves and scores."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from math import isqrt
from pathlib import Path
from typing import Any

import torch

from .._version import __version__
from ..base import dist, rng
from ..base.errors import SaddleError
from ..base.events import Events
from ..base.files import quoted
from ..base.folder import RunFolder
from ..base.precision import choose_device, resolve, same_kernels
from ..data.augmentation import Augmentation
from ..data.source import check_batch
from ..data.stream import Stream
from ..metrics.score import Score
from ..training.checkpoint import Checkpoints, State
from ..training.health import Interrupted, Signals, memory_in_words
from ..training.trainer import Trainer
from . import binding, diagnosing, ending, registry, scoring, tracking, warm
from .describe import judgement, told
from .gallery import Gallery
from .informing import count_parameters
from .introduction import next_command, of_data, of_needs, of_players
from .longer import Longer, lengthen
from .observing import Observer, Watched
from .recipe import Recipe
from .run import Run
from .signs import Signs
from .voice import Voice

SAVE_MINUTES = 2.0


def train(
    recipe: Recipe,
    folder: str | Path,
    device: str = "auto",
    quiet: bool = False,
    track: bool | str = False,
    observers: Sequence[Observer] = (),
) -> Run:
    """Start a run, or go on with it where it stopped: the call is the same.

    `track` names trackers, and observers read what is logged. Raises UsageError for a folder of another recipe or data
    that the game cannot take, Interrupted once a signal has been answered with a checkpoint, Diverged for a loss that
    is not finite.
    """
    chosen = choose_device(device, dist.local_rank())
    observers = [*tracking.chosen(track), *observers]
    with dist.processes(chosen), memory_in_words(recipe.plan):
        Training(recipe.settled(Path(folder)), Path(folder), chosen, quiet, observers).run()
    return Run(folder, device=device)


def check(recipe: Recipe, folder: str | Path, device: str = "auto") -> None:
    """UsageError for a game, data and plan that cannot be trained together: all is built, and nothing written."""
    with memory_in_words(recipe.plan):
        Training(recipe.settled(Path(folder)), Path(folder), choose_device(device, dist.local_rank()), quiet=True)


class Training:
    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        device: torch.device,
        quiet: bool = False,
        observers: Sequence[Observer] = (),
    ):
        self.watched = Watched(observers, folder)
        self.recipe, self.folder, self.device = recipe, RunFolder(folder), device
        self.leads = dist.rank() == 0  # the process that writes
        self.voice = Voice(quiet or not self.leads)
        plan = recipe.plan
        kind = registry.load(recipe.game)
        with self.voice.listening():
            self.source = binding.open_data(recipe, self.folder.places())
        self.voice.say(*of_data(recipe, self.source))
        with rng.building(plan.seed, "weights"):
            game = kind(self.source.spec, recipe.options).to(device)
        check_batch(self.source, plan.batch)  # only now: data that are wrong for the game are reported first
        game.check_batch(plan.batch // (plan.micro_batches * dist.world()))
        self.scored = scoring.on_the_way(game, self.source, plan.metrics)  # on the way, the first chooses the best
        self.trainer = Trainer(game, self.stream(), plan, resolve(plan.precision, device, self.source.spec.is_image))
        self.gallery = Gallery(self.trainer, self.source, self.folder)
        self.signs = Signs(self.trainer, self.source)
        self.watch = diagnosing.Watch(self.folder)
        self.checkpoints = Checkpoints(self.folder.checkpoints)
        self.seconds = 0.0  # spent in rounds, over all calls for the run
        self.score: dict[str, Any] | None = None  # of the current round
        self.longer: Longer | None = None
        self.before = recipe  # what the checkpoints were made with
        self.events: Events | None = None
        self.saved_at = time.monotonic()
        self.began = ""  # what a new run has of another's weights
        if recipe.start and not self.checkpoints.rounds():
            self.began = warm.begin(self.trainer, recipe.start)

    def stream(self) -> Stream:
        """The batches, without end."""
        plan, data = self.recipe.plan, self.recipe.data
        return Stream(
            self.source.train,
            self.source.spec,
            plan.batch,
            plan.seed,
            flip=data.flip,
            moves=Augmentation(data.rotate, data.scale, data.shift, data.outside),
            device=self.device,
            micro_batches=plan.micro_batches,
            labelled_share=data.labelled_share,
        )

    def run(self) -> None:
        """Play to the end of the plan."""
        with ExitStack() as stack:
            if self.leads:
                self.claim_folder(stack)
            stack.enter_context(rng.preserved())
            stack.enter_context(same_kernels(self.recipe.plan.deterministic))
            stack.enter_context(self.voice.listening())
            self.signals = stack.enter_context(Signals(self.voice.at_once))
            stack.callback(self.watched.close)
            resumed = self.resume()
            try:
                with memory_in_words(self.recipe.plan, self.source.spec.shape), dist.lost_in_words():
                    self.begin(stack, resumed)
                    self.play()
                    self.signals.answer = "all is played and saved; scoring it"
                    ending.finish(self)
            except Exception as error:
                with suppress(Exception):  # what went wrong first is what the user has to know
                    self.note_stop(ending.reason(error), str(error), getattr(error, "rates", None))
                if isinstance(error, OSError):
                    raise SaddleError(
                        f"the disk failed in {self.folder.path}: {error.strerror or error}; the checkpoints are "
                        "intact. Make room and run again."
                    ) from error
                raise
            self.note_stop("finished")

    def begin(self, stack: ExitStack, resumed: bool) -> None:
        """Fix the length of a new run, and open what the rounds are written to."""
        pace = None if resumed else self.trainer.fix_rounds()
        if self.leads:
            self.events = stack.enter_context(self.folder.log())
            self.note_changes()
        self.note_start()
        if pace is not None:
            self.note_plan(pace)
            self.voice.say(*of_needs(self.trainer))
        if self.longer:
            self.write("plan", rounds=self.rounds, **({"pace": self.longer.pace} if self.longer.pace else {}))
        if not resumed:
            if self.began:
                self.voice.say(self.began)
            self.draw()
        if not resumed or self.longer:
            self.save()  # what comes before a save is done again after a kill; also, does the disk take a checkpoint?

    @property
    def rounds(self) -> int:
        assert self.trainer.rounds is not None
        return self.trainer.rounds

    def claim_folder(self, stack: ExitStack) -> None:
        """The folder is ours until the stack is left. UsageError if it is in use, or not for this recipe."""
        folder = self.folder
        self.recipe.check_folder(folder.path)
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            stack.enter_context(folder.locked())
            if not folder.recipe.exists():
                self.recipe.write(folder.recipe)
        except OSError as error:
            raise SaddleError(f"cannot write to {folder.path}: {error.strerror or error}") from error
        self.recipe.check_folder(folder.path)  # again: before the lock, another process may have begun here
        folder.clean()
        self.checkpoints.clean()

    def resume(self) -> bool:
        """Go on from the newest good checkpoint, every process from the same; False if there is none."""
        dist.barrier()

        def accept(state: State) -> None:
            self.before = binding.made_with(state.facts) or Recipe.read(self.folder.recipe)
            binding.check_recipe(self.recipe, state.facts, self.folder.path)
            new = f"saddle train --from {quoted(self.folder.path)} --run NEW --data {self.recipe.data.source}"
            otherwise = f"train in another run folder (--run), with the weights of this one, if you like: {new}"
            binding.check_data(self.source, state.facts, otherwise)
            self.trainer.load_state(state)
            self.seconds, self.score = state.fact("seconds"), state.facts.get("score")

        resumed = self.checkpoints.newest(self.voice.say, accept)
        round_ = self.trainer.round if resumed else -1
        low, high = dist.largest(torch.tensor([-round_, round_], device=self.device)).tolist()
        if -low != high:
            raise SaddleError(
                f"the processes found different checkpoints in {self.folder.path}, of rounds {-low} and {high}; the "
                "folder must be the same one for all of them"
            )
        if not resumed:
            return False
        self.longer = lengthen(self.trainer, self.before.plan, self.seconds, self.folder.path)
        if self.longer:
            self.voice.say(self.longer.said)
        over = self.trainer.round == self.rounds
        self.voice.say(
            f"{'all is played: round' if over else 'going on after round'} {self.trainer.round} of {self.rounds}"
        )
        return True

    def play(self) -> None:
        """The rounds that are left, with a live line of how they go."""
        game, plan = self.trainer.game, self.recipe.plan
        after = ", then scores" * bool(scoring.at_the_end(game, self.source, plan))
        with self.voice.playing(self.rounds, plan.batch, self.recipe.game, judgement(game), after):
            self.play_rounds()

    def play_rounds(self) -> None:
        trainer, plan = self.trainer, self.recipe.plan
        pace: list[float] = []
        while trainer.round < self.rounds:
            trainer.steps.on = self.signs.due(trainer.round + 1)
            started = time.perf_counter()
            trainer.play_round()
            round_ = trainer.round
            if round_ % plan.log_every == 0 or trainer.course.at_mark(round_):
                trainer.wait()  # or the device's last rounds would take no time here
            pace.append(time.perf_counter() - started)
            self.seconds += pace[-1]
            self.raise_rounds()
            self.score = None
            if round_ % plan.log_every == 0 or round_ == self.rounds:
                trainer.check_losses()
                self.log(pace)
                pace.clear()
            else:
                self.voice.played(round_, pace)
            if self.due(plan.pictures):
                self.draw()
            if self.due_early(plan.scores):
                self.measure()
            self.pause()

    def pause(self) -> None:
        """After a round: save where it is time, and stop where something asks for it."""
        round_, unwell = self.trainer.round, self.examine()
        stop, save, ill = self.agree(self.signals.received is not None, self.must_save(), bool(unwell))
        if save or stop or ill or self.score:
            self.save()
        if ill:
            raise diagnosing.Unwell(f"stopped and saved after round {round_}: {unwell or 'another process says why'}")
        if stop and round_ < self.rounds:
            raise Interrupted(
                f"{self.signals.received or 'another process'} received: saved after round {round_} of "
                f"{self.rounds}; the same command goes on"
            )

    def examine(self) -> str:
        """Why an observer or the plan wants the run stopped; '' if it may go on. The plan is asked at new signs."""
        if self.watched.enough and self.trainer.round < self.rounds:
            return self.watched.enough
        asks = self.leads and self.recipe.plan.doctor == "stop" and self.signs.due(self.trainer.round)
        return self.watch.look() if asks else ""

    def raise_rounds(self) -> None:
        """Where the trainer makes the run longer, note it."""
        pace = self.trainer.raise_rounds(self.seconds)
        if pace is not None:
            self.note_plan(pace)
            self.voice.longer(self.rounds)

    def due(self, times: int) -> bool:
        """Is this one of `times` rounds spread evenly over the run, the last one included?"""
        return self.trainer.round * times // self.rounds > (self.trainer.round - 1) * times // self.rounds

    def due_early(self, times: int) -> bool:
        """As `due`, but denser at the start, where most is learned: the k-th of n is at (k / n)² of the run."""
        now, before = (isqrt(r * times**2 // self.rounds) for r in (self.trainer.round, self.trainer.round - 1))
        return now > before

    def must_save(self) -> bool:
        every, round_ = self.recipe.plan.save_every, self.trainer.round
        if round_ in (self.rounds, self.trainer.course.mark[0]):  # what was measured is kept before it has an effect
            return True
        return round_ % every == 0 if every else time.monotonic() - self.saved_at > 60 * SAVE_MINUTES

    def agree(self, *wishes: bool) -> list[bool]:
        """What any process wishes, all do."""
        if dist.world() == 1:
            return list(wishes)
        return [bool(w) for w in dist.largest(torch.tensor(wishes, device=self.device, dtype=torch.uint8))]

    def save(self) -> None:
        trainer = self.trainer
        trainer.check()
        if self.leads:
            state = trainer.state()
            state.facts |= {"seconds": self.seconds, "data": self.source.spec.to_facts(), "game": self.recipe.game}
            state.facts |= {"fingerprint": self.source.fingerprint, "version": __version__}
            state.facts["recipe"] = self.recipe.to_dict()
            if against := trainer.game.trained_against:
                state.facts["trained_against"] = against
            if self.score and math.isfinite(self.score["value"]):
                state.facts["score"] = self.score
            self.checkpoints.save(trainer.round, state)
            self.write("save", seconds=self.seconds)
        self.saved_at = time.monotonic()

    def log(self, pace: list[float]) -> None:
        """A line of events and of progress: means over the processes."""
        trainer = self.trainer
        losses, notes = dist.means(trainer.losses), dist.means(trainer.game.notes)
        speed = len(pace) * self.recipe.plan.batch / max(sum(pace), 1e-9)
        signs = {"signs": self.signs.measure()} if self.signs.due(trainer.round) else {}
        values = {"losses": losses, "notes": notes, **signs}
        waited, trainer.waited = trainer.waited, 0.0
        self.write(
            "round", images=trainer.images, seconds=self.seconds, images_per_second=speed, waited=waited, **values
        )
        self.voice.news(trainer.round, speed, (self.rounds - trainer.round) * self.recipe.plan.batch / speed, values)

    def draw(self) -> None:
        """A picture of what the averaged players do now."""
        if self.leads:
            file = self.gallery.draw().relative_to(self.folder.path).as_posix()
            self.write("sample", file=file, of=self.source.spec.main.kind)

    def measure(self) -> dict[str, Score]:
        """Score the averaged players, if anything is to be scored on the way."""
        trainer = self.trainer
        if not self.scored:
            return {}
        with trainer.averages.playing(trainer.game) as game:
            # few samples, and others than the final scores draw
            scores = scoring.score(game, self.source, self.scored, scoring.SAMPLES, seed=1, early=True)
        first = {n: getattr(scores[self.scored[0]], n) for n in ("name", "value", "better")}
        self.score = first if scoring.chooses(self.scored[0]) and trainer.game.ready else None
        self.write("score", seconds=self.seconds, scores={n: s.to_dict() for n, s in scores.items()})
        return scores

    def note_start(self) -> None:
        trainer = self.trainer
        self.voice.say(*of_players(trainer, self.folder.path, scoring.choice(self.scored, self.source)))
        self.write(
            "start",
            rounds=self.rounds,
            game=self.recipe.game,
            data=self.source.name,
            paper=registry.summary(self.recipe.game),
            device=str(self.device),
            processes=dist.world(),
            precision=trainer.precision,
            parameters=count_parameters(trainer.game),
            version=__version__,
            baseline=dict(trainer.game.baseline),
            **told(self.recipe, trainer.game, self.source),
            places=binding.places(self.recipe, self.folder.places()),
            **({"began_with": str(self.recipe.start)} if self.recipe.start else {}),
        )

    def note_changes(self) -> None:
        """What has been changed in the recipe: first in the log, then in the file."""
        kept = replace(Recipe.read(self.folder.recipe), plan=self.before.plan)  # a length may have been changed by hand
        if changed := binding.changes(kept, self.recipe):
            self.write("change", settings=changed)
            self.recipe.write(self.folder.recipe)

    def note_plan(self, pace: float) -> None:
        """How many rounds are planned, as it follows from a pace in seconds a round."""
        self.write("plan", rounds=self.rounds, pace=pace)
        self.voice.say(self.recipe.plan.describe_rounds(self.rounds, pace))

    def note_stop(self, reason: str, message: str = "", rates: dict[str, float] | None = None) -> None:
        if self.events:
            if reason in ("finished", "interrupted"):
                expected = ending.expected(self, reason)
                message = f"{message}. {expected}" if message else expected
                self.voice.say(expected)
                ending.diagnose(self)
            self.write("stop", reason=reason, message=message, **({"rates": rates} if rates else {}))
            ending.report(self)
            if reason == "finished":
                self.voice.say(*next_command(self.trainer.game, self.folder.path, self.recipe.guests()))

    def write(self, event: str, **fields: Any) -> None:
        if self.events:
            self.watched.tell(self.events.write(event, round=self.trainer.round, **fields))
