"""Data of several keys as careless people keep them: what is left out or bad is named."""

from pathlib import Path

import numpy as np
import pytest
from pair_folders import beside, fill, opened, put, side, stored

from saddle.base.errors import UsageError
from saddle.data import DataOptions, check, check_keys, scenery
from saddle.data.files import Unusable
from saddle.data.label_maps import class_map

BOTH = {"a": "A", "b": "B"}


def listed(folder: Path, rows: list[tuple[str, str]]) -> str:
    (folder / "list.csv").write_text("a,b\n" + "".join(f"{a}.png,{b}.png\n" for a, b in rows))
    return f"pairs:{folder / 'list.csv'}"


def test_of_an_image_in_several_rows_those_that_fit_stay(folder: Path) -> None:
    for i in range(3):
        put(folder / f"{i}.png", side("b", i))
    put(folder / "large.png", side("b", 3, 13, 17))
    source = listed(folder, [("0", "1"), ("0", "2"), ("0", "large"), ("1", "large"), ("large", "large")])
    with pytest.raises(Unusable, match="2 of 5 pairs") as refused:
        opened(source)
    assert {name for name, _ in refused.value.bad} == {"0.png", "1.png", "large.png"}
    left = opened(source, skip_bad=True, size=8)
    assert len(stored(left, "a")) == 3
    assert left.notes["skipped"] == "2 files left out: 0.png and large.png, 1.png and large.png"


def test_what_is_found_bad_on_decoding_is_listed_for_programs_too(folder: Path) -> None:
    fill(folder, BOTH)
    whole = (folder / "B" / "003.png").read_bytes()
    (folder / "B" / "003.png").write_bytes(whole[: len(whole) // 2])
    for source in ("pairs", "domains"):
        report = check.check_data(f"{source}:{folder}", DataOptions())
        assert [row["path"] for row in report.to_dict()["bad"]] == ["B/003.png"]


def test_images_beside_the_folders_train_and_test_are_not_left_out_without_a_word(folder: Path) -> None:
    for part in ("train", "test"):
        fill(folder, {"a": f"A/{part}", "b": f"B/{part}"}, range(3))
    put(folder / "A" / "loose.png", side("a", 0))
    with pytest.raises(
        UsageError, match=r"1 image in .*A \(such as loose.png\) beside the folders test and train; move"
    ):
        opened(f"pairs:{folder}")
    assert "such as loose.png" in check.check_data(str(folder), DataOptions()).reason
    for name in ("0.png", "1.png", "test/2.png"):
        put(folder / "both" / name, beside(0))
    with pytest.raises(UsageError, match=r"2 images in .*both \(such as 0.png\) beside the folder test; move"):
        opened(f"pairs:{folder / 'both'}")


def test_a_folder_a_beside_a_folder_named_by_the_capital_is_refused_and_told(folder: Path) -> None:
    fill(folder, BOTH | {"c": "a"})
    with pytest.raises(UsageError, match="holds the folders A and a; keep one of them"):
        opened(f"pairs:{folder}")
    assert "keep one of them" in check.check_data(str(folder), DataOptions()).reason


def test_a_folder_that_pairs_do_not_read_is_named_and_a_capital_does_no_harm(folder: Path) -> None:
    fill(folder, {"a": "TrainA", "b": "TrainB", "c": "TrainC"})
    assert "folders trainA and so on, without C" in str(opened(f"pairs:{folder}").notes["layout"])


def test_a_grey_image_and_the_same_saved_as_colour_are_one_picture_in_two_domains(folder: Path) -> None:
    for i in range(3):
        put(folder / "x" / f"{i}.png", side("b", i))
        put(folder / "y" / f"{i}.png", side("a", i))
    put(folder / "y" / "grey.png", np.repeat(side("b", 1)[..., None], 3, 2))
    with pytest.raises(UsageError, match=r"1 image in two domains: .*\n  x/1.png = y/grey.png"):
        opened(f"domains:{folder}")


def test_of_an_embedded_source_a_check_looks_at_some_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    drawn = scenery.scenes
    monkeypatch.setattr(check_keys, "MOST", 8)
    monkeypatch.setattr(
        "saddle.data.sources.scenes.scenes",
        lambda what, places, *rest: (asked.extend(places), drawn(what, places, *rest))[1],
    )
    report = check.check_data("scenes", DataOptions(size=32))
    assert report.notes["looked at"] == "8 of 20,256 samples, for the shares of the classes"
    assert sum(report.keys["a"].classes.values()) == pytest.approx(1)
    assert len({*asked}) < 300  # those held out, for the fingerprint, and eight


def test_a_thing_is_drawn_within_its_box_as_it_would_be_in_the_whole_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    for sides in ((24, 40), (31, 17)):
        boxed = scenery.scenes("boxes", np.arange(24), *sides)
        with monkeypatch.context() as whole:
            whole.setattr(scenery, "_between", lambda places, low, high: slice(None))
            full = scenery.scenes("boxes", np.arange(24), *sides)
        for name, values in vars(boxed).items():
            assert np.array_equal(values, getattr(full, name)), name
        assert (boxed.thing > 0).any()


def test_a_file_with_numbers_and_colours_is_read_in_use_as_it_was_in_training(folder: Path) -> None:
    """One palette has a colour of no class, so the numbers count; another, alone, could be read by its colours."""
    from test_data_label_maps import TABLE, VALUES, indexed

    palette = folder / "classes.txt"
    rows = zip(TABLE.values, TABLE.names, TABLE.colours, strict=True)
    palette.write_text("".join(f"{value} {name} {red} {green} {blue}\n" for value, name, (red, green, blue) in rows))
    for i in range(3):
        put(folder / "label" / f"{i}.png", indexed(VALUES, [*TABLE.colours][::-1]))
        put(folder / "img" / f"{i}.png", side("a", i, *VALUES.shape))
    field = opened(f"maps:{folder}", palette=str(palette)).spec.fields["a"]
    assert field.by == ""  # all are of one mind: the colours count, as for a file alone
    assert np.array_equal(class_map(folder / "label" / "0.png", field), 2 - VALUES)
    put(folder / "label" / "2.png", indexed(VALUES, [(99, 0, 99), *TABLE.colours[1:]]))
    field = opened(f"maps:{folder}", palette=str(palette)).spec.fields["a"]
    assert field.by == "value"
    assert np.array_equal(class_map(folder / "label" / "0.png", field), VALUES)
    put(folder / "painted.png", np.array(TABLE.colours, np.uint8)[VALUES])
    assert np.array_equal(class_map(folder / "painted.png", field), VALUES)  # which holds no numbers


def test_grey_photographs_in_the_place_of_label_maps_are_asked_about(folder: Path) -> None:
    for i in range(3):
        put(folder / "grey" / f"{i}.png", side("b", i))
        put(folder / "colour" / f"{i}.png", side("a", i))
    said = str(opened(f"maps:{folder / 'grey'},{folder / 'colour'}").notes["many classes"])
    assert "grey/0.png holds" in said
    assert "is it a photograph? Label maps come first, images second" in said


def test_channels_of_a_label_map_and_numbers_that_none_can_hold_are_refused(folder: Path) -> None:
    for i in range(3):
        put(folder / "label" / f"{i}.png", np.full((12, 16), i, np.uint8))
        put(folder / "img" / f"{i}.png", side("a", i))
    assert opened(f"maps:{folder}", channels="b=1").spec.fields["b"].shape[0] == 1
    with pytest.raises(
        UsageError, match="channels a=3 names 'a', whose kind is map; only images have channels to choose"
    ):
        opened(f"maps:{folder}", channels="a=3")
    for number in (-1, 65_536):
        with pytest.raises(UsageError, match=f"ignore is from 0 to 65,535 or none, not {number}"):
            DataOptions(f"maps:{folder}", ignore=number)


def test_a_folder_of_images_twice_as_wide_as_high_is_met_with_what_it_may_be(folder: Path) -> None:
    for i in range(3):
        put(folder / "both, all" / f"{i}.png", side("a", i, 8, 16))
    note = "side by side"
    said = check.check_data(str(folder / "both, all"), DataOptions()).notes[note]
    assert said.endswith(f"saddle data check 'pairs:{folder}/both\\, all' --sheet pairs.html")
    put(folder / "both, all" / "3.png", side("a", 3, 8, 17))
    assert note not in check.check_data(str(folder / "both, all"), DataOptions()).notes
