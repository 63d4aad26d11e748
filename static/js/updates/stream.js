// One stream of server-sent events brings the fragments of the page that have changed. A hidden tab closes it, and gets
// what it missed when it is shown again. While there is no stream, because a proxy holds it back, the portal is being
// restarted or the session has ended, the page asks for its fragments by itself, and gets 304 for those it has.

import { polled } from "./ages.js";
import { token } from "./csrf_token.js";
import { succeeded } from "./failed_updates.js";

const LIVE = "[hx-trigger=live]";
const OPENED_WITHIN = 5000; // ms: a stream that has not begun by then is held back
const SILENT_AFTER = 45000; // ms: the portal says something every twenty seconds
const POLL = 3000; // ms between two polls without a stream
const RECONNECT = 6000; // ms, after an answer that is no stream; otherwise the browser connects again by itself
const TOKEN_OF_FORM = 'name="csrfmiddlewaretoken" value="'; // the stream brings no tokens
const GATHER = 300; // ms in which parts of the page that are being loaded arrive

let source; // the stream
let shown = ""; // the URLs of its fragments
let seen = ""; // the ID of the last event
let current = 0; // ms since the page was made, at which it was up to date
const received = new Map(); // the lines of fragments, by URL
let failing = false; // whether the stream has failed
let polling, silence, again, gathering;

const urls = () => [...new Set([...document.querySelectorAll(LIVE)].map((each) => each.getAttribute("hx-get")))];

function connect() {
  close();
  const wanted = urls();
  if (document.hidden || !wanted.length) return;
  const query = new URLSearchParams(wanted.map((url) => ["f", url]));
  if (seen && shown === wanted.join(" ")) query.set("seen", seen);
  else query.set("age", Math.round(performance.now() - current));
  shown = wanted.join(" ");
  source = new EventSource(`/events/?${query}`);
  for (const [name, handle] of Object.entries(HANDLERS)) source.addEventListener(name, (event) => {
    if (event.lastEventId) seen = event.lastEventId;
    current = performance.now();
    stopPolling();
    expectWithin(SILENT_AFTER);
    handle(event.data);
  });
  source.addEventListener("error", failed);
  expectWithin(OPENED_WITHIN);
}

const HANDLERS = {
  ready() {
    received.clear();
    if (failing) askAll(); // the answers end the banner about what has failed
    failing = false;
  },
  polled: (data) => polled(JSON.parse(data)),
  fragment(data) {
    const [url, ...lines] = data.split("\n");
    show(url, lines);
  },
  patch(data) {
    const [url, changes] = JSON.parse(data);
    const lines = received.get(url);
    if (!lines) return ofURL(url).forEach(ask);
    for (const [start, end, others] of changes.reverse()) lines.splice(start, end - start, ...others);
    show(url, lines);
  },
  fetch: (url) => ofURL(url).forEach(ask),
  seen() {}, // its ID is kept, as that of any event
};

const ofURL = (url) => [...document.querySelectorAll(LIVE)].filter((each) => each.getAttribute("hx-get") === url);
const ask = (element) => element.dispatchEvent(new Event("live"));
const askAll = () => document.hidden || document.querySelectorAll(LIVE).forEach(ask);

function show(url, lines) {
  received.set(url, lines);
  const text = lines.join("\n").replaceAll(TOKEN_OF_FORM, `$&${token() ?? ""}`);
  for (const element of ofURL(url)) {
    htmx.swap({ sourceElement: element, target: element, text, swap: "outerMorph" });
    succeeded(element);
  }
}

function failed() {
  failing = true;
  poll();
  if (source?.readyState !== EventSource.CLOSED) return;
  close();
  again = setTimeout(connect, RECONNECT);
}

function poll() {
  if (polling) return;
  polling = setInterval(askAll, POLL);
  askAll();
}

function stopPolling() {
  clearInterval(polling);
  polling = undefined;
}

function expectWithin(wait) {
  clearTimeout(silence);
  silence = setTimeout(poll, wait);
}

function close() {
  clearTimeout(again);
  clearTimeout(silence);
  source?.close();
  source = undefined;
}

addEventListener("visibilitychange", () => {
  stopPolling();
  document.hidden ? close() : connect();
}, true);
addEventListener("pagehide", close);
addEventListener("pageshow", (event) => event.persisted && connect());

// Fragments that are loaded later, and forms that bring others, belong to the stream as well.
addEventListener("htmx:after:swap", () => {
  clearTimeout(gathering);
  gathering = setTimeout(() => urls().join(" ") === shown || connect(), GATHER);
});
addEventListener("load", () => (gathering = setTimeout(connect, GATHER)));
