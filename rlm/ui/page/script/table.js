"use strict";
// A table that the buttons in its head put in order: by the data-sort of cells.

function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const rows = [...body.rows];
  heads.forEach((head, place) => head.firstElementChild.addEventListener("click", () => sortBy(place)));

  function sortBy(place) {
    const head = heads[place];
    const numeric = head.classList.contains("number");
    const before = head.getAttribute("aria-sort");
    const down = before ? before === "ascending" : numeric;
    for (const one of heads) one.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = (row) => row.cells[place].dataset.sort;
    const compare = numeric ? (a, b) => value(a) - value(b) : (a, b) => value(a).localeCompare(value(b), "en", { numeric: true });
    body.append(...rows.sort((a, b) => (down ? -compare(a, b) : compare(a, b))));
  }
}
