// npm run app                 starts the app with demo data and keeps serving
// npm run app -- --once       asks it what a visitor would, and ends with status 0 or 1
// npm run app -- --port 3000  or --build, to build again what is built
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { firstFreePort } from '../local/ports.mjs';
import { addDemoData } from './local/demo-data.mjs';
import { buildApp, isBuilt, startApp } from './local/app-platform.mjs';
import { smoke } from './local/smoke.mjs';

const PREFERRED_PORT = 8788;

// With few cores workerd can stand still for good while V8 compiles and collects in the background: see jest.config.ts.
process.env.MINIFLARE_WORKERD_V8_FLAGS ??= '--single-threaded';
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

try {
  const options = { once: { type: 'boolean' }, build: { type: 'boolean' }, port: { type: 'string' } };
  const { values } = parseArgs({ options });
  if (values.build === true || !isBuilt()) {
    console.log('Building the app: this takes a minute.');
    buildApp();
  }
  process.exitCode = await main(values);
} catch (error) {
  console.error(`The app could not run: ${error.message}`);
  process.exitCode = 1;
}

async function main({ once: isOnce = false, port }) {
  const platform = await startApp({ port: await portOf(port, isOnce) });
  try {
    const { people, items } = await addDemoData(platform);
    if (isOnce) return report(await smoke(platform.url, people));
    console.log(`\nCodex is at ${platform.url}, with ${items.length} films. Sign in as\n`);
    for (const { role, email, password } of people) console.log(`  ${role.padEnd(8)} ${email.padEnd(20)} ${password}`);
    console.log('\nPasswords were made for this run; all of it is gone when it ends. Ctrl+C ends it.');
    await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
    return 0;
  } finally {
    await platform.stop();
  }
}

function report(results) {
  for (const { what, ok, detail } of results) console.log(`${ok ? 'ok    ' : 'FAILED'} ${what}: ${detail}`);
  return results.every(({ ok }) => ok) ? 0 : 1;
}

/** The port that was asked for; else 8788 where it is free, so that bookmarks work, and any for a run that nobody looks at. */
async function portOf(text, isOnce) {
  if (text === undefined) return isOnce ? 0 : firstFreePort([PREFERRED_PORT, 0]);
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new Error(`--port must be a number from 1 to 65535, not "${text}".`);
}
