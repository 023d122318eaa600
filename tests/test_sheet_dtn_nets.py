"""DTN: every line of its fact sheet on networks, with what proves it."""

import pytest
import torch
from playing import images
from seeding import seed_all
from sheets import Sheet, count, kinds
from test_sheet_dtn import data, small
from torch import nn

from saddle.base.errors import UsageError
from saddle.games.dtn import DTN
from saddle.nets import dtn
from saddle.optim import Adam
from saddle.spec import Field

SHEET = Sheet(
    *("count.encoder", "count.decoder", "count.judge", "count.ternary", "count.by-formula", "net.encoder-layers"),
    *("net.decoder-layers", "net.judge-layers", "net.sides", "init.xavier", "norm.remembers-95-percent", "adam"),
)
proves = SHEET.proves


HALVING = ["Conv2d", "BatchNorm2d", "ReLU"]


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


def paper(channels: int = 3, target: int = 1, side: int = 32) -> tuple[nn.Module, nn.Module, nn.Module, nn.Module]:
    source, drawn = (channels, side, side), (target, side, side)
    with torch.device("meta"):
        judges = (dtn.discriminator(drawn, 64, classes) for classes in (1, 3))
        return dtn.Encoder(source, 128, 10, 64).body, dtn.decoder(drawn, 128, 64), *judges


@proves("count.encoder", "count.decoder", "count.judge", "count.ternary")
def _parameters():
    assert [*map(count, paper())] == [896_384, 2_526_977, 1_486_593, 1_486_593 + 2 * (512 * 16 + 1)]


@proves("count.by-formula")
def _other_sizes_change_the_one_kernel_that_sees_the_rest():
    for channels, target, side in ((1, 3, 32), (3, 1, 64), (1, 1, 16)):
        more = (side // 8) ** 2 - 16
        encoder, decoder, judge, _ = map(count, paper(channels, target, side))
        assert encoder == 896_384 + 64 * 9 * (channels - 3) + 256 * 128 * more
        assert decoder == 2_526_977 + (128 * 9 + 1) * (target - 1) + 128 * 512 * more
        assert judge == 1_486_593 + 128 * 9 * (target - 1) + 512 * more


def shapes(network: nn.Module) -> list[tuple[int, int, int, int]]:
    layers = [m for m in network.modules() if isinstance(m, nn.modules.conv._ConvNd)]
    return [(m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0]) for m in layers]


@proves("net.encoder-layers", "net.judge-layers")
def _the_layers_of_the_encoder_and_the_judge():
    """One re-implementation bends the judge's first map twice, before its norm and behind it."""
    encoder, _, _, judge = paper()
    assert kinds(encoder) == [*3 * HALVING, "Conv2d", "BatchNorm2d", "Tanh", "Flatten"]
    assert shapes(encoder) == [(3, 64, 3, 2), (64, 128, 3, 2), (128, 256, 3, 2), (256, 128, 4, 1)]
    assert kinds(judge) == [*3 * HALVING, "Conv2d", "Flatten"]
    assert shapes(judge) == [(1, 128, 3, 2), (128, 256, 3, 2), (256, 512, 3, 2), (512, 3, 4, 1)]


@proves("net.decoder-layers")
def _the_layers_of_the_decoder():
    _, decoder, _, _ = paper()
    rising = ["ConvTranspose2d", "BatchNorm2d", "ReLU"]
    assert kinds(decoder) == ["Unflatten", *3 * rising, "ConvTranspose2d", "Tanh"]
    assert shapes(decoder) == [(128, 512, 4, 1), (512, 256, 3, 2), (256, 128, 3, 2), (128, 1, 3, 2)]
    assert decoder(torch.empty(2, 128, device="meta")).shape == (2, 1, 32, 32)


@proves("net.sides")
def _sides_are_multiples_of_8_and_need_not_be_equal():
    field = Field("image", (1, 16, 24))
    assert small(data(field, field)).translate({"a": images(2, 1, 16, 24)}, "b").shape == (2, 1, 16, 24)
    odd = Field("image", (1, 20, 24))
    with pytest.raises(
        UsageError, match=r"DTN cannot draw 20×24 images: sides must be multiples of 8.*16×24 and 24×24"
    ):
        small(data(odd, odd))


@proves("norm.remembers-95-percent")
def _norms_remember_95_percent_of_what_they_knew():
    norms = [m for m in small().modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    assert len(norms) == 4 + 3 + 3
    assert {m.momentum for m in norms} == {0.05}


@proves("init.xavier", "adam")
def _weights_start_as_xavier_s_and_adam_has_the_re_implementation_s_rate():
    seed_all(0)
    for module in dtn.discriminator((3, 32, 32), 16).modules():
        if isinstance(module, nn.Conv2d):
            fan = sum(nn.init._calculate_fan_in_and_fan_out(module.weight))
            assert not module.bias.any()
            assert float(module.weight.detach().abs().max()) <= (6 / fan) ** 0.5
    optim = DTN.Options().optim
    assert isinstance(optim, Adam)
    assert (optim.lr, optim.betas, DTN.batch) == (3e-4, (0.9, 0.999), 100)
