"""saddle rate: a page that gives nothing away, a key that knows all, and answers that are read with care."""

import base64
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from html_page import Page
from PIL import Image

from saddle.cli import main

NASTY = ("<img src=x onerror=alert(1)>", "a & 'b' \"c\"", "\x1b[2J", "-n", "b\udcff")  # names that nobody should trust
HERE = Path(__file__).parent


def picture(seed: int, side: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def fill(folder: Path, names, seed: int = 0, side: int = 8) -> Path:
    folder.mkdir(parents=True)
    for i, name in enumerate(names):
        Image.fromarray(picture(1000 * seed + i, side)).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """Folders with the same names: ours, theirs, true, plain; and others with names of their own."""
    place = tmp_path_factory.mktemp("rated")
    for seed, name in enumerate(("ours", "theirs", "true", "plain")):
        fill(place / name, NASTY, seed)
    fill(place / "photos", [f"photo{i}" for i in range(14)], 7, side=16)
    fill(place / "few", ["x", "y"], 8)
    return place


def rate(place: Path, out: Path, *words: str) -> tuple[str, dict]:
    """The page and its key."""
    argv = [str(place / word) if (place / word).is_dir() else word for word in words]
    assert main(["rate", *argv, "--out", str(out / "page.html")]) == 0
    return (out / "page.html").read_text("utf-8"), json.loads((out / "page.key.json").read_text())


def told(page: str) -> dict:
    return json.loads(page.partition('id="told">')[2].partition("</script>")[0])


def pixels(shown: dict) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(shown["source"].partition(",")[2]))))


def source(folder: Path, name: str) -> np.ndarray:
    return np.asarray(Image.open(folder / f"{name}.png"))


def test_the_page_tells_nothing_but_pixels_and_the_key_tells_whose_they_are(place, tmp_path):
    page, key = rate(place, tmp_path, "ours", "theirs", "--truth", "true", "--baseline", "plain")
    names = [source["name"] for source in key["sources"]]
    assert names == ["ours", "theirs", "truth", "baseline"]
    words = [*names[:2], "baseline", "alert(1)", "truth", "\\u001b", "rated"]
    body = page.partition("</style>")[2]  # a style may speak of a baseline
    assert not [word for word in words if word in body]
    questions = told(page)["questions"]
    assert [question["id"] for question in questions] == [f"{i:02d}" for i in range(1, 21)] == [*key["questions"]]
    seen = set()
    for question in questions:
        about, (shown,) = key["questions"][question["id"]], question["pictures"]
        folder = place / ("ours", "theirs", "true", "plain")[about["source"]]
        assert (pixels(shown) == source(folder, about["picture"])).all()
        assert question.keys() == {"id", "pictures"}
        assert shown.keys() == {"source", "width", "height"}
        seen.add((about["source"], about["picture"]))
    assert len(seen) == 20
    order = [about["source"] for about in key["questions"].values()]
    assert order != sorted(order)


def test_the_page_is_whole_fetches_nothing_and_names_its_controls(place, tmp_path):
    for ask, more in (("opinion", []), ("real", ["--truth", "true"])):
        text, _ = rate(place, tmp_path / ask, "ours", "theirs", "--ask", ask, *more)
        page = Page(text)
        assert "default-src 'none'; img-src data:" in " ".join(page.values("meta", "content"))
        assert "http" not in text.replace("http-equiv", "")
        assert "img" in page.names
        assert all(page.values("img", "alt"))
        assert page.values("label", "for") == ["rater"]
        assert len(page.values("button", "data-answer")) == {"opinion": 5, "real": 2}[ask]
        assert (page.values("button", "aria-label")[:1] == ["1, bad"]) == (ask == "opinion")


def test_the_same_seed_writes_the_same_page_and_another_one_another_order(place, tmp_path):
    first, again, other = (
        rate(place, tmp_path / name, "ours", "theirs", "--seed", seed)
        for name, seed in (("a", "3"), ("b", "3"), ("c", "4"))
    )
    assert first == again
    assert [*first[1]["questions"].values()] != [*other[1]["questions"].values()]
    assert first[1]["page"] == told(first[0])["page"] != other[1]["page"]


def test_which_is_real_shows_each_real_picture_once_and_the_first_in_half_of_the_pairs(place, tmp_path):
    page, key = rate(place, tmp_path, "ours", "theirs", "--ask", "real", "--truth", "true")
    real, sides = [], {0: [], 1: []}
    for question in told(page)["questions"]:
        about = key["questions"][question["id"]]
        shown = [pixels(one) for one in question["pictures"]]
        assert (shown[about["real"] - 1] == source(place / "true", about["picture"])).all()
        fake = place / ("ours", "theirs")[about["source"]]
        assert (shown[2 - about["real"]] == source(fake, about["picture"])).all()
        real.append(about["picture"])
        sides[about["source"]].append(about["real"])
    assert len(real) == len(set(real)) == 4  # of five, two for each
    assert {tuple(sorted(each)) for each in sides.values()} == {(1, 2)}


def test_real_pictures_that_belong_to_none_are_brought_to_the_size_of_the_others(place, tmp_path):
    page, key = rate(place, tmp_path, "ours", "few", "--ask", "real", "--real", "photos")
    questions = told(page)["questions"]
    assert len(questions) == 7
    assert {one["width"] for question in questions for one in question["pictures"]} == {8}
    shown = {one["source"] for question in questions for one in question["pictures"]}
    assert len(shown) == 14
    assert [source["role"] for source in key["sources"]] == ["rated", "rated", "truth"]


def test_a_run_is_judged_by_samples_that_its_seed_draws(place, tmp_path, capsys):
    run = shutil.copytree(HERE / "data" / "run-03f7ea2-finished", tmp_path / "run")
    pages = [
        rate(place, tmp_path / name, str(run), "few", "-n", "2", "--seed", seed)
        for name, seed in (("a", "0"), ("b", "0"), ("c", "1"))
    ]
    assert pages[0] == pages[1]
    assert told(pages[0][0])["questions"] != told(pages[2][0])["questions"]
    assert [source["name"] for source in pages[0][1]["sources"]] == ["run", "few"]
    assert "raters may tell the sources apart by the sizes" in capsys.readouterr().err
    assert main(["rate", str(run), "--truth", str(place / "true"), "--out", str(tmp_path / "x.html")]) == 2
    assert "whose samples belong to no true picture" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "whose pictures are to be judged"),
        (["ours"], "ours alone has nothing to be compared with"),
        (["ours", "theirs", "--ask", "real"], "give these with --truth DIR or --real DIR"),
        (["ours", "ours"], "is given twice; keep one"),
        (["ours", "nowhere"], "is no folder"),
        (["ours", "theirs", "--truth", "true/-n.png"], "is no folder"),
        (["ours", "--real", "run"], "nothing that a run draws is real"),
        (["ours", "theirs", "plain", "--ask", "real", "--truth", "one"], "has no image of the same name"),
        (["one", "one/", "--truth", "true"], "is given twice"),
        (["one", "other", "--ask", "real", "--truth", "third"], "each is judged of one of 2 sources alone; give more"),
        (["ours", "empty"], "no image in"),
        (["ours", "few", "--truth", "true"], "has no image of the same name for"),
        (["ours", "large", "--truth", "true"], "has 16×16, its truth 8×8"),
        (["ours", "large", "--real", "photos"], "beside --real all pictures have one size"),
        (["ours", "broken"], "cannot be read|damaged|truncated"),
        (["ours", "twins"], "has 2 images called a"),
        (["ours", "theirs", "-n", "6"], "has 5 pictures; -n is at most 5"),
        (["ours", "theirs", "-n", "3", "--ask", "real", "--truth", "true"], "-n is at most 2"),
        (["ours", "theirs", "--ask", "real", "--real", "few"], "each real picture is shown once"),
        (["ours", "theirs", "--out", "page.png"], "should end in .html"),
        (["ours", "theirs", "--key", "k"], "--key is for --read"),
        (["ours", "--read", "a.csv"], "--read takes answers"),
    ],
)
def test_what_cannot_be_asked_is_said_and_nothing_is_written(words, message, place, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("ours", "theirs", "true", "plain", "few", "photos"):
        (tmp_path / name).symlink_to(place / name)
    fill(tmp_path / "large", NASTY, 9, side=16)
    fill(tmp_path / "broken", ["a"])
    (tmp_path / "broken" / "a.png").write_bytes((tmp_path / "broken" / "a.png").read_bytes()[:60])
    shutil.copy(fill(tmp_path / "twins", ["a"]) / "a.png", tmp_path / "twins" / "a.jpg")
    for name in ("one", "other", "third"):
        fill(tmp_path / name, ["a"])
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.yaml").write_text("game: gan\n")
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))
    assert main(["rate", *words]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert any(part in said for part in message.split("|")), said
    assert sorted(tmp_path.rglob("*")) == before


def test_nothing_is_overwritten(place, tmp_path, capsys):
    rate(place, tmp_path, "ours", "theirs")
    (tmp_path / "page.html").unlink()
    assert main(["rate", str(place / "ours"), str(place / "few"), "--out", str(tmp_path / "page.html")]) == 2
    assert "page.key.json exists" in capsys.readouterr().err


def answered(folder: Path, key: dict, rater: str, answer, keep=lambda name: True) -> Path:
    """A file as the page gives it; `answer` says what to answer to what the key knows of a question."""
    lines = [
        f"{key['page']},{rater},{name},{answer(about)}\n" for name, about in key["questions"].items() if keep(name)
    ]
    file = folder / f"answers-{rater}.csv"
    file.write_text("page,rater,question,answer\n" + "".join(lines))
    return file


@pytest.fixture(scope="module")
def study(place, tmp_path_factory) -> tuple[Path, dict]:
    """Opinions of eight raters: theirs is as good as ours, the true ones are better, and plain ones worse."""
    folder = tmp_path_factory.mktemp("study")
    _, key = rate(place, folder, "ours", "theirs", "--truth", "true", "--baseline", "plain")
    chance = np.random.default_rng(0)
    for rater in range(8):
        lenient = chance.normal(0, 0.3)
        answered(
            folder,
            key,
            f"r{rater}",
            lambda about, lenient=lenient: int(
                np.clip(np.rint((3, 3, 4.4, 1.6)[about["source"]] + lenient + chance.normal(0, 0.5)), 1, 5)
            ),
        )
    return folder, key


def read(capsys, *words) -> str:
    capsys.readouterr()
    assert main(["rate", "--read", *map(str, words)]) == 0
    return capsys.readouterr().out


def test_answers_become_means_and_what_is_not_known_to_differ_cannot_be_told_apart(study, capsys):
    folder, _ = study
    files = sorted(folder.glob("*.csv"))
    out = read(capsys, *files)
    lines = {line.split("  ")[0]: line for line in out.splitlines()}
    assert "cannot be distinguished" in lines["ours − theirs"]
    assert "truth is rated higher than ours" in lines["ours − truth"]
    assert "ours is rated higher than baseline" in lines["ours − baseline"]
    assert lines["truth"].split()[-3:] == ["40", "5", "8"]
    data = json.loads(read(capsys, *files, "--json"))
    assert [round(data["scores"][name]["value"], 1) for name in ("truth", "baseline")] == pytest.approx(
        [4.4, 1.6], abs=0.3
    )
    assert [each["apart"] for each in data["differences"]] == [False, True, True, True, True, True]
    assert data["raters"] == [f"r{i}" for i in range(8)]


def test_the_key_is_found_by_the_page_or_named_and_that_of_another_page_refused(study, place, tmp_path, capsys):
    folder, key = study
    away = shutil.copy(folder / "answers-r1.csv", tmp_path)
    assert main(["rate", "--read", str(away)]) == 2
    assert f"answers the page {key['page']}, whose key is neither here nor beside it" in capsys.readouterr().err
    assert "ours" in read(capsys, away, "--key", folder / "page.key.json")
    rate(place, tmp_path / "other", "ours", "few")
    assert main(["rate", "--read", str(away), "--key", str(tmp_path / "other" / "page.key.json")]) == 2
    assert "is the key of" in capsys.readouterr().err


def test_what_is_missing_is_said(study, tmp_path, capsys):
    _, key = study
    shutil.copy(study[0] / "page.key.json", tmp_path)
    file = answered(tmp_path, key, "ann", lambda about: 3, keep=lambda name: key["questions"][name]["source"] < 2)
    assert main(["rate", "--read", str(file)]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "not all 20 questions are answered; by ann 10" in said
    assert "of one rater" in said
    assert "nobody has answered about truth, baseline" in said


def test_shares_of_fakes_that_were_taken_for_real_stand_beside_chance(place, tmp_path, capsys):
    _, key = rate(place, tmp_path, "ours", "theirs", "-n", "5", "--ask", "real", "--real", "photos")
    chance, files = np.random.default_rng(1), []
    for rater in range(6):  # nobody can tell ours, and everybody theirs
        files.append(
            answered(
                tmp_path,
                key,
                f"r{rater}",
                lambda about: chance.integers(1, 3) if about["source"] == 0 else about["real"],
            )
        )
    data = json.loads(read(capsys, *files, "--json"))
    assert data["scores"]["ours"]["low"] < 0.5 < data["scores"]["ours"]["high"]
    assert data["scores"]["theirs"]["value"] == 0
    assert 0 < data["scores"]["theirs"]["high"] < 0.5
    out = read(capsys, *files)
    assert "cannot be distinguished from real pictures" in out
    assert "distinguished from real pictures" in out.replace("cannot be distinguished", "")
    assert "ours is taken for real more often than theirs" in out


def spoiled(text: str, how: str) -> str:
    head, first, *rest = text.splitlines()
    return {
        "empty": "",
        "head": head + "\n",
        "columns": text.replace("question", "frage"),
        "range": "\n".join([head, first[:-1] + "6", *rest]),
        "word": "\n".join([head, first[:-1] + "good", *rest]),
        "question": "\n".join([head, first.replace(",01,", ",99,"), *rest]),
        "nobody": text.replace(",r1,", ", ,"),
        "twice": "\n".join([head, first, first, *rest]),
        "cells": "\n".join([head, first + ",1", *rest]),
        "pages": text.replace(first[:16], "0" * 16, 1),
        "quotes": head + '\n"' + first,
    }[how]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("empty", "its first line is not page,rater,question,answer"),
        ("head", "holds no answer"),
        ("columns", "its first line is not"),
        ("range", "line 2: the answer is '6', and can be 1, 2, 3, 4, 5"),
        ("word", "the answer is 'good'"),
        ("question", "the page has no question '99'"),
        ("nobody", "nobody is named in the column rater"),
        ("twice", "line 3: r1 has answered this before"),
        ("cells", "line 2 has 5 cells, and its head 4"),
        ("pages", "these are answers of 2 pages"),
        ("quotes", "is no table of answers"),
    ],
)
def test_answers_that_cannot_be_are_refused_with_their_line(how, message, study, tmp_path, capsys):
    folder, _ = study
    file = tmp_path / "answers.csv"
    file.write_text(spoiled((folder / "answers-r1.csv").read_text(), how))
    assert main(["rate", "--read", str(file), "--key", str(folder / "page.key.json")]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_a_rater_in_two_files_is_refused_and_spreadsheets_may_have_touched_a_file(study, tmp_path, capsys):
    folder, _ = study
    text = (folder / "answers-r1.csv").read_text()
    (tmp_path / "again.csv").write_text(text.replace(",r1,", ",R1,"))
    argv = ["rate", "--read", str(folder / "answers-r1.csv"), str(tmp_path / "again.csv")]
    assert main(argv) == 2
    assert "rename one in the column rater" in " ".join(capsys.readouterr().err.split())
    (tmp_path / "saved.csv").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() + b"\r\n")
    shown = [
        read(capsys, file, "--key", folder / "page.key.json")
        for file in (folder / "answers-r1.csv", tmp_path / "saved.csv")
    ]
    assert shown[0] == shown[1]


KEY = {"page": "p", "ask": "real", "paired": True, "sources": [{"name": "a", "role": "rated"}], "questions": {}}
NO_QUESTIONS = ({}, [], {"source": 3, "picture": "a", "real": 1}, {"source": 0, "picture": "a", "real": 3})


@pytest.mark.parametrize(
    "text",
    ["", "[1]", "\x00", *map(json.dumps, ({}, KEY | {"ask": "x"}, KEY | {"sources": [{}]}))]
    + [json.dumps(KEY | {"questions": {"1": each}}) for each in NO_QUESTIONS],
)
def test_what_is_no_key_is_refused(text, study, tmp_path, capsys):
    folder, _ = study
    (tmp_path / "k.json").write_text(text)
    assert main(["rate", "--read", str(folder / "answers-r1.csv"), "--key", str(tmp_path / "k.json")]) == 2
    assert "is no key" in capsys.readouterr().err


def test_a_page_too_large_for_a_browser_is_refused(place, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("saddle.cli.rate.MOST_BYTES", 10_000)
    assert main(["rate", str(place / "ours"), str(place / "few"), "--out", str(tmp_path / "p.html")]) == 2
    assert "choose fewer pictures with -n" in " ".join(capsys.readouterr().err.split())
    assert not [*tmp_path.iterdir()]
