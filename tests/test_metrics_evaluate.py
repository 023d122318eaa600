"""One evaluation gives every score, alike for one process and for many, and refuses what the data cannot give."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch import multiprocessing as mp
from torch.nn import functional as F

from saddle.base import dist
from saddle.base.errors import SaddleError, UsageError
from saddle.metrics import Reference, Score, evaluate, extractor, metric_names, rank
from saddle.metrics.drawing import Sampler
from saddle.metrics.evidence import Evidence
from saddle.metrics.fid import Moments, fid
from saddle.metrics.ingredients import ReferenceLabels
from saddle.metrics.names import chosen

METRICS = chosen(metric_names())
OF_IMAGES = Evidence(
    {"samples": Sampler(lambda k: torch.zeros(k, 1, 8, 8)), "extractor": extractor("digits"), "real": [], "train": []}
)  # samples without a condition, and nothing but images beside them
IMAGE_METRICS = [name for name, metric in METRICS.items() if not OF_IMAGES.lacks(metric) and "stacked" not in name]
RING = torch.tensor([[math.cos(i * math.pi / 4), math.sin(i * math.pi / 4)] for i in range(8)])


@pytest.fixture(scope="module")
def parts() -> tuple[Tensor, Tensor, Tensor]:
    """Training images, held-out images and the training labels."""
    data = load_digits()
    images = F.interpolate(torch.tensor(data.images, dtype=torch.float32).unsqueeze(1) / 8 - 1, 32, mode="bilinear")
    return images[:1300], images[1300:], torch.tensor(data.target)[:1300]


class Again:
    """Images drawn again from a set, noisy or not; its own random numbers, so that it can be drawn anew."""

    def __init__(self, images: Tensor, noise: float = 0.0, labels: Tensor | None = None) -> None:
        self.images, self.noise, self.labels = images, noise, labels
        self.chance = torch.Generator().manual_seed(0)

    def __call__(self, count: int) -> Tensor | tuple[Tensor, Tensor]:
        chosen = torch.randint(len(self.images), (count,), generator=self.chance)
        images = self.images[chosen]
        images = (images + self.noise * torch.randn(images.shape, generator=self.chance)).clamp(-1, 1)
        return images if self.labels is None else (images, self.labels[chosen])


def test_the_listed_names_and_words_are_those_of_the_metrics() -> None:
    assert {name: metric.says for name, metric in METRICS.items()} == metric_names()
    assert all(says and "\n" not in says for says in metric_names().values())


def test_every_score_of_images_is_given_with_its_fingerprint(parts: tuple[Tensor, Tensor, Tensor]) -> None:
    train, heldout, labels = parts
    sample = Again(train, labels=labels)
    scores = evaluate(sample, heldout, [*IMAGE_METRICS, "accuracy"], "digits", n=500, train=train)
    assert list(scores) == [*IMAGE_METRICS, "accuracy"]
    assert all(math.isfinite(score.value) and math.isfinite(score.uncertainty) for score in scores.values())
    look = extractor("digits")
    assert scores["kid"].fingerprint == {
        "seed": 0,
        "samples": 500,
        "extractor": "digits",
        "extractor_hash": look.hash,
        "resize": look.resize,
        "reference": "held-out",
        "reference_count": 497,
        "reference_hash": Reference.of(heldout, look).hash,
        "subsets": 100,
        "subset_size": 248,
    }
    assert scores["accuracy"].value > 0.99
    assert scores["copying"].value == 1
    assert scores["fid_multiple"].value == pytest.approx(scores["fid"].value / scores["fid_floor"].value)
    assert "samples" not in scores["fid_floor"].fingerprint


def test_fid_is_worse_for_noise_for_blur_for_a_missing_class_and_for_the_mean(
    parts: tuple[Tensor, Tensor, Tensor],
) -> None:
    train, heldout, labels = parts
    worse = {
        "noise": Again(train, noise=0.2),
        "blur": Again(F.avg_pool2d(train, 7, 1, 3, count_include_pad=False)),
        "missing": Again(train[labels < 9]),
        "mean": Again(train.mean(0, keepdim=True)),
    }
    best = evaluate(Again(train), heldout, ["fid_multiple"], "digits", train=train)["fid_multiple"]
    assert best.value < 1.4
    for name, sample in worse.items():
        found = evaluate(sample, heldout, ["fid_multiple"], "digits", train=train)["fid_multiple"]
        assert found.value > 1.8 * best.value, name


def test_the_classes_of_digits_are_about_equal_and_a_missing_one_shows(parts: tuple[Tensor, Tensor, Tensor]) -> None:
    train, _, labels = parts
    assert evaluate(Again(train), None, ["classes"], "digits", n=1000)["classes"].value > 0.07
    assert evaluate(Again(train[labels != 4]), None, ["classes"], "digits", n=1000)["classes"].value == 0


def test_points_of_a_mixture_are_scored_without_an_extractor() -> None:
    names = ["modes", "high_quality", "mode_kl"]
    scores = evaluate(Again(RING, noise=0.01), None, names, None, n=2500, mixture=(RING, 0.01))
    assert scores["modes"].value == 8
    assert scores["high_quality"].value == pytest.approx(0.98889, abs=0.01)
    assert scores["mode_kl"].value < 0.01
    assert scores["modes"].fingerprint["mixture_count"] == 8
    assert "extractor" not in scores["modes"].fingerprint


def test_points_are_compared_by_their_coordinates() -> None:
    sample, real = Again(RING, noise=0.01), torch.cat([RING] * 20)
    assert evaluate(sample, real, ["fid"], "pixels", n=1000)["fid"].value < 0.01


def test_stacked_digits_are_read_channel_by_channel(parts: tuple[Tensor, Tensor, Tensor]) -> None:
    heldout = parts[1]
    stacked = torch.cat([heldout[:20], heldout[20:40], heldout[40:60]], 1)
    scores = evaluate(lambda count: stacked[:count], None, ["stacked_modes", "stacked_kl"], "digits", n=20)
    assert 15 <= scores["stacked_modes"].value <= 20
    assert scores["stacked_kl"].value == pytest.approx(math.log(1000 / 20), abs=0.6)


def test_scores_of_two_runs_are_ranked_and_of_two_counts_are_not(parts: tuple[Tensor, Tensor, Tensor]) -> None:
    train, heldout, _ = parts
    good, bad = (evaluate(Again(train, noise=x), heldout, ["fid"], "digits", n=500)["fid"] for x in (0.0, 0.5))
    few = evaluate(Again(train), heldout, ["fid"], "digits", n=300)["fid"]
    assert rank([bad, good]) == [[good], [bad]]
    with pytest.raises(SaddleError, match="samples: 500 and 300"):
        rank([good, few])


def test_reference_features_are_kept_and_do_not_depend_on_the_chunks(parts: tuple[Tensor, Tensor, Tensor]) -> None:
    look, heldout = extractor("digits"), parts[1]
    whole = Reference.of(heldout, look)
    for chunks in (list(heldout.split(100)), iter(heldout.split(33)), heldout.clone()):
        again = Reference.of(chunks, extractor("digits"))
        assert again.hash == whole.hash
        assert again.seen is whole.seen
    assert Reference.of(heldout[:-1], look).hash != whole.hash


def test_an_empty_reference_is_refused() -> None:
    with pytest.raises(UsageError, match="holds no image"):
        Reference.of([], extractor("pixels"))


def test_an_unknown_metric_names_the_near_ones() -> None:
    with pytest.raises(
        UsageError, match=r"no metric 'fidd' \(did you mean fid.*; there are .*attributes, .*, fid, fid_floor, "
    ):
        evaluate(Again(RING), None, ["fidd"])


@pytest.mark.parametrize(
    ("name", "extractor_name", "reason"),
    [
        ("modes", "digits", "this data has no known modes"),
        ("fid", "digits", "real images to compare with"),
        ("fid_floor", "pixels", "real images|trained on"),
        ("inception_score", "pixels", "that is a classifier"),
        ("classes", "pixels", "the extractor 'digits'"),
        ("stacked_modes", None, "the extractor 'digits'"),
        ("precision", None, "a feature extractor"),
    ],
)
def test_a_metric_that_the_data_cannot_give_is_refused_before_anything_is_drawn(
    name: str, extractor_name: str | None, reason: str
) -> None:
    with pytest.raises(UsageError, match=f"the metric '{name}' needs .*({reason})"):
        evaluate(never, None, [name], extractor_name)


def never(count: int) -> Tensor:
    raise AssertionError("drew")


def test_samples_that_do_not_fit_the_metric_are_refused() -> None:
    grey = Again(torch.zeros(4, 1, 32, 32))
    with pytest.raises(UsageError, match="these have none"):
        evaluate(grey, None, ["accuracy"], "digits")
    with pytest.raises(UsageError, match=r"three channels, and the samples are of shape \(1, 32, 32\)"):
        evaluate(grey, None, ["stacked_kl"], "digits")
    with pytest.raises(UsageError, match="among points"):
        evaluate(grey, None, ["modes"], mixture=(RING, 0.01))
    with pytest.raises(SaddleError, match="250 samples were asked for and 3 were drawn"):
        evaluate(lambda count: torch.zeros(3, 1, 8, 8), None, ["classes"], "digits")
    with pytest.raises(UsageError, match="at least 2 samples"):
        evaluate(grey, None, ["classes"], "digits", n=1)


def test_nobody_looks_at_images_unasked_and_the_classifier_of_digits_refuses_pictures_in_colour() -> None:
    icons = torch.rand(30, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with pytest.raises(UsageError, match="'fid' needs a feature extractor, and none is given; 'pixels' is for any"):
        evaluate(Again(icons), icons, ["fid"], n=30)
    with pytest.raises(UsageError, match="'digits' knows grey digits, and these images have 3 channels"):
        evaluate(Again(icons), icons, ["fid"], "digits", n=30)
    assert extractor("digits", coloured=True)(icons).features.shape == (30, 64)  # of data that say they are digits


@pytest.mark.parametrize("name", ["fid", "swd", "sharpness"])
def test_images_of_another_range_are_refused_whichever_side_they_are_on(
    name: str, parts: tuple[Tensor, Tensor, Tensor]
) -> None:
    right = parts[1][:40]
    for wrong, reason in ((right * 127.5 + 127.5, "from 0 to 255"), ((right + 1) / 2, r"are they of \[0, 1\]\?")):
        for sample, real in ((wrong, right), (right, wrong)):
            with pytest.raises(UsageError, match=reason):
                evaluate(lambda k, sample=sample: sample[:k], real, [name], "pixels", n=40)
    bright = lambda k: torch.ones(k, 1, 32, 32)  # noqa: E731
    assert evaluate(bright, right, ["swd"], n=10)["swd"].value > 0, "one value says nothing of the range"


def test_the_floor_of_a_part_against_itself_is_refused() -> None:
    same = torch.rand(100, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with pytest.raises(SaddleError, match="the same images"):
        evaluate(Again(same), same, ["fid_multiple"], "pixels", n=50, train=same)


def test_listing_the_metrics_imports_no_torch() -> None:
    code = "import sys, saddle.metrics as m; m.metric_names(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


NAMES = ["fid", "kid", "precision", "recall", "inception_score", "classes"]


def scores_of_batch(batch: Tensor, heldout: Tensor) -> dict[str, Score]:
    """Of a sampler that draws this process's share of a fixed sequence of batches of 60."""
    drawn = 0

    def sample(count: int) -> Tensor:
        nonlocal drawn
        first = drawn + dist.rank() * count
        drawn += count * dist.world()
        return batch[first : first + count]

    return evaluate(sample, heldout, NAMES, "digits", n=180, batch=60)


def one_of_two(rank: int, folder: str, batch: Tensor, heldout: Tensor) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    scores = scores_of_batch(batch, heldout)
    share = Moments.of(batch[rank * 70 : 70 + rank * 110].flatten(1)).shared()
    result = {name: torch.tensor([s.value, s.uncertainty]).double() for name, s in scores.items()}
    torch.save({**result, "mean": share.mean, "covariance": share.covariance}, f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_processes_give_the_scores_of_one(tmp_path: Path, parts: tuple[Tensor, Tensor, Tensor]) -> None:
    train, heldout = parts[0][:180].contiguous(), parts[1][:121].contiguous()
    mp.spawn(one_of_two, args=(str(tmp_path), train, heldout), nprocs=2)
    alone = scores_of_batch(train, heldout)
    whole = Moments.of(train.flatten(1))
    for rank_ in range(2):
        found = torch.load(tmp_path / f"{rank_}.pt", weights_only=True)
        for name, score in alone.items():
            expected = torch.tensor([score.value, score.uncertainty]).double()
            torch.testing.assert_close(found[name], expected, atol=2e-3, rtol=1e-3)
        torch.testing.assert_close(found["mean"], whole.mean)
        torch.testing.assert_close(found["covariance"], whole.covariance)


def test_the_digit_floor_is_what_it_was(parts: tuple[Tensor, Tensor, Tensor]) -> None:
    look = extractor("digits")
    floor = fid(look(parts[1]).features, look(parts[0]).features)[0]
    assert floor == pytest.approx(0.8, abs=0.1)


def test_purity_is_one_for_a_code_of_one_class_and_chance_without_meaning():
    from saddle.metrics.classes import purity

    classes = torch.arange(1000) % 10
    logits = torch.nn.functional.one_hot(classes, 10).float()
    assert purity(logits, (classes + 3) % 10)[0] == 1.0  # which code is which class does not matter
    assert purity(logits, torch.zeros(1000, dtype=torch.int64))[0] == 0.1
    assert purity(logits, classes // 2)[0] == 0.5


FEW = [
    (["fid_multiple"], 99, 200, "'fid_multiple' wants 100 references, and there are 99: .*ask for the bare value"),
    (["swd_multiple"], 99, 200, "'swd_multiple' wants 100 references, and there are 99: .*ask for the bare value"),
    (["intra_fid_multiple"], 99, 200, "'intra_fid_multiple' wants 100 references, and there are 99"),
    (["swd", "precision"], 5, 200, "'precision' wants 6 references, and there are 5: hold out more images"),
    (["precision"], 50, 5, "'precision' wants 6 samples, and 5 are asked for"),
    (["kid"], 1, 200, "'kid' wants 2 references, and there are 1"),
    (["parzen"], 2, 200, "'parzen' wants 3 references, and there are 2: one of them chooses"),
    (["intra_fid"], 20, 200, "want 6 real images of each, and '.' has [0-5]; hold out more"),
    (["intra_fid"], 200, 59, "want 6 samples of each: of 10 classes that are 60, not 59"),
]


@pytest.mark.parametrize(("names", "held", "n", "said"), FEW, ids=lambda x: ",".join(x) if isinstance(x, list) else "")
@pytest.mark.parametrize("once", [False, True])
def test_what_too_few_images_or_samples_cannot_tell_is_refused_before_a_sample_is_drawn(
    parts: tuple[Tensor, Tensor, Tensor], names: list[str], held: int, n: int, said: str, once: bool
) -> None:
    train, heldout, labels = parts
    real = heldout[:held]
    known = ReferenceLabels(tuple("0123456789"), torch.tensor(load_digits().target)[1300:][:held], labels)

    def never(k: int) -> tuple[Tensor, Tensor]:
        pytest.fail("a sample was drawn")

    with pytest.raises(UsageError, match=said):
        evaluate(
            never, iter(real.split(7)) if once else real, names, "digits", n=n, train=train, reference_labels=known
        )


def test_references_that_can_be_read_once_are_compared_with_all_the_same(parts: tuple[Tensor, Tensor, Tensor]) -> None:
    train, heldout, _ = parts
    names = ["fid_multiple", "swd_multiple", "precision"]
    whole, once = (
        evaluate(Again(train), real, names, "digits", n=200, train=train) for real in (heldout, iter(heldout.split(64)))
    )
    assert {n: s.value for n, s in whole.items() if n != "swd_multiple"} == {
        n: s.value for n, s in once.items() if n != "swd_multiple"
    }
    assert once["swd_multiple"].fingerprint["reference_count"] == len(heldout)
