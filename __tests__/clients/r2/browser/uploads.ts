import { UploadRefused, type UploadRefusalReason } from '../../../../src/clients/r2/browser/upload-refused.js';

/** Why something was refused; `null` when it was not. */
export async function refusal(work: () => unknown): Promise<UploadRefusalReason | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof UploadRefused) return error.reason;
    throw error;
  }
}

/** Sends what was signed, as a browser does: with the headers that came along, and the length of the body. */
export async function sendSigned(
  signed: { readonly url: string; readonly headers?: Readonly<Record<string, string>> | undefined },
  method: string,
  body?: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<{ status: number; etag: string; text: string }> {
  const response = await fetch(signed.url, {
    method,
    headers: { ...signed.headers, ...headers },
    ...(body !== undefined && { body }),
  });
  return { status: response.status, etag: response.headers.get('etag') ?? '', text: await response.text() };
}

/** Ids that a test can foresee: `id-1`, `id-2`. */
export function countedIds(): () => string {
  let count = 0;
  return () => `id-${(count += 1)}`;
}
