// What htmx does not do by itself: mark what changed, keyboard shortcuts, upload progress, click to copy.

const live = "#networks, #vms, #network, #vm, #attached, #images, #leases, #hosts, #names, #nic-list, #many";

// A cell that a poll changed is marked for a moment.
new MutationObserver((changes) => {
  for (const { target } of changes) {
    const element = target.nodeType === Node.ELEMENT_NODE ? target : target.parentElement;
    const cell = element?.closest("td, dd, .state");
    if (cell?.closest(live) && !element.closest("time, [data-live]")) {
      cell.classList.remove("changed");
      void cell.offsetWidth; // restarts the animation
      cell.classList.add("changed");
    }
  }
}).observe(document, { subtree: true, childList: true, characterData: true });

addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.defaultPrevented || walkMap(event)) return;
  if (event.key === "Escape") {
    if (typing) typing.blur();
    else document.querySelector("main form .actions a.button, main a[data-leave]")?.click();
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    document.querySelector("input[type=search]")?.focus();
    event.preventDefault();
  } else if (event.key === "n") {
    document.querySelector("a.primary:has(kbd)")?.click();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const links = [...document.querySelectorAll("tbody tr td:first-child > a")];
    if (!links.length) return;
    const step = event.key === "ArrowDown" ? 1 : -1;
    const index = links.indexOf(document.activeElement);
    links[Math.min(links.length - 1, Math.max(0, index === -1 ? 0 : index + step))].focus();
    event.preventDefault();
  }
});

// One click copies an address; selecting a part of it does not.
addEventListener("click", (event) => {
  const cell = event.target.closest("td.mono, dd.mono, pre.copy");
  if (!cell || event.target.closest("a, button") || !getSelection().isCollapsed || !cell.textContent.trim()) return;
  const said = cell.cloneNode(true);
  said.querySelectorAll("small, .tag").forEach((each) => each.remove()); // who says so is no part of an address
  const text = cell.matches("pre") ? cell.textContent : said.textContent.trim().replace(/\s+/g, "\n");
  navigator.clipboard?.writeText(text);
  cell.dataset.copied = "copied";
  setTimeout(() => delete cell.dataset.copied, 1200);
});

// Uploads show how much has gone: fetch cannot tell, XMLHttpRequest can.
addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-upload]");
  if (!form || !form.querySelector("input[type=file]")?.files.length) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const bar = form.querySelector("progress");
  const request = new XMLHttpRequest();
  request.open("POST", form.action || location.href);
  request.upload.onprogress = ({ loaded, total }) => {
    bar.hidden = false;
    bar.value = (100 * loaded) / total;
  };
  request.onload = () => {
    if (request.status >= 400) {
      document.body.replaceWith(new DOMParser().parseFromString(request.responseText, "text/html").body);
      htmx.process(document.body);
    } else location.href = request.responseURL;
  };
  request.onerror = () => {
    bar.hidden = true;
    const said = Object.assign(document.createElement("p"), { className: "error", role: "alert" });
    said.textContent = "The upload was interrupted, and nothing was saved: the connection was lost, or the file is larger than the disk space of the portal.";
    form.querySelector("[role=alert]")?.remove();
    form.append(said);
  };
  request.send(new FormData(form));
}, true);

// The address map is one stop for the Tab key; arrows walk it, and what a cell says stands beneath.
function walkMap(event) {
  const cell = event.target.closest?.(".map > a");
  if (!cell) return false;
  const cells = [...cell.parentElement.children];
  const row = getComputedStyle(cell.parentElement).gridTemplateColumns.split(" ").length;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -row, ArrowDown: row, Home: -cells.length, End: cells.length };
  if (!(event.key in steps)) return false;
  event.preventDefault();
  const index = Math.min(cells.length - 1, Math.max(0, cells.indexOf(cell) + steps[event.key]));
  cells[index].focus();
  return true;
}

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

// A console is followed while it is unfolded and in view, and nobody is selecting in it.
addEventListener("htmx:config:request", (event) => {
  const { sourceElement } = event.detail.ctx;
  if (sourceElement.id !== "console") return;
  const selected = !getSelection().isCollapsed && sourceElement.contains(getSelection().anchorNode);
  if (document.hidden || selected || sourceElement.closest("details:not([open])")) event.preventDefault();
});

// It stays at its end unless somebody scrolled up to read.
const scrolledUp = new WeakSet();
addEventListener("scroll", ({ target }) => {
  if (!target.matches?.(".console pre")) return;
  const up = target.scrollHeight - target.scrollTop - target.clientHeight > 8;
  if (up) scrolledUp.add(target);
  else scrolledUp.delete(target);
}, true);

function toTheEnd() {
  for (const log of document.querySelectorAll(".console pre"))
    if (!scrolledUp.has(log)) log.scrollTop = log.scrollHeight;
}
addEventListener("DOMContentLoaded", toTheEnd);
addEventListener("htmx:after:swap", toTheEnd);
