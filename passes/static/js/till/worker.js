// The till without a connection: keeps its parts and one page that works by itself. The network first for pages, always;
// what is kept is shown only when nothing answers. `KEPT` is written above by the server.
"use strict";

const NAME = `till ${KEPT.version}`;
const PATIENCE_MS = 5000;

// A new version takes over at once: an open page goes on with the parts of its own, which stay for it.
self.addEventListener("install", (event) => event.waitUntil(fill().then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(clear().then(() => self.clients.claim())));

async function fill() {
  const cache = await caches.open(NAME);
  await cache.addAll([...KEPT.parts, KEPT.page]);
  await caches.open("till names").then((names) => names.put("/till/newest", new Response(NAME)));
}

/* A page of the version before may be open, so its parts stay; older ones go. */
async function clear() {
  const ours = (await caches.keys()).filter((name) => name.startsWith("till ") && name !== "till names");
  for (const name of ours.slice(0, -2)) if (name !== NAME) await caches.delete(name);
}

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (url.pathname.startsWith("/till/parts/")) event.respondWith(part(event.request));
  else if (url.pathname === "/till/offline") event.respondWith(offline(event.request));
  else if (event.request.mode === "navigate") event.respondWith(page(event.request));
});

async function part(request) {
  return (await caches.match(request)) ?? fetch(request);
}

/* The one that belongs to the asking page's version, if it is kept. */
async function offline(request) {
  const cache = await caches.open(NAME);
  const kept = request && ((await cache.match(request)) ?? (await caches.match(request)));
  return kept ?? (await cache.match(KEPT.page)) ?? Response.error();
}

async function page(request) {
  try {
    return await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch {
    return offline();
  }
}
