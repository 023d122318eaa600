"""torchrun for machines of a cluster: `python -m saddle.launch`, with torchrun's options.

torchrun ends with exit code 1 whatever its processes ended with. This one says whether the same command goes on:

  0   the processes are done
  75  they were asked to stop and have saved, or another machine is gone, or was not found: the same command goes on.
      SADDLE_AGAIN in the environment is another number for it
  78  a process failed, and would fail again

Of several machines the highest number counts, which is what srun returns. SIGUSR1 stops the processes as SIGTERM does.
"""

import os
import re
import signal
import sys
from types import FrameType
from typing import NoReturn

import torch.distributed as td
from torch.distributed import run
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.elastic.rendezvous import RendezvousError

from .base.errors import AGAIN

FAILED = 78  # more than AGAIN
_STOPPED = (AGAIN, -signal.SIGTERM, -signal.SIGUSR1)  # exit codes of a process; of one that did not listen yet too


def launch(words: list[str]) -> int:
    """Start the processes with torchrun's options and wait for them: the exit code."""
    for kind in (signal.SIGTERM, signal.SIGUSR1):  # until torchrun has processes, and listens itself
        signal.signal(kind, _leave)
    try:
        run.main(["--signals-to-handle", "SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1", *words])
    except ChildFailedError as error:
        return AGAIN if all(each.exitcode in _STOPPED for each in error.failures.values()) else FAILED
    except (SignalException, RendezvousError, td.DistError) as error:
        print(f"saddle: {error}; the same command goes on", file=sys.stderr)
        return AGAIN
    return 0


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(AGAIN)


def main() -> int:
    """The exit code, with the user's number for 75."""
    again = os.environ.get("SADDLE_AGAIN", str(AGAIN))
    if not re.fullmatch("[0-9]{1,3}", again) or not 1 <= int(again) <= 255:
        print(f"saddle: SADDLE_AGAIN is an exit code from 1 to 255, not {again!r}", file=sys.stderr)
        return 2
    try:
        code = launch(sys.argv[1:])
    except SystemExit as left:  # --help, and what torchrun does not know
        code = left.code if isinstance(left.code, int) else 1
    return int(again) if code == AGAIN else code


if __name__ == "__main__":
    sys.exit(main())
