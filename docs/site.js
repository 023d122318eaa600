// What CSS alone cannot do: names in code stay whole, and a table that is wider than the page becomes cards.

const KEEP = /\S+/g; // a word of code: a setting, an option, a file
const MANY = 24; // signs in a cell that wants a line of its own on a card

function keepWordsWhole(code) {
  const walker = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  for (const text of texts) {
    const parts = document.createDocumentFragment();
    let end = 0;
    for (const found of text.data.matchAll(KEEP)) {
      parts.append(text.data.slice(end, found.index));
      const word = document.createElement("span");
      word.className = "word";
      word.textContent = found[0];
      parts.append(word);
      if (code.closest("pre")) parts.append(document.createElement("wbr")); // a long call may break between its tokens
      end = found.index + found[0].length;
    }
    parts.append(text.data.slice(end));
    text.replaceWith(parts);
  }
}

function nameCells(table) {
  const names = [...table.querySelectorAll("thead th")].map((head) => head.textContent);
  for (const row of table.querySelectorAll("tbody tr")) {
    [...row.cells].forEach((cell, i) => {
      cell.setAttribute("data-column", names[i] || "");
      cell.toggleAttribute("data-wide", cell.textContent.length > MANY || cell.querySelector("img") !== null);
    });
  }
}

// Everything is written before anything is read, and again: the page is laid out three times, however long it is.
function fit() {
  const tables = [...document.querySelectorAll(".md-typeset table")];
  const words = [...document.querySelectorAll(".md-typeset .word")];
  tables.forEach((table) => table.removeAttribute("data-cards"));
  words.forEach((word) => word.classList.remove("long"));
  const room = document.querySelector(".md-content__inner").clientWidth;
  const wide = tables.filter((table) => table.scrollWidth > room);
  wide.forEach((table) => table.setAttribute("data-cards", ""));
  const long = words.filter((word) => {
    const block = word.closest("td, th, li, p, pre, dd, h1, h2, h3, h4, h5");
    return block && word.getBoundingClientRect().right > block.getBoundingClientRect().right + 1;
  });
  long.forEach((word) => word.classList.add("long"));
}

document.querySelectorAll(".md-typeset code").forEach(keepWordsWhole);
document.querySelectorAll(".md-typeset table").forEach(nameCells);
fit();
window.addEventListener("load", fit);
let width = window.innerWidth;
window.addEventListener("resize", () => {
  if (window.innerWidth !== width) fit();
  width = window.innerWidth;
});
