"""Scripts that start a training on several machines: the templates beside this file, filled for one command."""

import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from .checked import NEEDS, check
from .job import Job

__all__ = ["KINDS", "Job", "script"]

KINDS = tuple(NEEDS)
LAST = 30  # seconds of the grace in which nobody waits any more for processes to save
NO_SETUP = "# Python must have Saddle here: activate its environment in this place, or name it with --setup.\n"


def script(kind: str, job: Job) -> str:
    """The text of a job for slurm, kubernetes or skypilot. UsageError for values that it cannot have."""
    check(kind, job)
    template = next(Path(__file__).parent.glob(f"{kind}.*")).read_text("utf-8")
    values = {
        **{name: value for name, value in vars(job).items() if isinstance(value, int | str)},
        "command": f"saddle {shlex.join(job.words)}",
        "threads": max(job.cpus // job.gpus, 1),
        "patience": max(job.grace - LAST, 1),
        "words": shlex.join(job.words),
        **_OWN[kind](job),
    }
    return re.sub("@([A-Z]+)@", lambda found: str(values[found[1].lower()]), template)


def _slurm(job: Job) -> dict[str, Any]:
    more = {"partition": job.partition, "account": job.account}
    lines = [f"#SBATCH --{name}={value}" for name, value in more.items() if value]
    return {"more": "".join(f"{line}\n" for line in lines), "setup": f"{job.setup}\n" if job.setup else NO_SETUP}


def _kubernetes(job: Job) -> dict[str, Any]:
    """The command as a list of strings, which no shell reads; Kubernetes itself replaces $(NAME), and $$ by $."""
    launcher = ["python", "-m", "saddle.launch", "--nnodes", str(job.nodes), "--nproc-per-node", str(job.gpus)]
    rendezvous = ["--max-restarts", "0", "--rdzv-backend", "c10d", "--rdzv-endpoint", f"{job.name}-worker-0:23456"]
    words = [*launcher, *rendezvous, "-m", "saddle", *job.words]
    return {"words": "\n".join(f"                - {_quoted(word.replace('$', '$$'))}" for word in words)}


def _skypilot(job: Job) -> dict[str, Any]:
    assert job.volume  # checked
    if "://" in job.volume:
        volume = f"file_mounts:\n  /work:\n    source: {_quoted(job.volume)}\n    mode: MOUNT_CACHED"
    else:
        volume = f"volumes:\n  /work: {_quoted(job.volume)}"
    return {"volume": volume, "setup": job.setup}


_OWN: Mapping[str, Callable[[Job], dict[str, Any]]] = {
    "slurm": _slurm,
    "kubernetes": _kubernetes,
    "skypilot": _skypilot,
}


def _quoted(text: str) -> str:
    """As YAML writes it, in one line."""
    return yaml.safe_dump(text, default_style='"', width=float("inf"), allow_unicode=True).strip()
