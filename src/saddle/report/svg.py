"""Line charts as SVG, drawn by hand: no library, no script, colours from the page's style sheet."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from ..show.progress import number
from .html import Html, join, tag

WIDTH, HEIGHT = 460, 262  # small, so that the labels can be read on a phone
LEFT, RIGHT, TOP, BOTTOM = 46, 448, 24, 218  # of the frame
POINTS = 500  # of a curve, at most
SPARSE = 40  # a curve with fewer points is drawn as it is, with dots
COLOURS = 6


@dataclass(frozen=True)
class Curve:
    """Values `y` [N] at the rounds `x` [N], with an uncertainty [N] if there is one; not all need be finite."""

    name: str
    x: np.ndarray
    y: np.ndarray
    error: np.ndarray | None = None


@dataclass(frozen=True)
class Frame:
    """Where a round and a value lie in the picture."""

    x: tuple[float, float]
    y: tuple[float, float]
    log: bool = False
    _ends: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        ends = (math.log10(self.y[0]), math.log10(self.y[1])) if self.log else self.y
        object.__setattr__(self, "_ends", ends)

    def across(self, x: np.ndarray) -> np.ndarray:
        return LEFT + (x - self.x[0]) / (self.x[1] - self.x[0]) * (RIGHT - LEFT)

    def down(self, y: np.ndarray) -> np.ndarray:
        low, high = self._ends
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            y = np.log10(np.maximum(y, 1e-300)) if self.log else y  # a lone value that is not positive lies below
            down = BOTTOM - (y - low) / (high - low) * (BOTTOM - TOP)
        return np.clip(down, -HEIGHT, 2 * HEIGHT)  # far outside, which the picture's edge cuts off anyway


def chart(
    title: str,
    curves: Sequence[Curve],
    limits: tuple[float, float] | None = None,
    marks: Sequence[float] = (),
    note: str = "",
    how: str = "",
    unit: str = "value",
) -> Html:
    """A figure with its legend: faint as logged, strong smoothed; `marks` are rounds to point out.

    `how` says how to read it, `unit` names the values' axis. This has the `limits` where they hold all values; else it
    is logarithmic where values are positive and span more than two decades. It leaves out lone extremes, and the
    caption says how many. Where no value is finite, there is no drawing.
    """
    lost = sum(int((~np.isfinite(curve.y)).sum()) for curve in curves)
    some = lost < sum(len(curve.y) for curve in curves)
    frame = _frame(curves, limits)
    hidden = sum(_outside(curve, frame) for curve in curves)
    remarks = [note, f"{hidden:,} beyond the axis" if hidden else "", f"{lost:,} not finite" if lost else ""]
    remark = ", ".join(r for r in remarks if r)
    return tag(
        "figure",
        tag("figcaption", tag("h3", title), tag("ul", *(_entry(i, c) for i, c in enumerate(curves)), class_="legend")),
        tag("p", how, class_="how") if how else None,
        _drawing(title, curves, frame, marks, unit)
        if some
        else tag("p", "None of the values is finite.", class_="remark"),
        tag("p", remark, class_="remark") if remark else None,
        class_="chart",
    )


def _drawing(title: str, curves: Sequence[Curve], frame: Frame, marks: Sequence[float], unit: str) -> Html:
    return tag(
        "svg",
        _axes(frame, marks),
        tag("text", unit, x=2, y=12, class_="name"),
        tag("text", "round", x=RIGHT, y=BOTTOM + 38, text_anchor="end", class_="name"),
        _inside(*(_drawn(i, curve, frame) for i, curve in enumerate(curves))),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=_told(title, curves),
    )


def decimate(x: np.ndarray, y: np.ndarray, most: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """At most `most` of the points, among them the least and the greatest of every stretch, in order."""
    if len(x) <= most:
        return x, y
    edges = np.linspace(0, len(x), most // 2 + 1).astype(int)
    kept: list[int] = []
    for start, stop in pairwise(edges):
        part = y[start:stop]
        finite = np.isfinite(part)
        pair = (np.where(finite, part, np.inf).argmin(), np.where(finite, part, -np.inf).argmax())
        kept += sorted({start + int(i) for i in pair})
    return x[kept], y[kept]


def smooth(y: np.ndarray) -> np.ndarray:
    """A moving average over about a twentieth of the curve, without delay; what is not finite is not counted."""
    window = np.hanning(2 * max(2, len(y) // 40) + 3)
    finite = np.isfinite(y)
    weight = np.convolve(finite.astype(float), window, "same")
    total = np.convolve(np.where(finite, y, 0.0), window, "same")
    return np.where(finite, total / np.maximum(weight, 1e-12), np.nan)


def span(values: np.ndarray) -> tuple[float, float]:
    """The least and the greatest finite value, without the outermost hundredths where these are far out."""
    values = np.clip(values[np.isfinite(values)], -1e100, 1e100)  # so that differences stay finite
    if not len(values):
        return 0.0, 1.0
    low, high = np.percentile(values, [1, 99])
    if values.max() - values.min() <= 2 * (high - low) or len(values) < SPARSE:
        low, high = values.min(), values.max()
    size = max(abs(low), abs(high))
    if high - low <= 1e-9 * max(size, 1e-30):
        low, high = low - max(size * 0.1, 1e-9), high + max(size * 0.1, 1e-9)
    return float(low), float(high)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from `low` to `high`, at most about `most`."""
    raw = (high - low) / most
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * m for m in (1, 2, 2.5, 5, 10) if unit * m >= raw * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def label(x: float, step: float) -> str:
    """A number beside an axis whose ticks are `step` apart: 0.25, 12k, 3M, 1e-5."""
    size = abs(x)
    if size == 0:
        return "0"
    if not 1e-4 <= size < 1e9:
        digits = max(0, math.floor(math.log10(size)) - math.floor(math.log10(step)) + 1)
        mantissa, exponent = f"{x:.{digits}e}".split("e")
        return f"{_short(mantissa)}e{int(exponent)}"
    unit, letter = next((u for u in ((1e6, "M"), (1e3, "k")) if size >= u[0]), (1.0, ""))
    return _short(f"{x / unit:.{max(0, 1 - math.floor(math.log10(step / unit)))}f}") + letter


def _short(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _frame(curves: Sequence[Curve], limits: tuple[float, float] | None) -> Frame:
    rounds = np.concatenate([curve.x for curve in curves])
    left, right = float(rounds.min()), float(rounds.max())
    # A run's axis begins at 0 unless it was looked at only late.
    left = 0.0 if left < right / 2 or left == right else left
    x = (left, right if right > left else left + 1)
    values = np.concatenate([curve.y for curve in curves])
    values = values[np.isfinite(values)]
    if limits and len(values) and limits[0] <= values.min() and values.max() <= limits[1]:
        return Frame(x, limits)
    low, high = span(np.concatenate([_extent(curve) for curve in curves]))
    if low > 0 and high / low > 100:
        return Frame(x, (low / 1.3, high * 1.3), log=True)
    margin = (high - low) * 0.06
    return Frame(x, (0.0 if 0 <= low < high / 3 else low - margin, high + margin))


def _extent(curve: Curve) -> np.ndarray:
    return curve.y if curve.error is None else np.concatenate(_ends(curve.y, curve.error))


def _ends(y: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the strokes that show the uncertainty; NaN where there is none to show."""
    with np.errstate(over="ignore", invalid="ignore"):
        return y - error, y + error


def _outside(curve: Curve, frame: Frame) -> int:
    low, high = frame.y
    return int((np.isfinite(curve.y) & ((curve.y < low) | (curve.y > high))).sum())


def _axes(frame: Frame, marks: Sequence[float]) -> Html:
    parts = []
    heights = _heights(frame)
    for text, at in zip(_labelled(heights, frame.log), frame.down(np.array(heights)), strict=True):
        parts.append(tag("path", d=f"M{LEFT} {at:.1f}H{RIGHT}", class_="rule"))
        parts.append(tag("text", text, x=LEFT - 7, y=f"{at + 3.8:.1f}", class_="y"))
    rounds = ticks(*frame.x)
    for text, at in zip(_labelled(rounds), frame.across(np.array(rounds)), strict=True):
        anchor = "end" if at > RIGHT - 12 else "middle"
        parts.append(tag("text", text, x=f"{at:.1f}", y=BOTTOM + 17, text_anchor=anchor))
    for mark in marks:
        at = float(frame.across(np.array(mark)))
        title = tag("title", f"resumed at round {mark:,.0f}")
        parts.append(tag("path", title, d=f"M{at:.1f} {TOP}V{BOTTOM}", class_="mark"))
    return join(*parts)


def _labelled(values: Sequence[float], log: bool = False) -> list[str]:
    """The labels of ticks, just fine enough to differ."""
    step = values[1] - values[0] if len(values) > 1 else 0.0
    return [label(value, abs(value) if log or not step else step) for value in values]


def _heights(frame: Frame) -> list[float]:
    if not frame.log:
        return ticks(*frame.y)
    low, high = (math.log10(v) for v in frame.y)
    every = max(1, math.ceil((high - low) / 5))
    return [10.0**k for k in range(math.ceil(low), math.floor(high) + 1, every)]


def _drawn(i: int, curve: Curve, frame: Frame) -> Html:
    colour = f"c{i % COLOURS}" + (" dashed" if i >= COLOURS else "")
    title = tag("title", curve.name)
    if len(curve.x) < SPARSE:
        line = tag("path", title, d=_path(curve.x, curve.y, frame), class_="smooth")
        return tag("g", _bars(curve, frame), line, _dots(curve, frame), class_=colour)
    every = np.unique(np.linspace(0, len(curve.x) - 1, POINTS // 2).astype(int))
    return tag(
        "g",
        tag("path", d=_path(*decimate(curve.x, curve.y), frame), class_="raw"),
        tag("path", title, d=_path(curve.x[every], smooth(curve.y)[every], frame), class_="smooth"),
        class_=colour,
    )


def _inside(*parts: Html) -> Html:
    """The parts, cut off a little outside the frame: an svg inside another clips."""
    x, y, width, height = LEFT - 5, TOP - 5, RIGHT - LEFT + 10, BOTTOM - TOP + 10
    return tag("svg", *parts, x=x, y=y, width=width, height=height, viewBox=f"{x} {y} {width} {height}")


def _path(x: np.ndarray, y: np.ndarray, frame: Frame) -> str:
    """The line through the points, broken where a value is not finite."""
    steps, pen = [], "M"
    for across, down, finite in zip(frame.across(x), frame.down(y), np.isfinite(y), strict=True):
        if finite:
            steps.append(f"{pen}{across:.1f} {down:.1f}")
        pen = "L" if finite else "M"
    return "".join(steps)


def _dots(curve: Curve, frame: Frame) -> Html:
    dots = zip(curve.x, curve.y, frame.across(curve.x), frame.down(curve.y), strict=True)
    return join(
        *(
            tag("circle", tag("title", f"round {x:,.0f}: {number(y)}"), cx=f"{across:.1f}", cy=f"{down:.1f}", r=3.2)
            for x, y, across, down in dots
            if np.isfinite(y)
        )
    )


def _bars(curve: Curve, frame: Frame) -> Html | None:
    """A stroke from y - error to y + error at every point."""
    if curve.error is None:
        return None
    low, high = (frame.down(end) for end in _ends(curve.y, curve.error))
    strokes = zip(frame.across(curve.x), low, high, strict=True)
    path = "".join(f"M{x:.1f} {a:.1f}V{b:.1f}" for x, a, b in strokes if np.isfinite(a + b))
    return tag("path", d=path, class_="bar")


def _entry(i: int, curve: Curve) -> Html:
    colour = f"swatch c{i % COLOURS}" + (" dashed" if i >= COLOURS else "")
    swatch = tag(
        "svg", tag("path", d="M0 5H16", class_="smooth"), viewBox="0 0 16 10", class_=colour, aria_hidden="true"
    )
    return tag("li", swatch, curve.name, " ", tag("b", number(curve.y[-1])))


def _told(title: str, curves: Sequence[Curve]) -> str:
    """The chart in words, for those who do not see it."""
    ends = (f"{c.name} from {number(c.y[0])} to {number(c.y[-1])}" for c in curves)
    rounds = np.concatenate([c.x for c in curves])
    return f"{title} over the rounds {rounds.min():,.0f} to {rounds.max():,.0f}: " + "; ".join(ends)
