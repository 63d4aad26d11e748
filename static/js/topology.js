// The topology: highlight by name, zoom by + and -, by the wheel with Ctrl, and by buttons, pan by dragging. The page
// that sets the link of a NIC opens as a dialog.

const STEP = 1.25;
const LEAST = 0.2, MOST = 4;
let zoom = 1;

const diagram = () => document.querySelector("svg.topology");

function show() {
  const svg = diagram();
  if (!svg) return;
  const { width, height } = svg.viewBox.baseVal;
  svg.setAttribute("width", Math.round(width * zoom));
  svg.setAttribute("height", Math.round(height * zoom));
  const text = document.querySelector("[data-highlight]")?.value.trim().toLowerCase() ?? "";
  svg.classList.toggle("searching", Boolean(text));
  for (const each of svg.querySelectorAll("[data-find]"))
    each.classList.toggle("found", Boolean(text) && each.dataset.find.toLowerCase().includes(text));
}

function zoomTo(wanted) {
  const canvas = diagram()?.parentElement;
  if (!canvas) return;
  const before = zoom;
  zoom = Math.min(MOST, Math.max(LEAST, wanted));
  const { clientWidth: width, clientHeight: height, scrollLeft: left, scrollTop: top } = canvas;
  show();
  canvas.scrollTo((left + width / 2) * (zoom / before) - width / 2, (top + height / 2) * (zoom / before) - height / 2);
}

const fitted = () => {
  const canvas = diagram()?.parentElement;
  return canvas ? Math.min(1, (canvas.clientWidth - 32) / diagram().viewBox.baseVal.width) : 1;
};
const ZOOMS = { in: () => zoom * STEP, out: () => zoom / STEP, fit: fitted, whole: () => 1 };
const KEYS = { "+": "in", "-": "out", 0: "whole" };

addEventListener("click", ({ target }) => {
  const how = target.closest?.("[data-zoom]")?.dataset.zoom;
  if (how) zoomTo(ZOOMS[how]());
});
addEventListener("click", async (event) => {
  const dialog = document.getElementById("nic");
  if (event.target.closest?.("#nic [data-close]")) {
    event.preventDefault();
    return dialog.close();
  }
  const url = event.target.closest?.(".topology a.nic")?.getAttribute("href") ?? "";
  if (!dialog || !url.endsWith("/link/") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  await htmx.ajax("GET", url, { target: "#nic-link", swap: "outerHTML" });
  dialog.showModal();
});
addEventListener("keydown", (event) => {
  if (!event.target.closest?.(".canvas") || event.ctrlKey || event.metaKey || !KEYS[event.key]) return;
  event.preventDefault();
  zoomTo(ZOOMS[KEYS[event.key]]());
});
addEventListener("wheel", (event) => {
  if (!event.ctrlKey || !event.target.closest?.(".canvas")) return;
  event.preventDefault();
  zoomTo(zoom * (event.deltaY < 0 ? STEP : 1 / STEP));
}, { passive: false });
addEventListener("input", ({ target }) => target.matches?.("[data-highlight]") && show());
addEventListener("htmx:after:swap", show); // an update draws it anew

let dragged;
addEventListener("pointerdown", (event) => {
  const canvas = event.target.closest?.(".canvas");
  if (!canvas || event.button || event.target.closest("a")) return;
  dragged = { canvas, x: event.clientX + canvas.scrollLeft, y: event.clientY + canvas.scrollTop };
});
addEventListener("pointermove", (event) => dragged?.canvas.scrollTo(dragged.x - event.clientX, dragged.y - event.clientY));
for (const name of ["pointerup", "pointercancel"]) addEventListener(name, () => (dragged = undefined));
