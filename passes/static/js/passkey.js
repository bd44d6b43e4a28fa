// Passkeys: the browser makes a key or signs with one; the server says for what and checks it. Where a browser cannot,
// nothing of this is shown and the password is enough to go on.
"use strict";

const form = document.getElementById("passkey-make");
const enter = document.getElementById("passkey-enter");
const canDo = window.PublicKeyCredential?.parseCreationOptionsFromJSON !== undefined;

async function ask(address, token, body, type) {
  const headers = { Accept: "application/json", "X-CSRFToken": token, ...(type ? { "Content-Type": type } : {}) };
  const answer = await fetch(address, { method: "POST", headers, body });
  const content = await answer.json();
  if (!answer.ok) throw new Refused(content.detail);
  return content;
}

class Refused extends Error {}

function warn(place, sentence) {
  place.textContent = sentence;
  place.hidden = !sentence;
}

async function make() {
  const token = form.elements.csrf_token.value;
  const password = new URLSearchParams({ password: form.elements.password.value });
  const options = await ask(form.dataset.options, token, password);
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const made = await navigator.credentials.create({ publicKey });
  const address = `${form.dataset.send}?${new URLSearchParams({ name: form.elements.name.value })}`;
  return ask(address, token, JSON.stringify(made), "application/json");
}

async function logIn() {
  const options = await ask(enter.dataset.options, enter.dataset.token);
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const signed = await navigator.credentials.get({ publicKey });
  return ask(enter.dataset.send, enter.dataset.token, JSON.stringify(signed), "application/json");
}

async function go(work, place, failed) {
  warn(place, "");
  try {
    location.assign((await work()).next);
  } catch (wrong) {
    // People close the system's question; that is no error to report.
    warn(place, wrong instanceof Refused ? wrong.message : failed);
  }
}

if (form && canDo) {
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go(make, form.querySelector(".error"), form.dataset.failed);
  });
}
if (enter && canDo) {
  enter.hidden = false;
  enter.addEventListener("click", () => go(logIn, document.getElementById("passkey-wrong"), enter.dataset.failed));
}
