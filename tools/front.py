"""The picture of the front page, put together from samples that `SADDLE_SCORES=1 make learning` left in docs/images.

python tools/front.py
"""

from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from saddle.show.pictures import replace

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
HEIGHT, GAP, LINE = 300, 22, 46  # pixels: of a picture, between two of them, and of the words below
PANELS = [  # a file of docs/images/scores, its parts (left, top, right, bottom) one below the other, and what it shows
    ("best.png", [(0, 0, 400, 331)], "digits, as asked for"),
    ("stackgan.png", [(0, 0, 301, 300)], "drawings of sentences"),
    ("wgan-gp.swiss-roll.png", [(0, 0, 378, 372)], "points of a spiral"),
    ("gln.png", [(0, 0, 146, 16), (0, 112, 146, 256)], "small faces enlarged"),
    ("simgan.eyes.png", [(0, 0, 173, 130)], "drawn eyes made real"),
]


def panel(file: str, parts: list[tuple[int, int, int, int]]) -> Image.Image:
    """The parts of a picture, as high as all panels are."""
    whole = Image.open(IMAGES / "scores" / file).convert("RGB")
    height = sum(bottom - top for _, top, _, bottom in parts)
    joined, y = Image.new("RGB", (parts[0][2] - parts[0][0], height)), 0
    for left, top, right, bottom in parts:
        joined.paste(whole.crop((left, top, right, bottom)), (0, y))
        y += bottom - top
    return joined.resize((round(joined.width * HEIGHT / height), HEIGHT), Image.Resampling.LANCZOS)


def front() -> Image.Image:
    panels = [panel(file, parts) for file, parts, _ in PANELS]
    width = sum(each.width for each in panels) + GAP * (len(panels) - 1)
    canvas = Image.new("RGB", (width, HEIGHT + LINE), "white")
    draw, font, x = ImageDraw.Draw(canvas), ImageFont.load_default(size=26), 0
    for each, (_, _, words) in zip(panels, PANELS, strict=True):
        canvas.paste(each, (x, 0))
        draw.text((x + each.width // 2, HEIGHT + LINE // 2 + 4), words, "#333333", font, anchor="mm")
        x += each.width + GAP
    return canvas


if __name__ == "__main__":
    written = BytesIO()
    front().save(written, "PNG", optimize=True)
    replace(IMAGES / "front.png", written.getvalue())
