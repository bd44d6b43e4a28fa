// Goes from page to page of the till without leaving the document: the camera stays allowed, sounds stay possible,
// and nothing is loaded twice. Whatever is unusual becomes an ordinary visit, as it would be without scripts.

import { signal } from "./signal.js";

const PATIENCE_MS = 8000;
const PARTS = ["main", ".bar", ".till-foot", ".till-practice"];

/** @type {(main: HTMLElement) => void} */
let begin = () => {};
/** @type {() => void} */
let lost = () => {};
let asked = 0;

/**
 * @param {(main: HTMLElement) => void} onShown a page is there, this one included
 * @param {() => void} onLost nobody answered
 */
export function start(onShown, onLost) {
  [begin, lost] = [onShown, onLost];
  addEventListener("popstate", () => visit(location.href, { keepsHistory: true }));
  document.addEventListener("click", (event) => {
    const link = /** @type {Element} */ (event.target).closest("a[data-visit]");
    if (!(link instanceof HTMLAnchorElement) || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    visit(link.href);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.matches("[data-visit]") || event.defaultPrevented) return;
    event.preventDefault();
    visit(form.action, { body: new URLSearchParams(/** @type {any} */ (new FormData(form))) });
  });
  shown();
}

/**
 * @param {string} address
 * @param {{ body?: URLSearchParams, keepsHistory?: boolean }} [options]
 */
export async function visit(address, { body, keepsHistory = false } = {}) {
  const turn = ++asked;
  document.body.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address, {
      method: body ? "POST" : "GET", body, headers: { Accept: "text/html" }, signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await answer.text();
    // Somebody scanned the next card meanwhile: the latest wins.
    // What came of a form has no address of its own, unless it led to one.
    const place = body && !answer.redirected ? document.body.dataset.home ?? "" : answer.url;
    if (turn === asked) show(place, text, keepsHistory);
  } catch {
    if (turn === asked) lost();
  } finally {
    document.body.removeAttribute("aria-busy");
  }
}

/**
 * @param {string} place
 * @param {string} text
 * @param {boolean} keepsHistory
 */
function show(place, text, keepsHistory) {
  const next = new DOMParser().parseFromString(text, "text/html");
  if (!next.body.dataset.till) return location.assign(place);
  if (!keepsHistory && !next.body.dataset.away) history.pushState(null, "", place);
  for (const part of PARTS) {
    const [old, now] = [document.querySelector(part), next.querySelector(part)];
    if (old && now) old.replaceWith(document.adoptNode(now));
    else if (old) old.remove();
    else if (now) document.querySelector(".bar")?.before(document.adoptNode(now));
  }
  for (const sheet of next.querySelectorAll("link[rel=stylesheet]")) keepSheet(/** @type {HTMLLinkElement} */ (sheet));
  document.title = next.title;
  document.body.className = next.body.className;
  scrollTo(0, 0);
  shown();
  const main = /** @type {HTMLElement} */ (document.querySelector("main"));
  const first = main.querySelector("[autofocus]") ?? main;
  if (!main.contains(document.activeElement)) /** @type {HTMLElement} */ (first).focus({ preventScroll: true });
}

/** @param {HTMLLinkElement} sheet */
function keepSheet(sheet) {
  const address = sheet.getAttribute("href");
  if (!document.querySelector(`link[rel=stylesheet][href="${address}"]`)) document.head.append(document.adoptNode(sheet));
}

function shown() {
  const main = /** @type {HTMLElement} */ (document.querySelector("main"));
  begin(main);
  tell(main);
}

/**
 * The verdict, for ears: a region that was there before is read out, one that comes with its words often is not.
 * @param {HTMLElement} place
 */
export function tell(place) {
  const verdicts = /** @type {HTMLElement[]} */ ([...place.querySelectorAll("[data-verdict]")]);
  const verdict = verdicts.find((one) => !one.closest("[hidden]"));
  if (!verdict) return;
  const ears = document.getElementById("said");
  const parts = [...verdict.querySelectorAll("h1, h2, p, .till-verdict strong")].filter((part) => !part.closest("[hidden]"));
  if (ears) ears.textContent = [...new Set(parts.map((part) => part.textContent?.trim()))].join(". ");
  signal(/** @type {"good"} */ (verdict.dataset.verdict));
}
