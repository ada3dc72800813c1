import { isSameObject } from './copy-phase.js';
import { walkPairs, type KeyPair } from './merge-walk.js';
import { compareObjects } from './object-identity.js';
import type { ReplicationVerification } from './replication-report.js';
import type { ReplicationRun } from './replication-run.js';
import type { Route } from './route.js';
import { WorkPool } from './work-pool.js';

type Mismatch = ReplicationVerification['mismatches'][number];

const MAX_MISMATCHES = 1000;

/** Lists both ends once more, and compares them by the same rules that decided what to copy. */
export async function verifyPhase(run: ReplicationRun): Promise<ReplicationVerification> {
  const same = { objects: 0, bytes: 0 };
  const counts = { missing: 0, different: 0, extraneous: 0 };
  const mismatches: Mismatch[] = [];
  const note = (key: string, reason: Mismatch['reason'] | 'same', bytes: number): void => {
    if (reason === 'same') {
      same.objects += 1;
      same.bytes += bytes;
      return;
    }
    counts[reason] += 1;
    if (mismatches.length < MAX_MISMATCHES) mismatches.push({ key, reason });
  };
  const pool = new WorkPool(run.options.concurrency);
  try {
    for await (const pair of walkPairs(run.route)) {
      const { key, source } = pair;
      const answer = answerOf(pair);
      if (answer !== 'unsure') note(key, answer, source?.size ?? 0);
      else
        await pool.add(() =>
          run.attempt(key, 'copy', async (route) => note(key, await ask(route, pair), source?.size ?? 0)),
        );
      if (run.hasEnded()) break;
    }
  } finally {
    await pool.drain();
  }
  run.throwIfFailed();
  return { same, ...counts, mismatches };
}

function answerOf({ source, destination }: KeyPair): Mismatch['reason'] | 'same' | 'unsure' {
  if (source === null) return 'extraneous';
  return destination === null ? 'missing' : compareObjects(source, destination);
}

async function ask(route: Route, { key, source, destination }: KeyPair): Promise<Mismatch['reason'] | 'same'> {
  if (source === null || destination === null) return 'missing';
  return (await isSameObject(route, key, source, destination)) ? 'same' : 'different';
}
