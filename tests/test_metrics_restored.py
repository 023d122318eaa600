"""Scores of restored images: of their brightness and without a border, beside what bicubic enlargement has."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from saddle.base.errors import UsageError
from saddle.data import DataOptions, open_source
from saddle.layers.imresize import imresized
from saddle.metrics import evaluate, reading
from saddle.metrics.psnr import saved_psnr
from saddle.metrics.restored import BICUBIC, Restorations, Restored, enlarged
from saddle.metrics.ssim import ms_ssim, scales_of, ssim, ssim_y
from saddle.metrics.translated import EARLY, INPUT, LEAST, MEAN
from saddle.runs import restorations, scoring
from saddle.spec import Batch
from saddle.tasks import Restoration


class Bicubic(Restoration):
    """A game that is as good as bicubic enlargement, and a little worse where it blurs."""

    device, dtype, blur = torch.device("cpu"), torch.float32, 0.0

    def round(self, batches):
        yield from ()

    def restore(self, batch: Batch) -> Tensor:
        x = batch["damaged"]
        size = [side * self.times for side in x.shape[2:]]
        return (1 - self.blur) * imresized(x.double(), size).float().clamp(-1, 1)


class Blurred(Bicubic):
    blur = 0.2


def levels(*shape: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(10, 240, shape)).double()


def as_image(x: Tensor) -> Tensor:
    return x / 127.5 - 1


def test_one_level_more_is_forty_eight_decibels_of_grey_and_nine_tenths_of_that_error_of_y():
    x = levels(2, 3, 20, 20)
    assert saved_psnr(as_image(x[:, :1] + 1), as_image(x[:, :1])).tolist() == pytest.approx([48.1308] * 2, abs=1e-4)
    more = saved_psnr(as_image(x + 1), as_image(x), luma=True, border=4)
    assert more.tolist() == pytest.approx([48.1308 - 20 * math.log10(219 / 255)] * 2, abs=1e-4)


def test_similarity_of_y_is_that_of_its_numbers_without_the_border():
    a, b = levels(1, 3, 20, 21), levels(1, 3, 20, 21).flip(3)
    y = [(16 + (65.481 * x[0, 0] + 128.553 * x[0, 1] + 24.966 * x[0, 2]) / 255)[4:-4, 4:-4].numpy() for x in (a, b)]
    at = np.arange(11) - 5
    window = np.exp(-(at[:, None] ** 2 + at**2) / (2 * 1.5**2))
    window /= window.sum()
    found = []
    for top in range(12 - 10):
        for left in range(13 - 10):
            p, q = (x[top : top + 11, left : left + 11] for x in y)
            p_mean, q_mean = (window * p).sum(), (window * q).sum()
            both = (window * p * q).sum() - p_mean * q_mean
            p_var, q_var = ((window * x * x).sum() - m**2 for x, m in ((p, p_mean), (q, q_mean)))
            c_1, c_2 = 6.5025, 58.5225
            found.append((2 * p_mean * q_mean + c_1) * (2 * both + c_2))
            found[-1] /= (p_mean**2 + q_mean**2 + c_1) * (p_var + q_var + c_2)
    assert ssim_y(as_image(a), as_image(b), 4).item() == pytest.approx(np.mean(found), abs=1e-9)
    grey = as_image(a[:, :1]), as_image(b[:, :1])
    assert torch.allclose(ssim_y(*grey, 4), ssim(*(x[..., 4:-4, 4:-4] for x in grey)))
    with pytest.raises(UsageError, match="needs images of 11 pixels or more in height and width, and these have 10 × "):
        ssim_y(*grey, 5)
    with pytest.raises(UsageError, match="Y is of colour images, and these have 2 channels"):
        ssim_y(as_image(a[:, :2]), as_image(b[:, :2]))


def test_similarity_has_as_many_scales_as_fit_with_weights_of_one_sum():
    assert [scales_of(side) for side in (10, 11, 21, 22, 96, 175, 176, 999)] == [0, 1, 1, 2, 4, 4, 5, 5]
    a, b = as_image(levels(1, 1, 44, 44)), as_image(levels(1, 1, 44, 44).flip(3))
    one = ssim(a, b).item()
    assert ms_ssim(a, b, 1).item() == pytest.approx(max(one, 0) ** sum((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)))
    assert ms_ssim(a, a, 3).item() == pytest.approx(1)
    with pytest.raises(UsageError, match="similarity over 4 scales needs images of 88 pixels or more"):
        ms_ssim(a, b, 4)


def test_a_game_that_is_bicubic_scores_as_bicubic_does_and_border_channel_and_scales_are_said():
    source = open_source(DataOptions(source="photos", size=48, degrade="bicubic", times=4))
    game = Bicubic(source.spec)
    names = ["psnr_y", "ssim_y", "ms_ssim", "psnr", "sharpness_ratio"]
    assert scoring.defaults(game, source, final=True) == names
    assert scoring.defaults(game, source, final=False) == ["psnr_y", "ssim_y", "psnr"]
    scores = scoring.score(game, source, n=20)
    for score in scores.values():
        assert score.value == score.beside[BICUBIC]
        assert not score.note
    assert scores["psnr_y"].beside[MEAN] < scores["psnr_y"].value
    assert scores["sharpness_ratio"].value < 0.2
    measure = {"bits": 8, "channel": "Y", "border": 4}
    assert measure.items() <= scores["psnr_y"].fingerprint.items()
    assert (measure | {"window": 11, "sigma": 1.5}).items() <= scores["ssim_y"].fingerprint.items()
    assert scores["ms_ssim"].fingerprint["scales"] == 3
    assert {score.fingerprint["reference_count"] for score in scores.values()} == {20}


def test_where_bicubic_is_better_a_sentence_says_so():
    source = open_source(DataOptions(source="photos", size=48, degrade="bicubic"))
    note = scoring.score(Blurred(source.spec), source, ["psnr_y"], n=20)["psnr_y"].note
    assert note.startswith("By psnr_y, bicubic enlargement is better without any training: ")


def test_the_classes_of_enlarged_digits_are_read_by_who_learned_whole_ones(monkeypatch):
    monkeypatch.setattr(reading, "STEPS", 80)  # enough for this test
    source = open_source(DataOptions(source="digits", size=8, degrade="box", times=2))
    scores = scoring.score(Bicubic(source.spec), source, ["restored_accuracy", "psnr_y"])
    accuracy = scores["restored_accuracy"]
    assert accuracy.value == accuracy.beside[BICUBIC] > 0.3
    assert accuracy.beside["real images"] > accuracy.value
    assert accuracy.beside[MEAN] < 0.2
    assert "class_readers" in accuracy.fingerprint
    assert scores["psnr_y"].fingerprint["channel"] == "grey"


def test_data_without_classes_have_no_accuracy_and_other_channels_no_brightness():
    photos = open_source(DataOptions(source="photos", size=32, degrade="box"))
    with pytest.raises(
        UsageError, match=r"'restored_accuracy' needs a game that restores images, .* classes are known"
    ):
        scoring.score(Bicubic(photos.spec), photos, ["restored_accuracy"])
    two = torch.zeros(3, 2, 16, 16)
    with pytest.raises(
        UsageError, match=r"'psnr_y' needs a game that restores images, .*, in colour or grey; or a game"
    ):
        evaluate(None, None, ["psnr_y"], None, restored=Restored(two, two))
    assert evaluate(None, None, ["ssim_y"], None, restored=Restored(two[:, :1], two[:, :1]))["ssim_y"].value == 1


def test_few_images_are_restored_on_the_way_and_those_are_spread_over_all():
    source = open_source(DataOptions(source="photos", size=96, degrade="box"))
    found = restorations.restorations(Bicubic(source.spec), source, 0)
    early = found.limited(None, early=True).made()
    assert len(early.images) == EARLY // 96**2
    assert early.beside.keys() == {BICUBIC}
    last = source.heldout.take([0, found.there - 1])["image"]
    assert torch.equal(early.truth[[0, -1]], last)
    asked = []
    Restorations(1000, (3, 512, 512), 4, lambda n, beside: asked.append((n, beside)), pixels=EARLY).made()
    assert asked == [(LEAST, False)]


def test_beside_an_image_of_the_same_size_stands_the_damaged_one_and_grey_serves_for_colours():
    colour, grey = torch.rand(2, 3, 8, 8), torch.rand(2, 1, 8, 8)
    assert torch.equal(enlarged(colour, colour)[INPUT], colour)
    assert torch.equal(enlarged(grey, colour)[INPUT], grey.expand(-1, 3, -1, -1))
    assert enlarged(colour, grey)[INPUT].shape == grey.shape
    assert enlarged(torch.rand(2, 2, 8, 8), colour) == {}
    assert enlarged(grey, torch.rand(2, 1, 32, 32))[BICUBIC].shape == (2, 1, 32, 32)


def test_a_game_that_restores_says_how_its_data_come_about() -> None:
    with pytest.raises(
        UsageError, match=r"Bicubic needs small or damaged .* has image, label. .* --data.degrade bicubic"
    ):
        Bicubic(open_source(DataOptions(source="digits")).spec)
