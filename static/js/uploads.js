// Uploads show how much has gone: fetch cannot tell, XMLHttpRequest can.

addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-upload]");
  if (!form || !form.querySelector("input[type=file]")?.files.length) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const bar = form.querySelector("progress");
  const request = new XMLHttpRequest();
  request.open("POST", form.action || location.href);
  request.upload.onprogress = ({ loaded, total }) => {
    bar.hidden = false;
    bar.value = (100 * loaded) / total;
  };
  request.onload = () => {
    if (request.status >= 400) {
      document.body.replaceWith(new DOMParser().parseFromString(request.responseText, "text/html").body);
      htmx.process(document.body);
    } else location.href = request.responseURL;
  };
  request.onerror = () => {
    bar.hidden = true;
    const said = Object.assign(document.createElement("p"), { className: "error", role: "alert" });
    said.textContent = "The upload was interrupted, and nothing was saved: the connection was lost, or the file is larger "
      + "than the disk space of the portal.";
    form.querySelector("[role=alert]")?.remove();
    form.append(said);
  };
  request.send(new FormData(form));
}, true);
