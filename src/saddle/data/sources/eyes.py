"""eyes: two domains without pairs: drawn eyes (a), of which it is known where they look, and such as a camera takes (b)

Both are drawn in one way; those of b have been lit from a side, blurred and given grain since. Where these look is for
scores alone.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ...spec import DataSpec, Field
from ..baselines import Baseline
from ..eyes import NAMES, angles, as_bytes, drawn, taken
from ..fingerprint import fingerprint
from ..made import Together
from ..options import AUGMENTATIONS, DataOptions
from ..source import Judged, Source, Split

OFFERS = ("a", "label_a", "b")  # keys of its batches
PAIRED = False  # they are of domains of their own
JUDGED = Judged(early=("swd",), final=("swd", "swd_floor", "swd_multiple"))
SIDES = (35, 55)  # height and width, unless asked otherwise
TRAINED, KEPT = 10_000, 1000  # eyes of either domain, each drawn when it is asked for
_MARKED = 64  # held-out eyes whose pixels say which these are
_SHOWN = 2000  # training eyes that a baseline learns from


def open(options: DataOptions, path: str) -> Source:
    """Keys a and b, unpaired, and label_a: yaw and pitch in degrees. Of what is held out label_b is known too."""
    spec = spec_of(options, path)
    sides = spec.shape[1:]
    train, kept = _split("train", TRAINED, sides), _split("held out", KEPT, sides)
    marked = [kept.columns[key][np.arange(_MARKED)] for key in ("a", "b")]
    return Source(options.source, spec, train, kept, fingerprint(options.source, TRAINED, KEPT, *marked), judged=JUDGED)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without a drawing."""
    options.allow("size", *AUGMENTATIONS)
    shape = (1, *(options.sides or SIDES))
    fields = {"a": Field("image", shape, title="drawn"), "label_a": Field("numbers", (len(NAMES),), NAMES)}
    return DataSpec(fields | {"b": Field("image", shape, title="taken")}, domains=(("a", "label_a"), ("b",)))


def baselines(source: Source, options: DataOptions) -> Iterable[Baseline]:
    """How far from the truth the five nearest eyes look that were learned, of held-out eyes as a camera takes them."""
    for key, title in (("a", "drawn"), ("b", "taken")):
        says = f"trained on {title} eyes, shown taken ones: the mean of yaw's and pitch's"
        yield Baseline(f"5-NN {title} → taken", says, _error(source, key), "degrees of error")


def _error(source: Source, key: str) -> float:
    from sklearn.neighbors import KNeighborsRegressor

    assert source.heldout is not None
    shown, asked = np.arange(_SHOWN), np.arange(KEPT)
    images = source.train.columns[key][shown].reshape(_SHOWN, -1) / 255
    machine = KNeighborsRegressor(5).fit(images, source.train.columns[f"label_{key}"][shown])
    real = source.heldout.columns["b"][asked].reshape(KEPT, -1) / 255
    return float(np.abs(machine.predict(real) - source.heldout.columns["label_b"][asked]).mean())


def _split(part: str, count: int, sides: tuple[int, ...]) -> Split:
    """Eyes of both domains. No eye is in both."""
    of_a, of_b, places = f"drawn {part}", f"taken {part}", np.arange(count)

    def make_a(places: NDArray[np.int64]) -> dict[str, np.ndarray]:
        return {"a": as_bytes(drawn(of_a, places, sides[0], sides[1]))}

    def make_b(places: NDArray[np.int64]) -> dict[str, np.ndarray]:
        return {"b": as_bytes(taken(drawn(of_b, places, sides[0], sides[1]), of_b, places))}

    columns = {**Together(count, make_a).columns(), "label_a": angles(of_a, places)}
    columns |= {**Together(count, make_b).columns(), "label_b": angles(of_b, places)}
    return Split(columns, domains=(("a", "label_a"), ("b", "label_b")))
