/* global document, performance, FormData, XMLHttpRequest, setInterval, clearInterval */
import Hls from '/vendor/hls.mjs';

const SIGNS = { passed: '✓', failed: '✗', skipped: '–' };
const CACHE_BADGES = { hit: ['cached', 'good'], stale: ['cached, being refreshed', 'good'], miss: ['loaded', 'warm'] };
/** How far an item is: the original is in the bucket, ffmpeg works on it, it plays. */
const STATUS_KINDS = { ready: 'good', transcoding: 'warm', uploaded: 'warm', failed: 'bad' };
const find = (id) => document.getElementById(id);

let creatorId = null;
let countdown;
let player;

find('reload').addEventListener('click', loadMedia);
find('login').addEventListener('submit', logIn);
find('logout').addEventListener('click', () => logOut('/api/logout'));
find('logout-everywhere').addEventListener('click', () => logOut('/api/logout-everywhere'));
find('upload').addEventListener('submit', upload);

await showReport();
await showAccount();
await loadMedia();

async function showReport() {
  const report = await (await fetch('/api/report')).json();
  if (report === null) return;
  creatorId = report.showcase.creatorId;
  find('email').value = report.showcase.email;
  find('hint').hidden = false;
  find('hint').querySelector('code').textContent = report.showcase.password;
  const passed = report.steps.filter(({ outcome }) => outcome === 'passed').length;
  const seconds = (report.totalMs / 1000).toFixed(1);
  const skipped = report.steps.filter(({ outcome }) => outcome === 'skipped').length;
  const rest = report.ok && skipped > 0 ? `, ${skipped} skipped,` : '';
  showBadge(
    'tour-summary',
    `${passed} of ${report.steps.length} steps passed${rest} in ${seconds} s`,
    report.ok ? 'good' : 'bad',
  );
  find('tour').tBodies[0].replaceChildren(...report.steps.map(stepRow));
}

function stepRow({ name, outcome, detail, ms }) {
  const row = document.createElement('tr');
  const sign = cell('td', SIGNS[outcome], 'sign');
  sign.dataset.outcome = outcome;
  sign.ariaLabel = outcome;
  const step = cell('th', name);
  step.scope = 'row';
  row.append(sign, step, cell('td', detail), cell('td', outcome === 'skipped' ? '' : `${ms}`, 'number'));
  return row;
}

async function loadMedia() {
  if (creatorId === null) return showBadge('cache-badge', 'nothing yet');
  const start = performance.now();
  const response = await fetch(`/api/creators/${creatorId}/media`);
  const items = await response.json();
  const ms = Math.round(performance.now() - start);
  const [words, kind] = CACHE_BADGES[response.headers.get('x-cache')] ?? CACHE_BADGES.miss;
  showBadge('cache-badge', `${words} · ${ms} ms`, kind);
  find('timing').textContent = response.headers.get('server-timing') ?? '';
  find('media').replaceChildren(...items.flatMap(mediaBlock));
  const film = items.find(({ files }) => files.length > 0);
  if (film !== undefined && find('account').hidden === false) await showLink(film.id);
}

function mediaBlock({ title, status, files }) {
  const heading = document.createElement('h3');
  heading.textContent = title;
  const badge = document.createElement('span');
  badge.className = 'badge';
  badge.dataset.kind = STATUS_KINDS[status] ?? '';
  badge.textContent = status;
  heading.append(' ', badge);
  const table = document.createElement('table');
  table.append(...files.map(fileRow));
  if (files.length > 0) return [heading, table];
  const empty = document.createElement('p');
  empty.className = 'note';
  empty.textContent = 'No files yet.';
  return [heading, empty];
}

function fileRow({ key, size }) {
  const [, folder, , ...path] = key.split('/');
  const row = document.createElement('tr');
  row.append(cell('td', `${folder} / ${path.join('/')}`), cell('td', formatBytes(size), 'number'));
  return row;
}

async function showAccount() {
  const response = await fetch('/api/me');
  const isLoggedIn = response.status === 200;
  if (isLoggedIn) find('user-name').textContent = (await response.json()).name;
  find('login').hidden = isLoggedIn;
  find('account').hidden = !isLoggedIn;
  if (!isLoggedIn) find('link').hidden = true;
}

async function showLink(mediaId) {
  const response = await fetch(`/api/media/${mediaId}/link`);
  if (!response.ok) return;
  const { url, expiresAt } = await response.json();
  find('signed-link').href = url;
  if (find('link').hidden) await play(mediaId);
  find('link').hidden = false;
  every(() => {
    const seconds = Math.max(0, Math.round((Date.parse(expiresAt) - Date.now()) / 1000));
    find('expiry').textContent = `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
    return seconds > 0;
  });
}

/** hls.js where there is Media Source; Safari plays the same address by itself. */
async function play(mediaId) {
  const response = await fetch(`/api/media/${mediaId}/play`);
  if (!response.ok) return showStatus('This film has no HLS renditions.');
  const { kind, url } = await response.json();
  await showViews(mediaId);
  player?.destroy();
  if (kind === 'original') {
    showStatus('Not transcoded: the file as it was uploaded.');
    return (find('player').src = url);
  }
  if (!Hls.isSupported()) return (find('player').src = url);
  player = new Hls();
  player.on(Hls.Events.MANIFEST_PARSED, (_event, { levels }) => {
    showStatus(`${levels.map(({ height }) => `${height}p`).join(' and ')}.`);
  });
  player.on(Hls.Events.ERROR, (_event, { fatal, details }) => fatal && showStatus(`It does not play: ${details}.`));
  player.loadSource(url);
  player.attachMedia(find('player'));
}

async function showViews(mediaId) {
  const { views } = await (await fetch(`/api/media/${mediaId}/views`)).json();
  find('views').textContent = views === 1 ? 'once' : `${views} times`;
}

function showStatus(text) {
  find('hls-status').textContent = text;
}

/** Makes an item, puts the file into the bucket by a URL signed for exactly this file, and publishes. */
async function upload(event) {
  event.preventDefault();
  const file = find('file').files[0];
  const tell = (text) => (find('upload-message').textContent = text);
  const post = async (path, body) => {
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    return answer;
  };
  try {
    const { id } = await post('/api/media', { title: file.name });
    const signed = await post(`/api/media/${id}/upload`, { name: file.name, size: String(file.size) });
    await put(signed, file);
    await post(`/api/media/${id}/publish`, {});
    tell(`${file.name} is in the bucket, and listed. R2 tells the Worker, which has it transcoded.`);
    event.target.reset();
    await loadMedia();
  } catch (error) {
    tell(error.message);
  } finally {
    find('upload-progress').hidden = true;
  }
}

function put({ url, method, headers }, file) {
  const request = new XMLHttpRequest();
  request.open(method, url);
  for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
  const bar = find('upload-progress');
  bar.hidden = false;
  request.upload.onprogress = ({ loaded, total }) => (bar.value = loaded / total);
  return new Promise((resolve, reject) => {
    request.onload = () =>
      request.status === 200 ? resolve() : reject(new Error(`The storage refused it: ${request.status}.`));
    request.onerror = () => reject(new Error('The connection to the storage failed.'));
    request.send(file);
  });
}

async function logIn(event) {
  event.preventDefault();
  const { email, password } = Object.fromEntries(new FormData(event.target));
  const response = await fetch('/api/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password }),
  });
  if (response.ok) {
    find('login-message').textContent = '';
    event.target.password.value = '';
    await showAccount();
    return loadMedia();
  }
  const { error } = await response.json();
  if (response.status === 429) waitForLimit(error, Number(response.headers.get('retry-after')));
  else find('login-message').textContent = error;
}

function waitForLimit(error, retryAfterSeconds) {
  const until = Date.now() + retryAfterSeconds * 1000;
  every(() => {
    const seconds = Math.ceil((until - Date.now()) / 1000);
    find('login-message').textContent = seconds > 0 ? `${error} (${seconds} s left)` : '';
    return seconds > 0;
  });
}

async function logOut(path) {
  await fetch(path, { method: 'POST' });
  await showAccount();
}

/** Calls `show` now and every second until it answers `false`; one at a time. */
function every(show) {
  clearInterval(countdown);
  if (!show()) return;
  countdown = setInterval(() => {
    if (!show()) clearInterval(countdown);
  }, 1000);
}

function showBadge(id, text, kind = '') {
  find(id).textContent = text;
  find(id).dataset.kind = kind;
}

function cell(name, text, className = '') {
  const element = document.createElement(name);
  element.textContent = text;
  element.className = className;
  return element;
}

function formatBytes(bytes) {
  return bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(1)} kB`;
}
