/** What tells two objects apart without reading them. */
export interface ObjectIdentity {
  /** Bytes; `null` when the server did not say. */
  readonly size: number | null;
  /** Without quotes and without `W/`. */
  readonly etag: string;
}

/**
 * Name of the metadata entry that a copy of an object in parts carries: the source's tag and size. The copy's own tag says
 * nothing when it was cut into other parts.
 */
export const SOURCE_MARKER = 'codex-replicated-from';

const PARTS = /-(\d{1,5})$/;

/**
 * Tells whether `destination` has the content of `source`.
 *
 * - Sizes differ: `different`.
 * - Tags are the same: `same`.
 * - Both are tags of objects stored in one go, which are MD5 of the content: `different`.
 * - Otherwise (one of them or both were stored in parts, whose tags depend on where they were cut): `unsure`; only the marker that
 * a copy carries can tell.
 */
export function compareObjects(source: ObjectIdentity, destination: ObjectIdentity): 'same' | 'different' | 'unsure' {
  if (source.size !== null && destination.size !== null && source.size !== destination.size) return 'different';
  if (source.etag === destination.etag && source.etag !== '') return 'same';
  return partCount(source.etag) === null && partCount(destination.etag) === null ? 'different' : 'unsure';
}

/** `compareObjects` for a destination whose metadata is known: an object in parts is the same only if its marker says so. */
export function isReplica(
  source: ObjectIdentity,
  destination: ObjectIdentity & { readonly metadata: Readonly<Record<string, string>> },
): boolean {
  const answer = compareObjects(source, destination);
  if (answer !== 'unsure') return answer === 'same';
  return destination.metadata[SOURCE_MARKER] === markerOf(source);
}

/** What the marker of a copy of `source` says. */
export function markerOf({ etag, size }: ObjectIdentity): string {
  return `${etag}:${size ?? ''}`;
}

/** How many parts the object of a tag was stored in; `null` for one that was stored in one go. */
export function partCount(etag: string): number | null {
  const parts = Number(PARTS.exec(etag)?.[1] ?? 0);
  return parts === 0 ? null : parts;
}
