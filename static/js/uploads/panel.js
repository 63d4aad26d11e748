// Shows an upload: bytes, rate and percent, and the buttons that pause, resume and discard it.

const WINDOW = 3000; // milliseconds, over which the rate is measured

function size(bytes) {
  const mebibytes = bytes / 1024 ** 2;
  return mebibytes >= 1024 ? `${(mebibytes / 1024).toFixed(1)} GiB` : `${mebibytes.toFixed(1)} MiB`;
}

export class Panel {
  constructor(element) {
    this.element = element;
    [this.status, this.bar, this.amount] = ["[role=status]", "progress", ".amount"].map((each) => element.querySelector(each));
    [this.pauseButton, this.discardButton] = ["[data-pause]", "[data-discard]"].map((each) => element.querySelector(each));
  }

  begin(file, { pause, resume, discard }) {
    this.file = file;
    this.pauseButton.onclick = () => {
      if (this.stopped) {
        this.go();
        resume();
      } else {
        pause();
        this.stop("Paused.");
      }
    };
    this.discardButton.onclick = () => {
      this.say("Discarding the upload.");
      discard();
    };
    this.bar.value = 0;
    this.amount.textContent = "";
    this.element.hidden = false;
    this.go();
    this.pauseButton.focus();
  }

  go() {
    this.stopped = false;
    this.moments = [];
    this.pauseButton.textContent = "Pause";
    this.say(`Uploading ${this.file.name}.`);
  }

  stop(text) {
    this.stopped = true;
    this.pauseButton.textContent = "Resume";
    this.say(text);
  }

  say(text, failed = false) {
    this.status.textContent = text;
    this.status.className = failed ? "error" : "";
    this.interrupted = text.startsWith("The connection");
  }

  progress(sent, total) {
    if (this.stopped) return;
    if (this.interrupted) this.say(`Uploading ${this.file.name}.`);
    const now = performance.now();
    this.moments = [...this.moments.filter(([at]) => now - at < WINDOW), [now, sent]];
    const [[since, before]] = this.moments;
    const rate = now > since ? `, ${size((1000 * (sent - before)) / (now - since))}/s` : "";
    const percent = Math.floor((100 * sent) / total);
    this.bar.value = percent;
    this.amount.textContent = `${percent} %, ${size(sent)} of ${size(total)}${rate}`;
  }

  failed(text) {
    this.stop(text);
    this.status.className = "error";
  }

  hide() {
    const inside = this.element.contains(document.activeElement);
    this.element.hidden = true;
    if (inside) this.element.closest("form").querySelector("input:not([type=hidden])")?.focus();
  }
}
