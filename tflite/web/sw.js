// Keeps the page for when there is no network: the newest copy of each file it fetched. Adds
// the two headers that threads need, which many static hosts cannot send.

const KEPT = 'pose';
const SHELL = [
  './', 'app.js', 'draw.js', 'example.jpg', 'icon.svg', 'manifest.webmanifest', 'style.css',
  'students.json',
  'pose/contract.js', 'pose/crop.js', 'pose/decode.js', 'pose/estimator.js', 'pose/runner.js',
  'pose/search.js', 'pose/smoothing.js', 'pose/track.js',
  'node_modules/@litertjs/core/dist/index.js',
  'node_modules/@litertjs/wasm-utils/dist/index.js',
];

self.addEventListener('install', event => {
  self.skipWaiting();
  event.waitUntil(caches.open(KEPT).then(kept => kept.addAll(SHELL)));
});

self.addEventListener('activate', event => event.waitUntil(self.clients.claim()));

self.addEventListener('fetch', event => {
  const {request} = event;
  if (request.method !== 'GET' || new URL(request.url).origin !== location.origin) return;
  event.respondWith(newest(request).then(isolated));
});

function isolated({body, status, statusText, headers}) {
  const more = new Headers(headers);
  more.set('Cross-Origin-Opener-Policy', 'same-origin');
  more.set('Cross-Origin-Embedder-Policy', 'require-corp');
  return new Response(body, {status, statusText, headers: more});
}

async function newest(request) {
  const kept = await caches.open(KEPT);
  try {
    const response = await fetch(request);
    if (response.ok) await kept.put(request, response.clone());
    return response;
  } catch (error) {
    const copy = await kept.match(request);
    if (copy) return copy;
    throw error;
  }
}
