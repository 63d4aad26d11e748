// Files of a form with data-upload go to the server in pieces (tus), so that a lost connection, a reload of the page or a
// restart of the portal costs nothing that has arrived. Without this script the form sends the file by itself.

import { showErrors } from "./uploads/errors.js";
import { Panel } from "./uploads/panel.js";
import { Sending } from "./uploads/sending.js";

let running; // the upload of this page

const ofForm = () => document.querySelector("form[data-upload]");

async function send(form, file, target) {
  const panel = new Panel(form.querySelector(".upload"));
  const button = form.querySelector("button.primary");
  button.disabled = true;
  running = new Sending(file, target, {
    progress: (sent, total) => panel.progress(sent, total),
    retrying: () => panel.say("The connection is interrupted. Trying again."),
    done: () => location.assign(form.action || location.pathname),
    failed: ({ errors, text, final }) => {
      if (final) stop();
      if (errors) showErrors(form, errors);
      else panel.failed(text);
    },
  });
  const stop = () => {
    panel.hide();
    button.disabled = false;
    running = undefined;
  };
  panel.begin(file, {
    pause: () => running.pause(),
    resume: () => running.start(),
    discard: async () => {
      await running.discard();
      stop();
    },
  });
  showErrors(form, {});
  await running.start();
}

addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-upload]");
  const file = form?.querySelector("input[type=file]")?.files[0];
  if (!file) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (running) return;
  const fields = [...new FormData(form)].filter(([name, value]) => name !== "csrfmiddlewaretoken" && value && !(value instanceof File));
  send(form, file, { endpoint: form.dataset.upload, metadata: { ...Object.fromEntries(fields), filename: file.name } });
}, true);

// A row of unfinished uploads asks for its file again: browsers do not keep files over a reload.
addEventListener("click", ({ target }) => {
  const button = target.closest?.("button[data-resume]");
  const form = ofForm();
  if (!button || !form || running) return;
  const { resume, file: name, length } = button.dataset;
  const input = Object.assign(document.createElement("input"), { type: "file" });
  input.addEventListener("change", () => {
    const file = input.files[0];
    if (file.name === name && String(file.size) === length) {
      send(form, file, { uploadUrl: resume });
      form.querySelector(".upload").scrollIntoView({ block: "nearest" });
    } else {
      const size = Number(length).toLocaleString("en");
      showErrors(form, { __all__: [`${file.name} is not the file of this upload. Choose ${name} with ${size} bytes.`] });
    }
  });
  input.click();
});
