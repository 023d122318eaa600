"""A loss or a weight is not finite. It looks at how the run stopped."""

from ..finding import Finding
from ..log import Log

RANK, ALWAYS = 1, True


def look(log: Log) -> Finding | None:
    stops = [e for e in log.events if e["event"] in ("start", "stop")][-1:]
    if not stops or stops[0].get("reason") != "diverged":
        return None
    rates = stops[0].get("rates")
    lower = [f"--{name} {rate / 10:g}" for name, rate in rates.items()] if isinstance(rates, dict) else []
    cures = ([log.again(*lower)] if lower else []) + [log.again("--plan.precision fp32")]
    return Finding(
        "not_finite",
        "training stopped, for its numbers were not finite any more",
        str(stops[0].get("message", "")),
        tuple(cures),
    )
