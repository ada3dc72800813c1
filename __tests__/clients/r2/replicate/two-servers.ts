import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import type { R2ClientOptions } from '../../../../src/clients/r2/r2-config.js';
import { internalsOf } from '../../../../src/clients/r2/r2-internals.js';
import type { ReplicationCheckpoint } from '../../../../src/clients/r2/replicate/checkpoint.js';
import type { ObjectHeaders, StoreInfo, StoreListed } from '../../../../src/clients/r2/store/object-store.js';
import { startS3Front, type S3Front } from '../../../support/s3-front.js';

export const BUCKET = 'codex-media';
export const OTHER_BUCKET = 'codex-other';

/** One S3 server, and a client of it. */
export interface Side {
  readonly front: S3Front;
  readonly client: R2Client;
  put(key: string, body: string | Uint8Array, headers?: Partial<ObjectHeaders>): Promise<string>;
  list(bucket?: string): Promise<StoreListed[]>;
  head(key: string, bucket?: string): Promise<StoreInfo | null>;
  text(key: string): Promise<string | null>;
  /** Empties both buckets and forgets requests and faults. */
  clear(): Promise<void>;
}

export async function startSide(): Promise<Side> {
  const front = await startS3Front({ buckets: [BUCKET, OTHER_BUCKET] });
  const client = clientOf(front);
  const store = internalsOf(client).storeOf(BUCKET);
  return {
    front,
    client,
    async put(key, body, headers = {}) {
      const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
      const all = { contentType: 'text/plain', metadata: {}, ...headers };
      const stored = await store.put({ bucket: BUCKET, key, body: bytes, length: bytes.byteLength, headers: all });
      return stored.etag;
    },
    async list(bucket = BUCKET) {
      const files: StoreListed[] = [];
      let token: string | undefined;
      do {
        const page = await store.list({ bucket, prefix: '', maxKeys: 1000, token });
        files.push(...page.files);
        token = page.token;
      } while (token !== undefined);
      return files;
    },
    async head(key, bucket = BUCKET) {
      const answer = await store.head({ bucket, key });
      return answer.status === 'found' ? answer.info : null;
    },
    async text(key) {
      const answer = await store.get({ bucket: BUCKET, key });
      return answer.status === 'found' ? new Response(answer.body).text() : null;
    },
    async clear() {
      front.reset();
      for (const bucket of [BUCKET, OTHER_BUCKET]) {
        await client.deletePrefix({ bucket, prefix: '', allowEmptyPrefix: true });
      }
      front.reset();
    },
  };
}

export function clientOf(front: S3Front, options: R2ClientOptions = {}): R2Client {
  return new R2Client({ ...front.config }, { wait: () => Promise.resolve(), ...options });
}

/** What both ends hold, for comparison. */
export function contents(files: readonly StoreListed[]): [string, number, string][] {
  return files.map(({ key, size, etag }) => [key, size, etag]);
}

export interface MemoryCheckpoint extends ReplicationCheckpoint {
  text: string | null;
  saves: number;
}

export function memoryCheckpoint(text: string | null = null): MemoryCheckpoint {
  const checkpoint: MemoryCheckpoint = {
    text,
    saves: 0,
    load: async () => checkpoint.text,
    save: async (next) => {
      checkpoint.text = next;
      checkpoint.saves += 1;
    },
  };
  return checkpoint;
}
