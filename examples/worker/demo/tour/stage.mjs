import { createHash } from 'node:crypto';
import { R2Client } from '@codex/cloudflare-clients';
import { readSample } from '../sample.mjs';
import { Visitor } from '../visitor.mjs';

const PASSWORD = 'correct horse battery staple';
/** How many requests come at once where that matters. */
export const CONCURRENT_REQUESTS = 50;
const WAIT_MS = 20_000;
const POLL_MS = 25;

/** Who and what all steps share: two creators, the storage seen from outside, and what the page will show. */
export class Stage {
  /** What the page needs to show; filled in on the way. */
  showcase = { creatorId: '', email: 'ada@example.com', password: PASSWORD };
  sample = readSample();

  constructor(server) {
    this.server = server;
    this.r2 = new R2Client(server.r2);
    this.ada = { ...creator('Ada'), visitor: new Visitor(server.url) };
    this.grace = { ...creator('Grace'), visitor: new Visitor(server.url) };
  }

  filesOf(prefix, bucket = this.server.bucket) {
    return this.r2.listFiles({ bucket, prefix });
  }

  /** Runs the Worker as a cron trigger would. */
  async trigger(cron) {
    const { outcome } = await (await this.server.miniflare.getWorker()).scheduled({ cron });
    return outcome;
  }

  /** The status of an item once it is one of those. */
  async awaitStatus(mediaId, wanted) {
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
      const { body } = await this.ada.visitor.expect(200, 'GET', `/api/media/${mediaId}/status`);
      if (wanted.includes(body?.status)) return body;
      if (Date.now() > deadline)
        throw new Error(`The status is ${JSON.stringify(body)}, and not ${wanted.join(' or ')}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

/** The SHA-256 of bytes, in hexadecimal. */
export function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

function creator(name) {
  return { name, email: `${name.toLowerCase()}@example.com`, password: PASSWORD };
}
