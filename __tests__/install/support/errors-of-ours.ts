import type { Ended } from './project.js';

const OTHERS = /^(?:\.\.\/)*node_modules\/(?!@codex\/)/;

/**
 * The errors of a run of tsc that lie in the project or in the package's declarations; those inside other packages are not the package's to
 * mend. A crash of the compiler counts as an error.
 */
export function errorsOfOurs({ code, output }: Ended): string[] {
  const errors = output.split('\n').filter((line) => / error TS\d+:|^error TS\d+:/.test(line));
  if (code !== 0 && errors.length === 0) return [output];
  return errors.filter((line) => !OTHERS.test(line));
}
