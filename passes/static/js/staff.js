// The till: a scanner that types works wherever the focus is, the keypad writes the bill, and what was sent
// without an answer is sent again under the same receipt number. Every page works without this script too.
"use strict";

const code = document.getElementById("code");
const buy = document.getElementById("buy");
const amount = document.getElementById("amount");
const said = document.getElementById("quote");
const count = document.getElementById("count");
const PENDING = "pending";

/* A scanner types some thirty keys within a fraction of a second and ends with Enter; no person does. */
const FAST_MS = 60;
const LEAST_KEYS = 8;
let typed = "";
let lastKey = 0;

addEventListener("keydown", (event) => {
  const now = performance.now();
  if (now - lastKey > FAST_MS) typed = "";
  lastKey = now;
  if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) {
    typed += event.key;
  } else if (event.key === "Enter" && typed.length >= LEAST_KEYS && code) {
    event.preventDefault();
    const scanned = typed;
    typed = "";
    // What it typed into another field on its way does not belong there.
    const at = document.activeElement;
    if (at !== code && at?.value?.endsWith(scanned)) at.value = at.value.slice(0, -scanned.length);
    code.value = scanned;
    code.form.requestSubmit();
  }
}, true);

/* The verdict is felt and heard, where the device can. */
function signal() {
  const level = document.querySelector("[data-verdict]")?.dataset.verdict;
  if (!level) return;
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(level === "good" ? 40 : [90, 60, 90]);
  if (!navigator.userActivation?.hasBeenActive || !window.AudioContext) return;
  const sound = new AudioContext();
  const tone = sound.createOscillator();
  const volume = sound.createGain();
  tone.frequency.value = level === "good" ? 880 : 220;
  volume.gain.value = 0.05;
  tone.connect(volume).connect(sound.destination);
  tone.start();
  tone.stop(sound.currentTime + 0.12);
}

async function ask(address, body) {
  const answer = await fetch(address, { method: "POST", body: new URLSearchParams(body), headers: { Accept: "application/json" } });
  if (answer.status === 401) location.reload();
  const content = await answer.json();
  // A login that is over says nothing of the receipt.
  const loggedOut = answer.status === 401 || answer.status === 403;
  return { ok: answer.ok, again: answer.status >= 500, loggedOut, content };
}

/* Sends a receipt once. It is kept until there is an answer: after a lost one, even after a reload, the same
   number goes out again, and the server knows whether it was counted. */
async function send(form, place, button) {
  const address = form.dataset.post || form.action;
  const kept = JSON.parse(sessionStorage.getItem(PENDING) || "null");
  const sending = kept ?? { address, page: form.dataset.page || location.pathname, body: [...new FormData(form)] };
  sessionStorage.setItem(PENDING, JSON.stringify(sending));
  button.disabled = true;
  try {
    const { ok, again, loggedOut, content } = await ask(sending.address, sending.body.map(fresh));
    if (again) throw new Error("busy");
    if (loggedOut) return warn(place, content.detail);
    sessionStorage.removeItem(PENDING);
    if (ok) return location.assign(content.next);
    warn(place, content.detail);
    thaw(form);
    // This number counted for another bill; if people press again, they mean a new one.
    if (content.code === "key_reused") form.elements.receipt.value = newReceipt();
  } catch {
    warn(place, form.dataset.lost);
    freeze(form);
  }
  button.disabled = false;
}

// The login may have been renewed since; the form's own token is always the present one.
const fresh = ([name, value]) => [name, name === "csrf_token" ? document.querySelector("[name=csrf_token]").value : value];

function newReceipt() {
  const random = crypto.getRandomValues(new Uint8Array(12));
  return `till-${Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function warn(place, sentence) {
  place.textContent = sentence;
  place.classList.add("quote-wrong");
}

// While an answer is out, the same bill must go out again: nothing can be changed.
function freeze(form) {
  for (const field of form.querySelectorAll("input:not([type=hidden]), .keypad button")) field.disabled = true;
}

function thaw(form) {
  for (const field of form.querySelectorAll("input, .keypad button")) field.disabled = false;
}

function onceOnly(form) {
  const button = form.querySelector("button:not([type])");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!button.disabled) send(form, form.querySelector(".quote"), button);
  });
}

/* A bill left without an answer on this page is offered again as it was; one of another page is asked after. */
function resume() {
  const kept = JSON.parse(sessionStorage.getItem(PENDING) || "null");
  if (!kept || !document.querySelector(".till-nav")) return;
  if (kept.page !== location.pathname) return location.assign(kept.page);
  if (!buy) return sessionStorage.removeItem(PENDING);
  for (const [name, value] of kept.body) {
    const field = buy.elements[name];
    if (field && name !== "csrf_token") field.value = value;
  }
  warn(said, buy.dataset.lost);
  freeze(buy);
}

/* The bill: digits from the keypad or the keyboard, and at once what they would do. */
let asked = 0;
let waiting = 0;

function typeDigit(key) {
  if (key === "back") amount.value = amount.value.slice(0, -1);
  else if (amount.value.length < amount.maxLength) amount.value += key;
  quoteSoon();
}

function quoteSoon() {
  clearTimeout(waiting);
  waiting = setTimeout(quote, 180);
}

async function quote() {
  const number = ++asked;
  said.classList.remove("quote-wrong");
  const points = buy.elements.points;
  if (!amount.value.trim() && !points?.value.trim()) {
    said.textContent = "";
    return;
  }
  try {
    const { ok, content } = await ask(buy.action, new FormData(buy));
    if (number !== asked || sessionStorage.getItem(PENDING)) return;
    if (!ok) return warn(said, content.detail);
    const change = document.createElement("strong");
    change.textContent = content.change;
    said.replaceChildren(change, ` → ${content.balance}${content.bill ? ` · ${content.bill}` : ""}`);
  } catch {
    /* The quote is only a preview; counting says when there is no connection. */
  }
}

if (buy) {
  const keypad = document.getElementById("keypad");
  keypad.hidden = false;
  keypad.addEventListener("click", (event) => {
    const key = event.target.closest("[data-key]");
    if (key) typeDigit(key.dataset.key);
  });
  // On a touch screen the page's own keypad is larger than the system's and leaves the card in view.
  if (matchMedia("(pointer: coarse)").matches) amount.inputMode = "none";
  else amount.focus();
  count.textContent = count.dataset.enhanced;
  buy.addEventListener("input", quoteSoon);
  onceOnly(buy);
  if (amount.value) quoteSoon();
}
for (const form of document.querySelectorAll("[data-once-form]")) onceOnly(form);
resume();
signal();
