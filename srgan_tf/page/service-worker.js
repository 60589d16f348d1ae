"use strict";
/* The site without a network, and the two headers by which a browser allows threads. `export` fills in the two lines. */
const VERSION = "__VERSION__";
const FILES = ["__FILES__"];

addEventListener("install", (event) => {
  const wanted = FILES.map((file) => new Request(file, { cache: "reload" }));
  event.waitUntil(caches.open(VERSION).then((cache) => cache.addAll(wanted)));
});

addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name !== VERSION) await caches.delete(name);
    await clients.claim();
  })());
});

addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== location.origin) return;
  event.respondWith(answer(request));
});

/* Runtime and models are large and kept when they are first asked for; a new version of the site has a new cache. */
async function answer(request) {
  const cache = await caches.open(VERSION);
  let found = await cache.match(request, { ignoreSearch: true });
  if (!found) {
    found = await fetch(request);
    if (found.status === 200) await cache.put(request, found.clone());
  }
  const headers = new Headers(found.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  return new Response(found.body, { status: found.status, statusText: found.statusText, headers });
}
