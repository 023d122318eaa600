"""Tiles give what the whole image gives, whatever the network, the tile and the image's size."""

import threading
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from saddle.base import telling
from saddle.base.errors import SaddleError, UsageError
from saddle.layers.norm import BatchNorm2d
from saddle.nets.translator import Residual, translator
from saddle.use import tiles


def drawn(network: nn.Module) -> nn.Module:
    """With weights that keep the size of what passes, as those of a trained network."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, nn.InstanceNorm2d | nn.BatchNorm2d) and module.affine:
            nn.init.normal_(module.weight, 1, 0.2)
            nn.init.normal_(module.bias)
    return network


def narrow(blocks: int = 1, width: int = 4) -> nn.Module:
    torch.manual_seed(0)
    return drawn(translator((3, 64, 64), blocks, width)).eval()


def whole(network: nn.Module, image: Tensor) -> Tensor:
    with torch.no_grad():
        return network(image)


@pytest.fixture(scope="module")
def nine() -> tuple[nn.Module, Tensor, Tensor, int]:
    """Nine blocks, an image of 512², what the whole image gives, and its multiplications."""
    network, image = narrow(9), torch.rand(1, 3, 512, 512) * 2 - 1
    with FlopCounterMode(display=False) as counter:
        made = whole(network, image)
    return network, image, made, counter.get_total_flops()


@pytest.mark.parametrize("tile", [200])
def test_nine_blocks_are_exact_and_little_is_computed_twice(nine, tile):
    network, image, made, once = nine
    given = image.clone()
    with FlopCounterMode(display=False) as counter:
        tiled = tiles.apply(network, image, tile=tile)
    assert (tiled - made).abs().max() < 1e-4
    assert made.std() > 0.3
    assert counter.get_total_flops() < 1.5 * once
    assert torch.equal(image, given)


NETWORKS = {
    "strides that differ, dilation, groups": lambda: nn.Sequential(
        nn.Conv2d(3, 4, (3, 5), (2, 3), (1, 2)),
        nn.InstanceNorm2d(4, affine=True),
        nn.Conv2d(4, 6, 3, padding=2, dilation=2, groups=2),
        nn.InstanceNorm2d(6),
        nn.LeakyReLU(0.2, inplace=True),
        nn.ConvTranspose2d(6, 3, (4, 3), (2, 3), (1, 0), output_padding=(1, 0)),
    ),
    "other paddings": lambda: nn.Sequential(
        nn.ReplicationPad2d((2, 0, 3, 1)),
        nn.Conv2d(3, 4, 4, 2, 3, padding_mode="reflect"),
        nn.BatchNorm2d(4),
        nn.Conv2d(4, 4, 3, padding="same"),
        nn.ZeroPad2d((0, 3, 1, 2)),
        nn.InstanceNorm2d(4),
        nn.Conv2d(4, 3, 2, padding="valid"),
    ),
    "blocks in blocks": lambda: nn.Sequential(
        nn.Conv2d(3, 4, 1), nested(4), nn.InstanceNorm2d(4), nested(4), nn.Conv2d(4, 2, 3, 2, 1)
    ),
    "running statistics and no others": lambda: nn.Sequential(
        nn.Conv2d(3, 4, 5, padding=2), BatchNorm2d(4), nn.Dropout(), nested(4), nn.Conv2d(4, 1, 3), nn.Sigmoid()
    ).eval(),
    "up first": lambda: nn.Sequential(
        nn.ConvTranspose2d(3, 4, 3, 2), nn.InstanceNorm2d(4), nn.Conv2d(4, 4, 3), nn.InstanceNorm2d(4)
    ),
    "nothing but a norm": lambda: nn.InstanceNorm2d(3),
}


def nested(width: int) -> Residual:
    outer, inner = Residual(width), Residual(width)
    inner.body = nn.Sequential(nn.InstanceNorm2d(width), nn.ReLU(inplace=True), nn.Conv2d(width, width, 3, 1, 1))
    outer.body = nn.Sequential(nn.ReLU(), inner, nn.Conv2d(width, width, 3, 1, 1), nn.InstanceNorm2d(width))
    return outer


@pytest.mark.parametrize("size", [(64, 64), (97, 150), (33, 211)])
@pytest.mark.parametrize("name", NETWORKS)
def test_any_network_of_local_layers_is_exact(name, size):
    torch.manual_seed(1)
    network = drawn(NETWORKS[name]()).double()
    image = torch.randn(1, 3, *size, dtype=torch.float64) + 5
    for tile in (32, 47):
        assert torch.allclose(tiles.apply(network, image, tile=tile), whole(network, image), rtol=0, atol=1e-10)


def test_numbers_far_from_zero_keep_their_statistics():
    network = nn.Sequential(nn.InstanceNorm2d(1))
    image = torch.rand(1, 1, 100, 130) * 0.01 + 100
    exact = whole(network, image.double()).float()
    assert (
        tiles.apply(network.float(), image, tile=40) - exact
    ).abs().max() < 2e-3  # the mean itself is rounded to 4e-6


def test_nothing_changes_when_activations_go_to_the_disk(tmp_path):
    network, image = narrow(2), torch.rand(1, 3, 132, 200) * 2 - 1
    kept = tiles.apply(network, image, tile=70)
    part = 16 * 33 * 50 * 4  # bytes of an activation of the trunk
    for budget in (0, part, 2 * part):
        assert torch.equal(tiles.apply(network, image, tile=70, keep=budget, folder=tmp_path), kept)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_with_what_helps(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", full)
    with pytest.raises(
        SaddleError, match=r"temporary file of [\d,]+ bytes in .* \(No space left on device\); set TMPDIR"
    ):
        tiles.apply(narrow(), torch.zeros(1, 3, 64, 64), tile=32, keep=0, folder=tmp_path)


def test_bytes_and_memory_maps_are_images_too(tmp_path):
    network = narrow()
    pixels = np.random.default_rng(0).integers(0, 256, (1, 3, 64, 96), np.uint8)
    np.save(tmp_path / "image.npy", pixels)
    floats = torch.from_numpy(pixels).float() / 127.5 - 1
    made = whole(network, floats)
    out = torch.empty(1, 3, 64, 96, dtype=torch.uint8)
    assert tiles.apply(network, np.load(tmp_path / "image.npy", mmap_mode="r"), tile=40, out=out) is out
    assert (out - ((made + 1) * 127.5)).abs().max() < 0.51
    assert (tiles.apply(network, torch.from_numpy(pixels), tile=40) - made).abs().max() < 1e-4


def test_statistics_of_an_image_give_its_own_result_and_those_of_a_clip_one_for_all():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.InstanceNorm2d(4), nn.Conv2d(4, 3, 3)).double()
    a, b = torch.randn(2, 1, 3, 80, 64, dtype=torch.float64)
    b = 2 * b + 1
    own = tiles.statistics(network, [a], tile=40)
    assert torch.allclose(tiles.apply(network, a, statistics=own), whole(network, a), atol=1e-10)
    clip = tiles.statistics(network, [a, b], tile=50)
    both = whole(network[0], torch.cat([a, b])).transpose(0, 1).flatten(1)
    assert torch.allclose(clip[0].mean, both.mean(1), atol=1e-10)
    assert torch.allclose(clip[0].variance, both.var(1, correction=0), atol=1e-10)
    assert not torch.allclose(tiles.apply(network, a, statistics=clip), whole(network, a), atol=1e-2)
    with pytest.raises(UsageError, match="statistics are another network's"):
        tiles.apply(narrow(), torch.zeros(1, 3, 64, 64), statistics=own)


def test_frozen_statistics_are_exact_with_activations_kept_on_the_way():
    network, image = narrow(3), torch.rand(1, 3, 160, 200) * 2 - 1
    own = tiles.statistics(network, [image], tile=70)
    assert (tiles.apply(network, image, tile=45, statistics=own) - whole(network, image)).abs().max() < 1e-4


def test_threads_with_one_network_do_not_mix_their_images():
    network, made = narrow(), {}
    images = [torch.rand(1, 3, 96, 96) * 2 - 1 for _ in range(3)]

    def work(i: int) -> None:
        made[i] = tiles.apply(network, images[i], tile=40)

    threads = [threading.Thread(target=partial(work, i)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, image in enumerate(images):
        assert (made[i] - whole(network, image)).abs().max() < 1e-4


def test_progress_is_told_from_the_first_tile_to_the_last():
    heard = []
    with telling.heard(lambda what, done, total: heard.append((what, done, total))):
        tiles.apply(narrow(), torch.zeros(1, 3, 64, 64), tile=32)
    total = heard[0][2]
    assert heard == [("tiles", done, total) for done in range(total + 1)]
    assert total == 4 * 8  # four tiles, for each of seven norms and for the result


def in_place() -> nn.Module:
    block = Residual(3)
    block.body = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(3, 3, 1))
    return nn.Sequential(block)


@pytest.mark.parametrize(
    ("network", "why"),
    [
        (nn.Sequential(nn.Conv2d(3, 3, 3), nn.AdaptiveAvgPool2d(1)), r"AdaptiveAvgPool2d \(1\) may look at the whole"),
        (nn.Sequential(nn.Dropout()), r"Dropout \(0\) draws random numbers for the whole image"),
        (nn.Conv2d(3, 3, 3, padding=1, padding_mode="circular"), "Conv2d wraps around the edges"),
        (nn.ConvTranspose2d(3, 3, 1, 2), "ConvTranspose2d has a stride larger than its kernel"),
        (in_place(), r"Residual \(0\) begins with a layer that changes in place"),
        (nn.GroupNorm(1, 3), "GroupNorm may look at the whole image"),
    ],
)
def test_what_cannot_be_tiled_exactly_is_refused_with_its_name(network, why):
    for attempt in (partial(tiles.apply, image=torch.zeros(1, 3, 64, 64)), tiles.receptive_field):
        with pytest.raises(UsageError, match=f"this network cannot be tiled exactly: its {why}"):
            attempt(network)


def test_what_is_no_image_or_no_tile_is_refused():
    with pytest.raises(UsageError, match=r"one image \[1, C, H, W\], not of \[2, 3, 64, 64\]"):
        tiles.apply(narrow(), torch.zeros(2, 3, 64, 64))
    with pytest.raises(UsageError, match="a side of 32 pixels or more, not 16"):
        tiles.apply(narrow(), torch.zeros(1, 3, 64, 64), tile=16)
    with pytest.raises(UsageError, match=r"has the shape \[1, 3, 64, 64\], and out has \[1, 3, 64, 60\]"):
        tiles.apply(narrow(), torch.zeros(1, 3, 64, 64), out=torch.empty(1, 3, 64, 60))
    with pytest.raises(UsageError, match="too small for this network: it mirrors 3 pixels of a side of 2"):
        tiles.apply(narrow(), torch.zeros(1, 3, 64, 2))


@pytest.mark.parametrize(("blocks", "pixels"), [(6, 60), (9, 84)])
def test_the_receptive_field_of_the_papers_networks(blocks, pixels):
    assert tiles.receptive_field(translator((3, 64, 64), blocks, 1)) == pixels


def test_the_receptive_field_is_where_gradients_come_from():
    network = nn.Sequential(nn.Conv2d(1, 1, 5, 3, 2), nn.Conv2d(1, 1, 3, padding=1), nn.ConvTranspose2d(1, 1, 3, 3))
    for parameter in network.parameters():
        nn.init.ones_(parameter)
    reach = 0
    for place in range(30, 33):
        line = torch.zeros(1, 1, 63, 63, requires_grad=True)
        network(line)[0, 0, place, place].backward()
        seen = line.grad[0, 0].sum(0).nonzero()
        reach = max(reach, place - int(seen.min()), int(seen.max()) - place)
    assert tiles.receptive_field(network) == reach
