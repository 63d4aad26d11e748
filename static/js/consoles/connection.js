// The websocket of a console. It connects again by itself after a failure that can pass, and the panel says what is
// wrong, with Retry, and Take over where somebody else has the console.

const FIRST_PAUSE = 1000; // ms until it connects again when the portal does not answer; doubled up to the longest
const LONGEST_PAUSE = 10000;
const ATTEMPTS = 2; // after which the page itself is asked whether the user is still signed in

const ANSWERS = {
  0: "You are signed out. Log in again in another tab, then retry.", // it leads to the sign-in
  401: "You are signed out. Log in again in another tab, then retry.",
  403: "You may no longer open this console.",
  404: "The VM is no longer there: it was deleted or renamed.",
};

export class Connection {
  // `on` has the functions opened(message), data(bytes), told(message) and closed().
  constructor(panel, on) {
    this.panel = panel;
    this.on = on;
    this.attempts = 0;
    this.note = panel.querySelector("[data-failure]");
    this.status = panel.querySelector("[data-status]");
    this.note.querySelector("[data-retry]").addEventListener("click", () => this.open());
    this.note.querySelector("[data-take]").addEventListener("click", () => this.open(true));
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  open(take = false) {
    clearTimeout(this.timer);
    this.socket?.close();
    const address = new URL(this.panel.dataset.socket, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    if (take) address.searchParams.set("take", 1);
    const socket = this.socket = new WebSocket(address);
    this.failure = undefined;
    this.panel.dataset.state ??= "connecting";
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => this.socket === socket && this.#received(data);
    socket.onclose = () => this.socket === socket && this.#ended();
  }

  send(bytes) {
    if (this.isOpen) this.socket.send(bytes);
  }

  tell(message) {
    this.send(JSON.stringify(message));
  }

  say(text) {
    this.status.textContent = text;
  }

  #received(data) {
    if (typeof data !== "string") return this.on.data(data);
    const message = JSON.parse(data);
    if (message.type === "failed") this.failure = message;
    else if (message.type !== "opened") this.on.told(message);
    else {
      this.attempts = 0;
      this.note.hidden = true;
      this.panel.dataset.state = "open";
      this.on.opened(message);
    }
  }

  #ended() {
    this.panel.dataset.state = "closed";
    this.say("Not connected");
    this.on.closed();
    if (!this.failure) return this.#lost();
    const { reason, retry, may_take: mayTake } = this.failure;
    this.#show(reason, mayTake);
    if (retry) this.timer = setTimeout(() => this.open(), retry * 1000);
  }

  async #lost() {
    const pause = Math.min(FIRST_PAUSE * 2 ** this.attempts, LONGEST_PAUSE);
    this.attempts += 1;
    this.#show("The connection to the portal was lost. It is tried again.");
    this.timer = setTimeout(() => this.open(), pause);
    if (this.attempts <= ATTEMPTS) return;
    const answer = await fetch(location.href, { redirect: "manual" }).catch(() => undefined);
    if (!answer || !(answer.status in ANSWERS) || this.isOpen) return;
    clearTimeout(this.timer);
    this.#show(ANSWERS[answer.status]);
  }

  #show(reason, mayTake = false) {
    this.note.querySelector("[data-reason]").textContent = reason;
    this.note.querySelector("[data-take]").hidden = !mayTake;
    this.note.hidden = false;
  }
}

export function fullScreen(button, element) {
  if (element.requestFullscreen) button.addEventListener("click", () => element.requestFullscreen());
  else button.hidden = true;
}
