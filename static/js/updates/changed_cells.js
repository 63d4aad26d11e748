// A cell that an update changed is marked for a moment.

const live = "[hx-trigger=live]"; // what updates itself

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
