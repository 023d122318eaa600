"""Images beside the true ones: SSIM, MS-SSIM, PSNR of saved pictures, L1, sharpness; against others' code and by hand.

Values of scikit-image are those of 0.26.0: `structural_similarity(a, b, channel_axis=2, gaussian_weights=True,
sigma=1.5, use_sample_covariance=False, data_range=255)` and `peak_signal_noise_ratio(a, b, data_range=255)`.
"""

import math
from functools import cache

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image
from torch import Tensor

from saddle.base.errors import UsageError
from saddle.metrics.l1 import l1
from saddle.metrics.psnr import psnr, saved_psnr
from saddle.metrics.sharpness import laplacian_variance
from saddle.metrics.ssim import ms_ssim, ssim
from saddle.metrics.tones import grey, levels
from saddle.use.comparing import compare, error_map

SSIM = [0.9530886449577158, 0.9609076508689011]
PSNR = [29.21154954090751, 28.133080292940043]


@cache
def pieces() -> tuple[Tensor, Tensor]:
    """Two pieces of a photograph [2, 3, 64, 48] in [-1, 1], and the same in sixteen levels of each colour."""
    photo = torch.from_numpy(load_sample_image("china.jpg").copy()).permute(2, 0, 1)
    truth = torch.stack([photo[:, 200:264, 300:348], photo[:, 60:124, 500:548]])
    return (truth // 16 * 16) / 127.5 - 1, truth / 127.5 - 1


def test_ssim_and_psnr_are_those_of_scikit_image() -> None:
    coarse, truth = pieces()
    assert ssim(coarse, truth).tolist() == pytest.approx(SSIM, abs=1e-12)
    assert saved_psnr(coarse, truth).tolist() == pytest.approx(PSNR, abs=1e-10)


def test_ssim_of_flat_images_is_the_formula_of_their_means() -> None:
    a, b = torch.full((1, 1, 11, 11), 0.2), torch.full((1, 1, 11, 11), -0.6)
    x, y = (round((v + 1) * 127.5) for v in (0.2, -0.6))
    assert ssim(a, b).item() == pytest.approx((2 * x * y + 6.5025) / (x * x + y * y + 6.5025), abs=1e-9)
    assert ssim(a, a).item() == pytest.approx(1)


def test_five_scales_are_those_of_pytorch_msssim() -> None:
    """1.0.0, `ms_ssim(a, b, data_range=255)` of float64 images; its window is rounded to float32."""
    photo = torch.from_numpy(load_sample_image("flower.jpg").copy()).permute(2, 0, 1)[None, :, :176, 200:392]
    coarse = photo // 32 * 32
    assert ms_ssim(coarse / 127.5 - 1, photo / 127.5 - 1).item() == pytest.approx(0.9160198247706276, abs=2e-6)
    assert ms_ssim(photo / 127.5 - 1, photo / 127.5 - 1).item() == pytest.approx(1)


def test_a_tenth_of_the_range_off_is_twenty_decibels_and_what_cannot_be_saved_makes_no_difference() -> None:
    truth = torch.zeros(2, 3, 16, 16)
    off = truth + torch.tensor([51 / 255, 1e-3])[:, None, None, None]
    assert levels(truth).unique().tolist() == [128]
    found = saved_psnr(off, truth)
    assert found[0].item() == pytest.approx(20 * math.log10(255 / 25), abs=1e-9)  # 153.0 and 127.5, to the even: 25
    assert found[1].item() == math.inf
    assert math.isfinite(psnr(off, truth)[1].item())


def test_y_is_that_of_bt_601_and_the_border_does_not_count() -> None:
    black, white = -torch.ones(1, 3, 8, 8), torch.ones(1, 3, 8, 8)
    assert saved_psnr(white, black, luma=True).item() == pytest.approx(20 * math.log10(255 / 219), abs=1e-9)
    red = black.clone()
    red[:, 0] = 1
    assert saved_psnr(red, black, luma=True).item() == pytest.approx(20 * math.log10(255 / 65.481), abs=1e-9)
    framed = black.clone()
    framed[..., 2:-2, 2:-2] = 1
    assert saved_psnr(framed, white, border=2).item() == math.inf
    assert saved_psnr(framed, white, border=1).item() == pytest.approx(10 * math.log10(36 / 20), abs=1e-9)


def test_l1_is_the_mean_difference_in_parts_of_the_range() -> None:
    a, b = -torch.ones(2, 1, 4, 4), torch.ones(2, 1, 4, 4)
    b[1, :, :, :2] = -1
    assert l1(a, b).tolist() == [1, 0.5]
    assert l1(5 * a, 5 * b).tolist() == pytest.approx([1, 0.5])


def test_the_laplacian_of_a_point_varies_as_by_hand() -> None:
    image = torch.zeros(1, 3, 5, 5)
    image[..., 2, 2] = 1
    bend = [-4, 1, 1, 1, 1, 0, 0, 0, 0]
    mean = sum(bend) / 9
    assert laplacian_variance(image).item() == pytest.approx(sum((x - mean) ** 2 for x in bend) / 9)
    assert laplacian_variance(torch.linspace(-1, 1, 6).expand(1, 1, 6, 6)).item() == pytest.approx(0, abs=1e-12)
    assert grey(torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)).item() == pytest.approx(0.299)


def test_inside_a_mask_nothing_else_counts() -> None:
    coarse, truth = pieces()
    inside = torch.zeros(2, 1, 64, 48)
    inside[0, :, 20:40, 20:40] = 1
    other = torch.where(inside > 0, coarse, -coarse)
    for measure in (lambda a: saved_psnr(a, truth, inside=inside), lambda a: l1(a, truth, inside)):
        assert measure(other)[0] == measure(coarse)[0]
        assert measure(other)[1].isnan(), "without a pixel inside there is no score"
    assert saved_psnr(coarse, truth, inside=inside)[0].item() == pytest.approx(
        saved_psnr(coarse[:1, :, 20:40, 20:40], truth[:1, :, 20:40, 20:40]).item()
    )
    centres = torch.zeros(2, 1, 64, 48)
    centres[:, :, 25, 25] = 1
    window = ssim(coarse[..., 20:31, 20:31], truth[..., 20:31, 20:31])
    assert ssim(coarse, truth, centres).tolist() == pytest.approx(window.tolist())
    assert laplacian_variance(truth, torch.ones_like(inside)).tolist() == laplacian_variance(truth).tolist()


def test_a_result_of_a_narrow_range_is_compared_in_parts_of_that_range() -> None:
    truth = np.full((12, 12, 1), 1000, np.uint16)
    off = truth + np.uint16(200)
    assert compare(off, truth, limits=(0, 4000))["l1"] == pytest.approx(0.05)
    whole, narrow = compare(off, truth), compare(off, truth, limits=(0, 4000))
    assert whole["l1"] == pytest.approx(200 / 65535)
    assert narrow["psnr"] == pytest.approx(20 * math.log10(255 / 12), abs=1e-9)  # 76.5 and 63.75 of 255: 76 and 64
    assert error_map(off, truth, (0, 4000)).max() == round(255 * 4 * 0.05)
    beyond = compare(np.full_like(truth, 5000), np.full_like(truth, 4000), limits=(0, 4000))
    assert beyond["l1"] == 0


def test_images_that_are_too_small_or_of_another_shape_are_refused() -> None:
    with pytest.raises(
        UsageError, match="needs images of 11 pixels or more in height and width, and these have 10 × 64"
    ):
        ssim(torch.zeros(1, 1, 10, 64), torch.zeros(1, 1, 10, 64))
    with pytest.raises(UsageError, match="needs images of 176 pixels or more"):
        ms_ssim(torch.zeros(1, 1, 175, 200), torch.zeros(1, 1, 175, 200))
    for measure in (ssim, l1, saved_psnr):
        with pytest.raises(UsageError, match=r"shape \[1, 1, 16, 16\] and the true ones \[1, 3, 16, 16\]"):
            measure(torch.zeros(1, 1, 16, 16), torch.zeros(1, 3, 16, 16))
    with pytest.raises(UsageError, match="these have 1 channels"):
        saved_psnr(torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 16, 16), luma=True)
    with pytest.raises(UsageError, match="a border of 8 pixels leaves nothing"):
        saved_psnr(torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 16, 16), border=8)
