"""One call of `saddle train`: it opens a run folder, goes on where the run stopped, leaves pictures, curves, scores."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from . import __version__, dist, pictures, registry, report, rng, scoring
from .checkpoint import Checkpoints, Damaged, State
from .data import open_source
from .data.source import check_batch
from .data.stream import Stream
from .errors import SaddleError, UsageError
from .events import Events
from .game import Translation
from .health import Interrupted, Signals, out_of_memory
from .metrics.score import Score
from .precision import choose_device, resolve
from .progress import Progress
from .recipe import Recipe
from .run import Run, count_parameters, spec_to
from .trainer import Trainer

SAVE_MINUTES = 2.0


def train(recipe: Recipe, folder: str | Path, device: str = "auto", quiet: bool = False) -> Run:
    """Start a run, or go on with it where it stopped: the call is the same.

    Raises UsageError for a folder of another recipe or data that the game cannot take, Interrupted once a signal has
    been answered with a checkpoint, Diverged for a loss that is not finite.
    """
    chosen = choose_device(device, dist.local_rank())
    with dist.processes(chosen):
        Session(recipe, Path(folder), chosen, quiet).run()
    return Run(folder, device=device)


class Session:
    def __init__(self, recipe: Recipe, folder: Path, device: torch.device, quiet: bool = False):
        self.recipe, self.folder, self.device = recipe, folder, device
        self.leads = dist.rank() == 0  # the process that writes
        self.quiet = quiet or not self.leads
        plan = recipe.plan
        kind = registry.load(recipe.game)
        self.source = open_source(recipe.data)
        check_batch(self.source, plan.batch)
        if plan.deterministic and device.type == "cuda":
            torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
        rng.seed(plan.seed, "weights")
        game = kind(self.source.spec, recipe.options).to(device)
        stream = Stream(
            self.source.train,
            self.source.spec,
            plan.batch,
            plan.seed,
            flip=recipe.data.flip,
            device=device,
            micro_batches=plan.micro_batches,
        )
        self.trainer = Trainer(game, stream, plan, resolve(plan.precision, device, self.source.spec.is_image))
        self.checkpoints = Checkpoints(folder / "checkpoints")
        self.seconds = 0.0  # spent in rounds, over all sessions of the run
        self.score: Score | None = None  # of the current round
        self.saved_at = time.monotonic()

    def run(self) -> None:
        """Play to the end of the plan."""
        if self.leads:
            self.claim_folder()
        with ExitStack() as stack:
            self.signals = stack.enter_context(Signals())
            self.say: Callable[[str], None] = (lambda message: None) if self.quiet else print
            resumed = self.resume()
            try:
                if not resumed:
                    self.trainer.fix_rounds()
                self.events = stack.enter_context(Events(self.folder / "events.jsonl")) if self.leads else None
                self.note_start()
                if not resumed:
                    self.save()  # also finds out now whether the disk takes a checkpoint
                    self.draw()
                if not self.quiet:
                    self.progress = stack.enter_context(Progress(self.rounds, self.recipe.plan.batch, self.recipe.game))
                    self.say = self.progress.say
                self.play()
                reason, message = "finished", ""
            except (RuntimeError, MemoryError) as error:
                explained = out_of_memory(error, self.recipe.plan, self.source.spec.shape)
                self.note_stop("out of memory" if explained else "failed", str(explained or error))
                raise (explained or error) from error
            except SaddleError as error:
                self.note_stop("interrupted" if isinstance(error, Interrupted) else "stopped", str(error))
                raise
            self.finish()
            self.note_stop(reason, message)

    @property
    def rounds(self) -> int:
        assert self.trainer.rounds is not None
        return self.trainer.rounds

    def claim_folder(self) -> None:
        """The folder is ours from here on. UsageError if it holds another recipe or other things."""
        path = self.folder / "recipe.yaml"
        if path.exists():
            written = Recipe.read(path)
            if differences := self.recipe.differences(written):
                raise UsageError(
                    f"{self.folder} holds a run of another recipe; choose another --run, or the same settings. "
                    f"They differ in:\n  " + "\n  ".join(differences)
                )
            return
        if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise UsageError(f"{self.folder} exists and is not a run folder; choose another --run")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.recipe.write(path)
        except OSError as error:
            raise SaddleError(f"cannot write to {self.folder}: {error.strerror or error}") from error

    def resume(self) -> bool:
        """Go on from the newest good checkpoint; False if there is none."""
        dist.barrier()

        def accept(state: State) -> None:
            before = state.facts.get("fingerprint")
            if before != self.source.fingerprint:
                raise UsageError(
                    f"{self.source.name} is not the data that this run began with (fingerprint {before}, now "
                    f"{self.source.fingerprint}); bring them back, or start another --run"
                )
            self.trainer.load_state(state)
            self.seconds = state.facts["seconds"]

        if not self.checkpoints.newest(self.say, accept):
            return False
        self.say(f"going on after round {self.trainer.round} of {self.rounds}")
        return True

    def play(self) -> None:
        trainer, plan = self.trainer, self.recipe.plan
        pace: list[float] = []
        while trainer.round < self.rounds:
            started = time.perf_counter()
            trainer.play_round()
            pace.append(time.perf_counter() - started)
            self.seconds += pace[-1]
            round_ = trainer.round
            self.score = None
            if round_ % plan.log_every == 0 or round_ == self.rounds:
                trainer.watch.check(trainer.game)
                self.log(pace)
                pace.clear()
            if self.due(plan.pictures):
                self.draw()
            if self.due(plan.scores):
                self.judge(final=False)
            stop, save = self.agree(self.signals.received is not None, self.must_save())
            if save or stop or self.score:
                self.save()
            if stop and round_ < self.rounds:
                raise Interrupted(
                    f"{self.signals.received or 'another process'} received: saved after round {round_} of "
                    f"{self.rounds}; the same command goes on"
                )

    def due(self, times: int) -> bool:
        """Is this one of `times` rounds spread evenly over the run, the last one included?"""
        return self.trainer.round * times // self.rounds > (self.trainer.round - 1) * times // self.rounds

    def must_save(self) -> bool:
        every, round_ = self.recipe.plan.save_every, self.trainer.round
        if round_ == self.rounds:
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
            state.facts |= {"seconds": self.seconds, "data": spec_to(self.source.spec), "game": self.recipe.game}
            state.facts |= {"fingerprint": self.source.fingerprint, "version": __version__}
            if self.score:
                state.facts["score"] = {n: getattr(self.score, n) for n in ("name", "value", "better")}
            self.checkpoints.save(trainer.round, state)
            self.write("save", seconds=self.seconds)
        self.saved_at = time.monotonic()

    def log(self, pace: list[float]) -> None:
        """A line of events and of progress: means over the processes."""
        trainer = self.trainer
        losses, notes = _over_processes(trainer.losses), _over_processes(trainer.game.notes)
        speed = len(pace) * self.recipe.plan.batch / max(sum(pace), 1e-9)
        values: dict[str, Any] = {"images_per_second": speed, "losses": losses, "notes": notes}
        self.write("round", images=trainer.images, seconds=self.seconds, **values)
        if not self.quiet:
            left = (self.rounds - trainer.round) * self.recipe.plan.batch / speed
            self.progress.update(trainer.round, speed, losses, notes, left)

    @torch.no_grad()
    def draw(self) -> None:
        """A picture of what the averaged players do now, from the same noise every time."""
        if not self.leads:
            return
        trainer, spec = self.trainer, self.source.spec
        with trainer.averages.playing(trainer.game) as game:
            rng.seed(self.recipe.plan.seed, "pictures")
            held = self.source.heldout or self.source.train
            if isinstance(game, Translation):
                shown = {
                    key: x.to(self.device, game.dtype) for key, x in held.take(slice(8)).items() if key in game.needs
                }
                there = {f"as {key}": x for key, x in game.translate(shown).items()}
                image = pictures.rows({k: x.float().cpu() for k, x in (shown | there).items()})
            elif spec.is_image:
                image = pictures.grid(game.sample(64).float().cpu())  # type: ignore[operator]
            else:
                image = pictures.scatter(held.take(slice(1000))["image"], game.sample(1000).float().cpu())  # type: ignore[operator]
        file = f"samples/round-{trainer.round:07d}.png"
        (self.folder / "samples").mkdir(exist_ok=True)
        pictures.save(image, self.folder / file)
        self.write("sample", file=file)

    def judge(self, final: bool) -> dict[str, Score]:
        """Score the averaged players, where the data have a metric of their own."""
        trainer = self.trainer
        names = scoring.defaults(trainer.game, self.source, final)
        if not names:
            return {}
        with trainer.averages.playing(trainer.game) as game:
            scores = scoring.score(game, self.source, names)
        self.score = scores[names[0]]
        self.write("score", seconds=self.seconds, scores={n: s.to_dict() for n, s in scores.items()})
        return scores

    def finish(self) -> None:
        """The scores of the checkpoint that `saddle sample` would use."""
        run = Run(self.folder, device=str(self.device)) if self.leads else None
        if run and (names := scoring.defaults(run.game, self.source, final=True)):
            scores = scoring.score(run.game, self.source, names)
            entries = [score.to_dict() | {"round": run.round} for score in scores.values()]
            pictures.replace(self.folder / "scores.json", json.dumps(entries, indent=1).encode())
            self.write("score", seconds=self.seconds, scores={n: s.to_dict() for n, s in scores.items()})
            self.say("\n".join(str(score) for score in scores.values()))

    def note_start(self) -> None:
        trainer = self.trainer
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
        )

    def note_stop(self, reason: str, message: str) -> None:
        if self.leads and getattr(self, "events", None):
            self.write("stop", reason=reason, message=message)
            self.say(f"{report.write(self.folder)}")

    def write(self, event: str, **fields: Any) -> None:
        if self.events:
            self.events.write(event, round=self.trainer.round, **fields)


def _over_processes(values: dict[str, Tensor]) -> dict[str, float]:
    """The mean over the processes of each number, in one message."""
    if not values:
        return {}
    mean = dist.mean(torch.stack([v.detach().float() for v in values.values()]))
    return dict(zip(values, mean.tolist(), strict=True))


__all__ = ["Damaged", "Session", "train"]
