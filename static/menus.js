// Menus of rare actions are <details>: they open by themselves. Here they close again, and are walked by arrow keys.

const openMenus = () => document.querySelectorAll("details.menu[open]");

addEventListener("click", (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
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
