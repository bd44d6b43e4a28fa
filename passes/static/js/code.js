// Makes the code on the e-card change every half minute, by itself and without a connection (RFC 6238).
// Without this script, or without what it needs, the page shows the code that does not change.
"use strict";

const STEP_SECONDS = 30;
const DAY_SECONDS = 86400;
const CREDENTIAL_DAYS = 2;
const CLOCK_SECONDS = 3;
const QUIET_ZONE = 4;
const AHEAD = "seconds our clock is ahead";
let turning = 0;

// How far the service's clock is ahead of this phone's; kept, so that it is known without a connection, too.
let ahead = 0;
try { ahead = Number(localStorage.getItem(AHEAD)) || 0; } catch { /* A browser that keeps nothing. */ }

const clock = () => Date.now() / 1000 + ahead;

function correct(at) {
  const away = at + 0.5 - Date.now() / 1000;
  const was = ahead;
  ahead = Math.abs(away) < CLOCK_SECONDS ? 0 : Math.round(away);
  if (ahead === was) return;
  try { localStorage.setItem(AHEAD, String(ahead)); } catch { /* Then it is learnt again. */ }
  turn();
}

async function totp(hex, step) {
  const raw = Uint8Array.from(hex.match(/../g), (byte) => parseInt(byte, 16));
  const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-1" }, false, ["sign"]);
  const counter = new DataView(new ArrayBuffer(8));
  counter.setUint32(0, Math.floor(step / 2 ** 32));
  counter.setUint32(4, step % 2 ** 32);
  const mac = new DataView(await crypto.subtle.sign("HMAC", key, counter.buffer));
  const number = mac.getUint32(mac.getUint8(mac.byteLength - 1) & 15) & 0x7fffffff;
  return String(number % 1e8).padStart(8, "0");
}

// What the till reads: the credential while it is good, and behind it what changes.
async function codeAt(place, now) {
  const { keys, plain, signed, day } = place.dataset;
  const values = await Promise.all(keys.split(" ").map((key) => totp(key, Math.floor(now / STEP_SECONDS))));
  const age = Math.floor(now / DAY_SECONDS) - Number(day);
  const head = age >= 0 && age < CREDENTIAL_DAYS ? signed : plain;
  return `${head}.${String(now).padStart(10, "0")}.${values.join("")}`;
}

function drawing(text) {
  const symbol = qrcode(0, "M");
  symbol.addData(text, "Alphanumeric");
  symbol.make();
  const side = symbol.getModuleCount();
  let path = "";
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) {
      if (symbol.isDark(y, x)) path += `M${x + QUIET_ZONE} ${y + QUIET_ZONE}h1v1h-1z`;
    }
  }
  return { path, box: `0 0 ${side + 2 * QUIET_ZONE} ${side + 2 * QUIET_ZONE}` };
}

function put({ path, box }) {
  document.getElementById("code-path").setAttribute("d", path);
  for (const svg of document.querySelectorAll(".code-drawing")) svg.setAttribute("viewBox", box);
}

async function turn() {
  clearTimeout(turning);
  const place = document.getElementById("code");
  if (!place?.dataset.keys || !globalThis.crypto?.subtle || document.hidden) return;
  const now = Math.floor(clock());
  const code = await codeAt(place, now);
  // The card may have been swapped while we were at it; its own turn comes.
  if (!place.isConnected) return;
  place.still ??= {
    path: document.getElementById("code-path").getAttribute("d"),
    box: place.querySelector(".code-drawing").getAttribute("viewBox"),
  };
  put(drawing(code));
  document.getElementById("code-turns").hidden = false;
  clearTimeout(turning);
  turning = setTimeout(turn, (STEP_SECONDS - (clock() % STEP_SECONDS)) * 1000 + 50);
}

// On paper a code that changes is worth nothing.
addEventListener("beforeprint", () => {
  const still = document.getElementById("code")?.still;
  if (still) put(still);
});
addEventListener("afterprint", turn);
document.addEventListener("visibilitychange", turn);
turn();
