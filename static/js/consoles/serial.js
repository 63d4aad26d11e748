// The serial console of a VM in a terminal. All viewers see the same, one of them writes.

import "./styles.js"; // before the terminal
import { FitAddon } from "../../vendor/xterm-fit/addon-fit.js";
import { Terminal } from "../../vendor/xterm/xterm.js";
import { Connection, fullScreen } from "./connection.js";

const panel = document.querySelector("[data-serial]");
const screen = panel.querySelector("[data-screen]");
const log = document.getElementById("log");
const button = (name) => panel.querySelector(`[data-act="${name}"]`);

const terminal = new Terminal({
  cursorBlink: true,
  fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--mono"),
  fontSize: 13,
  scrollback: 5000,
  theme: { background: "#0d1117", foreground: "#d7dde4" },
});
const fit = new FitAddon();
terminal.loadAddon(fit);

let replayed = 0; // bytes of the scrollback that are still to come: the terminal's answers to them are nobody's input
let mayWrite = false;
const encoder = new TextEncoder();

const connection = new Connection(panel, {
  opened({ scrollback }) {
    panel.hidden = screen.hidden = false;
    log.hidden = true;
    if (!terminal.element) {
      terminal.open(screen);
      new ResizeObserver(() => fit.fit()).observe(screen);
    }
    fit.fit();
    terminal.reset();
    replayed = scrollback;
    terminal.focus();
  },
  data(data) {
    const bytes = new Uint8Array(data);
    terminal.write(bytes, () => {
      replayed -= bytes.length;
      connection.tell({ type: "shown", bytes: bytes.length });
    });
  },
  told(message) {
    if (message.type === "skipped") {
      terminal.write(`\r\n\x1b[0m--- ${message.bytes} bytes were skipped ---\r\n`);
    } else if (message.type === "writer") {
      showWriter(message);
    }
  },
  closed() {
    mayWrite = terminal.options.cursorBlink = false;
    button("control").hidden = true;
  },
});

function showWriter({ you, name, others }) {
  mayWrite = terminal.options.cursorBlink = you;
  terminal.options.disableStdin = !you;
  button("control").hidden = you;
  button("size").disabled = button("paste").disabled = !you;
  const viewers = others === 0 ? "" : others === 1 ? ", 1 other viewer" : `, ${others} other viewers`;
  connection.say((you ? "You have control" : name ? `Read-only, ${name} has control` : "Read-only, nobody has control") + viewers);
}

terminal.onData((text) => {
  if (mayWrite && replayed <= 0) connection.send(encoder.encode(text));
});

terminal.attachCustomKeyEventHandler((event) => {
  if (event.type !== "keydown" || !event.ctrlKey || !event.shiftKey) return true;
  if (event.code === "KeyC") {
    event.preventDefault();
    copy();
    return false;
  }
  return event.code !== "KeyV"; // the browser pastes
});

function copy() {
  if (terminal.hasSelection()) navigator.clipboard?.writeText(terminal.getSelection());
  terminal.focus();
}

button("copy").hidden = button("paste").hidden = !navigator.clipboard; // which browsers have only with TLS
button("copy").addEventListener("click", copy);
button("paste").addEventListener("click", async () => {
  terminal.paste(await navigator.clipboard.readText());
  terminal.focus();
});
button("control").addEventListener("click", () => {
  connection.tell({ type: "control" });
  terminal.focus();
});
button("size").addEventListener("click", () => {
  connection.send(encoder.encode(`stty rows ${terminal.rows} cols ${terminal.cols}\r`));
  terminal.focus();
});
fullScreen(button("full"), screen);

panel.hidden = false;
connection.open();
