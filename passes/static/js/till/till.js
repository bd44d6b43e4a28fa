// The till: puts its parts together. Each does one thing and knows none of the others; every page works without them too.

import * as bill from "./bill.js";
import { Counter } from "./counter.js";
import * as finder from "./finder.js";
import { Offline } from "./offline.js";
import { renew } from "./permit.js";
import * as practice from "./practice.js";
import "./print.js";
import * as strip from "./strip.js";
import { sync } from "./sync.js";
import * as tour from "./tour.js";
import { start, visit } from "./visit.js";
import { listen } from "./wedge.js";

const SOON_MS = 3000;
const ASK_EVERY_MS = 15_000;
const MOST_WAIT_MS = 120_000;
const PATIENCE_MS = 8000;
const { permit: PERMIT, sync: SYNC, offline: OFFLINE, home: HOME = "", worker: WORKER } = document.body.dataset;

/** @type {Counter | null} */
let counter = null;
let wait = ASK_EVERY_MS;
let timer = 0;

/** @param {HTMLElement} main */
function begin(main) {
  if (practice.isOn()) closeCounter(main);
  const root = /** @type {HTMLElement | null} */ (main.querySelector("#counter"));
  counter = root && new Counter(root, new Offline());
  root?.addEventListener("step", (event) => {
    if (/** @type {CustomEvent} */ (event).detail === "scan") finder.begin(main, scanned);
    else finder.close();
  });
  finder.begin(main, scanned);
  bill.begin(main, visit, suspect);
  tour.begin(main);
}

/** The kept page sells in earnest, so whoever practises gets none of it. @param {HTMLElement} main */
function closeCounter(main) {
  const waits = /** @type {HTMLElement | null} */ (main.querySelector("[data-part=practice-waits]"));
  if (waits) waits.hidden = false;
  main.querySelector("#counter")?.remove();
}

/** A code from the camera or a reader that types: whatever page this is, it is the next card. @param {string} code */
function scanned(code) {
  finder.close();
  if (bill.takes(code)) return true;
  if (counter) {
    counter.scanned(code);
    return true;
  }
  const form = /** @type {HTMLFormElement | null} */ (document.getElementById("scan"));
  if (!form) return false;
  const body = new URLSearchParams(/** @type {any} */ (new FormData(form)));
  body.set("code", code);
  bill.remember(code);
  visit(form.action, { body });
  return true;
}

/* With and without a connection. */

/** An answer did not come: perhaps it was lost alone. */
function suspect() {
  strip.away(true);
  wait = SOON_MS;
  again();
}

async function lost() {
  await strip.away(true);
  wait = ASK_EVERY_MS;
  again();
  // Whoever practises, or is at no till, must not keep anything for the server.
  if (SYNC && OFFLINE && !practice.isOn() && !document.querySelector("#counter")) await visitOffline(OFFLINE);
}

/** @param {string} address */
async function visitOffline(address) {
  const kept = await caches.match(address, { ignoreSearch: true }).catch(() => undefined);
  if (kept) await visit(address, { keepsHistory: true });
}

/** Asks whether there is a connection; then sends what waits and goes back to the ordinary page. */
async function look() {
  clearTimeout(timer);
  try {
    // A browser that is no till has no permission to renew; any answer shows that there is a connection.
    if (PERMIT) await renew(PERMIT);
    else await fetch(HOME, { signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch {
    await strip.away(true);
    return again();
  }
  const outcome = SYNC ? await sync(SYNC) : "done";
  await strip.loggedOut(outcome === "login");
  await strip.away(false);
  wait = ASK_EVERY_MS;
  // Nobody is taken out of the middle of a sale.
  if (document.querySelector("main [data-away]") && !document.querySelector("#counter[data-at=card]")) await visit(HOME);
  if (SYNC) again();
}

function again() {
  clearTimeout(timer);
  timer = window.setTimeout(look, wait);
  wait = Math.min(wait * 2, MOST_WAIT_MS);
}

/* The app. */

async function install() {
  if (!navigator.serviceWorker || !WORKER) return;
  await navigator.serviceWorker.register(WORKER, { scope: HOME, updateViaCache: "none" });
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form instanceof HTMLFormElement && form.id === "scan" && !counter) bill.remember(/** @type {HTMLInputElement} */ (form.elements.namedItem("code")).value);
});

if (document.body.dataset.till) {
  listen(scanned);
  start(begin, lost);
  strip.show();
  if (document.querySelector("main [data-away]")) strip.away(true);
  addEventListener("online", look);
  addEventListener("offline", () => strip.away(true));
  install().catch(() => {});
  if (SYNC) look();
}
