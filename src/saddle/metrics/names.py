"""Every metric's name, what it says, which way is better and what it needs; no torch, so that listing is quick."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ..base.errors import UsageError, near


@dataclass(frozen=True)
class Metric:
    """`needs`: samples, features (of an extractor), logits (of a classifier), digits (the digit classifier's logits),
    labels (that the samples were drawn for), real (reference features), train (training features), modes (known
    centres), stacked (three digits as RGB), bounds (of the likelihood of held-out images), single (a game that learns
    one image), codes (of a game that encodes), code_labels (classes of the images that it encodes), edges (images,
    samples and held-out ones), patches and train_patches (of samples, held-out and training images of one size),
    classified (held-out images with the classes that a game sees in them), captions (that the samples were drawn for),
    known (classes of the real images), unseen (samples drawn for captions that were held out), smallest (the smallest
    images of a game that draws several sizes, for captions).
    """

    says: str
    better: Literal["lower", "higher"]
    needs: tuple[str, ...]


_COMPARED = ("samples", "features", "real")
_CAPTIONED = ("samples", "captions")

METRICS = {
    "fid": Metric("Fréchet distance to the reference features", "lower", _COMPARED),
    "fid_floor": Metric("FID of the training part: what real data scores", "lower", ("features", "real", "train")),
    "fid_multiple": Metric("FID as a multiple of the floor", "lower", (*_COMPARED, "train")),
    "kid": Metric("kernel distance to the reference features, unbiased", "lower", _COMPARED),
    "inception_score": Metric("sure classes and all of them: 1 to their number", "higher", ("samples", "logits")),
    "precision": Metric("share of samples that lie among the real ones", "higher", _COMPARED),
    "recall": Metric("share of real ones that lie among the samples", "higher", _COMPARED),
    "density": Metric("how thickly real ones surround a sample; 1 for real data", "higher", _COMPARED),
    "coverage": Metric("share of real ones with a sample in their neighbourhood", "higher", _COMPARED),
    "copying": Metric("chance that a sample is nearer to the training data than an unseen real one; 0.5 is fair",
                      "lower", (*_COMPARED, "train")),
    "classes": Metric("share of the rarest digit, as the digit classifier sees the samples", "higher",
                      ("samples", "digits")),
    "accuracy": Metric("share of samples that show the digit asked for", "higher", ("samples", "digits", "labels")),
    "error": Metric("share of held-out images whose class the game itself gets wrong", "lower", ("classified",)),
    "purity": Metric("share of samples that show the commonest digit of their code", "higher",
                     ("samples", "digits", "labels")),
    "information": Metric("mutual information of code and digit, in nats", "higher", ("samples", "digits", "labels")),
    "sharpness": Metric("how fast samples bend from pixel to pixel; 1 for real images, above it for noise", "higher",
                        ("samples", "edges")),
    "swd": Metric("distance of patches to those of real images, mean over scales, × 1,000", "lower",
                  ("samples", "patches")),
    "swd_floor": Metric("SWD of the training part: what real data scores", "lower", ("patches", "train_patches")),
    "swd_multiple": Metric("SWD as a multiple of the floor", "lower", ("samples", "patches", "train_patches")),
    "nn_accuracy": Metric("share of held-out images whose nearest training code is of their class", "higher",
                          ("codes", "code_labels")),
    "probe_accuracy": Metric("share of held-out images that a linear classifier of codes names rightly", "higher",
                             ("codes", "code_labels")),
    "prior_kid": Metric("kernel distance of held-out images' codes to the prior, unbiased", "lower", ("codes",)),
    "prior_kid_train": Metric("kernel distance of training images' codes to the prior, unbiased", "lower", ("codes",)),
    "reconstruction": Metric("mean squared error of a held-out image's pixels, in [-1, 1]", "lower", ("codes",)),
    "attributes": Metric("mean share of a caption's attributes that the sample shows", "higher", _CAPTIONED),
    "attributes_all": Metric("share of samples that show all of their caption's attributes", "higher", _CAPTIONED),
    "attribute_size": Metric("share of samples of the size that the caption says", "higher", _CAPTIONED),
    "attribute_colour": Metric("share of samples of the colour that the caption says", "higher", _CAPTIONED),
    "attribute_shape": Metric("share of samples of the shape that the caption says", "higher", _CAPTIONED),
    "attribute_place": Metric("share of samples at the place that the caption says", "higher", _CAPTIONED),
    "attributes_held_out": Metric("the mean share for captions that were held out", "higher", ("unseen",)),
    "attributes_smallest": Metric("the mean share in the smallest images of a game that draws several sizes", "higher",
                                  ("smallest",)),
    "attributes_held_out_all": Metric("share of samples that show all that a held-out caption says", "higher",
                                      ("unseen",)),
    "intra_fid": Metric("mean over classes of the FID inside the class", "lower", (*_COMPARED, "labels", "known")),
    "intra_fid_multiple": Metric("the same as a multiple of what training images score", "lower",
                                 (*_COMPARED, "train", "labels", "known")),
    "intra_diversity": Metric("distance between two samples of a class, in parts of real ones'; mean over classes",
                              "higher", (*_COMPARED, "labels", "known")),
    "class_precision": Metric("precision inside the worst class", "higher", (*_COMPARED, "labels", "known")),
    "class_recall": Metric("recall inside the worst class", "higher", (*_COMPARED, "labels", "known")),
    "modes": Metric("modes of the mixture that are drawn", "higher", ("samples", "modes")),
    "high_quality": Metric("share of points within 3 std of a mode; .9889 for real ones in the plane", "higher",
                           ("samples", "modes")),
    "mode_kl": Metric("KL of the modes' shares against equal shares, in nats", "lower", ("samples", "modes")),
    "stacked_modes": Metric("of the 1,000 triples of digits, those that are drawn", "higher", ("samples", "stacked")),
    "elbo": Metric("bound of the log-likelihood of the held-out images, in nats an image", "higher", ("bounds",)),
    "stacked_kl": Metric("KL of the triples' shares against equal shares, in nats", "lower", ("samples", "stacked")),
    "reconstruction_psnr": Metric("decibels by which the one image that was learned comes back", "higher", ("single",)),
    "diversity": Metric("deviation of a pixel over the samples, in parts of the learned image's own", "higher",
                        ("single",)),
    "diversity_finer": Metric("the same where the coarsest scale is the learned image's", "lower", ("single",)),
    "patch_distance": Metric("samples' 7×7 patches to the learned image's nearest, in parts of another photograph's",
                             "lower", ("single",)),
}  # fmt: skip


def metric_names() -> dict[str, str]:
    """Every metric's name and what it says, on one line."""
    return {name: metric.says for name, metric in METRICS.items()}


def chosen(names: Iterable[str]) -> dict[str, Metric]:
    """The metrics of those names, once each, in order; UsageError with near misses for an unknown one."""
    names = list(dict.fromkeys(names))
    for name in names:
        if name not in METRICS:
            raise UsageError(f"no metric '{name}'{near(name, METRICS)}; there are {', '.join(METRICS)}")
    return {name: METRICS[name] for name in names}
