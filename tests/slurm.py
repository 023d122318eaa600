"""A Slurm of one machine, for tests: `srun` starts a process for each node, `scontrol` writes down what it is asked.

`install` leaves both as programs in a folder. `python slurm.py srun WORDS` is what they call.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path


def install(folder: Path) -> None:
    here = f'"{Path(__file__).resolve()}"'
    for name, words in {"srun": f"{here} srun", "scontrol": f"{here} scontrol", "python": ""}.items():
        (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (folder / name).chmod(0o755)


def srun(words: list[str]) -> int:
    """As Slurm does: the highest exit code of all nodes."""
    nodes = int(os.environ["SLURM_NNODES"])
    started = [subprocess.Popen(words, env=os.environ | {"SLURM_NODEID": str(node)}) for node in range(nodes)]
    return max(process.wait() for process in started)


def scontrol(words: list[str]) -> int:
    if words[:2] == ["show", "hostnames"]:
        print(*words[2].split(","), sep="\n")
    else:
        with Path(os.environ["ASKED"]).open("a") as file:
            print(*words, file=file)
    return 0


def tell(batch: int, kind: signal.Signals) -> None:
    """Send a signal to all processes of the job's step, as Slurm does, but not to the shell nor to srun."""
    (step,) = children(batch)
    for process in below(step):
        with suppress(ProcessLookupError):
            os.kill(process, kind)


def below(process: int) -> list[int]:
    return [each for child in children(process) for each in (child, *below(child))]


def children(process: int) -> list[int]:
    found: list[int] = []
    with suppress(FileNotFoundError):  # it has ended meanwhile
        for task in Path(f"/proc/{process}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `head` reads one line
    sys.exit({"srun": srun, "scontrol": scontrol}[sys.argv[1]](sys.argv[2:]))
