import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { chromium, type Browser } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';
// Without the flags on networking it looks up hosts of its maker at every start.
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const isCI = (process.env['CI'] ?? '') !== '';
const isSkipped = !existsSync(CHROMIUM) && !isCI;
if (isSkipped) process.stderr.write(`Skipped: there is no ${CHROMIUM}. On Debian: apt-get install chromium\n`);

/** `describe`, where there is a Chromium; skipped with a message elsewhere, and never in CI. */
export const describeInChromium = isSkipped ? describe.skip : describe;

/** Starts Debian's Chromium without a window. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

/** A port of 127.0.0.1 that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
