// A console is followed while it is unfolded and in view, and nobody is selecting in it.

addEventListener("htmx:config:request", (event) => {
  const { sourceElement } = event.detail.ctx;
  if (sourceElement.id !== "console") return;
  const selected = !getSelection().isCollapsed && sourceElement.contains(getSelection().anchorNode);
  if (document.hidden || selected || sourceElement.closest("details:not([open]), [hidden]")) event.preventDefault();
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
