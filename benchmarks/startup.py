"""How long a person waits: for `saddle --help`, for being told that a folder holds no run, and for the first round."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from .timing import Figure, interleave


def measure(folder: Path, seconds: float) -> dict[str, Figure]:
    """Seconds, beside those that Python and `import torch` alone take; of a folder without a run over the latter."""
    waits: list[float] = []
    programs = {
        "python": lambda: python("-c", "pass"),
        "help": lambda: python("-m", "saddle", "--help"),
        "info": lambda: python("-m", "saddle", "info", str(folder / "none"), code=2),
        "import torch": lambda: python("-c", "import torch"),
        "first round": lambda: waits.append(first_round(folder / "run")),
    }
    times = interleave(programs, seconds, warm_up=1)
    first = Figure.of(waits[1:])
    return {
        "startup.python_seconds": times.of("python"),
        "startup.help_seconds": times.of("help"),
        "startup.info_of_nothing": times.ratio("info", "import torch"),
        "startup.import_torch_seconds": times.of("import torch"),
        "startup.first_round_seconds": first,
    }


def python(*arguments: str, code: int = 0) -> None:
    """Run it to its end, which has this exit code."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL if code else None}
    done = subprocess.run([sys.executable, *arguments], **quiet)  # type: ignore[call-overload]
    if done.returncode != code:
        raise subprocess.CalledProcessError(done.returncode, done.args)


def first_round(folder: Path) -> float:
    """Seconds from the command to the log line of the default job's round 1, after a first checkpoint and picture."""
    shutil.rmtree(folder, ignore_errors=True)
    began = time.time()
    plan = ("--plan.rounds", "1", "--plan.log_every", "1")
    python("-m", "saddle", "train", "--run", str(folder), "--quiet", *plan)
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    return next(event["time"] for event in events if event["event"] == "round") - began
