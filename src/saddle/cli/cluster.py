"""Print a script that trains on several machines: for Slurm, Kubernetes (PyTorchJob) or SkyPilot.

  saddle cluster slurm dcgan --data folder:photos --plan.batch 256 --nodes 2 --gpus 4 --time 04:00:00 > job.sh
  saddle cluster kubernetes dcgan --data folder:photos --nodes 2 --gpus 8 --image ghcr.io/me/saddle:1 --volume work
  saddle cluster skypilot dcgan --accelerator H100 --volume work --setup "cd /work && pip install ./saddle"

What follows the kind is the command `saddle train` on them, with all its arguments. --plan.batch is divided among nodes
times GPUs. The script starts one torchrun on each machine; a job that is asked to stop saves, and goes on in its next
turn, to the bit. The run's folder and the data lie where all machines see them: on Slurm below the folder in which the
job is submitted, else on the volume. docs/many-gpus.md says what each script does.
"""

import re
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import UsageError
from ..base.files import quoted
from . import train
from ._open import whole

if TYPE_CHECKING:
    from ..training.plan import Plan

SETTINGS = train.SETTINGS
KINDS = ("slurm", "kubernetes", "skypilot")
OWN = ("nodes", "gpus", "cpus", "grace", "time", "image", "volume", "accelerator", "setup", "partition", "account")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("kind", choices=KINDS, metavar="KIND", help=f"{', '.join(KINDS)}; the game comes after it")
    train.arguments(parser)
    parser.add_argument("--nodes", type=whole(1), default=1, help="machines; by default 1")
    parser.add_argument("--gpus", type=whole(1), default=1, help="GPUs of each machine, one process each; by default 1")
    parser.add_argument("--cpus", type=whole(1), default=8, help="processor cores of each machine; by default 8")
    parser.add_argument(
        "--grace",
        type=whole(60),
        default=300,
        metavar="SECONDS",
        help="time to finish a round and save; by default 300",
    )
    parser.add_argument("--name", help="of the job; by default the run's folder")
    parser.add_argument("--time", metavar="HH:MM:SS", help="the longest turn; needed for slurm")
    parser.add_argument("--partition", help="for slurm, if its cluster asks for one")
    parser.add_argument("--account", help="for slurm, if its cluster asks for one")
    parser.add_argument("--image", help="a container image in which Saddle is installed; needed for kubernetes")
    parser.add_argument("--accelerator", metavar="GPU", help="the kind of GPU, such as H100; needed for skypilot")
    parser.add_argument(
        "--volume",
        help="where data and runs lie; needed for kubernetes (a claim) and skypilot (a volume or, for one machine, a "
        "bucket)",
    )
    parser.add_argument(
        "--setup",
        metavar="COMMAND",
        help="shell that makes python have Saddle, such as 'cd /work && pip install ./saddle' for a clone on the volume; "
        "needed for skypilot, may be given for slurm",
    )


def run(args: Namespace) -> None:
    from ..cluster import Job, script

    folder = _checked(args)
    name = args.name or re.sub("[^a-z0-9]+", "-", folder.name.lower()).strip("0123456789-")[:40].rstrip("-")
    job = Job(words(args), name, **{each: getattr(args, each) for each in OWN})
    sys.stdout.write(script(args.kind, job))


def words(args: Namespace) -> tuple[str, ...]:
    """The command that the processes run. torchrun takes --run for an option of its own."""
    given = {"--folder": args.run, "--config": args.config, "--from": args.start, "--from-checkpoint": args.checkpoint}
    given["--device"] = None if args.device == "auto" else args.device
    options = [(name, str(value)) for name, value in given.items() if value]
    options += [(f"--{name}", value) for name, value in args.settings.items()]
    options += [("--plugin", plugin) for plugin in args.plugin]
    flags = [f"--{name}" for name in ("track", "quiet") if getattr(args, name)]
    each = [word for name, value in options for word in ((f"{name}={value}",) if value[:2] == "--" else (name, value))]
    return ("train", *([args.game] if args.game else []), *each, *flags)


def _checked(args: Namespace) -> Path:
    """The run's folder. UsageError for settings that there are not, and a batch that the processes cannot share.

    Data and runs may lie elsewhere: only what is here is checked.
    """
    from ..base.folder import RunFolder
    from ..runs.deciding import is_place
    from ..runs.recipe import DEFAULT_GAME, Recipe, default_folder

    if args.other or is_place(args.game):
        raise UsageError(
            f"{args.game} decides itself what is trained, which takes one machine; start it there, stop it, and give "
            f"its folder: --folder {quoted(args.run or _own(args))}"
        )
    source = args.settings.get("data.source", args.settings.get("data"))
    runs = [] if args.game or args.config else [place for place in (args.run, args.start) if place]
    known = args.config or next((place for place in runs if RunFolder(place).recipe.exists()), None)
    if runs and not known:
        return Path(runs[0])
    base = Recipe.read(known) if known else Recipe.default(args.game or DEFAULT_GAME, source)
    recipe = base.change(args.settings)
    _check_batch(args, recipe.plan)
    return runs[0] if runs else args.run or default_folder(recipe.game, recipe.data.source)


def _own(args: Namespace) -> Path:
    """The folder of a run that its images decide."""
    from ..runs.deciding import own_folder

    return own_folder([place for place in (args.game, args.other) if place])


def _check_batch(args: Namespace, plan: "Plan") -> None:
    """UsageError for a batch that the processes cannot share, with the next one that they can."""
    parts = args.nodes * args.gpus * plan.micro_batches
    if plan.batch % parts:
        more = plan.batch // parts * parts + parts
        raise UsageError(
            f"a batch of {plan.batch} cannot be divided into {parts} equal parts: {args.nodes} machines × "
            f"{args.gpus} GPUs × {plan.micro_batches} micro-batches; give --plan.batch {more}"
        )
