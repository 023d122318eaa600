"""How long 100 rounds of dcgan take by how threads wait, alone and beside a busy process on one of the cores.

python -m benchmarks.threads [--rounds N] [--turns N]

On a quiet machine, about a quarter of an hour on two cores; prints the table of docs/speed.md.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from saddle.base.threads import SETTINGS

from .__main__ import processor

POLICIES: dict[str, dict[str, str]] = {
    "libgomp's own": {"GOMP_SPINCOUNT": "300000"},  # its default, said so that Saddle does not choose
    "`GOMP_SPINCOUNT=10000`": {"GOMP_SPINCOUNT": "10000"},
    "`GOMP_SPINCOUNT=1000`": {"GOMP_SPINCOUNT": "1000"},
    "`OMP_WAIT_POLICY=PASSIVE`": {"OMP_WAIT_POLICY": "PASSIVE"},
    "one thread": {"GOMP_SPINCOUNT": "300000", "OMP_NUM_THREADS": "1"},
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.threads", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100, help="of dcgan on digits, in each measurement; 100")
    parser.add_argument("--turns", type=int, default=3, help="measurements of each, in turns; 3")
    args = parser.parse_args(argv)
    print(f"{processor()}, {os.cpu_count()} cores; medians of {args.turns}\n", flush=True)
    seconds: dict[tuple[str, bool], list[float]] = {}
    for _ in range(args.turns):
        for busy in (False, True):
            for name, policy in POLICIES.items():
                with competitor(busy):
                    seconds.setdefault((name, busy), []).append(train(args.rounds, policy))
                print(f"{name}, {'beside another' if busy else 'alone'}: {seconds[name, busy][-1]:.1f} s", flush=True)
    print("\n" + table({key: median(taken) for key, taken in seconds.items()}))
    return 0


def train(rounds: int, policy: Mapping[str, str]) -> float:
    """Seconds that the rounds took, without imports, pictures and scores, in a process of this policy."""
    own = {name: value for name, value in os.environ.items() if name not in (*SETTINGS, "OMP_NUM_THREADS")}
    with tempfile.TemporaryDirectory() as folder:
        plan = ["--plan.rounds", str(rounds), "--plan.pictures", "0", "--plan.scores", "0", "--plan.samples", "100"]
        words = ["train", "dcgan", "--data", "digits", "--run", f"{folder}/run", "--quiet", *plan]
        subprocess.run([sys.executable, "-m", "saddle", *words], check=True, env=own | policy)
        events = [json.loads(line) for line in Path(folder, "run", "events.jsonl").read_text().splitlines()]
    return next(event["seconds"] for event in reversed(events) if event["event"] == "round")


@contextmanager
def competitor(busy: bool) -> Iterator[None]:
    """Inside, a process that never rests, on the first core where the system lets it be put there."""
    if not busy:
        yield
        return
    code = "import os\nif hasattr(os, 'sched_setaffinity'): os.sched_setaffinity(0, {0})\nwhile True: pass"
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def table(seconds: Mapping[tuple[str, bool], float]) -> str:
    """In Markdown, with the ratio to libgomp's own way in brackets."""
    first = next(iter(POLICIES))
    lines = ["| threads wait as | alone | beside a busy process |", "| --- | --- | --- |"]
    for name in POLICIES:
        cells = [f"{seconds[name, busy]:.0f} s ({seconds[name, busy] / seconds[first, busy]:.2f})" for busy in (0, 1)]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
