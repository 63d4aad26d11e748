// A chart is one stop for the Tab key: arrows or the pointer choose a sample, and its figures stand beneath.

const chosen = new WeakMap(); // the index of the sample by chart

const rowsOf = (chart) => chart.querySelectorAll("tbody > tr");

function show(chart, index) {
  const rows = rowsOf(chart);
  const cursor = chart.querySelector(".cursor");
  const output = chart.querySelector("output");
  if (index === undefined || !rows.length) {
    chosen.delete(chart);
    cursor.setAttribute("visibility", "hidden");
    output.textContent = "";
    return;
  }
  const place = Math.min(rows.length - 1, Math.max(0, index));
  const middle = ((place + 0.5) * cursor.ownerSVGElement.viewBox.baseVal.width) / rows.length;
  chosen.set(chart, place);
  cursor.setAttribute("x1", middle);
  cursor.setAttribute("x2", middle);
  cursor.setAttribute("visibility", "visible");
  const words = rows[place].dataset.words.replace(/\s+/g, " ");
  if (output.textContent !== words) output.textContent = words;
}

addEventListener("keydown", (event) => {
  const chart = event.target.matches?.("[data-chart] > .plot") && event.target.parentElement;
  if (!chart || event.ctrlKey || event.altKey || event.metaKey) return;
  const last = rowsOf(chart).length - 1;
  const now = chosen.get(chart);
  const places = { ArrowLeft: (now ?? last + 1) - 1, ArrowRight: (now ?? last - 1) + 1, Home: 0, End: last };
  if (event.key === "Escape" && now !== undefined) show(chart);
  else if (event.key in places) show(chart, places[event.key]);
  else return;
  event.preventDefault();
});

addEventListener("pointermove", (event) => {
  const plot = event.target.closest?.("[data-chart] > .plot");
  if (!plot) return;
  const box = plot.getBoundingClientRect();
  const part = (event.clientX - box.left) / box.width;
  show(plot.parentElement, Math.floor(part * rowsOf(plot.parentElement).length));
});

for (const kind of ["pointerout", "focusout"])
  addEventListener(kind, (event) => {
    const plot = event.target.closest?.("[data-chart] > .plot");
    if (!plot || plot.contains(event.relatedTarget)) return;
    if (kind === "focusout" || document.activeElement !== plot) show(plot.parentElement);
  });

function prepare() {
  for (const plot of document.querySelectorAll("[data-chart] > .plot")) {
    plot.tabIndex = 0;
    if (chosen.has(plot.parentElement)) show(plot.parentElement, chosen.get(plot.parentElement));
  }
}
addEventListener("DOMContentLoaded", prepare);
addEventListener("htmx:after:swap", prepare);
