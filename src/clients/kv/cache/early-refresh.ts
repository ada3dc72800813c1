import type { EntryMetadata } from './cache-entry.js';

/**
 * XFetch: whether a fresh value is to be refreshed before its end. The likelier, the nearer the end and the longer its load
 * took, so that of many readers one comes early and the others never see it expire.
 *
 * @param record of the entry; without a load time it is never due.
 * @param beta 0 for never, 1 for the optimum of the paper, more for earlier.
 * @see https://www.vldb.org/pvldb/vol8/p886-vattani.pdf
 */
export function isDueEarly(
  record: EntryMetadata | null,
  beta: number,
  { now, random }: { readonly now: () => number; readonly random: () => number },
): boolean {
  if (beta === 0 || record?.d === undefined) return false;
  return now() - record.d * beta * Math.log(1 - random()) >= record.e;
}
