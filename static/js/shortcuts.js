// Keys for the whole page: / searches, n adds, arrows walk the rows of a table, Escape leaves, ? shows the help.

// htmx loads the help of the page into the dialog; without scripts, the link leads to it.
addEventListener("click", (event) => {
  if (!event.target.closest("a[data-help]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  document.getElementById("shortcuts").showModal();
});

addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") {
    if (typing) typing.blur();
    else document.querySelector("main form .actions a.button, main a[data-leave]")?.click();
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    document.querySelector("input[type=search]")?.focus();
    event.preventDefault();
  } else if (event.key === "?") {
    const help = document.querySelector("a[data-help]");
    if (help) help.click();
    else document.getElementById("shortcuts")?.showModal();
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
