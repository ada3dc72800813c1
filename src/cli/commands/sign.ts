import type { Command } from 'commander';
import type { Invocation } from '../invocation.js';
import { parseObjectLocation, parseSeconds } from '../values.js';

interface SignOptions {
  readonly expires: string;
  readonly downloadName?: string;
}

/** `sign`: a URL that lets anyone read one object for a while. */
export function addSign(program: Command, call: Invocation): void {
  program
    .command('sign')
    .description(
      'Sign a URL that lets whoever has it read one object (GET). Nothing is sent; the object need not exist.',
    )
    .argument('<object>', 'bucket/key')
    .option('--expires <time>', 'how long it works: 90s, 15m, 4h; seven days at most', '1h')
    .option('--download-name <name>', 'name under which a browser saves the file (best effort)')
    .action((object: string, options: SignOptions) => sign(call, object, options));
}

async function sign(call: Invocation, object: string, options: SignOptions): Promise<void> {
  const { bucket, key } = parseObjectLocation(object);
  const expiresIn = parseSeconds(options.expires, '--expires');
  const now = call.io.now();
  const url = await call.client.getSignedUrl({ bucket, key, expiresIn, downloadName: options.downloadName });
  call.result({ url, bucket, key, expiresAt: new Date(now + expiresIn * 1000).toISOString() }, [url]);
}
