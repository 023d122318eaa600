"""It was better before. It looks at the score that chooses the best checkpoint, in two scorings running.

It warns where both are worse than the best by three standard errors and by half.
"""

from ...base.files import quoted
from ..finding import Finding
from ..log import Log

RANK, ALWAYS = 10, False
ERRORS, TIMES = 3.0, 1.5


def look(log: Log) -> Finding | None:
    name, better = _chooser(log)
    taken = log.scored(name) if name else []
    if len(taken) < 4:
        return None
    sign = 1 if better == "lower" else -1
    at, best, error = min(taken, key=lambda each: sign * each[1])
    last = taken[-2:]
    if at >= last[0][0]:
        return None
    far = [sign * (x - best) > ERRORS * max(e if e == e else 0, error if error == error else 0) for _, x, e in last]
    by_half = [x > TIMES * best if sign > 0 else best > TIMES * x for _, x, _ in last]
    if not (all(far) and all(by_half)):
        return None
    return Finding(
        "late",
        f"it was best at round {at:,}, and has been worse since",
        f"{name} was {best:.4g}, and then {' and '.join(f'{x:.4g}' for _, x, _ in last)}",
        (
            f"saddle sample {quoted(log.path)} --checkpoint best",
            log.again("--game.optim.schedule Linear --game.optim.schedule.begin 0.5"),
        ),
    )


def _chooser(log: Log) -> tuple[str, str]:
    """The first score of the way, and which way it is better; nothing where there is none."""
    for event in log.events:
        for name, score in (event.get("scores") or {}).items():
            return name, str(score.get("better"))
    return "", ""
