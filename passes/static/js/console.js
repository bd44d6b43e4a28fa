// Counts down without being asked: fetches the progress part alone while something is left, gently when not.
// Every page works without this script; it only does not change by itself then.
"use strict";

const BUSY_MS = 1000;
const QUIET_MS = 10000;
const heard = document.getElementById("heard");

const part = () => document.getElementById("progress");

async function look() {
  if (!document.hidden) await fetchPart().catch(() => {});
  setTimeout(look, Number(part().dataset.left) ? BUSY_MS : QUIET_MS);
}

async function fetchPart() {
  const answer = await fetch(part().dataset.address, { cache: "no-store", headers: { Accept: "text/html" } });
  if (answer.redirected) return location.reload();
  if (!answer.ok) return;
  const now = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("progress");
  if (now) swap(now);
}

// Only what differs is changed, so that a button somebody is about to press stays where it is.
function swap(now) {
  const old = part();
  if (now.outerHTML === old.outerHTML) return;
  const wasLeft = Number(old.dataset.left);
  const focused = old.contains(document.activeElement);
  if (!focused) {
    old.replaceWith(now);
  } else {
    old.dataset.left = now.dataset.left;
    for (const place of [".progress-line", ".tallies"]) {
      const fresh = now.querySelector(place);
      if (fresh) old.querySelector(place)?.replaceWith(fresh);
    }
    const meter = now.querySelector("progress");
    if (meter) old.querySelector("progress").value = meter.value;
  }
  if (wasLeft && !Number(now.dataset.left)) heard.textContent = heard.dataset.done;
}

if (part()) setTimeout(look, Number(part().dataset.left) ? BUSY_MS : QUIET_MS);

/* How many letters are left, beside each title. */
for (const field of document.querySelectorAll("[data-count]")) {
  const count = document.createElement("span");
  count.className = "count";
  count.setAttribute("aria-hidden", "true");
  field.after(count);
  const tell = () => { count.textContent = `${[...field.value].length} / ${field.dataset.count}`; };
  field.addEventListener("input", tell);
  tell();
}

/* One press publishes, however often it is pressed; without an answer it may be pressed again. */
document.getElementById("publish")?.form.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (button.dataset.sent) return event.preventDefault();
  button.dataset.sent = "yes";
  setTimeout(() => delete button.dataset.sent, 5000);
});
