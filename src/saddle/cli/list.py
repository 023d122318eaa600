"""The games by what they are for, with the one to begin with.

saddle list
saddle list --json
"""

from argparse import ArgumentParser, Namespace

from ..runs import catalogue
from ._show import heading, json, listed

SETTINGS: tuple[str, ...] = ()


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--json", action="store_true", help="for programs: [{name, in_short, group, start_here, paper}, …]"
    )


def run(args: Namespace) -> None:
    groups = catalogue.grouped()
    if guests := catalogue.guests():
        groups["Games of others"] = guests
    if args.json:
        json([each._asdict() for entries in groups.values() for each in entries])
        return
    width = max(len(each.name) for entries in groups.values() for each in entries)
    for title, entries in groups.items():
        heading(title)
        listed([(each.name, each.in_short + " Begin here." * each.start_here) for each in entries], width)
        print()
    print("saddle describe GAME tells the paper, the moves and every setting of one game.")
