// Keeps the e-card on the screen true: asks for changes while it is seen, works without a connection.
// Without this script the page is whole; it only does not change by itself.
"use strict";

const live = document.getElementById("live");
const offline = document.getElementById("offline");
const fresh = document.getElementById("fresh");
const SEEN_MS = 3000;
const MOST_MS = 60000;
let wait = SEEN_MS;
let timer = 0;

const revision = () => document.getElementById("card").dataset.revision;

function moment(seconds) {
  const style = { dateStyle: "medium", timeStyle: "short", timeZone: fresh.dataset.zone };
  return new Intl.DateTimeFormat(fresh.dataset.language, style).format(new Date(seconds * 1000));
}

function say(element, template) {
  element.textContent = template.replace("{moment}", moment(Number(fresh.dataset.at)));
}

function reached(at) {
  if (at) {
    fresh.dataset.at = at;
    correct(Number(at));
  }
  offline.hidden = true;
  say(fresh, fresh.dataset.words);
  wait = SEEN_MS;
}

function lost() {
  say(offline, offline.dataset.words);
  offline.hidden = false;
  wait = Math.min(wait * 2, MOST_MS);
}

// Part by part, and only what differs, so that a reader's place and an open fold stay as they are.
function swap(html) {
  const next = new DOMParser().parseFromString(html, "text/html");
  for (const id of ["card", "story"]) {
    const old = document.getElementById(id);
    const now = next.getElementById(id);
    if (!now || old.outerHTML === now.outerHTML) continue;
    const focused = old.contains(document.activeElement) && document.activeElement.dataset.open;
    old.replaceWith(now);
    if (focused) now.querySelector(`[data-open="${focused}"]`)?.focus();
  }
  const card = document.getElementById("card");
  card.classList.add("card-moved");
  document.getElementById("news").textContent = card.dataset.news;
  turn();
  keep();
}

async function ask() {
  const day = document.getElementById("code")?.dataset.day ?? "";
  const answer = await fetch(`${live.dataset.state}?revision=${revision()}&day=${day}`, { cache: "no-store" });
  if (answer.status === 404 || answer.status === 410) return location.reload();
  if (!answer.ok) throw new Error(String(answer.status));
  if (answer.status === 200) swap(await answer.text());
  reached(answer.headers.get("X-Now"));
}

async function look() {
  clearTimeout(timer);
  if (document.hidden) return;
  await ask().catch(lost);
  timer = setTimeout(look, wait);
}

// The worker keeps this page and all that it is made of, for a shop without reception.
async function keep() {
  if (!("serviceWorker" in navigator)) return;
  const ready = await navigator.serviceWorker.ready;
  const parts = performance.getEntriesByType("resource").map((part) => part.name);
  const own = parts.filter((name) => name.startsWith(location.origin) && !name.startsWith(location.origin + live.dataset.state));
  ready.active?.postMessage({ keep: [location.origin + live.dataset.scope, ...own] });
}

async function register() {
  if (!("serviceWorker" in navigator)) return;
  await navigator.serviceWorker.register(live.dataset.worker, { scope: live.dataset.scope });
  if (document.readyState !== "complete") await new Promise((done) => addEventListener("load", done, { once: true }));
  await keep();
}

// The code, as large as the screen: white all over, and the screen kept awake where the phone allows it.
let awake = null;
async function enlarge(dialog) {
  dialog.showModal();
  awake = await navigator.wakeLock?.request("screen").catch(() => null);
  dialog.addEventListener("close", () => awake?.release(), { once: true });
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  if (opener) enlarge(document.getElementById(opener.dataset.open));
});

// Buttons that only some browsers can honour stay hidden in the others.
addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  const button = document.getElementById("install");
  button.hidden = false;
  button.onclick = () => event.prompt();
});

const print = document.getElementById("print");
print.hidden = false;
print.onclick = () => window.print();

const share = document.getElementById("share");
if (navigator.canShare?.({ files: [new File([""], "card.png", { type: "image/png" })] })) {
  share.hidden = false;
  share.onclick = async () => {
    const picture = document.getElementById("picture");
    const drawn = await (await fetch(picture.href)).blob();
    await navigator.share({ files: [new File([drawn], picture.download, { type: "image/png" })] }).catch(() => {});
  };
}

document.addEventListener("visibilitychange", look);
addEventListener("online", () => { wait = SEEN_MS; look(); });
addEventListener("offline", lost);
register().catch(() => {});
// At once: by the answer the code on the screen learns the time.
if (navigator.onLine) look();
else lost();
