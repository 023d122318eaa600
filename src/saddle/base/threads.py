"""How torch's threads wait for each other, which has to be said before torch is imported. Imports nothing."""

import os

SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")  # the user's, each of which says how threads wait
SPINS = "10000"  # turns of an empty loop before a waiting thread sleeps; libgomp's own default is 300,000


def prepare() -> None:
    """Threads that wait spin for a moment and then sleep, unless the user has set how they wait.

    A thread that spins keeps its core from whoever could use it, the thread that it waits for among them. docs/speed.md
    has the figures. It is read when libgomp is loaded, so it has no effect after `import torch`.
    """
    if not any(name in os.environ for name in SETTINGS):
        os.environ["GOMP_SPINCOUNT"] = SPINS
