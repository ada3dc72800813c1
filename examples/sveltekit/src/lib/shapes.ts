/**
 * What pages and clients are told, in one place: the `data` of every page, what form actions answer, and the JSON of the API.
 *
 * Routes. Pages in `(app)` have `LayoutData` merged into their own data; `/` is prerendered, knows nobody, and may ask `GET /api/auth/me`.
 *
 * | page | data | actions (name: fields) -> `form` |
 * | --- | --- | --- |
 * | `/` (`src/routes/+page.svelte`) | none | |
 * | `/login` (`(app)/login`) | `LoginData` | default: email, password -> `LoginForm`; then 303 to `next` or `/library` |
 * | `/signup` | none | default: name, email, password -> `SignupForm`; then 303 to `/library` |
 * | `/library` | `LibraryData` | `?/create`: title; `?/publish`, `?/unpublish`, `?/remove`: id; `?/rename`: id, title -> `LibraryForm` |
 * | `/upload` | `UploadData` | |
 * | `/watch/[id]` | `WatchData` | |
 * | `/account` | `AccountData` | `?/logout`, `?/logoutEverywhere`: then 303 to `/login`; `?/endSession`: id -> `AccountForm` |
 * | `/admin` (role owner, else 403) | `AdminData`, `?minutes=15..1440` | |
 *
 * Who is not signed in is sent to `/login?next=...` (303). Errors of pages are `App.Error`: `{ message }`, a sentence for people.
 *
 * | API | body -> answer |
 * | --- | --- |
 * | `POST /api/auth/signup` | `{ name, email, password }` -> 201 `SessionUser`, cookie |
 * | `POST /api/auth/login` | `{ email, password }` -> 200 `SessionUser`, cookie; 401 `ApiError`; 429 `RateLimitProblem`, with RateLimit and Retry-After |
 * | `POST /api/auth/logout`, `/api/auth/logout-everywhere` | -> 200 `{ ended: number }` |
 * | `GET /api/auth/me` | -> `Me`; 401 `ApiError` |
 * | `GET /api/content` | -> `CachedList` of what is published; header `x-cache: hit, stale or miss` |
 * | `GET /api/media` | -> `CachedList` of the caller's own |
 * | `POST /api/media` | `{ title }` -> 201 `MediaCard` |
 * | `GET /api/media/[id]` | -> `MediaCard`: to wait for `status`, which is read from the database |
 * | `PATCH /api/media/[id]` | `{ title }` -> `MediaCard` |
 * | `DELETE /api/media/[id]` | -> `{ deleted: number }`, objects |
 * | `POST /api/media/[id]/publish`, `/unpublish` | -> `MediaCard` |
 * | `POST /api/media/[id]/uploads/s3/sign` | what Uppy 6 gives to `signRequest`, and `filename`, `type`, `size` -> `{ url, key?, headers? }` |
 * | `/api/media/[id]/uploads/s3/...` | Companion's S3 protocol (Uppy 4 and 5), see docs/uploads.md |
 * | `POST /api/media/[id]/uploaded` | `{ key }` -> `MediaCard`; call it when Uppy says that the upload is complete |
 * | `POST /api/media/[id]/play` | -> `Playback`; counts a view. With `?again`, when `expiresAt` is near, it counts none |
 * | `GET, HEAD /api/media/[id]/original` | the original, with ranges |
 * | `GET /v/...` | private HLS; the addresses come from `play` |
 *
 * Errors of the API are `ApiError` with the right status.
 */

/** Whoever is signed in. */
export interface SessionUser {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: 'customer' | 'creator' | 'owner';
}

/** Merged into the data of every page in `(app)`. */
export interface LayoutData {
  readonly user: SessionUser | null;
}

/** How far a media item has come; as in the table `media`. */
export type MediaStatus = 'draft' | 'uploaded' | 'transcoding' | 'ready' | 'failed';

/** A media item as lists show it. */
export interface MediaCard {
  readonly id: string;
  readonly title: string;
  readonly creatorId: string;
  readonly creatorName: string;
  readonly status: MediaStatus;
  /** Of the original; `null` before there is one. */
  readonly bytes: number | null;
  /** ISO 8601. */
  readonly createdAt: string;
  /** ISO 8601; `null` for what its creator alone sees. */
  readonly publishedAt: string | null;
}

/** How a list was come by. */
export interface CacheBadge {
  readonly status: 'hit' | 'stale' | 'miss';
  /** Milliseconds since the list was read from the database. */
  readonly ageMs: number;
}

/** A list of media, the newest first, and where it came from. */
export interface CachedList {
  readonly items: readonly MediaCard[];
  readonly cache: CacheBadge;
}

/** `/login`. */
export interface LoginData {
  /** The path that the visitor wanted; `/library` unless told. */
  readonly next: string;
  /** Whether the visitor is here because one device could only be signed out with all others. */
  readonly hasEndedAll: boolean;
}

/** What `/login` answers when it does not let in. */
export interface LoginForm {
  /** A sentence for people. */
  readonly message: string;
  readonly email: string;
  /** Seconds until there can be another attempt; only with status 429. */
  readonly retryAfterSeconds?: number;
}

/** What `/signup` answers when it does not let in. */
export interface SignupForm {
  readonly message: string;
  readonly name: string;
  readonly email: string;
  /** The field at fault. */
  readonly field?: 'name' | 'email' | 'password';
}

/** `/library`. */
export interface LibraryData {
  readonly own: CachedList;
  readonly published: CachedList;
}

/** What an action of `/library` answers; `id` is the item that it was about, or that was made. */
export interface LibraryForm {
  readonly ok: boolean;
  readonly message: string;
  readonly id?: string;
}

/** `/upload`. */
export interface UploadData {
  /** For Uppy's restrictions; the server holds to the same. */
  readonly maxBytes: number;
  /** Such as `video/*`. */
  readonly allowedTypes: readonly string[];
  /** Drafts that have no original yet: one of them can be resumed. */
  readonly drafts: readonly MediaCard[];
}

/** What a player plays. */
export type Playback =
  | {
      readonly kind: 'hls';
      /** Path of the master playlist, good for this visitor's session alone. */
      readonly url: string;
      /** ISO 8601. */
      readonly expiresAt: string;
      readonly views: number;
    }
  | {
      /** There is no HLS (yet): the original, with ranges. */
      readonly kind: 'original';
      readonly url: string;
      readonly contentType: string;
      readonly views: number;
    };

/** `/watch/[id]`. */
export interface WatchData {
  readonly media: MediaCard;
  /** `null` while nothing was uploaded. The page does not count a view: `POST play` does, when the visitor plays. */
  readonly playback: Playback | null;
  readonly isOwn: boolean;
}

/** A session of the visitor, by the device that it was opened on. */
export interface DeviceSession {
  readonly id: string;
  /** Such as `Chrome on Linux`. */
  readonly device: string;
  readonly userAgent: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly isCurrent: boolean;
}

/** `/account`. */
export interface AccountData {
  readonly sessions: readonly DeviceSession[];
  /** Where the session of this request came from. */
  readonly sessionSource: 'cache' | 'database';
}

/** What an action of `/account` answers. */
export interface AccountForm {
  readonly ok: boolean;
  readonly message: string;
}

/** One minute of the cache's events. */
export interface CacheMinute {
  /** ISO 8601, the beginning of the minute. */
  readonly at: string;
  readonly hits: number;
  readonly stale: number;
  readonly misses: number;
}

/** How many reads took how long. */
export interface LatencyBucket {
  /** Upper bound in milliseconds; `null`: above all others. */
  readonly leMs: number | null;
  readonly hits: number;
  readonly loads: number;
}

/** One minute of the limiter's decisions. */
export interface LimiterMinute {
  readonly at: string;
  readonly allowed: number;
  readonly denied: number;
}

/** What a creator has in the bucket. */
export interface CreatorStorage {
  readonly creatorId: string;
  readonly creatorName: string;
  readonly objects: number;
  readonly originalBytes: number;
  readonly hlsBytes: number;
  /** Audio, thumbnails and all else. */
  readonly otherBytes: number;
}

/** `/admin`. Minutes without events are there, with zeros. */
export interface AdminData {
  /** How many minutes are shown. */
  readonly minutes: number;
  readonly cache: readonly CacheMinute[];
  /** 0 to 1 over all minutes; `null` without reads. Stale counts as hit. */
  readonly hitRate: number | null;
  readonly latency: readonly LatencyBucket[];
  readonly limiter: readonly LimiterMinute[];
  readonly storage: readonly CreatorStorage[];
  readonly storageCache: CacheBadge;
  readonly sessions: { readonly hits: number; readonly misses: number };
}

/** `GET /api/auth/me`. */
export interface Me extends SessionUser {
  readonly sessionSource: 'cache' | 'database';
}

/** Any error of the API but a 429. */
export interface ApiError {
  readonly message: string;
}

/** A 429, `application/problem+json`. */
export interface RateLimitProblem {
  readonly title: string;
  readonly status: number;
  /** A sentence for people. */
  readonly detail: string;
}
