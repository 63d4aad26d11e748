// What has more content than room can be scrolled by keyboard, and says what it is.

const REGIONS = ".scroll, pre, .plan, .admin :is(.results, .readonly, .tabular)";
const PLACES = "section, fieldset, figure, details, aside, main";
const HEADINGS = "h1, h2, h3, legend, summary, figcaption, caption";
const marked = new WeakSet(); // those that are focusable because of this

function titleOf(region) {
  for (let place = region.closest(PLACES); place; place = place.parentElement?.closest(PLACES)) {
    const heading = place.querySelector(HEADINGS);
    if (heading) return heading.textContent.replace(/\s+/g, " ").trim();
  }
  return document.title;
}

function mark(region) {
  const scrolls = region.scrollWidth > region.clientWidth || region.scrollHeight > region.clientHeight;
  if (marked.has(region) ? scrolls && region.hasAttribute("aria-label") : !scrolls || region.hasAttribute("tabindex")) return;
  if (scrolls) {
    marked.add(region);
    region.tabIndex = 0;
    region.setAttribute("role", "group");
    region.setAttribute("aria-label", titleOf(region));
  } else {
    marked.delete(region);
    for (const name of ["tabindex", "role", "aria-label"]) region.removeAttribute(name);
  }
}

let planned = 0;

function plan() {
  planned ||= requestAnimationFrame(() => {
    planned = 0;
    for (const region of document.querySelectorAll(REGIONS)) mark(region);
  });
}

addEventListener("DOMContentLoaded", plan);
addEventListener("load", plan);
addEventListener("resize", plan);
addEventListener("toggle", plan, true);
addEventListener("htmx:after:swap", plan); // a morph removes the name
