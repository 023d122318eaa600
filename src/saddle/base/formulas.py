"""Formulas of losses and penalties: the first line of a docstring, with the values of the settings put in.

Such a line is one formula, after ", " what its letters mean, and after two spaces where it comes from. Or it has one
for each of two players, "D: …  G: …". The name of a number among the settings stands for its value there, and so does
the letter with which its comment begins: "λ, factor on the penalty", "m: the energy …", "σ of ε".
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from .errors import SaddleError
from .remarks import meanings
from .settings import plain, text

_SYMBOL = re.compile(r"([^\W\d_](?:_\w+|[₀-₉]+)?)(?=[,:]| of )")
_SIDES = {"discriminator": "D: ", "generator": "G: "}


def stated(part: Any, side: str = "") -> str:
    """The formula of a dataclass; of its "discriminator" or "generator" where it has two. SaddleError without one."""
    line = (type(part).__doc__ or "").partition("\n")[0]
    parts = [each.removesuffix(".") for each in line.split("  ")]
    if any(each.startswith(_SIDES["discriminator"]) for each in parts):
        sign = _SIDES[side]
        parts = [each.removeprefix(sign) for each in parts if each.startswith(sign)]
    if not (parts and parts[0]):
        raise SaddleError(f"the docstring of {type(part).__name__} begins with its formula; this begins {line!r}")
    return filled(parts[0], values(part))


def values(part: Any) -> dict[str, float]:
    """The numbers among the settings of a dataclass, by their names and by their letters."""
    found: dict[str, float] = {}
    said = meanings(type(part))
    for field in fields(part):
        value = getattr(part, field.name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            symbol = _SYMBOL.match(said[field.name])
            found |= {field.name: value} | ({symbol[1]: value} if symbol else {})
    return found


def filled(formula: str, numbers: dict[str, float]) -> str:
    """A formula with numbers for their names, written as one would: without what is multiplied by 0, or by 1."""
    for name, value in numbers.items():
        formula = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", f"{value:g}", formula)
    formula = re.sub(r"\(1 - ([\d.e-]+)\)", lambda match: f"{1 - float(match[1]):g}", formula)
    formula = formula.replace("- -", "+ ").replace("+ -", "- ")
    formula = re.sub(r" [-+] 0(?=\))", "", formula)  # (C(G(z)) - 0)²
    formula = re.sub(r"(?<![\w*])\((\w+\((?:[^()]|\([^()]*\))*\))\)", r"\1", formula)  # (C(G(z)))²
    formula = re.sub(r"(?<!\w)\((‖[^‖]*‖)\)", r"\1", formula)
    said, comma, meaning = _parted(formula)
    kept = [(sign, term) for sign, term in _terms(said) if not term.startswith("0 · ")]
    said = "".join(f" {sign} {term.removeprefix('1 · ')}" for sign, term in kept).removeprefix(" + ")
    return f"{re.sub('^ - ', '-', said) or '0'}{comma}{meaning}"


def times(weight: float, formula: str) -> str:
    """A formula with a factor before it."""
    said, comma, meaning = _parted(formula)
    (sign, first), *more = _terms(said)
    if weight == 1:
        return f"{_bare(said)}{comma}{meaning}"
    if more:
        return f"{weight:g} · ({said}){comma}{meaning}"
    return f"{'-' * (sign == '-')}{weight:g} · {first}{comma}{meaning}"


def weighed(**terms: tuple[float | None, str]) -> dict[str, str]:
    """Formulas with their factors, by name, without those whose factor is 0 or none."""
    return {name: times(weight, formula) for name, (weight, formula) in terms.items() if weight}


def written(setting: Any, without: Sequence[Any] = ()) -> str:
    """A dataclass with its settings, in a line, `without` those of these values: Cosine(start 1, end 0.1, finish 1)."""
    every = {f.name: getattr(setting, f.name) for f in fields(setting)}
    given = [f"{name} {_value(value)}" for name, value in every.items() if value not in without]
    return f"{type(setting).__name__}({', '.join(given)})" if given else type(setting).__name__


def nth(n: int) -> str:
    """1st, 2nd, 3rd, 4th, …"""
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"


def _bare(said: str) -> str:
    """Without brackets around all of it."""
    depths = [said.count("(", 0, i) - said.count(")", 0, i) for i in range(1, len(said))]
    return said[1:-1] if said.startswith("(") and said.endswith(")") and min(depths) > 0 else said


def _value(value: Any) -> str:
    if is_dataclass(value):
        return written(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    return f"{value:g}" if isinstance(value, float) else text(plain(value))


def _parted(formula: str) -> tuple[str, str, str]:
    """The formula itself, and after a comma what its letters mean."""
    for i in _outside(formula, ", "):
        return formula[:i], ", ", formula[i + 2 :]
    return formula, "", ""


def _terms(formula: str) -> list[tuple[str, str]]:
    """What is added, each with its sign."""
    formula = f" - {formula[1:]}" if formula.startswith("-") else f" + {formula}"
    places = sorted([*_outside(formula, " + "), *_outside(formula, " - ")])
    ends = [*places[1:], len(formula)]
    return [(formula[i + 1], formula[i + 3 : end]) for i, end in zip(places, ends, strict=True)]


def _outside(formula: str, what: str) -> Iterator[int]:
    """Where this stands outside of brackets, norms and absolute values."""
    depth, norm = 0, False
    for i, sign in enumerate(formula):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(sign, 0)
        norm ^= sign in "‖|" and formula[max(i - 1, 0) : i + 2] != f" {sign} "  # p(y | x) and KL(p ‖ q) have none
        if not depth and not norm and formula.startswith(what, i):
            yield i
