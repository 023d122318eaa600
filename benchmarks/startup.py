"""How long a person waits: for `saddle --help`, and from the command to the end of the first round."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from .timing import Figure, interleave


def measure(folder: Path, seconds: float) -> dict[str, Figure]:
    """Seconds, beside those that Python and `import torch` alone take."""
    waits: list[float] = []
    programs = {
        "python": lambda: python("-c", "pass"),
        "help": lambda: python("-m", "saddle", "--help"),
        "import torch": lambda: python("-c", "import torch"),
        "first round": lambda: waits.append(first_round(folder / "run")),
    }
    times = interleave(programs, seconds, warm_up=1)
    first = Figure.of(waits[1:])
    return {
        "startup.python_seconds": times.of("python"),
        "startup.help_seconds": times.of("help"),
        "startup.import_torch_seconds": times.of("import torch"),
        "startup.first_round_seconds": first,
    }


def python(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)


def first_round(folder: Path) -> float:
    """Seconds from the command to the log line of the default job's round 1, after a first checkpoint and picture."""
    shutil.rmtree(folder, ignore_errors=True)
    began = time.time()
    plan = ("--plan.rounds", "1", "--plan.log_every", "1")
    python("-m", "saddle", "train", "--run", str(folder), "--quiet", *plan)
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    return next(event["time"] for event in events if event["event"] == "round") - began
