'use strict';

const { appendFileSync } = require('node:fs');

/**
 * Closes a Jest run with the line `N passed, N failed`; a suite that could not run counts as one failure. With
 * CODEX_TEST_COUNTS set to a file, appends `passed failed` to it, for `.ci/run` to add up.
 */
module.exports = class CountReporter {
  onRunComplete(_contexts, results) {
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    const tail = skipped > 0 ? `, ${skipped} skipped` : '';
    process.stdout.write(`\n${results.numPassedTests} passed, ${failed} failed${tail}\n`);
    const file = process.env.CODEX_TEST_COUNTS;
    if (file) appendFileSync(file, `${results.numPassedTests} ${failed}\n`);
  }
};
