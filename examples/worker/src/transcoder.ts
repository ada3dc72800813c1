import { Injectable } from '@codex/cloudflare-clients';
import { TRANSCODER } from './tokens.js';

/** KV takes one write a second of a key. */
const REPORT_EVERY_MS = 1000;

interface Line {
  readonly progress?: number;
  readonly status?: 'ready' | 'failed' | 'interrupted';
  readonly reason?: string;
}

/** What a transcoder can say for good: another attempt would end as this one did. */
export type TranscodingOutcome =
  { readonly status: 'ready' | 'unavailable' } | { readonly status: 'failed'; readonly reason: string };

/** The transcoding service, which answers with lines of JSON while it works. */
@Injectable(TRANSCODER)
export class Transcoder {
  constructor(private readonly service: Fetcher) {}

  /**
   * Makes HLS of an original.
   *
   * @param signal gives it up.
   * @param onProgress is told percents, once a second at most.
   * @returns `unavailable` when the service cannot transcode at all, `failed` when the file is no film.
   * @throws {Error} when it was interrupted, or could not be asked: another attempt may go better.
   */
  async run(
    original: { readonly bucket: string; readonly key: string },
    signal: AbortSignal,
    onProgress: (percent: number) => Promise<void>,
  ): Promise<TranscodingOutcome> {
    const body = JSON.stringify(original);
    const response = await this.service.fetch('http://transcoder/', { method: 'POST', body, signal });
    if (response.status === 422) {
      await response.body?.cancel();
      return { status: 'unavailable' };
    }
    if (!response.ok || response.body === null) throw new Error(`The transcoder answered ${response.status}.`);
    let last: Line = {};
    let reportedAt = 0;
    for await (const line of linesOf(response.body)) {
      last = line;
      if (line.progress === undefined || Date.now() - reportedAt < REPORT_EVERY_MS) continue;
      reportedAt = Date.now();
      await onProgress(line.progress);
    }
    const { status, reason = 'its answer ended early' } = last;
    if (status === 'failed') return { status, reason };
    if (status !== 'ready') throw new Error(`The transcoder gave up: ${reason}`);
    return { status };
  }
}

async function* linesOf(body: ReadableStream): AsyncGenerator<Line> {
  let rest = '';
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield JSON.parse(line) as Line;
  }
}
