"""Folders of pairs and of domains that cannot be trained on are refused with the names of the files."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pair_folders import N, beside, fill, opened, put, side

from saddle.base.errors import UsageError
from saddle.data import DataOptions, spec_of

AB = {"a": "A", "b": "B"}


def two(root: Path) -> None:
    fill(root, AB)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def no_partner(root: Path) -> None:
    fill(root, AB)
    for i in range(7):
        put(root / "A" / f"x{i}.png", side("a", i))
    put(root / "B" / "sub" / "001.jpg", side("b", 1))


def two_of_a_stem(root: Path) -> None:
    fill(root, AB)
    put(root / "B" / "003.jpg", side("b", 3))


def odd(root: Path) -> None:
    for i in range(N):
        put(root / f"{i}.png", beside(i)[:, : 31 if i == 3 else 32])


def other_sizes(root: Path) -> None:
    fill(root, AB)
    put(root / "B" / "002.png", side("b", 2, 12, 18))


def no_multiple(root: Path) -> None:
    for i in range(N):
        put(root / "A" / f"{i}.png", side("a", i, 10, 10))
        put(root / "B" / f"{i}.png", side("b", i, 40, 41))


def other_scale(root: Path) -> None:
    fill(root, AB)
    put(root / "B" / "005.png", side("b", 5, 24, 32))


def empty(root: Path) -> None:
    fill(root, {"a": "A"})
    write(root / "B" / "notes.txt", "later")


def no_test(root: Path) -> None:
    fill(root, {"a": "trainA", "b": "trainB", "c": "testA"})


def only_test(root: Path) -> None:
    fill(root, {"a": "testA", "b": "testB"})


def damaged(root: Path) -> None:
    fill(root, AB)
    write(root / "B" / "002.png", "<html>")


def named(root: Path) -> None:
    fill(root, {"a": "input", "b": "target"})


def small(root: Path) -> None:
    fill(root, AB)


def several_sizes(root: Path) -> None:
    fill(root, AB)
    for key in "ab":
        put(root / key.upper() / "001.png", side(key, 1, 20, 20))


def listing(lines: str) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        fill(root, AB)
        write(root / "p.csv", lines)

    return make


TABLE: dict[str, tuple[Callable[[Path], None], str, dict[str, object], str]] = {
    "unmatched stems": (
        no_partner,
        "pairs:",
        {},
        r"8 of 20 files in \S+ have no partner:\n  of a: A/x0.png, A/x1.png, A/x2.png, A/x3.png, A/x4.png and 2 more"
        r"\n  of b: B/sub/001.jpg\nFiles of a and b belong together by their names",
    ),
    "two files of one stem": (two_of_a_stem, "pairs:", {}, r"B/003.jpg and B/003.png in \S+ have one name except for"),
    "an odd width": (odd, "pairs:", {}, r"1 of 6 files in \S+ cannot be used:\n  3.png: it is 31 wide, an odd number"),
    "a pair of other sizes": (
        other_sizes,
        "pairs:",
        {},
        r"1 of 6 pairs in \S+ do not fit together:\n  A/002.png 16×12, B/002.png 18×12: 1.125 times as wide and "
        "1 times as high; sides must be equal, or whole multiples",
    ),
    "no whole multiple": (no_multiple, "pairs:", {}, "6 of 6 pairs .*4.1 times as wide and 4 times as high"),
    "another scale": (other_scale, "pairs:", {}, r"A/005.png 16×12, B/005.png 32×24: others are of one size"),
    "a folder without images": (empty, "pairs:", {}, r"no images in \S+/B; it holds 1 .txt"),
    "a part that a side lacks": (no_test, "pairs:", {}, "has no test folder for B, and one for A"),
    "nothing to train on": (only_test, "pairs:", {}, "has no train folder for A, B"),
    "a damaged file": (damaged, "pairs:", {}, r"1 of 12 files in \S+ cannot be used:\n  B/002.png: an HTML page"),
    "sides of other names": (named, "pairs:", {}, r"say which is a, and which is b: pairs:\S+/input,\S+/target"),
    "images smaller than the piece": (small, "pairs:", {"crop": 14}, r"6 of 6 images are smaller than data.crop"),
    "images of several sizes": (several_sizes, "pairs:", {}, "of a, the images have 2 different sizes"),
    "a key that is not there": (two, "pairs:", {"channels": "a=1,c=3"}, "data.channels a=1,c=3 names 'c'.* have a, b"),
    "impossible channels": (two, "pairs:", {"channels": "b=2"}, "data.channels is 2; image files give 1, 3 or 4"),
    "a setting of label maps": (two, "pairs:", {"ignore": 255}, "has no use for data.ignore"),
    "pages": (two, "pairs:", {"pages": "all"}, "has no use for data.pages"),
    "no such folder": (two, "pairs:!/C", {}, r"C is not there; pairs: takes a folder, two folders A_DIR,B_DIR, or a"),
    "a folder named twice": (two, "pairs:!/A,!/A", {}, "/A is named twice"),
    "three folders": (two, "pairs:!/A,!/B,!/A", {}, "pairs: takes one place or two, .* not 3"),
    "a column that is missing": (listing("a,c\nA/000.png,B/000.png\n"), "pairs:!/p.csv", {}, "no column b.* are a, c"),
    "a file that is not there": (listing("a,b\nA/000.png,B/9.png\n"), "pairs:!/p.csv", {}, "line 2, column b: there"),
    "no file of an image": (listing("a,b,cat\nA/000.png,B/000.png,7\n"), "pairs:!/p.csv", {}, "'7' is not an image by"),
    "an unknown split": (listing("a,b,split\nA/000.png,B/000.png,x\n"), "pairs:!/p.csv", {}, "the split is 'x'; it is"),
    "too few pairs": (listing("a,b\nA/000.png,B/000.png\n"), "pairs:!/p.csv", {}, "only 1 pair .* the very least"),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_pairs_that_cannot_be_are_refused_with_the_names_of_the_files(name, folder):
    make, source, settings, said = TABLE[name]
    make(folder)
    source = source.replace("!", str(folder)) if "!" in source else f"{source}{folder}"
    with pytest.raises(UsageError, match=re.compile(said, re.S)):
        opened(source, **settings)
    if name not in ("a damaged file", "an odd width"):  # bad files are left to those who open them
        with pytest.raises(UsageError, match=re.compile(said, re.S)):
            spec_of(DataOptions(source=source, **settings))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["an odd width", "a pair of other sizes", "another scale", "a damaged file"])
def test_what_is_refused_can_be_left_out(name, folder):
    make, source = TABLE[name][:2]
    make(folder)
    assert len(opened(f"{source}{folder}", skip_bad=True).train) == N - 1


def alone(root: Path) -> None:
    fill(root, {"a": "trainA"})
    put(root / "trainB" / "1.png", side("b", 1))


def twins(root: Path) -> None:
    for i in range(N):
        put(root / "x" / f"{i}.png", side("a", i))
        put(root / "y" / f"{i}.png", side("a", i + 4))


def loose(root: Path) -> None:
    fill(root, {"a": "x", "b": "y"})
    put(root / "0.png", side("a", 0))


DOMAINS = {
    "a domain of one image": (alone, "domains:!", r"only 1 image of b in \S+ to train on"),
    "images in two domains": (
        twins,
        "domains:!",
        r"2 images in two domains.*\n  x/4.png = y/0.png\n  x/5.png = y/1.png",
    ),
    "images in no domain": (loose, "domains:!", r"1 image in \S+ in no domain's folder \(such as 0.png\)"),
    "one folder": (
        lambda root: fill(root, {"a": "x"}),
        "domains:!",
        "holds 1 folder of images; domains: takes one for",
    ),
    "a domain that is empty": (empty, "domains:!", r"no images in \S+/B; it holds 1 .txt"),
    "a place that is not there": (two, "domains:!/A,!/C", r"there is no folder \S+/C"),
    "one simulated folder": (two, "simulated:!/A", "simulated: takes two folders"),
    "labels without a file": (two, "simulated:!/A,!/B", "data.labels is a .csv or .jsonl file"),
}


@pytest.mark.parametrize("name", DOMAINS)
def test_domains_that_cannot_be_are_refused_with_the_names_of_the_files(name, folder):
    make, source, said = DOMAINS[name]
    make(folder)
    settings = {"labels": True} if name == "labels without a file" else {}
    with pytest.raises(UsageError, match=re.compile(said, re.S)):
        opened(source.replace("!", str(folder)), **settings)


def test_images_in_two_domains_can_be_left_out_of_both(folder):
    twins(folder)
    source = opened(f"domains:{folder}", skip_bad=True)
    assert [len(source.train.columns[key]) for key in "ab"] == [4, 4]
    marks = [{np.asarray(x).tobytes() for x in source.train.columns[key][np.arange(4)]} for key in "ab"]
    assert not marks[0] & marks[1]
