"use strict";
// Sorting and filtering of the table of students; without scripts it is a plain table.
const table = document.getElementById("class"), body = table.tBodies[0];
const chosen = document.getElementById("chosen"), count = document.getElementById("count");

function sort(header, column) {
  const descending = header.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const numbers = header.classList.contains("number");
  const key = ({ cells }) => cells[column].dataset.value ?? cells[column].textContent.trim();
  const compared = (one, two) => numbers ? one - two
    : (one === "") - (two === "") || one.localeCompare(two);
  const rows = [...body.rows].sort((one, two) => compared(key(one), key(two)));
  body.append(...(descending ? rows.reverse() : rows));
}

[...table.tHead.rows[0].cells].forEach((header, column) => {
  if (!header.hasAttribute("data-sorts")) return;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = header.textContent;
  button.addEventListener("click", () => sort(header, column));
  header.replaceChildren(button);
});

function filter() {
  let shown = 0;
  for (const row of body.rows) {
    row.hidden = chosen.value !== "" && !row.dataset.labels.split(" ").includes(chosen.value);
    shown += !row.hidden;
  }
  count.textContent = `${shown} of ${body.rows.length} students`;
}

chosen.addEventListener("change", filter);
document.getElementById("filter").hidden = false;
filter();
