// The address map is one stop for the Tab key; arrows walk it, and what a cell says stands beneath.

addEventListener("keydown", (event) => {
  const cell = event.target.closest?.(".map > a");
  if (!cell) return;
  const cells = [...cell.parentElement.children];
  const row = getComputedStyle(cell.parentElement).gridTemplateColumns.split(" ").length;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -row, ArrowDown: row, Home: -cells.length, End: cells.length };
  if (!(event.key in steps)) return;
  event.preventDefault();
  const index = Math.min(cells.length - 1, Math.max(0, cells.indexOf(cell) + steps[event.key]));
  cells[index].focus();
});

function makeOneStop() {
  for (const map of document.querySelectorAll(".map:not(:has(> [tabindex='0']))"))
    [...map.children].forEach((cell, index) => (cell.tabIndex = index ? -1 : 0));
}
addEventListener("DOMContentLoaded", makeOneStop);
addEventListener("htmx:after:swap", makeOneStop);

for (const kind of ["focusin", "mouseover"])
  addEventListener(kind, (event) => {
    const cell = event.target.closest?.(".map > a");
    if (!cell) return;
    const output = cell.parentElement.nextElementSibling;
    if (output?.dataset.of === "map") output.textContent = cell.title;
    if (kind === "focusin") for (const each of cell.parentElement.children) each.tabIndex = each === cell ? 0 : -1;
  });
