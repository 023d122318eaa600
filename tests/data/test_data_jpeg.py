"""A JPEG without the mark of its end is read where its pixels are all there, and only there."""

import io
from pathlib import Path

import numpy as np
import pytest
from image_folders import noise
from PIL import Image

from saddle.data.decode import Unreadable, stored

FLAT = np.full((24, 40, 3), 200, np.uint8)
HALF = np.concatenate([noise(16, 40, 3), FLAT])  # what is cut off is as plain as what a decoder fills in


def written(picture: np.ndarray, **more: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", **more)
    return file.getvalue()


def read(folder: Path, data: bytes) -> np.ndarray | str:
    (folder / "x.jpg").write_bytes(data)
    try:
        return stored(folder / "x.jpg", 50)
    except Unreadable as error:
        return str(error)


@pytest.mark.parametrize("picture", [noise(30, 44, 3), noise(17, 9), FLAT, HALF], ids=["noise", "grey", "flat", "half"])
@pytest.mark.parametrize("more", [{}, {"subsampling": 0}, {"optimize": True, "quality": 20}], ids=str)
def test_without_its_end_mark_a_jpeg_is_read_if_it_is_whole_and_refused_if_it_is_cut(folder, picture, more):
    data = written(picture, **more)
    whole = read(folder, data)
    for cut in (1, 2):  # half of the mark, and all of it
        assert np.array_equal(read(folder, data[:-cut]), whole)
    for cut in (4, 5, 8, 13, len(data) // 8):
        found = read(folder, data[:-cut])
        assert "truncated: the data ends too early" in found if isinstance(found, str) else (found == whole).all()
    assert isinstance(read(folder, data[: -len(data) // 8] if picture is FLAT else data[:-16]), str)


@pytest.mark.parametrize("more", [{"progressive": True}, {"restart_marker_rows": 1}], ids=str)
def test_where_missing_pixels_could_not_be_told_it_is_said_that_the_mark_is_missing(folder, more):
    data = written(noise(30, 44, 3), **more)
    for end in (-2, -20):
        assert "the mark of its end is missing" in read(folder, data[:end])
