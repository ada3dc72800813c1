#!/usr/bin/env node
// The SDK warns about coming releases of Node on the standard error, where the tool's own messages are read.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

import { processIo } from './process-io.js';
import { runCli } from './run-cli.js';

const { io, interruptedBy } = processIo(process);
const code = await runCli(process.argv.slice(2), io);
// Not `exitCode` alone: connections that are kept alive would hold the process back.
process.exit(interruptedBy() === 'SIGTERM' ? 143 : code);
