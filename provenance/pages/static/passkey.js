// Passkeys on the staff's pages: asks the browser for one, and sends what it answers.
// Without this script, or without passkeys, the other ways to sign in are there.

const toBytes = (text) => {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
};

const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const known = (list) => (list ?? []).map((one) => ({ ...one, id: toBytes(one.id) }));

const answerOf = (credential) => {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    const value = credential.response[name];
    if (value) response[name] = toText(value);
  }
  return JSON.stringify({
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    clientExtensionResults: {},
    response,
  });
};

const make = (question) =>
  navigator.credentials.create({
    publicKey: {
      ...question,
      challenge: toBytes(question.challenge),
      user: { ...question.user, id: toBytes(question.user.id) },
      excludeCredentials: known(question.excludeCredentials),
    },
  });

const use = (question) =>
  navigator.credentials.get({
    publicKey: {
      ...question,
      challenge: toBytes(question.challenge),
      allowCredentials: known(question.allowCredentials),
    },
  });

const ask = async (form) => {
  const asked = await fetch(form.dataset.question, {
    method: "POST",
    headers: { Accept: "application/json" },
    body: new URLSearchParams({ csrf: form.elements.csrf.value }),
  });
  if (!asked.ok) throw new Error(String(asked.status));
  const question = await asked.json();
  const credential = await (form.dataset.passkey === "new" ? make(question) : use(question));
  form.elements.credential.value = answerOf(credential);
};

if (window.PublicKeyCredential) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const status = form.querySelector("[role=status]");
      const button = form.querySelector("button");
      status.textContent = "";
      button.disabled = true;
      ask(form)
        .then(() => form.submit())
        .catch(() => { status.textContent = form.dataset.failed; })
        .finally(() => { button.disabled = false; });
    });
  }
}
