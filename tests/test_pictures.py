"""Pictures: exact geometry, exact colours, whole files."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from saddle import pictures
from saddle.errors import SaddleError


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
    a, b = torch.full((3, 1, 16, 16), -1.0), torch.ones(2, 3, 8, 8)
    b[1] = 0.0
    sheet = pixels(pictures.rows({"input": a, "output": b}, padding=2, scale=1))
    assert sheet.shape[:2] == (20 + 2 * 18, 2 + 2 * 18)  # two rows: the shorter set's
    assert (sheet[20:36, 2:18] == 0).all()
    assert (sheet[20:36, 20:36] == 255).all()
    assert (sheet[38:54, 20:36] == 128).all()


def test_rows_caption_their_columns_within_their_width():
    x = torch.full((1, 1, 40, 40), -1.0)
    sheet = pixels(pictures.rows({"a": x, "a very long caption that cannot fit": x}, scale=1))
    first, second = sheet[:20, 2:42], sheet[:20, 44:84]
    assert first.max() > 200
    assert second.max() > 200
    assert sheet[:20, 42:44].max() < 30


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
    path = pictures.replace(tmp_path / "a", b"old")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        pictures.replace(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
