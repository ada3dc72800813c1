import type { Invocation } from './invocation.js';

/** A bucket of the account. */
export interface Bucket {
  readonly name: string;
  readonly createdAt: Date | null;
}

/**
 * The buckets of the account in its jurisdiction, all pages. Needs a token that may list buckets (Admin).
 *
 * @throws {CloudflareClientError} `R2_ACCESS_DENIED` and the other `R2_*`
 */
export async function listBuckets(call: Invocation): Promise<Bucket[]> {
  const { connection } = call.internals;
  return connection.run({ operation: 'list', bucket: 'all buckets' }, async ({ client }) => {
    // Not among what Workers use of the SDK, so it is taken from the package itself.
    const { ListBucketsCommand } = await import('@aws-sdk/client-s3');
    const buckets: Bucket[] = [];
    let token: string | undefined;
    do {
      const command = new ListBucketsCommand({ ContinuationToken: token });
      const answer = await client.send(command, { ...connection.requestOptions, abortSignal: call.signal });
      for (const { Name, CreationDate } of answer.Buckets ?? []) {
        if (Name !== undefined) buckets.push({ name: Name, createdAt: CreationDate ?? null });
      }
      token = answer.ContinuationToken;
    } while (token !== undefined);
    return buckets;
  });
}
