"""What trivial answers score: worked out by hand on small pairs."""

import json
import math

import numpy as np
import pytest

from saddle.base.errors import UsageError
from saddle.cli import main
from saddle.data import DataOptions
from saddle.data.baselines import Baseline, baselines, of_pairs
from saddle.data.source import Source, Split
from saddle.spec import DataSpec, Field


def pairs(a: np.ndarray, b: np.ndarray, fields: tuple[Field, Field], kept: int = 4, **rest: object) -> Source:
    """The last `kept` of the pairs are held out."""
    spec = DataSpec(dict(zip("ab", fields, strict=True)), **rest)
    train, heldout = Split({"a": a[:-kept], "b": b[:-kept]}), Split({"a": a[-kept:], "b": b[-kept:]})
    return Source("made", spec, train, heldout, "0")


def values(source: Source) -> dict[str, float]:
    return {each.name: each.value for each in of_pairs(source)}


def image(channels: int = 1) -> Field:
    return Field("image", (channels, 2, 2))


def constant(levels: list[int], channels: int = 1) -> np.ndarray:
    """Images of one level each."""
    return np.repeat(np.array(levels, np.uint8), channels * 4).reshape(-1, channels, 2, 2)


def test_an_image_is_compared_with_its_copy_and_with_the_mean_of_those_trained_on() -> None:
    source = pairs(constant([0, 200, 100, 50]), constant([100, 203, 110, 50]), (image(), image()), kept=2)
    copied, mean = of_pairs(source)[:2]
    assert copied.value == pytest.approx(20 * math.log10(255 / 10))
    assert copied.says == "the input as it is; 1 of 2 are identical and left out"
    expected = [20 * math.log10(255 / 42), 20 * math.log10(255 / 102)]  # 151.5 is saved as 152
    assert mean.value == pytest.approx(np.mean(expected))
    assert [each.unit for each in (copied, mean)] == ["dB", "dB"]


def test_a_table_gives_each_colour_what_it_was_in_training_or_what_its_like_were() -> None:
    levels = [0, 8, 250, 40]  # the first two are one level of sixteen
    source = pairs(constant([*levels, 3, 128]), constant([100, 104, 10, 30, 112, 71], 3), (image(), image(3)), kept=2)
    # 112 beside 102, and 71 beside 10, which 250 became: of the upper half of all levels there is nothing else
    expected = [20 * math.log10(255 / 10), 20 * math.log10(255 / 61)]
    assert values(source)["colour table"] == pytest.approx(np.mean(expected))


def test_grey_stands_for_colours_and_what_has_another_size_is_not_copied() -> None:
    large = np.zeros((8, 1, 4, 4), np.uint8)
    assert {*values(pairs(constant([1] * 8), constant([1] * 8, 3), (image(), image(3))))} >= {"copy", "colour table"}
    assert [*values(pairs(constant([1] * 8), large, (image(), Field("image", (1, 4, 4)))))] == ["mean image"]
    assert [*values(pairs(constant([1] * 8, 3), constant([1] * 8), (image(3), image())))] == [
        "mean image",
        "colour table",
    ]
    assert [*values(pairs(constant([1] * 8, 4), constant([1] * 8), (image(4), image())))] == ["mean image"]


def test_maps_are_tables_of_classes_and_are_told_by_the_share_of_right_pixels() -> None:
    names, palette = ("sky", "road", "car"), ((0, 0, 0), (1, 1, 1), (2, 2, 2))
    kind = Field("map", (2, 2), names, palette)
    maps = np.tile(np.array([[0, 1], [2, 1]], np.uint8), (8, 1, 1))
    maps[-1] = 1
    photos = np.array([10, 100, 200], np.uint8)[maps][:, None]
    there, back = pairs(maps, photos, (kind, image()), kept=2), pairs(photos, maps, (image(), kind), kept=2)
    assert values(there)["class table"] == math.inf
    found = {each.name: each for each in of_pairs(back)}
    assert found["colour table"].value == 100
    assert found["mean map"].value == pytest.approx((100 + 50) / 2)
    assert found["mean map"].unit == "% of the pixels right"
    assert "copy" not in values(there)


def test_what_has_no_pairs_to_train_on_gets_no_table_and_without_held_out_pairs_there_is_nothing() -> None:
    x = constant(list(range(8)))
    apart = DataSpec({"a": image(), "b": image()}, domains=(("a",), ("b",)))
    train = Split({"a": x, "b": x[:5]}, apart.domains)
    assert [*values(Source("made", apart, train, Split({"a": x, "b": x}), "0"))] == ["copy", "mean image"]
    assert of_pairs(Source("made", apart, train, Split({"a": x, "b": x[:3]}, apart.domains), "0")) == []
    assert of_pairs(Source("made", apart, train, None, "0")) == []


def test_a_source_with_nothing_to_compare_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("ring", "digits", "photo"):
        with pytest.raises(UsageError, match=f"{name} has no pairs of a and b in a held-out part"):
            baselines(DataOptions(source=name))
    assert main(["data", "baselines"]) == 2
    assert "saddle data baselines wants a folder, a file or the name of a source" in capsys.readouterr().err


def test_the_command_prints_baselines_for_people_and_for_programs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("saddle.data.baselines.told", lambda at, on: 12.5)
    assert main(["data", "baselines", "digits-rotated:30", "--data.size", "8"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "on the held-out part of digits-rotated:30:"
    assert lines[2].split()[:1] == ["copy"]
    assert lines[-1].split()[-2:] == ["to", "30°"]
    assert main(["data", "baselines", "digits-rotated", "--json", "--data.size", "8"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["source"] == "digits-rotated"
    assert {Baseline(**each).unit for each in said["baselines"]} == {"dB", "% right"}
