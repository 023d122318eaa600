"""How a call of `saddle train` ends: the scores of what is kept, what to expect of the run, its report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import report as reports
from ..base import dist
from ..base.errors import SaddleError
from ..base.files import quoted
from ..base.folder import RunFolder
from ..training.health import Diverged, Interrupted, OutOfMemory
from . import beside, diagnosing, remembering, scoring
from .expectation import expectation
from .run import Run

if TYPE_CHECKING:
    from .session import Training


def finish(training: Training) -> None:
    """Score the checkpoint that `saddle sample` would use; all processes draw their share of the samples."""
    dist.barrier()  # the last checkpoint is there
    folder, source, plan = training.folder, training.source, training.recipe.plan
    run, say = Run(folder.path, device=str(training.device)), training.voice.say
    if training.leads:
        beside.show(run, source, training.write, say)
        remembering.remember(run, source, say)
    names = scoring.at_the_end(run.game, source, plan)
    if not names:
        return
    scores = scoring.score(run.game, source, names, plan.samples)
    if training.leads:
        entries = [score.to_dict() | {"round": run.round} for score in scores.values()]
        folder.write_scores([entry | _reached(folder, entry) for entry in entries])
        by_name = {score.name: score.to_dict() for score in scores.values()}
        training.watched.tell({"event": "score", "round": run.round, "final": True, "scores": by_name})
        notes = dict.fromkeys(score.note for score in scores.values() if score.note)
        say("\n".join(score.told() for score in scores.values()), *notes)
        if run.round != training.trainer.round:
            say(f"the best checkpoint is that of round {run.round:,}; saddle sample and the other commands take it")


def _reached(folder: RunFolder, score: dict[str, Any]) -> dict[str, Any]:
    """What the log adds to a final score: of the floor, when the FID first fell to multiples of it."""
    return {"seconds_to": folder.seconds_to(score["value"])} if score["name"] == "fid_floor" else {}


def expected(training: Training, reason: str) -> str:
    """How far it came, or, of a run that is over, what to expect of it."""
    trainer, source = training.trainer, training.source
    if reason == "interrupted":
        return f"{trainer.round:,} of {training.rounds:,} rounds are played"
    scored = bool(scoring.at_the_end(trainer.game, source, training.recipe.plan))
    return expectation(training.recipe, trainer.round, source.spec.is_image, scored)


def diagnose(training: Training) -> None:
    """Say and write the doctor's verdict, in one line."""
    found = diagnosing.verdict(training.folder)
    training.voice.say(f"the doctor: {found.line()}")
    rules = [finding.rule for finding in found.findings]
    training.write("verdict", message=found.line(), healthy=found.healthy, rules=rules, unseen=found.unseen)


def report(training: Training) -> None:
    """Write the report. What it lacks is said: a run has finished, whatever becomes of its report."""
    folder, say = training.folder.path, training.voice.say
    try:
        say(f"the report: {reports.write(folder)}")
    except Exception as error:
        again = f"saddle report {quoted(folder)} writes it anew"
        say(f"the report could not be written ({error or type(error).__name__}); {again}")


def reason(error: Exception) -> str:
    """Of a stop, in the words of the log."""
    if isinstance(error, Interrupted):
        return "interrupted"
    if isinstance(error, Diverged):
        return "diverged"
    return (
        "out of memory" if isinstance(error, OutOfMemory) else "stopped" if isinstance(error, SaddleError) else "failed"
    )
