"""The page of `saddle rate` in a browser: keys, reloads, raters, the file of answers, a telephone."""

import csv
import json
import time
from pathlib import Path

import numpy as np
import pytest
from chromium import PATIENCE, Chromium
from PIL import Image

from saddle.cli import main

pytestmark = pytest.mark.browser
SHOWN = "!document.querySelector('#ask').hidden && document.querySelector('#where').textContent"


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """Two pages: of opinions, and of which is real; the pictures of the second are larger than a telephone."""
    place = tmp_path_factory.mktemp("rated")
    for k, name in enumerate(("ours", "theirs", "true")):
        (place / name).mkdir()
        for i in range(4):
            pixels = np.random.default_rng(10 * k + i).integers(0, 256, (30, 40, 3), np.uint8)
            Image.fromarray(pixels).save(place / name / f"{i}.png")
    (place / "large").mkdir()
    (place / "real").mkdir()
    for name in ("large", "real"):
        for i in range(2):
            Image.new("RGB", (1600, 900), (40 * i, 90, len(name))).save(place / name / f"{i}.png")
    argv = ["rate", *(str(place / name) for name in ("ours", "theirs")), "--truth", str(place / "true")]
    assert main([*argv, "--out", str(place / "opinion.html")]) == 0
    argv = ["rate", str(place / "large"), "--real", str(place / "real"), "--ask", "real"]
    assert main([*argv, "--out", str(place / "real.html")]) == 0
    return place


@pytest.fixture(scope="module")
def chromium(place, tmp_path_factory):
    (place / "saved").mkdir()
    with Chromium(tmp_path_factory.mktemp("profile"), place / "saved") as chromium:
        yield chromium


def begin(chromium: Chromium, rater: str) -> None:
    chromium.run("document.querySelector('#rater').value = ''; document.querySelector('#rater').focus()")
    chromium.type(rater)
    chromium.press("Enter")


def at(chromium: Chromium, i: int, n: int = 12) -> None:
    """Wait for this question, and for its picture."""
    chromium.until(f"({SHOWN}) == 'Question {i} of {n}'")
    chromium.run("Promise.all([...document.querySelectorAll('#pictures img')].map((image) => image.decode()))")


def shown(chromium: Chromium) -> str:
    return str(chromium.run("document.querySelector('#pictures img').src"))


def saved(chromium: Chromium, place: Path, rater: str) -> Path:
    chromium.run("document.querySelector('#save').click()")
    end = time.monotonic() + PATIENCE
    while not (files := [*(place / "saved").glob(f"answers-{rater}-*.csv")]):
        assert time.monotonic() < end
        time.sleep(0.05)
    return files[0]


def test_a_rater_answers_by_keys_loses_nothing_at_a_reload_and_saves_a_file_that_is_read(chromium, place, capsys):
    chromium.open(place / "opinion.html")
    begin(chromium, "ann")
    given = {}
    for i in range(1, 13):
        at(chromium, i)
        if i == 6:  # in the middle of it
            before = shown(chromium)
            chromium.reload()
            assert chromium.run("document.querySelector('#rater').value") == "ann"
            begin(chromium, "ann")
            at(chromium, 6)
            assert shown(chromium) == before
        given[shown(chromium)] = 1 + i % 5
        chromium.press(str(1 + i % 5))
        if i == 3:  # second thoughts
            at(chromium, 4)
            chromium.press("Backspace")
            at(chromium, 3)
            assert chromium.run("document.querySelector('[aria-pressed=true]').dataset.answer") == "4"
            given[shown(chromium)] = 5
            chromium.press("5")
    chromium.until("!document.querySelector('#end').hidden")
    assert chromium.run("document.querySelector('#done').textContent") == "All 12 questions are answered."
    file = saved(chromium, place, "ann")
    told = json.loads(str(chromium.run("document.querySelector('#told').textContent")))
    by_id = {question["id"]: question["pictures"][0]["source"] for question in told["questions"]}
    with file.open() as lines:
        rows = [*csv.DictReader(lines)]
    assert {by_id[row["question"]]: int(row["answer"]) for row in rows} == given
    assert file.read_text() == chromium.run("document.querySelector('#text').value")
    capsys.readouterr()
    assert main(["rate", "--read", str(file), "--key", str(place / "opinion.key.json"), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    assert sum(score["value"] * score["n"] for score in scores.values()) == pytest.approx(sum(given.values()))


def test_every_rater_has_an_order_of_their_own_and_answers_of_their_own(chromium, place):
    chromium.open(place / "opinion.html")
    orders = []
    for rater in ("bob", "eve", "bob"):
        begin(chromium, rater)
        at(chromium, 1 if len(orders) < 2 else 3)
        orders.append([])
        for i in range(1 if len(orders) < 3 else 3, 3 if len(orders) < 3 else 5):
            at(chromium, i)
            orders[-1].append(shown(chromium))
            chromium.press("3")
        chromium.until(f"({SHOWN}).startsWith('Question')")
        chromium.run("document.querySelector('#stop').click(); document.querySelector('#other').click()")
    assert orders[0] != orders[1]
    assert not {*orders[0]} & {*orders[2]}  # bob goes on where he stopped


@pytest.mark.parametrize("name", ["=1+1", "a,b", '"', " ", "@x", "x" * 41])
def test_a_name_that_a_table_would_take_for_something_else_is_not_accepted(name, chromium, place):
    chromium.open(place / "opinion.html")
    begin(chromium, name)
    if len(name) > 40:
        assert chromium.run("document.querySelector('#rater').value.length") == 40
    else:
        assert chromium.run("document.querySelector('#ask').hidden")
        assert not chromium.run("document.querySelector('#rater').validity.valid")


def test_where_nothing_can_be_kept_the_page_says_so_and_works(chromium, place):
    chromium.open(place / "opinion.html")
    chromium.run("Storage.prototype.setItem = () => { throw new Error('full') }")
    begin(chromium, "zoe")
    at(chromium, 1)
    assert not chromium.run("document.querySelector('#unkept').hidden")
    chromium.press("4")
    at(chromium, 2)
    chromium.run("document.querySelector('#stop').click()")
    assert "zoe," in saved(chromium, place, "zoe").read_text()


@pytest.mark.parametrize("page", ["opinion", "real"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_a_telephone_and_a_screen_and_names_its_controls(page, width, chromium, place):
    chromium.resize(width, 844)
    chromium.open(place / f"{page}.html")
    begin(chromium, f"w{width}")
    at(chromium, 1, {"opinion": 12, "real": 2}[page])
    chromium.until("[...document.images].every((image) => image.clientWidth > 0)")
    assert chromium.run("document.documentElement.scrollWidth") <= width
    small = "[...document.querySelectorAll('button')].filter((one) => one.offsetParent && one.clientHeight < 40)"
    assert chromium.run(f"{small}.length") == 0
    tree = chromium.call("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "image", "progressbar", "textbox", "group"}
    controls = [node for node in tree if node.get("role", {}).get("value") in roles and not node["ignored"]]
    assert len(controls) > 5
    assert all(node["name"]["value"] for node in controls)


def test_a_picture_that_is_shown_smaller_can_be_seen_at_its_full_size(chromium, place):
    chromium.resize(390, 844)
    chromium.open(place / "real.html")
    begin(chromium, "full")
    at(chromium, 1, 2)
    chromium.until("!document.querySelector('#full').hidden")
    width = "document.querySelector('#pictures img').clientWidth"
    assert int(chromium.run(width)) < 390
    chromium.run("document.querySelector('#full').click()")
    assert chromium.run(width) == 1600
    assert chromium.run("document.documentElement.scrollWidth") <= 390  # the picture scrolls, and not the page


def test_which_is_real_is_answered_with_two_keys(chromium, place):
    chromium.resize(1280, 800)
    chromium.open(place / "real.html")
    begin(chromium, "kim")
    for i, key in ((1, "1"), (2, "2")):
        at(chromium, i, 2)
        chromium.press("3")  # which is no answer here
        chromium.press(key)
    chromium.until("!document.querySelector('#end').hidden")
    assert sorted(line.split(",")[3] for line in saved(chromium, place, "kim").read_text().split()[1:]) == ["1", "2"]


def test_nothing_was_asked_of_a_network_and_no_script_has_failed(chromium, place):
    """After all the tests above."""
    wanted = {(place / f"{page}.html").resolve().as_uri() for page in ("opinion", "real")}
    asked = {url.partition("#")[0] for url in chromium.requests if not url.startswith(("data:", "blob:", "about:"))}
    assert asked <= wanted
    assert chromium.errors == []
