"""What a place looks at: the maps of self-attention, and the picture of them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small import tiny
from torch import nn

import saddle
from saddle.base.errors import UsageError
from saddle.cli import main
from saddle.layers.attention import SelfAttention, watched
from saddle.runs.attending import attended
from saddle.show import heat

SMALL = tiny("--game.network.width", "4", "--plan.samples", "4", "--plan.pictures", "0", "--device", "cpu", "--quiet")


def attention(channels: int = 8) -> SelfAttention:
    layer = SelfAttention(channels).double()
    layer.gamma.data.fill_(0.5)
    return layer


@pytest.mark.parametrize(("row", "column"), [(0.0, 0.0), (0.5, 0.25), (0.99, 0.75)])
def test_a_place_looks_as_its_row_of_the_attention_says(row, column):
    layer, x = attention(), torch.randn(3, 8, 6, 8, dtype=torch.float64)
    looks = layer.looks(x, row, column)
    assert looks.shape == (3, 3, 4)
    place = int(row * 6) * 8 + int(column * 8)
    torch.testing.assert_close(looks.flatten(1), layer.attention(x)[:, place], rtol=0, atol=1e-12)
    torch.testing.assert_close(looks.sum((1, 2)), torch.ones(3, dtype=torch.float64))


def test_to_be_watched_changes_no_bit_and_ends():
    network, x = nn.Sequential(attention(), nn.Identity(), attention()), torch.randn(2, 8, 4, 4, dtype=torch.float64)
    before = network(x)
    with watched(network, 0.5, 0.5) as seen:
        assert torch.equal(network(x), before)
        assert [looks.shape for looks in seen] == [(2, 2, 2)] * 2
    assert torch.equal(network(x), before)
    assert len(seen) == 2


@pytest.fixture(scope="module")
def sagan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attention") / "sagan"
    assert main(["train", "sagan", "--data", "digits", "--run", str(folder), *SMALL]) == 0
    return folder


def test_the_samples_are_those_that_are_drawn_without_it(sagan):
    run = saddle.load(sagan)
    samples, (maps,) = attended(run, (3, 5), 6, seed=4)
    assert torch.equal(samples, run.sample(6, seed=4))
    assert maps.shape == (6, 4, 4)
    torch.testing.assert_close(maps.sum((1, 2)), torch.ones(6))


def test_beside_each_sample_stands_what_its_pixel_looks_at(sagan, tmp_path, capsys):
    out = tmp_path / "looks.png"
    capsys.readouterr()
    assert main(["sample", str(sagan), "--attention", "3,5", "-n", "2", "--out", str(out)]) == 0
    pixels = np.asarray(Image.open(out).convert("RGB"))
    assert pixels.shape == (2 + 2 * 66, 2 + 2 * 66, 3)  # two pairs, one below the other, of images of 16 pixels
    marks = (pixels == heat.MARK).all(2)
    assert marks.sum() == 2 * 16
    assert marks[2 + 3 * 4 : 2 + 4 * 4, 2 + 5 * 4 : 2 + 6 * 4].all()
    assert capsys.readouterr().out.strip() == str(out)


def test_the_brightest_place_is_what_is_looked_at_most():
    images, looks = np.zeros((1, 4, 4, 3), np.uint8), np.array([[[0.1, 0.2], [0.3, 0.4]]])
    marked, hot = heat.attended(images, [looks], (0, 3))
    assert tuple(marked[0, 3]) == heat.MARK
    assert not images.any()
    brightness = hot.astype(int).sum(2)
    assert brightness[2:, 2:].min() == brightness.max() > brightness[:2, :2].max()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--attention", "16,0"], "y goes from 0 to 15 and x from 0 to 15, not 16,0"),
        (["--attention", "3"], "it wants the row and the column of a pixel, from 0 on, such as 16,8, not '3'"),
        (["--attention", "3,5", "--out", "looks.npy"], "--attention is drawn into one .png"),
        (["--attention", "3,5", "--each", "looks"], "--attention is drawn into one .png"),
    ],
)
def test_what_cannot_be_shown_is_said(words, message, sagan, capsys):
    assert main(["sample", str(sagan), *words]) == 2
    assert message in capsys.readouterr().err


def test_a_generator_without_attention_names_the_networks_that_have_it(tmp_path, capsys):
    folder = str(tmp_path / "run")
    assert main(["train", "gan", "--data", "digits", "--run", folder, "--game.network", "MLP", *SMALL]) == 0
    with pytest.raises(UsageError, match="has no attention layer; train one that has"):
        attended(saddle.load(folder), (0, 0), 1)
    assert main(["sample", folder, "--attention", "0,0"]) == 2
    said = capsys.readouterr().err
    assert all(network in said for network in ("SAGAN", "BigGAN", "BigGANDeep"))
