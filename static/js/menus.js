// Menus are <details>: they open by themselves, also without this. Here they are placed in view, walked by arrow keys,
// and closed by Escape, by a click beside them, and when the focus or the page moves on.

const openMenus = () => document.querySelectorAll("details.menu[open]");
const MARGIN = 4; // px between a menu and its button, or the edge of the window

// In a table that scrolls a menu would be cut off: there it is placed in the window.
function place(menu) {
  const list = menu.querySelector(":scope > div");
  if (!menu.closest(".scroll")) return;
  const button = menu.querySelector("summary").getBoundingClientRect();
  const below = button.bottom + MARGIN;
  const fits = below + list.offsetHeight < innerHeight;
  list.style.top = `${fits ? below : Math.max(MARGIN, button.top - MARGIN - list.offsetHeight)}px`;
  list.style.left = `${Math.max(MARGIN, button.right - list.offsetWidth)}px`;
}

addEventListener("toggle", ({ target }) => {
  if (target.matches?.("details.menu[open]")) place(target);
}, true);

// Entries may be loaded when a menu is opened.
addEventListener("htmx:after:swap", () => {
  for (const menu of openMenus()) place(menu);
});

addEventListener("scroll", ({ target }) => {
  for (const menu of openMenus()) if (menu.closest(".scroll") && !menu.contains(target)) menu.open = false;
}, true);

addEventListener("click", (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
});

addEventListener("focusout", ({ target, relatedTarget }) => {
  const menu = target.closest?.("details.menu[open]");
  if (menu && relatedTarget && !menu.contains(relatedTarget)) menu.open = false;
});

addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details.menu[open]") ?? openMenus()[0];
  if (!menu) return;
  if (event.key === "Escape") {
    menu.open = false;
    menu.querySelector("summary").focus();
    event.preventDefault();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const entries = [...menu.querySelectorAll("div a, div button")];
    const step = event.key === "ArrowDown" ? 1 : -1;
    const index = entries.indexOf(document.activeElement);
    entries.at(index === -1 ? (step > 0 ? 0 : -1) : (index + step) % entries.length)?.focus();
    event.preventDefault();
  }
});
