"""Heat maps: where an image is unusual, in colours that mean the same in every picture of a run."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .pictures import PAPER

COLOURS = np.array([[0, 0, 0], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]], np.float64)  # from 0 to 1
SEEN = 0.8  # opacity of the hottest place over an image
UNSEEN = 0.3  # brightness of what the run did not look at
MARK = (40, 200, 255)  # the colour of a place that is asked about
STRIP, SMALLEST = 18, 160  # pixels: of a line below a picture, and of the width in which it can be read


def scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Values [H, W] between these limits as 0 to 1, clipped; NaN stays."""
    return ((values.astype(np.float64) - low) / max(high - low, 1e-12)).clip(0, 1)


def colours(heat: np.ndarray) -> np.ndarray:
    """Heat [H, W], 0 to 1, as uint8 [H, W, 3]: black, purple, red, orange, light yellow. NaN is grey."""
    places = np.linspace(0, 1, len(COLOURS))
    known = np.nan_to_num(heat)
    seen = np.stack([np.interp(known, places, channel) for channel in COLOURS.T], -1)
    seen[np.isnan(heat)] = 128
    return seen.round().astype(np.uint8)


def over(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Heat [H, W] over an image uint8 [H, W, 3]: where it is 0 the image is as it was, where it is NaN darker."""
    share = SEEN * np.nan_to_num(heat)[..., None]
    below = image * np.where(np.isnan(heat), UNSEEN, 1)[..., None]
    return ((1 - share) * below + share * colours(heat)).round().astype(np.uint8)


def attended(images: np.ndarray, maps: Sequence[np.ndarray], place: tuple[int, int]) -> list[np.ndarray]:
    """Each image uint8 [N, H, W, 3] with its pixel `place` marked, and beside it a heat map for every attention layer.

    `maps` [N, h, w] say how much that place looks at each; black is 0 and the brightest what it looks at most.
    """
    height, width = images.shape[1:3]
    shown = []
    for i, image in enumerate(images):
        marked = image.copy()
        marked[place] = MARK
        shown.append(marked)
        for looks in maps:
            rows, columns = (
                np.arange(side) * n // side for side, n in ((height, looks.shape[1]), (width, looks.shape[2]))
            )
            shown.append(over(image, scaled(looks[i][np.ix_(rows, columns)], 0, looks[i].max())))
    return shown


def watermarked(picture: Image.Image, text: str) -> Image.Image:
    """The picture over a line of text, enlarged as often as it takes to read that."""
    times = math.ceil(SMALLEST / picture.width)
    large = picture.resize((picture.width * times, picture.height * times), Image.Resampling.NEAREST)
    whole = Image.new("RGB", (large.width, large.height + STRIP))
    whole.paste(large)
    font = ImageFont.load_default(size=13)
    ImageDraw.Draw(whole).text((large.width / 2, large.height + STRIP / 2), text, PAPER, font, anchor="mm")
    return whole
