import { setTimeout as sleep } from 'node:timers/promises';
import { checksOf, type Evidence } from './checks.js';
import { SoakClient } from './client.js';
import { Notes } from './notes.js';
import type { Counted, MemorySample, Transfer } from './oracles.js';
import { People } from './people.js';
import { plan } from './plan.js';
import { checkLines, faultTable, memoryLines, trafficTable } from './report.js';
import { Crowd, type SampleFile } from './traffic.js';
import { sha256, Uploads, type S3Faults } from './uploads.js';

const CONCURRENCY = 40;
const DEADLINE_MS = 20_000;
const CREATORS = 4;
const SAMPLE_MS = 1_000;

/** What a run is made on. */
export interface Stage {
  readonly url: string;
  readonly seconds: number;
  readonly seed: number;
  readonly random: () => number;
  readonly sample: readonly SampleFile[];
  /** Lets a fault befall S3. */
  readonly s3: S3Faults;
  /** What lies in the bucket, past Worker and S3; `null` where there is nothing. */
  readonly read: (key: string) => Promise<Uint8Array | null>;
  /** Memory that must be flat, by whose it is, in MiB; `NaN` where it could not be read. */
  readonly memory: () => Record<string, number>;
  /** Memory that is only shown. */
  readonly shownMemory: () => Record<string, number>;
  /** A history made worse than it was: for the test that a check can fail. */
  readonly spoil?: (notes: Notes) => void;
}

/** Runs the plan, prints tables and checks, and says whether all of them held. */
export async function runSoak(stage: Stage, print: (text: string) => void): Promise<boolean> {
  const { url, seconds, seed, random } = stage;
  const client = new SoakClient({ concurrency: CONCURRENCY, deadlineMs: DEADLINE_MS });
  const notes = new Notes();
  const people = new People(client, notes, url);
  const uploads = new Uploads(client, notes, url, stage.s3);
  const crowd = new Crowd({ client, notes, people, uploads, url, sample: stage.sample });
  await crowd.prepare(CREATORS);
  const steps = plan(seconds, random);
  print(`${steps.length} steps in ${seconds} s, ${CONCURRENCY} requests at a time, seed ${seed}\n`);
  const memory = watchMemory(stage.memory);
  const shownMemory = watchMemory(stage.shownMemory);
  const startedAt = performance.now();
  const running = steps.map(async (step) => {
    await sleep(step.atMs);
    await crowd.step(step).catch((error: unknown) => notes.surprises.push(`${step.traffic}: ${String(error)}`));
  });
  await Promise.all(running);
  const minutes = (performance.now() - startedAt) / 60_000;
  const values = await crowd.finish();
  const counters = values.map(({ name, value }): Counted => ({ name, value, ...viewsOf(notes, name) }));
  stage.spoil?.(notes);
  const stored = await readAll(notes, stage.read);
  const evidence: Evidence = { exchanges: client.exchanges, notes, counters, stored, memory: memory(), minutes };
  const checks = checksOf(evidence);
  const tables = [trafficTable(client.exchanges, notes.retries), faultTable(client.exchanges)];
  print([...tables, memoryLines({ ...evidence.memory, ...shownMemory() }), checkLines(checks)].join('\n\n'));
  const wrong = checks.filter(({ breaches }) => breaches.length > 0).length;
  print(
    wrong === 0
      ? `\nAll ${checks.length} checks hold.`
      : `\nFAILED: ${wrong} of ${checks.length} checks. Seed ${seed}.`,
  );
  return wrong === 0;
}

async function readAll(notes: Notes, read: Stage['read']): Promise<Transfer[]> {
  const transfers: Transfer[] = [];
  for (const { key, sha256: sent } of notes.uploads) {
    const bytes = await read(key);
    transfers.push({ name: key, sent, received: bytes === null ? null : sha256(bytes) });
  }
  return transfers;
}

function watchMemory(read: Stage['memory']): () => Record<string, MemorySample[]> {
  const samples: Record<string, MemorySample[]> = {};
  const timer = setInterval(() => {
    for (const [name, mib] of Object.entries(read())) (samples[name] ??= []).push({ at: performance.now(), mib });
  }, SAMPLE_MS);
  return () => {
    clearInterval(timer);
    return samples;
  };
}

function viewsOf(notes: Notes, mediaId: string): { acknowledged: number; unknown: number } {
  return notes.views.get(mediaId) ?? { acknowledged: 0, unknown: 0 };
}
