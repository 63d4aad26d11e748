// One click copies an address; selecting a part of it does not.

import { copy } from "./clipboard.js";

addEventListener("click", async (event) => {
  const cell = event.target.closest("td.mono, dd.mono, pre.copy");
  if (!cell || event.target.closest("a, button, input") || !getSelection().isCollapsed || !cell.textContent.trim()) return;
  const said = cell.cloneNode(true);
  said.querySelectorAll("small, .tag").forEach((each) => each.remove()); // who says so is no part of an address
  const text = cell.matches("pre") ? cell.textContent : said.textContent.trim().replace(/\s+/g, "\n");
  await copy(text);
  cell.dataset.copied = "copied";
  setTimeout(() => delete cell.dataset.copied, 1200);
});
