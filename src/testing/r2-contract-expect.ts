import type { ErrorCode } from '../errors.js';
import type { R2Client } from '../clients/r2/r2-client.js';

/** The part of an `R2Client` that the contract is about. A double needs these methods. */
export type R2ContractClient = Pick<
  R2Client,
  | 'uploadFile'
  | 'downloadFile'
  | 'headFile'
  | 'deleteFile'
  | 'deleteFiles'
  | 'deletePrefix'
  | 'listFiles'
  | 'listFolder'
  | 'iterateFiles'
  | 'copyFile'
>;

/** One behaviour that every way to R2 has. */
export interface R2ContractCase {
  /** A sentence, unique in the list. */
  readonly name: string;
  /** Runs on a bucket that may hold other objects; throws when the client does not behave so. */
  run(r2: R2ContractClient, bucket: string): Promise<void>;
}

/** Throws unless `act` rejects with an error of this code and exactly this message. */
export async function expectR2Failure(act: () => Promise<unknown>, code: ErrorCode, message: string): Promise<void> {
  let outcome: unknown;
  try {
    outcome = await act();
  } catch (error) {
    const { code: actual, message: text } = error as { code?: unknown; message?: unknown };
    if (actual === code && text === message) return;
    throw new Error(`expected ${code} "${message}", got ${String(actual)} "${String(text)}"`, { cause: error });
  }
  throw new Error(`expected ${code} "${message}", got ${JSON.stringify(outcome)}`);
}

/** The object's content, `null` when there is none. */
export async function textOf(r2: R2ContractClient, bucket: string, key: string): Promise<string | null> {
  const file = await r2.downloadFile({ bucket, key });
  return file === null ? null : file.text();
}

// The type is in words that TypeScript 5.4 knows as well, where Uint8Array has no type argument.
/** Bytes in which each tells where it stands. */
export function pattern(length: number): ReturnType<Uint8ArrayConstructor['from']> {
  return Uint8Array.from({ length }, (_, index) => (index ^ (index >> 8) ^ (index >> 16)) & 255);
}
