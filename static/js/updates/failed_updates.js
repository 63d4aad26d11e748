// Keeps pages honest while they update themselves: an answer that is an error never replaces what is on the page. The
// fragment stays, labelled with its age, its updates go on, and one banner says what is wrong and since when.

const failures = new Map(); // by the id of the element that an answer was for: what is wrong, and since when
const SHOWN_AFTER = 1000; // ms: a page that is being left, or one lost request, is nothing to report
const RETRY_AFTER = 3000; // ms, for what does not update itself: what is loaded once, and previews of forms
const CLICK_REPORTED = 10000; // ms, for which a click that failed is reported

const REASONS = {
  401: () => "You are signed out.",
  403: () => "You do not have permission to see this.",
  404: () => "What this page shows is no longer there: it was deleted or renamed.",
  409: () => "Somebody else has changed this in the meantime.",
  413: () => "What you sent is larger than the portal accepts.",
  429: () => "The portal receives too many requests from you.",
  502: () => "The proxy in front of the portal cannot reach it.",
  503: () => "The portal is overloaded or being restarted.",
  504: () => "The portal does not answer the proxy in front of it.",
};

function reasonOf(response, text) {
  if (response.headers.get("content-type")?.startsWith("text/plain") && text.trim() && text.length < 300) return text.trim();
  const known = REASONS[response.status];
  if (known) return known();
  return response.status >= 500
    ? `The portal has an internal error (${response.status}). Its log says more.`
    : `The portal does not accept this (${response.status}).`;
}

function elementFor({ sourceElement, target }) {
  return (target instanceof Element ? target : target && document.querySelector(target)) || sourceElement;
}

// A proxy's page or a sign-in page answers 200, too; the fragment has the id of what it replaces.
function isFragment(element, { response, text }) {
  if (response.status === 204 || response.status === 304) return true;
  return !element.id || text.includes(`id="${element.id}"`);
}

addEventListener("htmx:after:request", (event) => {
  const { ctx } = event.detail;
  const element = elementFor(ctx);
  const { status, raw } = ctx.response;
  const isRefusal = element.id === "confirmation" && [409, 422].includes(status); // a page that says why
  if ((status < 400 || isRefusal) && !raw.redirected && isFragment(element, ctx)) return succeeded(element);
  event.preventDefault();
  failed(ctx, element, status >= 400 ? reasonOf(raw, ctx.text) : "Another server answered instead of the portal.", status);
});

addEventListener("htmx:error", (event) => {
  const { ctx } = event.detail;
  if (ctx && !ctx.response) failed(ctx, elementFor(ctx), "The portal cannot be reached.", 0);
});

function failed(ctx, element, reason, status) {
  if (!element.isConnected) return;
  const key = element.id || "page";
  const since = failures.get(key)?.since ?? new Date();
  failures.set(key, { element, reason, status, since });
  setTimeout(report, SHOWN_AFTER);
  retry(ctx.sourceElement, element);
}

function retry(source, element) {
  const trigger = source.getAttribute("hx-trigger") ?? "";
  const later = (what, wait) => setTimeout(() => source.isConnected && what(), wait);
  if (trigger === "live" || trigger.includes("every")) return;
  if (trigger === "load") later(() => htmx.process(source, true), RETRY_AFTER);
  else if (source.matches("form[hx-post]")) later(() => htmx.trigger(source, "change"), RETRY_AFTER);
  else later(() => succeeded(element), CLICK_REPORTED);
}

export function succeeded(element) {
  if (!failures.delete(element.id || "page")) return;
  element.removeAttribute("data-stale");
  report();
}

// One banner: of several failures the one that explains the others, which is that the person is signed out.
function report() {
  const banner = document.getElementById("connection");
  for (const [key, { element }] of failures) if (!element.isConnected) failures.delete(key);
  for (const { element, since } of failures.values()) element.dataset.stale = `As of ${clock(since)}. Not updated since.`;
  const worst = [...failures.values()].sort((a, b) => (b.status === 401) - (a.status === 401) || a.since - b.since)[0];
  banner.hidden = !worst;
  if (!worst) return banner.replaceChildren();
  const line = document.createElement("p");
  const strong = document.createElement("strong");
  strong.textContent = worst.reason;
  line.append(strong, ` Since ${clock(worst.since)}; the page shows what was there before. `, wayOut(worst.status));
  if (banner.textContent !== line.textContent) banner.replaceChildren(line);
}

function wayOut(status) {
  if (status === 401) return link(`/login/?next=${encodeURIComponent(location.pathname + location.search)}`,
    "Sign in in a new tab", "; this page then continues, and what you typed stays.");
  if (status === 404) return link(location.pathname.startsWith("/vms/") ? "/vms/" : "/networks/", "Back to the list");
  return "The page retries automatically.";
}

function link(href, text, after = "") {
  const both = new DocumentFragment();
  const a = Object.assign(document.createElement("a"), { href, textContent: text });
  if (after) a.target = "_blank";
  both.append(a, after);
  return both;
}

const clock = (at) => at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });

// A form that is sent while its sender is signed out would lose what was typed.
addEventListener("submit", (event) => {
  const signedOut = [...failures.values()].some(({ status }) => status === 401);
  if (!signedOut || event.target.method !== "post" || event.target.closest("#connection")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  event.target.closest("dialog")?.close();
  document.getElementById("connection").scrollIntoView();
}, true);
