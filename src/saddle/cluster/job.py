"""What a script for a cluster is made of."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """A training on several machines."""

    words: tuple[str, ...]  # after `saddle`: train, and what follows
    name: str
    nodes: int = 1  # machines
    gpus: int = 1  # of each machine, which runs as many processes
    cpus: int = 8  # of each machine
    grace: int = 300  # seconds between the word to stop and the end
    time: str | None = None  # as Slurm writes it
    image: str | None = None  # of a container
    volume: str | None = None  # that all machines mount
    accelerator: str | None = None  # kind of GPU
    setup: str | None = None  # a line of shell before the training
    partition: str | None = None
    account: str | None = None
