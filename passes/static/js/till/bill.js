// The bill on a card's page: what it would do, shown while it is typed; counted once. What was sent without an answer is
// sent again under the same receipt number, or kept in this till until there is a connection. A card's PIN goes out with
// the bill and is kept nowhere.

import { NotAnAmount, money, typedAs } from "./amount.js";
import { attach } from "./keypad.js";
import { latin } from "./layout.js";
import { isUsable, permit } from "./permit.js";
import * as pin from "./pin.js";
import * as practice from "./practice.js";
import { open as openQueue } from "./queue.js";
import { newReceipt } from "./receipt.js";
import { signal } from "./signal.js";
import { attach as step } from "./stepper.js";
import { language, say } from "./words.js";

const PENDING = "pending";
const SCANNED = "till scanned";
const QUOTE_AFTER_MS = 180;
const COUPON = /^C(?:-?[0-9A-Z]{4}){3}$/;
const CHANGING = /^LC[23]\./;
const NOT_ASKED = ["csrf_token", "receipt", "programme", "pin"];

/** @type {(address: string) => void} */
let go = () => {};
/** @type {() => void} */
let suspect = () => {};
/** @type {HTMLFormElement | null} */
let buy = null;
let quotes = 0;
let waiting = 0;

/**
 * @param {HTMLElement} main
 * @param {(address: string) => void} visit
 * @param {() => void} onLost an answer did not come
 */
export function begin(main, visit, onLost) {
  [go, suspect] = [visit, onLost];
  buy = main.querySelector("#buy");
  placeCode(main);
  if (buy) openBill(buy);
  for (const form of main.querySelectorAll("[data-once-form]")) onceOnly(/** @type {HTMLFormElement} */ (form));
  resume();
}

/** The code that is being looked up; a bill of its card that must wait is kept with it. @param {string} code */
export function remember(code) {
  sessionStorage.setItem(SCANNED, JSON.stringify({ code, page: "" }));
}

/** The card's page that the code led to, if any. @param {HTMLElement} main */
function placeCode(main) {
  const scanned = JSON.parse(sessionStorage.getItem(SCANNED) || "null");
  if (!scanned || scanned.page) return;
  if (main.matches(".till-card")) sessionStorage.setItem(SCANNED, JSON.stringify({ ...scanned, page: location.pathname }));
  else sessionStorage.removeItem(SCANNED);
}

/** @param {HTMLFormElement} form */
function openBill(form) {
  const amount = field(form, "amount");
  attach(/** @type {HTMLElement} */ (form.querySelector(".keypad")), amount, changed);
  const count = button(form);
  count.textContent = form.dataset.once ?? "";
  if (!matchMedia("(pointer: coarse)").matches) (amount.checkVisibility() ? amount : count).focus();
  const stepper = /** @type {HTMLElement | null} */ (form.querySelector("[data-part=stepper]"));
  if (stepper) step(stepper, quoteSoon);
  form.addEventListener("input", changed);
  form.addEventListener("click", unfold);
  form.addEventListener("change", askPrice);
  onceOnly(form);
  if (!isEmpty(form)) quoteSoon();
}

/** @param {Event} [event] */
function changed(event) {
  const points = buy && field(buy, "points");
  if (event && /** @type {HTMLInputElement} */ (event.target).name === "pin") return;
  if (event?.target === points) delete points?.dataset.pays;
  else if (buy && points?.dataset.pays) points.value = paidBy(buy, Number(points.dataset.pays));
  quoteSoon();
}

/** What a gift card pays of the bill: all of it, or what it has; until somebody types something else. @param {HTMLFormElement} form @param {number} has */
function paidBy(form, has) {
  try {
    const digits = Number(form.dataset.digits);
    const bill = money(field(form, "amount").value, digits);
    return bill ? typedAs(Math.min(bill, has), digits, language === "en" ? "." : ",") : "";
  } catch (wrong) {
    if (wrong instanceof NotAnAmount) return "";
    throw wrong;
  }
}

/** Whoever opens a fold is about to type. @param {Event} event */
function unfold(event) {
  const fold = /** @type {HTMLDetailsElement | null} */ (/** @type {Element} */ (event.target).closest("summary")?.parentElement ?? null);
  if (!fold || fold.open) return;
  event.preventDefault();
  fold.open = true;
  fold.querySelector("input")?.focus();
}

/** A piece that a coupon gives is worth nothing until its price is typed. @param {Event} event */
function askPrice({ target }) {
  const ticket = /** @type {HTMLInputElement} */ (target).matches(".ticket :checked") ? /** @type {Element} */ (target).closest(".ticket-of") : null;
  /** @type {HTMLInputElement | null} */ (ticket?.querySelector(".ticket-price input") ?? null)?.focus();
}

/**
 * What was scanned while a card's page is open, if it belongs to the bill there: a coupon, or the code that proves that
 * the phone is here.
 * @param {string} code
 */
export function takes(code) {
  if (!buy?.isConnected || pending()) return false;
  const meant = latin(code.trim());
  if (CHANGING.test(meant) && !isEmpty(buy)) return proves(code.trim()), true;
  return isCoupon(meant);
}

/** The same card keeps its bill; any other is the next one. @param {string} code */
async function proves(code) {
  const scan = /** @type {HTMLFormElement} */ (document.getElementById("scan"));
  const body = new URLSearchParams(/** @type {any} */ (new FormData(scan)));
  body.set("code", code);
  const answer = await fetch(scan.action, { method: "POST", body, headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer) return suspect();
  if (answer.redirected && new URL(answer.url).pathname === location.pathname) return quote();
  remember(code);
  go(answer.redirected ? answer.url : scan.action);
}

/** @param {string} code */
function isCoupon(code) {
  const promo = /** @type {HTMLInputElement | null} */ (buy?.querySelector("#promo") ?? null);
  if (!promo || !COUPON.test(code)) return false;
  promo.value = code;
  /** @type {HTMLDetailsElement} */ (promo.closest("details")).open = true;
  quoteSoon();
  return true;
}

/* Counting. */

/**
 * Sends a receipt once. It is kept until there is an answer: after a lost one, even after a reload, the same
 * number goes out again, and the server knows whether it was counted.
 * @param {HTMLFormElement} form
 */
async function send(form) {
  const kept = pending();
  const body = pin.withoutPin(form);
  const sending = kept ?? { address: form.dataset.post || form.action, page: form.dataset.page || location.pathname, body };
  sessionStorage.setItem(PENDING, JSON.stringify(sending));
  button(form).disabled = true;
  place(form).classList.remove("quote-wrong");
  // What it would do is no longer asked: an answer that comes late must not stand over what came of it.
  clearTimeout(waiting);
  quotes++;
  try {
    const { ok, again, loggedOut, content } = await ask(sending.address, [...sending.body.map(fresh), ...pin.pinOf(form)]);
    if (again) throw new Error("busy");
    if (loggedOut) return warn(form, content.detail);
    sessionStorage.removeItem(PENDING);
    if (ok) return go(content.next);
    warn(form, content.detail);
    thaw(form);
    if (content.field === "pin") pin.askAgain(form, content.detail);
    // This number counted for another bill; if people press again, they mean a new one.
    if (content.code === "key_reused") field(form, "receipt").value = newReceipt();
  } catch {
    warn(form, form.dataset.lost ?? "");
    freeze(form);
    offerToKeep(form);
    suspect();
  }
  button(form).disabled = false;
}

/**
 * @param {string} address
 * @param {string[][]} body
 */
async function ask(address, body) {
  const answer = await fetch(address, { method: "POST", body: new URLSearchParams(body), headers: { Accept: "application/json" } });
  if (answer.status === 401) location.reload();
  const content = await answer.json();
  // A login that is over says nothing of the receipt.
  const loggedOut = answer.status === 401 || content.code === "page_too_old";
  return { ok: answer.ok, again: answer.status >= 500, loggedOut, content };
}

/** The login may have been renewed since; the page's own token is always the present one. @param {string[]} pair */
function fresh([name, value]) {
  const token = /** @type {HTMLInputElement} */ (document.querySelector("[name=csrf_token]"));
  return [name, name === "csrf_token" ? token.value : value];
}

/** @param {HTMLFormElement} form */
function onceOnly(form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!button(form).disabled) send(form);
  });
}

/** A bill left without an answer on this page is offered again as it was; one of another page is asked after. */
function resume() {
  const kept = pending();
  if (!kept || !document.querySelector(".till-nav")) return;
  if (kept.page !== location.pathname) return go(kept.page);
  if (!buy) return sessionStorage.removeItem(PENDING);
  fill(buy, kept.body);
  refuse(buy, buy.dataset.lost ?? "");
  freeze(buy);
  offerToKeep(buy);
}

/* Keeping it for later. */

/** A purchase, or a stamp, may wait in this till; what spends is sent or not sent, never kept. @param {HTMLFormElement} form */
async function offerToKeep(form) {
  const later = /** @type {HTMLButtonElement | null} */ (form.querySelector("#later"));
  const scanned = JSON.parse(sessionStorage.getItem(SCANNED) || "null");
  const order = purchase(form);
  if (practice.isOn() || !document.body.dataset.sync || !later || !order || scanned?.page !== location.pathname || !isUsable(await permit())) return;
  later.hidden = false;
  later.onclick = async () => {
    await (await openQueue()).add({ code: scanned.code, kind: "earn", ...order });
    sessionStorage.removeItem(PENDING);
    go(later.dataset.next ?? "");
  };
}

/** @param {HTMLFormElement} form */
function purchase(form) {
  try {
    const total = money(field(form, "amount").value, Number(form.dataset.digits));
    const asked = filled(form);
    const stamps = Number(asked.find((one) => one.name === "stamps")?.value ?? 0);
    if (!asked.length || !asked.every((one) => ["amount", "stamps"].includes(one.name))) return null;
    return { ...(total && { total }), ...(stamps && { stamps }), receipt: field(form, "receipt").value };
  } catch (wrong) {
    if (wrong instanceof NotAnAmount) return null;
    throw wrong;
  }
}

/* What it would do. */

function quoteSoon() {
  clearTimeout(waiting);
  waiting = window.setTimeout(quote, QUOTE_AFTER_MS);
}

async function quote() {
  const form = buy;
  // Of a bill that is out there is nothing to preview: it goes out again as it was.
  if (!form?.isConnected || pending()) return;
  const number = ++quotes;
  if (isEmpty(form)) return told(form);
  try {
    const { ok, content } = await ask(form.dataset.quote || form.action, pin.withoutPin(form));
    if (number !== quotes || !form.isConnected || pending()) return;
    if (!ok) return warn(form, content.detail);
    pin.show(form, content.pin);
    const change = document.createElement("strong");
    change.textContent = content.change;
    told(form, change, content.balance && ` → ${content.balance}`, content.bill && ` · ${content.bill}`);
  } catch {
    /* The quote is only a preview; counting says when there is no connection. */
  }
}

/* The form. */

const pending = () => JSON.parse(sessionStorage.getItem(PENDING) || "null");

/** @param {HTMLFormElement} form @param {string} name */
const field = (form, name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name));

/** What was filled in; a number of none is nothing. @param {HTMLFormElement} form */
const filled = (form) => [...inputs(form)].filter((one) => !NOT_ASKED.includes(one.name) && !["", "0"].includes(one.value.trim()));

/** Frozen or not; of boxes the ticked ones. @param {HTMLFormElement} form */
const inputs = (form) =>
  /** @type {HTMLInputElement[]} */ ([...form.elements]).filter((one) => one.name && (one.type !== "checkbox" || one.checked));

/** @param {HTMLFormElement} form */
const isEmpty = (form) => !filled(form).length;

/** @param {HTMLFormElement} form @param {string[][]} body */
function fill(form, body) {
  for (const one of /** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll("input:not([name=csrf_token])"))) {
    const values = body.filter(([name]) => name === one.name).map(([, value]) => value);
    if (one.type === "checkbox") one.checked = values.includes(one.value);
    else if (values.length) one.value = values[0];
  }
}

/** @param {HTMLFormElement} form */
const button = (form) => /** @type {HTMLButtonElement} */ (form.querySelector("button:not([type])"));

/** @param {HTMLFormElement} form */
const place = (form) => /** @type {HTMLElement} */ (form.querySelector(".quote"));

/** @param {HTMLFormElement} form @param {(string | Node)[]} what */
function told(form, ...what) {
  place(form).replaceChildren(...what);
  place(form).classList.remove("quote-wrong");
}

/** Whoever types on meanwhile hears it once. @param {HTMLFormElement} form @param {string} sentence */
function warn(form, sentence) {
  const before = place(form).matches(".quote-wrong") ? place(form).textContent : "";
  refuse(form, sentence || say("till.broken"));
  if (place(form).textContent !== before) signal("warn");
}

/** @param {HTMLFormElement} form @param {string} sentence */
function refuse(form, sentence) {
  place(form).textContent = sentence;
  place(form).classList.add("quote-wrong");
}

/** While an answer is out, the same bill must go out again: nothing can be changed. @param {HTMLFormElement} form */
function freeze(form) {
  for (const one of form.querySelectorAll("input:not([type=hidden], [name=pin]), .keypad button")) /** @type {HTMLInputElement} */ (one).disabled = true;
}

/** @param {HTMLFormElement} form */
function thaw(form) {
  for (const one of form.querySelectorAll("input, .keypad button")) /** @type {HTMLInputElement} */ (one).disabled = false;
}
