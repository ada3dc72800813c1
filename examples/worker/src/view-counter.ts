import { COUNTER_CLIENT, Injectable } from '@codex/cloudflare-clients';
import type { CounterClient } from '@codex/cloudflare-clients';

/** How often a film was played. In KV, most plays that come at once would be lost. */
@Injectable(COUNTER_CLIENT)
export class ViewCounter {
  constructor(private readonly counters: CounterClient) {}

  async count(mediaId: string): Promise<void> {
    await this.counters.increment(counterOf(mediaId));
  }

  async views(mediaId: string): Promise<number> {
    return (await this.counters.get(counterOf(mediaId))).value;
  }
}

function counterOf(mediaId: string): string {
  return `views:${mediaId}`;
}
