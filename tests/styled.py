"""Small ProGANs and StyleGAN2s."""

import torch
from seeding import seed_all

from saddle.games.progan import ProGAN
from saddle.games.stylegan2 import StyleGAN2
from saddle.nets import progan, stylegan2
from saddle.spec import DataSpec

SMALL = progan.ProGAN(channel_base=64, channel_max=8)
STYLED = stylegan2.StyleGAN2(channel_base=64, channel_max=8, mapping_layers=2, w_dim=6)


def growing(side: int = 32, channels: int = 1, **options) -> ProGAN:
    seed_all(0)
    return ProGAN(DataSpec.of((channels, side, side)), ProGAN.Options(z_dim=6, network=SMALL, **options))


def styled(side: int = 16, data: DataSpec | None = None, **options) -> StyleGAN2:
    seed_all(0)
    torch.manual_seed(0)
    options = {"z_dim": 5, "network": STYLED, "views": ()} | options
    return StyleGAN2(data or DataSpec.of((1, side, side)), StyleGAN2.Options(**options))
