"use strict";
// Tables: a button in every header sorts by its column; what has no value comes last.
for (const table of document.querySelectorAll("table[data-sortable]")) {
  const heads = [...table.tHead.querySelectorAll('th[scope="col"]:not(.rank)')];
  const places = columns(table);
  for (const head of heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const down = before ? before === "ascending" : head.dataset.first !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      for (const body of table.tBodies) {
        const rows = [...body.rows].map((row) => [value(row.cells[places.get(head)]), row]);
        rows.sort(([a], [b]) => (a === "") - (b === "") || (down ? compare(b, a) : compare(a, b)));
        rows.forEach(([, row]) => body.append(row));
      }
    });
  }
}
function value(cell) {
  const text = (cell.dataset.value ?? cell.textContent).trim();
  return text === "" || isNaN(text) ? text : Number(text);
}
function compare(a, b) {
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
}
// Which column each header of a table stands over, with headers that span columns and rows.
function columns(table) {
  const found = new Map(), taken = new Set();
  [...table.tHead.rows].forEach((row, level) => {
    let place = 0;
    for (const head of row.cells) {
      while (taken.has(`${level} ${place}`)) place += 1;
      found.set(head, place);
      for (let down = 0; down < head.rowSpan; down += 1)
        for (let right = 0; right < head.colSpan; right += 1) taken.add(`${level + down} ${place + right}`);
    }
  });
  return found;
}
// A wide table fades out on the side where more of it can be scrolled to.
for (const box of document.querySelectorAll(".scroll")) {
  const show = () => {
    const hidden = box.scrollWidth - box.clientWidth;
    box.classList.toggle("more", hidden > 1 && box.scrollLeft < hidden - 1);
    box.classList.toggle("wider", hidden > 1);
  };
  box.addEventListener("scroll", show, { passive: true });
  new ResizeObserver(show).observe(box);
}
// The bar of sections marks the one that is being read.
const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
const heads = [...document.querySelectorAll("main h2[id]")].filter((head) => links.has(head.id));
function mark() {
  const line = 90;
  const atEnd = window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 2;
  const read = atEnd && window.scrollY > 0 ? heads.at(-1) : heads.findLast((head) => head.getBoundingClientRect().top <= line);
  for (const [id, link] of links) {
    if (read && id === read.id && !link.hasAttribute("aria-current")) {
      link.setAttribute("aria-current", "true");
      const bar = link.closest("ul");
      bar.scrollLeft = link.offsetLeft - bar.clientWidth / 2 + link.offsetWidth / 2;
    } else if (!read || id !== read.id) link.removeAttribute("aria-current");
  }
}
if (heads.length) {
  document.addEventListener("scroll", mark, { passive: true });
  mark();
}
// Nothing stays folded on paper.
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  folded.forEach((one) => (one.open = true));
});
addEventListener("afterprint", () => folded.forEach((one) => (one.open = false)));
