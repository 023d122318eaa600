"""All rules asked about one run."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from ..base.files import quoted
from .finding import Finding
from .log import Log

Rule = Callable[[Log], Finding | None]
FIRST = 200  # rounds before which only what stopped the run is judged
SIGNS = {  # of health, in words, and how their names begin in a log
    "how different results are": "diversity",
    "gradients": "gradient/",
    "sizes of steps": "update/",
    "judgements of held-out samples": "d_heldout",
    "black and white pixels": "saturated",
}
STOPPING = ("vanished", "collapsed", "unbounded")  # rules that may stop a run; what is not finite stops it by itself


@dataclass(frozen=True)
class Verdict:
    """What was found of a run, the worst first."""

    run: Path
    round: int
    findings: tuple[Finding, ...] = ()
    early: str = ""  # why it is too early to say
    unseen: str = ""  # what could not be looked at, and why

    @property
    def healthy(self) -> bool:
        return not self.findings

    def line(self) -> str:
        """The verdict in one line."""
        if self.findings:
            more = f", and {len(self.findings) - 1} more" if len(self.findings) > 1 else ""
            first = self.findings[0]
            return f"{first.rule}: {first.says}{more}; saddle doctor {quoted(self.run)} says what to try"
        return self.early or "nothing wrong was found"

    def lines(self) -> list[str]:
        """For people."""
        found = [line for finding in self.findings for line in finding.lines()]
        return [
            *filter(None, (self.early,)),
            *(found or [] if self.early else found or [self.line()]),
            *filter(None, (self.unseen,)),
        ]

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        found = [asdict(finding) | {"cures": list(finding.cures)} for finding in self.findings]
        return {
            "run": str(self.run),
            "round": self.round,
            "healthy": self.healthy,
            "findings": found,
            "line": self.line(),
            "early": self.early,
            "unseen": self.unseen,
        }


def every_rule() -> dict[str, ModuleType]:
    """The rules by name, in the order in which they are asked: that of their number RANK."""
    names = sorted(path.stem for path in Path(__file__).parent.joinpath("rules").glob("[a-z]*.py"))
    found = {name: import_module(f"{__package__}.rules.{name}") for name in names}
    return dict(sorted(found.items(), key=lambda item: item[1].RANK))


def examine(log: Log) -> Verdict:
    """Ask every rule about a run. A run of few rounds is asked only what stopped it."""
    early = ""
    if log.round < FIRST:
        rounds = "1 round is" if log.round == 1 else f"{log.round:,} rounds are"
        early = f"{rounds} too few to tell; from {FIRST} on there is a verdict"
    asked = {name: rule for name, rule in every_rule().items() if not early or rule.ALWAYS}
    findings = tuple(_with_cures(log, found) for rule in asked.values() if (found := rule.look(log)))
    return Verdict(log.path, log.round, findings, early, "" if early else _unseen(log))


def _with_cures(log: Log, found: Finding) -> Finding:
    """A finding with those cures that set what the run's game has; other games are for one that draws samples."""
    game = log.recipe.get("game")
    has = game.keys() if isinstance(game, Mapping) else None
    draws = not log.commands or "saddle sample" in log.commands

    def helps(cure: str) -> bool:
        if cure.startswith("saddle train --config"):
            return has is None or _set_by(cure) <= has
        return draws or cure.startswith("saddle train --run") or not cure.startswith("saddle train ")

    return replace(found, cures=tuple(filter(helps, found.cures)))


def _set_by(cure: str) -> set[str]:
    """The settings of the game that a command changes, without what follows their first dot."""
    words = (word.removeprefix("--game.") for word in shlex.split(cure) if word.startswith("--game."))
    return {word.partition(".")[0] for word in words}


def _unseen(log: Log) -> str:
    """Which signs of health were looked at, and which the log does not have; '' where it has all."""
    there = log.names("signs")
    if not there:
        return (
            "its log has no signs of health (diversity, gradients, held-out judgements), as of a run that was made "
            "before there were any; only losses, notes and scores were looked at"
        )
    has = {words: any(sign.startswith(name) for sign in there) for words, name in SIGNS.items()}
    if all(has.values()):
        return ""
    seen, not_seen = (", ".join(words for words in has if has[words] is known) for known in (True, False))
    return f"looked at of the signs of health: {seen}; its log has none of: {not_seen}"
