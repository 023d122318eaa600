"""The games, each with its paper.

saddle list
saddle list --json
"""

from argparse import ArgumentParser, Namespace

from ..runs import registry
from ._show import json, table

SETTINGS: tuple[str, ...] = ()


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs: [{name, paper}, …]")


def run(args: Namespace) -> None:
    papers = {name: registry.summary(name) for name in [*registry.names(), *registry.guest_names()]}
    if args.json:
        json([{"name": name, "paper": paper} for name, paper in papers.items()])
    else:
        table(["game", "paper"], papers.items())
