"""Arrays of points and signals: how they are recognised, in which units they are trained, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch

from saddle.base.errors import UsageError
from saddle.data import DataOptions, Source, open_source
from saddle.data.check import check_data
from saddle.data.stream import Stream
from saddle.spec import DataSpec, Field

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 5)) * [1, 10, 100, 0, 1e-3] + [5, 0, -100, 7, 0]
WAVES = RANDOM.normal(size=(50, 2, 16)) * [[3.0], [0.1]] + [[1.0], [0.0]]


def opened(folder: Path, array: np.ndarray, **settings: object) -> Source:
    np.save(folder / "x.npy", array)
    return open_source(DataOptions(source=f"array:{folder / 'x.npy'}", **settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("array", "asked", "kind", "shape"),
    [
        (X, None, "points", (5,)),
        (X.astype(np.float32), None, "points", (5,)),
        (RANDOM.integers(-9, 9, (60, 5)), None, "points", (5,)),
        (RANDOM.normal(size=(60, 1, 64)), None, "signal", (1, 64)),
        (RANDOM.random((60, 3, 64)), None, "signal", (3, 64)),  # though in [0, 1]: three lines are no image
        (RANDOM.random((60, 4, 64)), None, "image", (1, 4, 64)),
        (RANDOM.random((60, 4, 64)), "signal", "signal", (4, 64)),
        (RANDOM.random((60, 3, 64)), "image", "image", (1, 3, 64)),
        (RANDOM.integers(0, 256, (60, 1, 64)).astype(np.uint8), None, "image", (1, 1, 64)),
        (RANDOM.integers(-999, 999, (60, 8, 64)).astype(np.int16), "signal", "signal", (8, 64)),
        (X, "signal", "signal", (1, 5)),
    ],
)
def test_an_array_is_recognised_by_its_shape_and_its_numbers_or_is_what_it_is_said_to_be(
    tmp_path, array, asked, kind, shape
):
    source = opened(tmp_path, array, kind=asked)
    assert (source.spec.main.kind, source.spec.shape) == (kind, shape)
    assert {"points": "points of", "signal": "signals of", "image": "images"}[kind] in source.notes["recognised"]
    assert source.train.take([0, 1])["image"].shape == (2, *shape)


def test_points_are_trained_in_deviations_of_each_column_and_restored(tmp_path):
    source = opened(tmp_path, X, heldout=0.2)
    train = source.train.take(slice(None))["image"]
    assert train.dtype == torch.float32
    varied = [0, 1, 2, 4]
    assert torch.allclose(train.mean(0), torch.zeros(5), atol=1e-5)
    assert torch.allclose(train[:, varied].std(0, correction=0), torch.ones(4), atol=1e-5)
    assert (train[:, 3] == 0).all()  # a constant column stays one
    assert source.spec.main.scale[3] == 1
    rows = source.train.columns["image"].rows
    assert torch.allclose(source.spec.main.restored(train), torch.from_numpy(X[rows]), rtol=1e-5, atol=1e-5)
    assert source.heldout is not None
    heldout = source.spec.main.restored(source.heldout.take(slice(None))["image"])
    assert torch.allclose(heldout, torch.from_numpy(X[source.heldout.columns["image"].rows]), atol=1e-4)


def test_signals_are_trained_in_deviations_of_each_channel(tmp_path):
    source = opened(tmp_path, WAVES)
    train = source.train.take(slice(None))["image"]
    assert torch.allclose(train.mean((0, 2)), torch.zeros(2), atol=1e-5)
    assert torch.allclose(train.std((0, 2), correction=0), torch.ones(2), atol=1e-5)
    assert len(source.spec.main.offset) == 2
    whole = torch.from_numpy(WAVES[source.train.columns["image"].rows])
    assert torch.allclose(source.spec.main.restored(train), whole, atol=1e-5)


def test_large_offsets_do_not_cost_digits(tmp_path):
    """Seconds since 1970, a microsecond apart: a float32 holds neither."""
    moments = 1.7e9 + np.arange(40)[:, None] * 1e-3
    source = opened(tmp_path, moments, heldout=0)
    train = source.train.take(slice(None))["image"][:, 0]
    assert torch.allclose(train.diff(), torch.full((39,), float(train[1] - train[0])), rtol=1e-3)
    assert float(train.std(correction=0)) == pytest.approx(1, rel=1e-4)


def test_embedded_points_keep_their_units_to_the_bit():
    source = open_source(DataOptions(source="swiss-roll"))
    stored = np.asarray(source.train.columns["image"])[:100]
    assert source.spec.main.offset == ()
    assert np.array_equal(source.train.take(slice(0, 100))["image"].numpy(), stored)
    x = torch.rand(3, 2)
    assert source.spec.main.restored(x) is source.spec.main.normalised(x) is x


def test_what_is_measured_survives_a_checkpoint(tmp_path):
    spec = opened(tmp_path, X).spec
    import json

    assert DataSpec.from_facts(json.loads(json.dumps(spec.to_facts()))) == spec


def test_nothing_moves_points_and_batches_are_dealt(tmp_path):
    source = opened(tmp_path, WAVES)
    batch = next(Stream(source.train, source.spec, 8, 0).batches(0))[0]["image"]
    assert batch.shape == (8, 2, 16)
    with pytest.raises(UsageError, match=r"has no use for data.rotate; it takes data.kind, data.heldout"):
        opened(tmp_path, WAVES, rotate=3.0)
    with pytest.raises(UsageError, match=r"has no use for data.size"):
        opened(tmp_path, X, size=3)


def test_labels_come_with_points(tmp_path):
    np.savez(tmp_path / "x.npz", x=X, label=np.arange(60) % 3)
    source = open_source(DataOptions(source=f"array:{tmp_path / 'x.npz'}"))
    assert source.spec.classes == ("0", "1", "2")
    rows = source.train.columns["image"].rows
    assert source.train.take(slice(None))["label"].tolist() == (rows % 3).tolist()


@pytest.mark.parametrize("key", ["image", "images", "x", "data"])
def test_an_npz_names_its_samples_in_four_ways(tmp_path, key):
    np.savez(tmp_path / "x.npz", **{key: X})
    assert open_source(DataOptions(source=f"array:{tmp_path / 'x.npz'}")).spec.shape == (5,)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite_are_named(tmp_path, value):
    broken = X.copy()
    broken[[3, 41], 2] = value
    with pytest.raises(UsageError, match=r"in 2 of 60 rows, counted from 0: 3, 41; leave these rows out"):
        opened(tmp_path, broken)
    broken[10:40] = value
    with pytest.raises(UsageError, match=r"32 of 60 rows.*and 22 more"):
        opened(tmp_path, broken)


@pytest.mark.parametrize(
    ("array", "settings", "message"),
    [
        (RANDOM.normal(size=(9, 6, 64)), {}, r"floats from .* to .*; of images .*--data.kind signal"),
        (np.zeros((9, 6, 64), np.int32), {}, r"holds int32; .*--data.kind signal"),
        (RANDOM.normal(size=(9, 8, 8, 3)), {}, r"must lie in \[0, 1\] or \[-1, 1\], or .* --data.range LOW,HIGH$"),
        (np.zeros((9, 6, 4)), {"kind": "points"}, r"has the shape \(9, 6, 4\); points are \[N, D\]"),
        (np.zeros((9, 6, 4, 4)), {"kind": "signal"}, r"signals are \[N, C, T\], or \[N, T\]"),
        (np.zeros((9, 0)), {}, r"points are \[N, D\], each at least 1"),
        (np.zeros((9, 4), bool), {}, "holds bool; points and signals are numbers"),
        (np.zeros((9, 4), complex), {}, "holds complex128"),
        (np.zeros(9), {}, r"has the shape \(9,\); images are .* points \[N, D\] and signals"),
        (X[:1], {}, "holds 1 point; to train takes many"),
        (np.full((9, 2), 1e308) * [[1, -1]], {}, None),
        (RANDOM.choice([-1e308, 1e308], (9, 2)), {}, "too large for a mean and a deviation"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_with_what_can(tmp_path, array, settings, message):
    if message is None:  # columns that are constant, however large
        assert opened(tmp_path, array, **settings).spec.main.scale == (1.0, 1.0)
        return
    with pytest.raises(UsageError, match=message):
        opened(tmp_path, array, **settings)


def test_a_check_says_what_was_recognised(tmp_path):
    np.save(tmp_path / "x.npy", WAVES)
    lines = check_data(str(tmp_path / "x.npy"), DataOptions()).lines()
    assert lines[0] == f"array:{tmp_path / 'x.npy'}: 50 signals"
    assert "sizes: signals of 16 steps in 2 channels (50)" in lines
    assert "recognised: signals of shape (2, 16); another kind is asked for with --data.kind" in lines


def test_fingerprints_tell_kinds_and_numbers_apart(tmp_path):
    flat = RANDOM.random((60, 8))
    marks = [opened(tmp_path, flat).fingerprint, opened(tmp_path, flat, kind="signal").fingerprint]
    marks += [opened(tmp_path, flat + 1e-9).fingerprint, opened(tmp_path, flat.astype(np.float32)).fingerprint]
    marks += [opened(tmp_path, flat, heldout=0.3).fingerprint]
    assert len(set(marks)) == 5
    assert opened(tmp_path, flat).fingerprint == marks[0]


def test_units_are_those_of_the_first_axis_behind_the_sample():
    signal = Field("signal", (2, 3), offset=(1.0, 10.0), scale=(2.0, 5.0))
    x = torch.ones(4, 2, 3)
    assert signal.restored(x)[0].tolist() == [[3.0] * 3, [15.0] * 3]
    assert torch.equal(signal.normalised(signal.restored(x)), x)


@pytest.mark.parametrize("kind", [">f8", ">i4", "longdouble"])
def test_numbers_in_another_order_of_bytes_or_with_more_bits_are_read_as_they_are(tmp_path, kind):
    source = opened(tmp_path, np.round(X * 10).astype(kind))
    parts = [part.take(slice(None))["image"] for part in (source.train, source.heldout)]
    rows = source.spec.main.restored(torch.cat(parts))
    assert np.allclose(np.sort(rows.numpy(), 0), np.sort(np.round(X * 10), 0), atol=1e-3)
