#!/usr/bin/env node
import { createRequire } from 'node:module';
import { processIo } from './process-io.js';
import { runCli } from './run-cli.js';

// The SDK, which is loaded later, warns about coming releases of Node where the tool's own messages are read.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
const { io, interruptedBy } = processIo(process, version);
const code = await runCli(process.argv.slice(2), io);
// Not `exitCode` alone: connections that are kept alive would hold the process back.
process.exit(interruptedBy() === 'SIGTERM' ? 143 : code);
