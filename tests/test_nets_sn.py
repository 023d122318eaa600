"""The residual networks of SNGAN, SAGAN and BigGAN: the published sizes, where labels and attention come in."""

import pytest
import torch
from torch import nn

from saddle.errors import UsageError
from saddle.layers import norm
from saddle.layers.attention import SelfAttention
from saddle.layers.conditional import ClassBatchNorm2d, Projection
from saddle.layers.spectral import SpectralNorm
from saddle.nets.biggan import BigGAN
from saddle.nets.biggan_deep import BigGANDeep
from saddle.nets.dcgan import DCGAN
from saddle.nets.mlp import MLP
from saddle.nets.network import Network
from saddle.nets.resnet import ResNet
from saddle.nets.sagan import SAGAN
from saddle.nets.sngan import SNCNN, SNResNet
from saddle.spec import DataSpec


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def spec(side: int, classes: int = 0, channels: int = 3) -> DataSpec:
    return DataSpec((channels, side, side), classes=tuple(map(str, range(classes))))


PUBLISHED = [
    (SNCNN(), 128, spec(32), 3_813_379, 2_935_873),
    (SNResNet(), 128, spec(32), 4_276_739, 1_053_825),
    (SNResNet(), 128, spec(32, 10), 4_304_387, 1_055_105),
    (SNResNet(), 128, spec(48), 4_878_083, 10_141_441),
    (SNResNet(), 128, spec(64), 12_220_675, 10_141_441),
    (SNResNet(), 128, spec(128), 32_150_787, 29_017_857),
    (SNResNet(), 128, spec(128, 1000), 41_996_931, 30_041_857),
    (SAGAN(), 128, spec(32, 10), 4_386_308, 1_075_586),
    (SAGAN(), 128, spec(128, 1000), 42_017_412, 39_448_258),
    (SAGAN(attention=32), 128, spec(128, 1000), 42_078_852, 39_463_618),
    (BigGAN(width=64, shared=0, attention=0), 128, spec(32, 10), 4_304_387, 4_207_361),
    (BigGAN(width=64, attention=64), 100, spec(64, 1000), 31_804_676, 20_566_721),
    (BigGAN(width=64), 120, spec(128, 1000), 31_978_628, 39_448_258),
    (BigGAN(), 120, spec(128, 1000), 70_433_988, 87_982_370),
    (BigGAN(), 140, spec(256, 1000), 82_235_844, 99_225_890),
    (BigGANDeep(), 128, spec(128, 1000), 50_244_484, 34_590_210),
    (BigGANDeep(), 128, spec(256, 1000), 55_736_708, 38_247_426),
]


@pytest.mark.parametrize(("network", "z_dim", "data", "of_generator", "of_discriminator"), PUBLISHED)
def test_networks_have_the_published_parameter_counts(network, z_dim, data, of_generator, of_discriminator):
    with torch.device("meta"):
        assert count(network.generator(z_dim, data)) == of_generator
        assert count(network.discriminator(data)) == of_discriminator
