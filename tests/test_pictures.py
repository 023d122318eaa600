"""Pictures: exact geometry, exact colours, whole files."""

import itertools
from fnmatch import fnmatch

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from small import GAMES, make_trainer, opened, tiny_recipe

from saddle.base.errors import SaddleError
from saddle.base.files import replace
from saddle.base.folder import RunFolder
from saddle.runs.gallery import Gallery
from saddle.show import pictures


def drawn(monkeypatch):
    """Every text that is drawn from now on, with the box that it takes: (left, top, right, bottom)."""
    told, text = [], ImageDraw.ImageDraw.text

    def spy(draw, xy, words, fill, font, anchor):
        told.append((words, draw.textbbox(xy, words, font, anchor)))
        text(draw, xy, words, fill, font, anchor)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", spy)
    return told


def apart(boxes, size):
    """Does every box lie within a picture of this size, and none on another?"""
    inside = all(0 <= a <= c <= size[0] and 0 <= b <= d <= size[1] for a, b, c, d in boxes)
    pairs = itertools.combinations(boxes, 2)
    return inside and all(a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1] for a, b in pairs)


def pixels(image):
    return np.asarray(image).astype(int)


def test_all_256_values_survive_the_way_to_the_unit_interval_and_back():
    values = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(pictures.to_uint8(values.float() / 127.5 - 1), values)
    assert torch.equal(pictures.to_uint8(values), values)


def test_values_outside_are_clamped_and_nan_is_black():
    x = torch.tensor([-9.0, 9.0, float("nan"), float("inf"), -float("inf")])
    assert pictures.to_uint8(x).tolist() == [0, 255, 0, 255, 0]


def test_bfloat16_is_rounded_like_float32():
    x = torch.linspace(-1, 1, 99).bfloat16()
    assert torch.equal(pictures.to_uint8(x), pictures.to_uint8(x.float()))


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 12), st.integers(1, 9), st.integers(1, 9), st.integers(1, 14), st.integers(0, 3), st.integers(1, 3)
)
def test_every_image_lies_where_row_and_column_say(n, h, w, columns, padding, scale):
    images = torch.randint(0, 256, (n, 3, h, w), dtype=torch.uint8)
    sheet = pictures.grid(images, columns, padding, scale)
    columns = min(columns, n)
    lines = -(-n // columns)
    assert sheet.size == (padding + columns * (w * scale + padding), padding + lines * (h * scale + padding))
    for i in range(n):
        top = padding + i // columns * (h * scale + padding)
        left = padding + i % columns * (w * scale + padding)
        cell = pixels(sheet)[top : top + h * scale, left : left + w * scale]
        assert (cell[::scale, ::scale] == images[i].permute(1, 2, 0).numpy()).all()
        assert (cell == cell[::scale, ::scale].repeat(scale, 0).repeat(scale, 1)).all()


@pytest.mark.parametrize(("side", "shown"), [(8, 64), (16, 64), (28, 56), (32, 64), (64, 64), (100, 100)])
def test_small_images_are_enlarged_to_a_readable_size(side, shown):
    assert pictures.grid(torch.zeros(64, 1, side, side), padding=0).size == (8 * shown, 8 * shown)


def test_grids_of_one_two_and_many_channels_show_what_the_docstring_says():
    x = torch.tensor([10, 20, 30, 40], dtype=torch.uint8).view(1, 4, 1, 1)
    for channels, colour in ((1, [10, 10, 10]), (2, [10, 20, 0]), (3, [10, 20, 30]), (4, [10, 20, 30])):
        assert pixels(pictures.grid(x[:, :channels], padding=0, scale=1))[0, 0].tolist() == colour


@pytest.mark.parametrize("shape", [(0, 3, 8, 8), (3, 8, 8), (2, 0, 8, 8)])
def test_a_grid_of_no_images_names_the_shape(shape):
    with pytest.raises(SaddleError, match=str(list(shape)).replace("[", r"\[").replace("]", r"\]")):
        pictures.grid(torch.zeros(shape))


def test_rows_put_each_sample_beside_its_translations():
    a, b = torch.full((3, 1, 48, 48), -1.0), torch.ones(2, 3, 24, 24)
    b[1] = 0.0
    sheet = pixels(pictures.rows({"input": a, "output": b}, padding=2, scale=1))
    assert sheet.shape[:2] == (20 + 2 * 50, 2 + 2 * 50)  # two rows: the shorter set's
    assert (sheet[20:68, 2:50] == 0).all()
    assert (sheet[20:68, 52:100] == 255).all()
    assert (sheet[70:118, 52:100] == 128).all()


@pytest.mark.parametrize(
    ("caption", "told"),
    [
        ("as sunflowers", ["as", "sunflowers"]),
        ("attributes of", ["attributes of"]),
        ("one two three four five six", ["one two", "three four", "five six"]),
        ("one two three four five six seven eight nine", ["one two", "three four", "five six", "seven*…"]),
        ("x" * 99, ["xxx*…"]),
    ],
)
def test_a_caption_has_up_to_four_lines_and_a_wide_word_widens_its_column(caption, told, monkeypatch):
    lines = drawn(monkeypatch)
    x = torch.zeros(1, 1, 72, 72)
    sheet = pictures.rows({"a": x, caption: x})
    assert len(lines) == 1 + len(told)
    assert all(fnmatch(text, pattern) for (text, _), pattern in zip(lines[1:], told, strict=True))
    assert apart([box for _, box in lines], sheet.size)
    assert sheet.width <= 2 + 74 + pictures.NAMED + 2


def test_rows_of_nothing_are_refused():
    with pytest.raises(SaddleError, match="at least one column"):
        pictures.rows({})


def colours(image):
    """How many pixels are bluish, how many orange."""
    red, _, blue = (pixels(image)[..., c] for c in range(3))
    return int((blue - red > 20).sum()), int((red - blue > 60).sum())


def test_a_scatter_shows_real_points_in_blue_and_fake_ones_in_orange():
    real = torch.tensor([[-1.0, 0.0], [1.0, 0.0]]).repeat(50, 1)
    assert colours(pictures.scatter(real))[0] > 20
    assert colours(pictures.scatter(real))[1] == 0
    blue, orange = colours(pictures.scatter(real, torch.zeros(50, 2)))
    assert blue > 20
    assert orange > 10


def test_the_axes_are_the_real_points_and_up_is_up():
    real = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    alone = pictures.scatter(real, size=100)
    far = pictures.scatter(real, torch.tensor([[1e9, 0.0], [float("nan"), 0.0], [float("inf"), 1.0]]), size=100)
    assert alone.size == (100, 100)
    assert (pixels(alone) == pixels(far)).all()
    fake = pixels(pictures.scatter(real, torch.tensor([[0.0, 1.0]]).repeat(9, 1), size=100))
    y, x = np.argwhere(fake[..., 0] - fake[..., 2] > 60).mean(0)
    assert x < 20
    assert y < 20


def test_points_of_one_or_many_coordinates_are_drawn_too():
    assert colours(pictures.scatter(torch.randn(99, 1), torch.randn(50, 1)))[1] > 10
    assert colours(pictures.scatter(torch.randn(99, 25)))[0] > 10
    assert colours(pictures.scatter(torch.zeros(5, 2)))[0] > 5


@pytest.mark.parametrize("real", [torch.zeros(0, 2), torch.full((3, 2), float("nan"))])
def test_a_scatter_without_real_points_is_refused(real):
    with pytest.raises(SaddleError, match="none of those given is finite"):
        pictures.scatter(real)


def test_a_scatter_of_images_names_the_shape():
    with pytest.raises(SaddleError, match=r"points \[N, D\].*\[2, 1, 8, 8\]"):
        pictures.scatter(torch.zeros(2, 1, 8, 8))


def test_an_animation_shows_every_picture_and_rests_on_the_last(tmp_path):
    frames = [Image.new("RGB", (8 * (i + 1), 8), (80 * i, 0, 0)) for i in range(3)]
    with Image.open(pictures.animation(frames, tmp_path / "a.gif")) as gif:
        assert (gif.n_frames, gif.size, gif.info["duration"]) == (3, (24, 8), 200)
        gif.seek(2)
        assert gif.info["duration"] == 1200
        assert pixels(gif.convert("RGB"))[0, 0].tolist() == [160, 0, 0]


def test_an_animation_of_nothing_is_refused(tmp_path):
    with pytest.raises(SaddleError, match="at least one picture"):
        pictures.animation([], tmp_path / "a.gif")


def test_a_saved_picture_is_read_back_exactly_and_its_folder_is_made(tmp_path):
    image = pictures.grid(torch.rand(4, 3, 8, 8))
    with Image.open(pictures.save(image, tmp_path / "samples" / "a.png")) as back:
        assert (pixels(back) == pixels(image)).all()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = replace(tmp_path / "a", b"old")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        replace(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


RING = torch.stack([torch.arange(8.0).cos(), torch.arange(8.0).sin()], 1)


def test_a_landscape_lies_behind_the_points_blue_where_it_is_high_and_orange_where_it_is_low():
    image = pictures.scatter(RING, size=200, landscape=lambda points: points[:, 0] * 3)
    assert image.size == (200, 200 + pictures.STRIP)
    field = pixels(image)[:200]
    assert np.abs(field[100, 198] - pictures.HIGH).max() <= 8
    assert np.abs(field[100, 2] - pictures.LOW).max() <= 8
    up = pixels(pictures.scatter(RING, size=200, landscape=lambda points: points[:, 1]))
    assert up[3, 100, 2] > up[197, 100, 2]  # blue above


def test_a_landscape_of_probabilities_has_the_same_colours_in_every_picture():
    def shades(low, high):
        ramp = pictures.scatter(RING, size=60, landscape=lambda points: torch.linspace(low, high, len(points)))
        return pixels(ramp)[:60, 2]

    assert np.abs(shades(0.5, 0.5) - pictures.PAPER).max() <= 4
    assert np.abs(shades(0.0, 0.01) - pictures.LOW).max() <= 8
    critic = shades(-7.0, 3.0)  # values of a critic: from the least to the greatest
    assert np.abs(critic[1] - pictures.LOW).max() <= 12
    assert np.abs(critic[-2] - pictures.HIGH).max() <= 12


def test_a_plateau_has_no_isolines_and_a_slope_has_ten():
    lines = pixels(pictures.scatter(RING * 0.01, size=300, landscape=lambda points: points[:, 0]))[4].sum(1)
    inner = lines[2:-2]
    assert ((inner[1:-1] < inner[:-2] - 9) & (inner[1:-1] <= inner[2:])).sum() == 10
    flat = pixels(pictures.scatter(RING, size=60, landscape=lambda points: 1 - 1e-7 * torch.rand(len(points))))
    assert np.ptp(flat[:2], axis=(0, 1)).max() <= 2


def test_the_axes_of_a_landscape_are_those_of_the_points():
    asked = []
    pictures.scatter(RING * 2 + 5, size=60, landscape=lambda points: asked.append(points) or points[:, 0])
    (points,) = asked
    low, high = (RING * 2 + 5).amin(0), (RING * 2 + 5).amax(0)
    half = (high - low).max() / 2 * 1.15
    assert torch.allclose(points.amin(0), (low + high) / 2 - half)
    assert torch.allclose(points.amax(0), (low + high) / 2 + half)


def test_without_a_landscape_there_is_no_scale_and_no_line_below():
    alone = pixels(pictures.scatter(RING, size=90))
    assert (pixels(pictures.scatter(RING, size=90, landscape=lambda points: None)) == alone).all()
    assert (pixels(pictures.scatter(torch.randn(9, 3), size=90, landscape=pytest.fail)).shape) == (90, 90, 3)
    titled = pixels(pictures.scatter(RING, size=90, title="round 5"))
    assert (titled[:90] == alone).all()
    assert titled[90:].min() < 150


def test_a_landscape_that_is_not_finite_is_drawn_all_the_same():
    broken = pictures.scatter(RING, size=60, landscape=lambda points: points[:, 0] * float("nan"))
    assert pixels(broken).shape == (60 + pictures.STRIP, 60, 3)


def played(path):
    """All frames of a film."""
    with Image.open(path) as film:
        return np.stack([pixels(film.convert("RGB")) for k in range(film.n_frames) if film.seek(k) is None])


@pytest.mark.parametrize("method", [Image.Quantize.MEDIANCUT, Image.Quantize.FASTOCTREE])
def test_what_stands_still_in_an_animation_does_not_flicker(method, tmp_path):
    rng = np.random.default_rng(0)
    scenes = rng.integers(0, 256, (6, 40, 60, 3), dtype=np.uint8)
    scenes[:, :20] = scenes[0, :20]  # still above, all new below
    frames = [Image.fromarray(context) for context in scenes]
    shown = played(pictures.animation(frames, tmp_path / "a.gif", method=method))
    assert len(shown) == 6
    assert (shown[:, :20] == shown[0, :20]).all()
    assert np.abs(shown - scenes).mean() < 20
    assert np.abs(np.diff(shown[:, 20:], axis=0)).mean() > 40


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_an_animation_of_at_most_256_colours_is_exact(suffix, tmp_path):
    greys = np.arange(4 * 8 * 8, dtype=np.uint8).reshape(4, 8, 8)
    frames = [Image.fromarray(grey).convert("RGB") for grey in greys]
    assert (played(pictures.animation(frames, tmp_path / f"a.{suffix}"))[..., 1] == greys).all()


@pytest.mark.parametrize("name", GAMES)
def test_every_column_that_a_game_names_has_its_whole_name_over_it(name, tmp_path, monkeypatch):
    trainer, source = make_trainer(name), opened(tiny_recipe(name).data)
    columns = trainer.game.eval().shown(Gallery(trainer, source, RunFolder(tmp_path)).held)
    if name == "mgan":
        return  # points
    lines = drawn(monkeypatch)
    sheet = pictures.sheet(columns)
    assert " ".join(text for text, _ in lines) == " ".join(name for name, _ in pairs(columns))
    assert apart([box for _, box in lines], sheet.size)


def pairs(columns):
    return list(columns.items() if isinstance(columns, dict) else columns)
