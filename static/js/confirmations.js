// A link to a page that asks for a confirmation opens it as a dialog. What is refused is shown there; what is done leads
// to the page that follows it. Without scripts, the link leads to the page.

const REQUEST = {
  target: "#confirmation",
  select: "#main > :not(#connection, #trouble, .crumbs, .help)",
  swap: "innerHTML ignoreTitle:true",
  headers: { "X-Dialog": "yes" }, // the answer names the page that follows, instead of redirecting to it
};
let url = "", link, isLoading = false;

const dialog = () => document.getElementById("confirmation");

// Returns once the answer is shown; failed_updates.js says why one is not.
async function load(method, address, options) {
  if (isLoading) return;
  isLoading = true;
  dialog().ariaBusy = "true";
  try {
    await htmx.ajax(method, address, { ...REQUEST, ...options });
  } finally {
    isLoading = false;
    dialog().ariaBusy = null;
  }
}

// What is refused, or what was typed wrong, has the focus; otherwise the heading, from which the text is read.
function focus() {
  const heading = dialog().querySelector("h1");
  heading.id = "confirmation-title";
  heading.tabIndex = -1;
  (dialog().querySelector("[autofocus]") ?? heading).focus();
}

async function open() {
  await load("GET", url, { source: "#confirmation" });
  if (!dialog().querySelector("h1")) return;
  dialog().showModal();
  focus();
}

// The link may be in a menu that is closed by now, or an update may have replaced it.
function focusLink() {
  const same = [...document.querySelectorAll("a[data-confirm]")].find((each) => each.href === url);
  const found = link.isConnected ? link : same;
  if (found?.checkVisibility()) found.focus();
  else found?.closest("details.menu")?.querySelector("summary").focus();
}

addEventListener("click", (event) => {
  const { target, button, ctrlKey, metaKey, shiftKey } = event;
  const clicked = target.closest?.("a[data-confirm]");
  if (clicked && !button && !ctrlKey && !metaKey && !shiftKey) {
    event.preventDefault();
    [link, url] = [clicked, clicked.href];
    open();
  } else if (target.closest?.("#confirmation .actions a.button")) {
    event.preventDefault();
    dialog().close();
  }
});

addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.closest("#confirmation")) return;
  event.preventDefault();
  await load("POST", form.getAttribute("action") ?? url, { source: form, event });
  if (dialog().open && !form.isConnected) focus();
});

// The banner beneath the dialog says what is wrong.
addEventListener("htmx:after:request", (event) => {
  if (event.defaultPrevented && event.detail.ctx.target === dialog()) dialog().close();
});
addEventListener("htmx:error", ({ detail }) => {
  if (detail.ctx?.target === dialog()) dialog().close();
});

addEventListener("close", ({ target }) => {
  if (target !== dialog()) return;
  target.replaceChildren();
  focusLink();
}, true);
