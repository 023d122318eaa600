"""glyphs: two domains without pairs: digits of a printed font (a), whose classes are known, and handwritten ones (b)"""

from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from ...spec import DataSpec, Field
from ..baselines import Baseline, Labelled, of_classifiers
from ..chance import Floats, uniform
from ..digits import NAMES, TRAINED, enlarge, labels, sides, small
from ..fingerprint import fingerprint
from ..options import AUGMENTATIONS, DataOptions
from ..source import Judged, Source, Split

OFFERS = ("a", "label_a", "b")  # keys of its batches
PAIRED = False  # they are of domains of their own
JUDGED = Judged("digits", early=("fid",), final=("fid", "kid"))
GLYPHS, KEPT = 2000, 500  # printed digits to train on, and held out; as many of each class
_SIDE, _FINE = 8, 64  # pixels a side of a glyph, as of the handwritten digits, and of what it is drawn on
_FONT = 52  # size of Pillow's own font
_TURN, _STRETCH, _LOWEST = 15, 0.3, 5  # degrees, by how much wider or narrower, and pixels of the lowest of all


def open(options: DataOptions, path: str) -> Source:
    """Keys a and b, unpaired, and label_a, the digit that was printed. Of what is held out label_b is known too.

    A printed digit is turned by up to 15 degrees, stretched, and of twice the strokes' width half of the time.
    """
    spec, known = spec_of(options, path), labels()
    glyphs, said = _all()
    a, b = enlarge(glyphs, options, copies=2), enlarge(small(), options)
    train = Split(
        {"a": a[:GLYPHS], "label_a": said[:GLYPHS], "b": b[:TRAINED], "label_b": known[:TRAINED]},
        domains=(("a", "label_a"), ("b", "label_b")),
    )
    heldout = Split(
        {"a": a[GLYPHS:], "label_a": said[GLYPHS:], "b": b[TRAINED:], "label_b": known[TRAINED:]},
        domains=train.domains,
    )
    return Source(options.source, spec, train, heldout, fingerprint(a, b, said, known), judged=JUDGED)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without an image."""
    options.allow("size", *AUGMENTATIONS)
    shape = (1, *sides(options))
    fields = {"a": Field("image", shape, title="glyph"), "label_a": Field("class", (), NAMES)}
    return DataSpec(fields | {"b": Field("image", shape, title="digit")}, domains=(("a", "label_a"), ("b",)))


def baselines(source: Source, options: DataOptions) -> Iterable[Baseline]:
    """Of classifiers at 8×8 pixels, trained on the printed and on the handwritten digits, shown the handwritten."""
    return of_classifiers(Labelled("glyphs", *_all(), GLYPHS), Labelled("digits", small(), labels(), TRAINED))


@cache
def _all() -> tuple[Floats, NDArray[np.int64]]:
    """All glyphs and the class of each; drawn once."""
    places = np.arange(GLYPHS + KEPT)
    return printed(places), places % len(NAMES)


def printed(places: NDArray[np.int64]) -> Floats:
    """These glyphs, [N, 8, 8] in [0, 1], white on black; the class of each is the last digit of its place."""
    chance = uniform("glyphs", places, 4)
    return np.stack([_one(int(place) % len(NAMES), *row) for place, row in zip(places, chance, strict=True)])


def _one(digit: int, bold: float, turn: float, high: float, wide: float) -> Floats:
    """One glyph [8, 8], in the middle, of four chances in [0, 1)."""
    drawn = _turned(digit, bold < 0.5, (2 * turn - 1) * _TURN)
    unit = _FINE // _SIDE
    height = unit * (_LOWEST + (_SIDE - _LOWEST) * high)
    width = min(drawn.width / drawn.height * height * (1 + (2 * wide - 1) * _STRETCH), _FINE)
    drawn = drawn.resize((max(round(width), 1), round(height)), Image.Resampling.BOX)
    square = Image.new("L", (_FINE, _FINE))
    square.paste(drawn, ((_FINE - drawn.width) // 2, (_FINE - drawn.height) // 2))
    return np.asarray(square, np.float64).reshape(_SIDE, unit, _SIDE, unit).mean((1, 3)) / 255


def _turned(digit: int, bold: bool, degrees: float) -> Image.Image:
    """A digit, turned, without the black around it."""
    whole = Image.new("L", (_FINE, _FINE))
    ImageDraw.Draw(whole).text((_FINE // 2, _FINE // 2), str(digit), fill=255, font=_font(), anchor="mm")
    if bold:
        whole = whole.filter(ImageFilter.MaxFilter(7))
    turned = whole.rotate(degrees, Image.Resampling.BILINEAR)
    return turned.crop(turned.getbbox())


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(_FONT)
