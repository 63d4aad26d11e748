// Tables: a click anywhere in a row opens it, and the menu above a table copies the rows that are shown, or those that
// are selected, with the columns that are shown.

import { copy } from "./clipboard.js";

const ACTIVE = "a, button, input, label, select, summary, details, .mono, [data-figures]";

addEventListener("click", (event) => {
  const row = event.target.closest?.("main tbody tr");
  if (!row || event.defaultPrevented || event.target.closest(ACTIVE) || !getSelection().isCollapsed) return;
  const link = row.querySelector("td:first-child > a");
  if (!link) return;
  const { ctrlKey, metaKey, shiftKey } = event;
  link.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, ctrlKey, metaKey, shiftKey }));
});

const textOf = (cell) => {
  const clone = cell.cloneNode(true);
  for (const each of clone.querySelectorAll("details, svg, small, .tag, .hidden, progress")) each.remove();
  return clone.textContent.trim().replace(/\s+/g, " ");
};

function shown(table) {
  const titles = [...table.tHead.rows[0].cells].map(textOf);
  const listed = [...table.tBodies].flatMap((body) => [...body.rows]).filter((row) => row.cells.length === titles.length);
  const selected = listed.filter((row) => row.querySelector("input[type=checkbox]:checked"));
  const columns = titles.map((_, index) => index).filter((index) => !table.tHead.rows[0].cells[index].matches(".end"));
  const rows = (selected.length ? selected : listed).map((row) => columns.map((index) => textOf(row.cells[index])));
  return { titles: columns.map((index) => titles[index]), rows };
}

const FORMULA = /^\s*[=+@＝＋－＠-]/; // a spreadsheet would run it
const NUMBER = /^[+-]?[0-9]+(\.[0-9]+)?$/;
const quoted = (text) => {
  const safe = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

const FORMATS = {
  text({ titles, rows }) {
    const widths = titles.map((title, index) => Math.max(title.length, ...rows.map((row) => row[index].length)));
    const line = (cells) => cells.map((cell, index) => cell.padEnd(widths[index])).join("  ").trimEnd();
    return `${[titles, ...rows].map(line).join("\n")}\n`;
  },
  csv: ({ titles, rows }) => `${[titles, ...rows].map((row) => row.map(quoted).join(",")).join("\n")}\n`,
  json({ titles, rows }) {
    return JSON.stringify(rows.map((row) => Object.fromEntries(row.map((cell, index) => [titles[index], cell]))), null, 2);
  },
};

addEventListener("click", async ({ target }) => {
  const button = target.closest?.("button[data-copy]");
  const table = button?.closest("section, main").querySelector("table:has(thead)");
  if (!table) return;
  const menu = button.closest("details");
  await copy(FORMATS[button.dataset.copy](shown(table)));
  menu.open = false;
  menu.dataset.copied = "copied";
  setTimeout(() => delete menu.dataset.copied, 1200);
});
