// npm run demo            runs the tour and keeps serving
// npm run demo -- --once  runs the tour and ends with status 0 or 1
// npm run demo -- --port 3000
import { parseArgs } from 'node:util';
import { runDemo } from './demo/run-demo.mjs';

// With few cores workerd can stand still for good while V8 compiles and collects in the background: see jest.config.ts.
process.env.MINIFLARE_WORKERD_V8_FLAGS ??= '--single-threaded';
// The driver signs and lists with the package's R2Client in Node as well; the SDK's note on Node 20 is no news here.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

try {
  const { values } = parseArgs({ options: { once: { type: 'boolean', default: false }, port: { type: 'string' } } });
  process.exitCode = await runDemo({ once: values.once, port: readPort(values.port) });
} catch (error) {
  console.error(`The demo could not run: ${error.message}`);
  process.exitCode = 1;
}

function readPort(text) {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new Error(`--port must be a number from 1 to 65535, not "${text}".`);
}
