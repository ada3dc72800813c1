import { pbkdf2Sync, randomBytes, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mediaKeys, R2Client } from '@codex/cloudflare-clients';

const FILM = fileURLToPath(new URL('../../worker/media/', import.meta.url));
const MS_PER_HOUR = 3_600_000;

const PEOPLE = [
  { name: 'Olive Owner', email: 'owner@codex.example', role: 'owner' },
  { name: 'Ada Fields', email: 'ada@codex.example', role: 'creator' },
  { name: 'Bruno Vale', email: 'bruno@codex.example', role: 'creator' },
];

/** By creator, the newest first. `ready` has HLS, `uploaded` the original alone. */
const ITEMS = [
  { creator: 1, title: 'First light over the valley', status: 'ready', isPublished: true },
  { creator: 1, title: 'How bread is scored', status: 'ready', isPublished: true },
  { creator: 1, title: 'Notes for the next one', status: 'draft', isPublished: false },
  { creator: 2, title: 'Tuning a piano, part one', status: 'ready', isPublished: true },
  { creator: 2, title: 'Tuning a piano, part two', status: 'uploaded', isPublished: true },
  { creator: 2, title: 'A walk that was too long', status: 'ready', isPublished: false },
];

/**
 * Fills the database and the bucket: an owner, two creators, and films of theirs that play. Passwords are made here, and known to the caller alone.
 *
 * @param platform what `startApp` returned.
 * @returns `{ people: { name, email, role, id, password }[], items: { id, creatorId, title, status, isPublished }[] }`
 */
export async function addDemoData({ miniflare, appName, r2: config, bucket }) {
  const database = await miniflare.getD1Database('DB', appName);
  const r2 = new R2Client(config);
  const people = PEOPLE.map((person) => ({
    ...person,
    id: randomUUID(),
    password: randomBytes(9).toString('base64url'),
  }));
  const items = ITEMS.map(({ creator, ...item }) => ({ ...item, id: randomUUID(), creatorId: people[creator].id }));
  const film = await readFilm();
  // Objects come first: a row says what is there.
  for (const item of items) await storeFilm(r2, { bucket, film, item });
  const now = Date.now();
  await database.batch([
    ...people.map((person) => insertPerson(database, person, now)),
    ...items.map((item, index) =>
      insertItem(database, item, { bytes: film.original.byteLength, at: now - index * MS_PER_HOUR }),
    ),
  ]);
  return { people, items };
}

async function readFilm() {
  const names = await readdir(`${FILM}hls`, { recursive: true, withFileTypes: true });
  const files = names
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  const hls = await Promise.all(
    files.map(async (path) => ({
      path: relative(`${FILM}hls`, path).replaceAll('\\', '/'),
      body: await readFile(path),
    })),
  );
  return { hls, original: await readFile(`${FILM}originals/original.mp4`) };
}

async function storeFilm(r2, { bucket, film, item: { id, creatorId, status } }) {
  const keys = mediaKeys(creatorId);
  if (status === 'draft') return;
  await r2.uploadFile({ bucket, key: keys.original(id), body: film.original });
  if (status !== 'ready') return;
  await Promise.all(film.hls.map(({ path, body }) => r2.uploadFile({ bucket, key: keys.hlsFile(id, path), body })));
}

function insertPerson(database, { id, email, name, role, password }, now) {
  return database
    .prepare('INSERT INTO users (id, email, name, role, password_hash, created_at) VALUES (?, ?, ?, ?, ?, ?)')
    .bind(id, email, name, role, hashPassword(password), new Date(now).toISOString());
}

function insertItem(database, { id, creatorId, title, status, isPublished }, { bytes, at }) {
  const when = new Date(at).toISOString();
  const hasFilm = status !== 'draft';
  return database
    .prepare(
      `INSERT INTO media (id, creator_id, title, status, original_key, original_bytes, created_at, published_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .bind(
      id,
      creatorId,
      title,
      status,
      hasFilm ? mediaKeys(creatorId).original(id) : null,
      hasFilm ? bytes : null,
      when,
      isPublished ? when : null,
    );
}

/** As src/lib/server/auth/password.ts has it. */
function hashPassword(password) {
  const salt = randomBytes(16);
  return `${salt.toString('hex')}:${pbkdf2Sync(password, salt, 100_000, 32, 'sha256').toString('hex')}`;
}
