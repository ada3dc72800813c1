import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorker } from '../../local/bundle.mjs';
import { startPlatform } from '../../local/platform.mjs';
import { readWranglerConfig } from '../../local/wrangler-config.mjs';

const APP = fileURLToPath(new URL('..', import.meta.url));
const MEDIA_WORKER = fileURLToPath(new URL('../../worker/', import.meta.url));

/** Whether the app is installed and built. */
export function isBuilt() {
  return existsSync(`${APP}.svelte-kit/cloudflare/_worker.js`);
}

/**
 * Installs the app's packages where there are none, and builds it.
 *
 * @throws {Error} when a command fails; what it printed is on the terminal.
 */
export function buildApp() {
  if (!existsSync(`${APP}node_modules`)) run('npm', ['ci', '--no-audit', '--no-fund']);
  run('npx', ['vite', 'build', '--logLevel', 'warn']);
}

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: APP, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error(`\`${command} ${args.join(' ')}\` failed in examples/sveltekit.`);
}

/**
 * Starts the built app in workerd, with the media Worker that transcodes for it, and local stand-ins for all that they bind.
 *
 * @param options.port of the app; a free one unless told.
 * @param options.adminEmail whoever signs up with it is the owner.
 * @returns what `startPlatform` does, with `appName`, for `miniflare.getD1Database('DB', appName)`, and `bucket`.
 * @throws {Error} when the app is not built.
 */
export async function startApp({ port = 0, adminEmail = '' } = {}) {
  if (!isBuilt()) throw new Error('The app is not built: run `npm ci && npm run build` in examples/sveltekit.');
  const config = readWranglerConfig(`${APP}wrangler.jsonc`);
  const mediaConfig = readWranglerConfig(`${MEDIA_WORKER}wrangler.jsonc`);
  const [script, mediaScript] = await Promise.all([
    bundleWorker(`${APP}${config.main}`, { hasNode: true }),
    bundleWorker(`${MEDIA_WORKER}${mediaConfig.main}`),
  ]);
  const platform = await startPlatform({
    port,
    workers: [
      { config, root: APP, script, secrets: { ADMIN_EMAIL: adminEmail } },
      {
        config: mediaConfig,
        root: MEDIA_WORKER,
        script: mediaScript,
        secrets: { ACCOUNTS_WEBHOOK_SECRET: randomBytes(32).toString('base64') },
      },
    ],
    extraBuckets: [mediaConfig.vars.BACKUP_BUCKET],
  });
  return { ...platform, appName: config.name, bucket: config.vars.MEDIA_BUCKET };
}
