// Files of a form with data-upload go to the server in pieces (tus), so that a lost connection, a reload of the page or a
// restart of the portal costs nothing that has arrived. Without this script the form sends the file by itself.

let running; // the upload of this page

const ofForm = () => document.querySelector("form[data-upload]");

// Loaded by the few pages that upload, and only then.
async function load() {
  const [{ showErrors }, { Panel }, { Sending }] = await Promise.all([
    import("./uploads/errors.js"),
    import("./uploads/panel.js"),
    import("./uploads/sending.js"),
    import("../vendor/tus/tus.min.js"), // sets a global name
  ]);
  return { showErrors, Panel, Sending };
}

async function send(form, file, target) {
  const button = form.querySelector("button.primary");
  running = button.disabled = true;
  const { showErrors, Panel, Sending } = await load();
  const panel = new Panel(form.querySelector(".upload"));
  const stop = () => {
    panel.hide();
    running = button.disabled = false;
  };
  const sending = new Sending(file, target, {
    progress: (sent, total) => panel.progress(sent, total),
    retrying: () => panel.say("The connection is interrupted. Trying again."),
    done: () => location.assign(form.action || location.pathname),
    failed: ({ errors, text, final }) => {
      if (final) stop();
      if (errors) showErrors(form, errors);
      else panel.failed(text);
    },
  });
  panel.begin(file, {
    pause: () => sending.pause(),
    resume: () => sending.start(),
    discard: () => sending.discard().then(stop),
  });
  showErrors(form, {});
  await sending.start();
}

addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-upload]");
  const file = form?.querySelector("input[type=file]")?.files[0];
  if (!file) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (running) return;
  const fields = [...new FormData(form)].filter(([name, value]) => name !== "csrfmiddlewaretoken" && value && !(value instanceof File));
  const metadata = { ...Object.fromEntries(fields), filename: file.name };
  send(form, file, { endpoint: form.dataset.upload, metadata }).catch(() => form.submit());
}, true);

// A row of unfinished uploads asks for its file again: browsers do not keep files over a reload.
addEventListener("click", ({ target }) => {
  const button = target.closest?.("button[data-resume]");
  const form = ofForm();
  if (!button || !form || running) return;
  const { resume, file: name, length } = button.dataset;
  const input = Object.assign(document.createElement("input"), { type: "file" });
  input.addEventListener("change", async () => {
    const file = input.files[0];
    const { showErrors } = await load();
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
