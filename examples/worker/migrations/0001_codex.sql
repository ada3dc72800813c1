-- The database of Codex: the Worker and the SvelteKit app share it. Times are ISO 8601 in UTC.
CREATE TABLE users (
  id TEXT PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  role TEXT NOT NULL DEFAULT 'creator' CHECK (role IN ('customer', 'creator', 'owner')),
  created_at TEXT NOT NULL
);

-- The token itself is in the visitor's cookie alone.
CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  token_hash TEXT NOT NULL UNIQUE,
  user_agent TEXT,
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE media (
  id TEXT PRIMARY KEY,
  creator_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  title TEXT NOT NULL,
  -- draft: nothing uploaded yet; uploaded: the original is in the bucket; ready: it can be played as HLS; failed: it could not be transcoded.
  status TEXT NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'uploaded', 'transcoding', 'ready', 'failed')),
  original_key TEXT,
  original_bytes INTEGER,
  created_at TEXT NOT NULL,
  published_at TEXT
);
CREATE INDEX media_by_creator ON media (creator_id, created_at);
CREATE UNIQUE INDEX media_by_original ON media (original_key) WHERE original_key IS NOT NULL;

-- What the clients' events amount to, by minute (seconds of the epoch / 60): what the admin page draws.
CREATE TABLE event_minutes (
  minute INTEGER NOT NULL,
  -- The type of the event: cache.hit, cache.miss, rate-limit.denied, ...
  type TEXT NOT NULL,
  -- Its key prefix.
  label TEXT NOT NULL,
  -- Upper bound of the latency in milliseconds, of a fixed scale; 0 where the event has none.
  le_ms INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (minute, type, label, le_ms)
) WITHOUT ROWID;
