"""The doctor: what is wrong with a run, by rules that read its log, its scores and its recipe, and never a game.

The folder `rules` is the registry: a rule is a file there. docs/troubleshooting.md has them all.
"""

from .finding import Finding
from .log import Log
from .verdict import STOPPING, Rule, Verdict, every_rule, examine

__all__ = ["STOPPING", "Finding", "Log", "Rule", "Verdict", "every_rule", "examine"]
