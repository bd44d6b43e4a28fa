// The e-card without a connection. Lives only below one card's address and keeps only that card.
// The network first, always: what is kept is shown only when nothing answers.
"use strict";

const CARD = new URL(self.registration.scope).pathname;
const KEPT = `card ${CARD}`;
const PATIENCE_MS = 6000;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("message", (event) => {
  if (event.data?.keep) event.waitUntil(keep(event.data.keep));
});

async function keep(addresses) {
  const cache = await caches.open(KEPT);
  await Promise.allSettled(addresses.map(async (address) => {
    const answer = await fetch(address);
    if (answer.ok) await cache.put(address, answer);
  }));
}

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  const isOurs = event.request.method === "GET" && url.origin === location.origin;
  // Only the page and what it is made of: a pass or a picture to take away is the browser's own affair.
  const isPart = url.pathname === CARD || !url.pathname.startsWith(`${CARD}/`);
  if (isOurs && isPart) event.respondWith(answer(event.request, url));
});

async function answer(request, url) {
  const cache = await caches.open(KEPT);
  try {
    const fresh = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
    // The card was closed to this link: what was kept of it must not come back.
    if (url.pathname === CARD && [404, 410].includes(fresh.status)) await caches.delete(KEPT);
    return fresh;
  } catch (lost) {
    const kept = await cache.match(request, { ignoreSearch: request.mode === "navigate" });
    if (kept) return kept;
    throw lost;
  }
}
