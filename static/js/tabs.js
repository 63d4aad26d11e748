// On a narrow screen the main navigation and the tabs scroll: the entry that is shown is brought into view.

addEventListener("DOMContentLoaded", () => {
  for (const tabs of document.querySelectorAll(".tabs, .sidebar .main")) {
    const shown = tabs.querySelector("[aria-current]");
    if (shown) tabs.scrollLeft = shown.offsetLeft - tabs.offsetLeft - (tabs.clientWidth - shown.offsetWidth) / 2;
  }
});
