// On a narrow screen the tabs scroll: the one that is shown is brought into view.

addEventListener("DOMContentLoaded", () => {
  for (const tabs of document.querySelectorAll(".tabs")) {
    const shown = tabs.querySelector("[aria-current]");
    if (shown) tabs.scrollLeft = shown.offsetLeft - tabs.offsetLeft - (tabs.clientWidth - shown.offsetWidth) / 2;
  }
});
