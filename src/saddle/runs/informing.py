"""What a run is and how far it got, in plain numbers and words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..tasks import Game
from .diagnosing import verdict

if TYPE_CHECKING:
    from .run import Run


def info(run: Run) -> dict[str, Any]:
    """`Run.info`. Of a folder with released weights, what is known without the training."""
    facts, scores, released = run.state.facts, run.files.scores(), run.files.model.exists()
    return {
        "game": run.recipe.game,
        "data": run.recipe.data.source,
        "kind": type(run.game).described(),
        "status": _released(run) if released else run.files.status,
        **({"reason": reason} if (reason := run.files.failure()) else {}),
        **({} if "imported" in facts else _progress(run)),
        "shape": list(run.spec.shape),
        "parameters": count_parameters(run.game),
        **({} if released else {"checkpoints": run.checkpoints.rounds(), "best": run.checkpoints.best()}),
        **({"scores": scores} if scores or not released else {}),
        **({} if released else {"doctor": verdict(run.files).line()}),
        "seconds_to": next((s["seconds_to"] for s in scores if "seconds_to" in s), {}),
        **({"began_with": str(run.recipe.start)} if run.recipe.start else {}),
        **({"trained_against": run.game.trained_against} if run.game.trained_against else {}),
    }


def _released(run: Run) -> str:
    """Where weights without a training are from."""
    imported = run.state.facts.get("imported")
    return f"imported from {imported['kind']}" if imported else f"exported from round {run.round:,}"


def _progress(run: Run) -> dict[str, Any]:
    return {
        "round": run.round,
        "rounds": run.state.fact("rounds"),
        "images": run.round * run.recipe.plan.batch,
        "seconds": run.state.facts.get("seconds"),
    }


def count_parameters(game: Game) -> dict[str, int]:
    """Of each of its networks that has some."""
    counts = {name: sum(p.numel() for p in module.parameters()) for name, module in game.named_children()}
    return {name: n for name, n in counts.items() if n}
