"""saddle data baselines: what trivial answers score on the held-out part of a source."""

from argparse import Namespace
from dataclasses import asdict, replace

from ._show import json, line, table


def baselines(args: Namespace) -> None:
    from ..base.settings import nest, restore
    from ..data import DataOptions, spec_of

    edits = {"data": {}} | nest(args.settings)
    options = replace(restore(DataOptions, edits["data"], "data"), source=args.path)
    if "damaged" in spec_of(options).keys:
        from ..runs.trivial_restoring import baselines as measured
    else:
        from ..data.baselines import baselines as measured
    found = measured(options)
    if args.json:
        json({"source": options.source, "baselines": [asdict(baseline) for baseline in found]})
    else:
        line(f"on the held-out part of {options.source}:")
        rows = ((each.name, _score(each.value, each.unit), each.says) for each in found)
        table(["baseline", "score", "what it does"], rows)


def _score(value: float, unit: str) -> str:
    """A number without a unit, or an area, lies between 0 and 1, and takes a digit more."""
    few = 2 if unit and not unit.endswith("AUROC") else 3
    return f"{value:.{few}f} {unit}".strip()
