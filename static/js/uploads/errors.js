// Shows the errors of a form that a script has sent, as the page itself shows them: at their fields, others above.

export function showErrors(form, errors) {
  form.querySelectorAll("[data-error]").forEach((field) => field.removeAttribute("data-error"));
  form.querySelectorAll(".field > .error, p[role=alert]").forEach((old) => old.remove());
  const above = [...(errors.__all__ ?? [])];
  let first;
  for (const [name, texts] of Object.entries(errors).filter(([name]) => name !== "__all__")) {
    const control = form.elements[name];
    const field = control?.closest?.(".field");
    if (!field) above.push(...texts);
    else first ??= atField(control, field, texts);
  }
  for (const text of above.reverse()) {
    const said = Object.assign(document.createElement("p"), { className: "note failed", textContent: text, tabIndex: -1 });
    said.setAttribute("role", "alert");
    form.prepend(said);
    first = said;
  }
  first?.focus();
}

function atField(control, field, texts) {
  field.setAttribute("data-error", "");
  for (const text of texts) {
    const said = Object.assign(document.createElement("div"), { className: "error", textContent: text, id: `${control.id}_error` });
    field.insertBefore(said, field.querySelector("small"));
  }
  control.setAttribute("aria-describedby", `${control.id}_error ${control.id}_helptext`);
  return control;
}
