// A form with data-passkey is sent with the answer of a passkey: "get" signs a request, "create" makes a new passkey.
// The request is in the form as JSON, or comes from the address in data-options-url.

const forms = document.querySelectorAll("form[data-passkey]");
const supported = globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON;

function complain(form, text) {
  form.querySelector("[role=alert]")?.remove();
  const said = Object.assign(document.createElement("p"), { className: "note failed", textContent: text });
  said.setAttribute("role", "alert");
  form.prepend(said);
}

async function request(form) {
  const address = form.dataset.optionsUrl;
  if (!address) return JSON.parse(form.querySelector("script[type='application/json']").textContent);
  const answer = await fetch(address, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.json();
}

async function answer(form) {
  const { creation_options: create, request_options: get } = await request(form);
  if (form.dataset.passkey === "get") {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(get.publicKey);
    return navigator.credentials.get({ publicKey });
  }
  if (form.elements.passwordless?.checked) {
    const required = { residentKey: "required", requireResidentKey: true, userVerification: "required" };
    Object.assign(create.publicKey.authenticatorSelection, required);
  }
  return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(create.publicKey) });
}

forms.forEach((form) => {
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!supported) return complain(form, "This browser does not support passkeys here. They need HTTPS and a current browser.");
    try {
      form.elements.credential.value = JSON.stringify(await answer(form));
      form.submit();
    } catch (error) {
      complain(form, error.name === "NotAllowedError" ? "No passkey was used. Try again." : `The passkey failed: ${error.message}`);
    }
  });
});
