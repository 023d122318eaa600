"""What is wrong with a run, and which command may cure it.

  saddle doctor runs/dcgan-digits
  saddle doctor runs/dcgan-digits --json

It reads the log, the scores and the recipe, and changes nothing. Every training ends with its verdict. With
`--plan.doctor stop` a run is saved and stopped where it has collapsed, where its generator gets no gradient, or where
its critic grows without bound. docs/troubleshooting.md says what each rule looks at.

exit codes: 0 nothing wrong, 1 something found, 2 no run there.
"""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..base.folder import RunFolder
from ._show import json, line

SETTINGS: tuple[str, ...] = ()


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", type=Path, help="the run's folder; it may still be going on")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: Namespace) -> None:
    from ..doctor import Log, examine

    verdict = examine(Log.of(RunFolder(args.run)))
    if args.json:
        json(verdict.to_dict())
    else:
        for each in verdict.lines():
            line(each)
    if not verdict.healthy:
        sys.exit(1)
