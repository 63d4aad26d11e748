// The VNC display of a VM. The portal logs in to it; keys and pointer reach it unless the user only views.

import RFB from "../../vendor/novnc/core/rfb.js";
import keysyms from "../../vendor/novnc/core/input/keysymdef.js";
import { Connection, fullScreen } from "./connection.js";

const panel = document.querySelector("[data-display]");
const screen = panel.querySelector("[data-screen]");
const name = panel.dataset.display;
const button = (act) => panel.querySelector(`[data-act="${act}"]`);
const text = panel.querySelector("textarea");
const [viewOnly, scaled] = ["view-only", "scale"].map((act) => button(act));

const CONTROL = [0xffe3, "ControlLeft"];
const ALT = [0xffe9, "AltLeft"];
const RETURN = 0xff0d;
const KEYS = {
  "ctrl-alt-del": [CONTROL, ALT, [0xffff, "Delete"]],
  "ctrl-alt-backspace": [CONTROL, ALT, [0xff08, "Backspace"]],
  "alt-tab": [ALT, [0xff09, "Tab"]],
  "alt-f4": [ALT, [0xffc1, "F4"]],
  super: [[0xffeb, "MetaLeft"]],
  print: [[0xff61, "PrintScreen"]],
  escape: [[0xff1b, "Escape"]],
};
for (const number of [1, 2, 3, 7])
  KEYS[`ctrl-alt-f${number}`] = [CONTROL, ALT, [0xffbd + number, `F${number}`]];

let rfb;
let channel; // what noVNC takes for its websocket: the part of the connection that is VNC

const connection = new Connection(panel, {
  opened() {
    connection.say("Connected");
    screen.hidden = false;
    channel = {
      binaryType: "arraybuffer",
      protocol: "",
      readyState: "open",
      onopen: null, onmessage: null, onerror: null, onclose: null,
      send: (data) => connection.send(data),
      close() {},
    };
    screen.replaceChildren();
    rfb = new RFB(screen, channel, { shared: true });
    rfb.addEventListener("clipboard", ({ detail }) => { text.value = detail.text; });
    rfb.addEventListener("connect", () => { panel.dataset.state = "shown"; });
    rfb.background = "#0d1117";
    apply();
    rfb.focus();
  },
  data(data) {
    channel.onmessage?.({ data });
  },
  told() {},
  closed() {
    channel?.onclose?.({ code: 1000, reason: "", wasClean: true });
  },
});

function apply() {
  connection.tell({ type: "write", on: !viewOnly.checked });
  if (!rfb) return;
  rfb.viewOnly = viewOnly.checked;
  rfb.scaleViewport = scaled.checked;
  rfb.clipViewport = !scaled.checked;
  rfb.dragViewport = false;
}

function press(keys) {
  for (const [keysym, code] of keys) rfb.sendKey(keysym, code, true);
  for (const [keysym, code] of keys.toReversed()) rfb.sendKey(keysym, code, false);
}

function type(characters) {
  for (const character of characters)
    rfb.sendKey(character === "\n" ? RETURN : keysyms.lookup(character.codePointAt(0)), null);
}

viewOnly.addEventListener("change", apply);
scaled.addEventListener("change", apply);
panel.addEventListener("click", ({ target }) => {
  const keys = target.closest("[data-keys]")?.dataset.keys;
  if (!keys || !rfb) return;
  press(KEYS[keys]);
  target.closest("details").open = false;
  rfb.focus();
});
button("clipboard").addEventListener("click", () => rfb?.clipboardPasteFrom(text.value));
button("type").addEventListener("click", () => rfb && type(text.value));
button("screenshot").addEventListener("click", () => rfb?.toBlob((picture) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(picture);
  link.download = `${name}-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.png`;
  link.click();
  URL.revokeObjectURL(link.href);
}));
fullScreen(button("full"), screen);

panel.hidden = false;
connection.open();
