"""A loss or a weight is not finite. It looks at how the run stopped."""

from ..finding import Finding
from ..log import Log

RANK, ALWAYS = 1, True


def look(log: Log) -> Finding | None:
    stop = log.stop
    if stop is None or stop.get("reason") != "diverged":
        return None
    rates = stop.get("rates")
    lower = [f"--{name} {rate / 10:g}" for name, rate in rates.items()] if isinstance(rates, dict) else []
    cures = ([log.again(*lower)] if lower else []) + [log.again("--plan.precision fp32")]
    return Finding(
        "not_finite",
        "training stopped, for its numbers were not finite any more",
        str(stop.get("message", "")),
        tuple(cures),
    )
