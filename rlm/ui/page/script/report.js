"use strict";
// The questions of a report: filters and order.

const form = document.querySelector("form");
const items = document.getElementById("items");
const rows = [...items.tBodies[0].rows];
for (const row of rows) row.words = row.textContent.toLowerCase();

function fits(row, wanted) {
  const { verdict, category, run } = row.dataset;
  return (
    row.words.includes(wanted.text.trim().toLowerCase()) &&
    (!wanted.verdict || wanted.verdict === verdict) &&
    (!wanted.category || category.split("; ").includes(wanted.category)) &&
    (!wanted.run || wanted.run === run)
  );
}

function filter() {
  const wanted = Object.fromEntries(new FormData(form));
  let shown = 0;
  for (const row of rows) {
    row.hidden = !fits(row, wanted);
    if (!row.hidden) shown += 1;
  }
  const all = `${rows.length.toLocaleString("en-US")} questions`;
  document.getElementById("shown").textContent = shown === rows.length ? all : `${shown.toLocaleString("en-US")} of ${all}`;
}

form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(filter));
sortable(items);
filter();
