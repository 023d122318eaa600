"""What a rule found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, the numbers that say so, and what to try."""

    rule: str  # its name, that of the rule's file
    says: str  # a sentence
    evidence: str  # the numbers, with their thresholds
    cures: tuple[str, ...]  # commands, the likeliest first

    def lines(self) -> list[str]:
        """For people."""
        return [f"{self.rule}: {self.says}", f"  seen: {self.evidence}", *(f"  try: {cure}" for cure in self.cures)]
