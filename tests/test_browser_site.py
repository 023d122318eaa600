"""The documentation as a site, in Chromium: on a desk and on a telephone nothing is hidden, broken or cut off."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Chromium

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md"))
WIDTHS = (1280, 390)  # pixels
LONGEST = 48  # signs of a name that has to fit on a line of a telephone; a hash of 64 has not
FAULTS = """(() => {
  const faults = [], width = document.documentElement.clientWidth;
  const page = document.querySelector(".md-content__inner");
  const say = (what, node) => faults.push(what + ": " + node.textContent.trim().slice(0, 60));
  if (document.documentElement.scrollWidth > width) say("the page scrolls sideways", document.querySelector("title"));
  for (const table of page.querySelectorAll("table")) {
    for (let box = table; box !== page; box = box.parentElement)
      if (box.scrollWidth > box.clientWidth + 1 && box.clientWidth) say("a column is hidden", table);
    const names = [...table.querySelectorAll("thead th")];
    const headless = names.some((name) => !name.offsetParent);
    for (const row of table.querySelectorAll("tbody tr"))
      [...row.cells].forEach((cell, i) => {
        const { left, right } = cell.getBoundingClientRect();
        if (left < 0 || right > width + 1) say("a cell is cut off", cell);
        const told = getComputedStyle(cell, "::before").content;
        if (headless && i && cell.textContent && told !== JSON.stringify(names[i].textContent))
          say("a cell does not tell its column", cell);
      });
  }
  for (const code of page.querySelectorAll("pre, pre > code"))
    if (code.scrollWidth > code.clientWidth + 1) say("code is cut off", code);
  for (const code of page.querySelectorAll("code")) {
    if (code.textContent.trim() && !code.querySelector(".word")) say("the words of code are not kept whole", code);
    for (const word of code.querySelectorAll(".word")) {
      const name = /^-{0,2}[\\w.=-]+$/.test(word.textContent) && word.textContent.length <= LONGEST;
      if (name && word.getClientRects().length > 1) say("a name is broken", word);
      if (word.getBoundingClientRect().right > width + 1) say("a word is cut off", word);
    }
  }
  return faults;
})()""".replace("LONGEST", str(LONGEST))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built in a folder of its own."""
    pytest.importorskip("zensical", reason="the site is built by zensical, which is in the extra dev")
    place = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "docs", place / "docs")
    shutil.copy(ROOT / "mkdocs.yml", place)
    subprocess.run([sys.executable, "-m", "zensical", "build"], cwd=place, check=True, capture_output=True)
    return place / "site"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    place = tmp_path_factory.mktemp("chromium")
    with Chromium(place / "profile", place / "saved") as chromium:
        yield chromium


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_nothing_is_hidden_broken_or_cut_off_at_any_width(chromium: Chromium, site: Path, page: Path):
    for width in WIDTHS:
        chromium.resize(width, 900)
        chromium.open(site / page.with_suffix(".html"))
        assert chromium.run(FAULTS) == [], f"at {width} pixels"
    assert chromium.errors == []
    assert all(request.startswith(("file:", "data:", "blob:")) for request in chromium.requests)


def test_a_window_that_becomes_narrow_is_laid_out_again(chromium: Chromium, site: Path):
    chromium.resize(1280, 900)
    chromium.open(site / "parts.html")
    assert chromium.run("document.querySelectorAll('table[data-cards]').length") == 0
    chromium.resize(390, 900)
    chromium.until("document.querySelectorAll('table[data-cards]').length > 0")
    assert chromium.run(FAULTS) == []
    chromium.resize(1280, 900)
    chromium.until("document.querySelectorAll('table[data-cards]').length == 0")


def test_faults_are_noticed(chromium: Chromium, site: Path):
    """On the same page without what keeps it in order."""
    chromium.resize(390, 900)
    chromium.open(site / "games.html")
    chromium.run("document.querySelector('link[href*=\"site.css\"]').remove()")
    chromium.run("document.querySelectorAll('[data-cards]').forEach((table) => table.removeAttribute('data-cards'))")
    found = {fault.partition(":")[0] for fault in chromium.run(FAULTS)}
    assert {"a column is hidden", "a name is broken"} <= found
    chromium.run("document.querySelectorAll('pre > code').forEach((code) => code.append('long '.repeat(99)))")
    assert "code is cut off" in {fault.partition(":")[0] for fault in chromium.run(FAULTS)}
