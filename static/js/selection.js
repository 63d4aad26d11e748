// Rows of a list are selected: the heading's checkbox selects all, and the bar of bulk actions appears when any is.

const boxesOf = (name) => [...document.querySelectorAll(`tbody input[type=checkbox][name="${name}"]`)];

function showSelection() {
  for (const bar of document.querySelectorAll("form[data-bulk]")) {
    const boxes = boxesOf(bar.dataset.bulk);
    const selected = boxes.filter((box) => box.checked).length;
    const all = bar.querySelector("input[name=all]");
    bar.classList.toggle("shown", selected > 0 || Boolean(all?.checked));
    bar.querySelector("[data-count]").textContent = `${selected} selected`;
    const heading = document.querySelector(`input[data-picks="${bar.dataset.bulk}"]`);
    if (!heading) continue;
    heading.checked = selected > 0 && selected === boxes.length;
    heading.indeterminate = selected > 0 && selected < boxes.length;
  }
}

addEventListener("change", ({ target }) => {
  if (target.matches?.("input[data-picks]")) for (const box of boxesOf(target.dataset.picks)) box.checked = target.checked;
  if (target.matches?.("input[type=checkbox]")) showSelection();
});

addEventListener("click", ({ target }) => {
  const bar = target.closest?.("[data-clear]")?.closest("form[data-bulk]");
  if (!bar) return;
  for (const box of [...boxesOf(bar.dataset.bulk), bar.querySelector("input[name=all]")]) if (box) box.checked = false;
  showSelection();
});

addEventListener("DOMContentLoaded", showSelection);
addEventListener("pageshow", showSelection);
addEventListener("htmx:after:swap", showSelection);
