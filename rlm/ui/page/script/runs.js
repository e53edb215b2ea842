"use strict";
// The list of runs: filters, order, sums.

const form = document.querySelector("form");
const body = document.querySelector("tbody");
const rows = [...body.rows];
const heads = [...document.querySelectorAll("thead th")];
const sums = [...document.querySelectorAll("tfoot td.number")];
for (const row of rows) row.words = row.textContent.toLowerCase();

function fits(row, wanted) {
  const { status, model, video, date } = row.dataset;
  return (
    row.words.includes(wanted.text.trim().toLowerCase()) &&
    (!wanted.status || wanted.status === status) &&
    (!wanted.model || wanted.model === model) &&
    (!wanted.video || wanted.video === video) &&
    (!wanted.from || (date && date >= wanted.from)) &&
    (!wanted.to || (date && date <= wanted.to))
  );
}

function filter() {
  const wanted = Object.fromEntries(new FormData(form));
  const shown = rows.filter((row) => {
    row.hidden = !fits(row, wanted);
    return !row.hidden;
  });
  document.getElementById("shown").textContent =
    shown.length === rows.length ? `${rows.length} runs` : `${shown.length} of ${rows.length} runs`;
  addUp(shown.filter((row) => row.dataset.status !== "unreadable"));
}

// What is unknown of one run is unknown of all: a sum that leaves it out would be too low.
function addUp(shown) {
  const first = heads.length - sums.length;
  sums.forEach((cell, place) => {
    const values = shown.map((row) => Number(row.cells[first + place].dataset.sort));
    const known = values.filter((value) => value >= 0);
    const sum = known.reduce((all, value) => all + value, 0);
    const words = [String, String, (all) => all.toLocaleString("en-US"), (all) => `$${all.toFixed(4)}`, (all) => `${all.toFixed(1)} s`][place](sum);
    const missing = values.length - known.length;
    cell.textContent = known.length || !missing ? words : "unknown";
    if (known.length && missing) {
      const note = document.createElement("small");
      note.textContent = `${missing} unknown`;
      cell.append(note);
    }
  });
}

form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(filter));
sortable(document.querySelector("table"));
filter();
