"""What a run is and how far it got, in plain numbers and words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..tasks import Game
from .diagnosing import verdict

if TYPE_CHECKING:
    from .run import Run


def info(run: Run) -> dict[str, Any]:
    """`Run.info`."""
    facts, scores = run.state.facts, run.files.scores()
    return {
        "game": run.recipe.game,
        "data": run.recipe.data.source,
        "kind": type(run.game).described(),
        "status": "imported" if "imported" in facts else run.files.status,
        **({"reason": reason} if (reason := run.files.failure()) else {}),
        "round": run.round,
        "rounds": run.state.fact("rounds"),
        "images": run.round * run.recipe.plan.batch,
        "seconds": facts.get("seconds"),
        "shape": list(run.spec.shape),
        "parameters": count_parameters(run.game),
        "checkpoints": run.checkpoints.rounds(),
        "best": run.checkpoints.best(),
        "scores": scores,
        "doctor": verdict(run.files).line(),
        "seconds_to": next((s["seconds_to"] for s in scores if "seconds_to" in s), {}),
        **({"began_with": str(run.recipe.start)} if run.recipe.start else {}),
        **({"trained_against": run.game.trained_against} if run.game.trained_against else {}),
    }


def count_parameters(game: Game) -> dict[str, int]:
    """Of each of its networks that has some."""
    counts = {name: sum(p.numel() for p in module.parameters()) for name, module in game.named_children()}
    return {name: n for name, n in counts.items() if n}
