import { CloudflareClientError } from '../../../errors.js';
import { normalizeEtag } from '../etag.js';
import { shown } from '../object-names.js';
import type { R2Connection } from '../s3/r2-connection.js';
import { s3Call } from '../s3/s3-call.js';
import type { StoreList, StoreListed, StorePage } from './object-store.js';
import { storageClassOf } from './s3-inputs.js';

/** Lists one page. */
export async function listObjects(connection: R2Connection, request: StoreList): Promise<StorePage> {
  const { bucket, prefix, maxKeys, delimiter, startAfter, token } = request;
  const call = { operation: 'list', bucket, key: prefix === '' ? undefined : prefix };
  return s3Call(connection, call, request, async (s3) => {
    const command = new s3.sdk.ListObjectsV2Command({
      Bucket: bucket,
      Prefix: prefix,
      MaxKeys: maxKeys,
      Delimiter: delimiter,
      StartAfter: startAfter,
      ContinuationToken: token,
    });
    const answer = await s3.client.send(command, s3.request);
    const why = defectOf(answer, request);
    if (why !== undefined) throw brokenListing(bucket, why);
    return {
      files: (answer.Contents ?? []).map(toListed),
      prefixes: (answer.CommonPrefixes ?? []).map(({ Prefix = '' }) => Prefix),
      // The token decides, never a count: a page of 1,000 may hold 982 and go on.
      token: answer.IsTruncated === true ? answer.NextContinuationToken : undefined,
    };
  });
}

interface ListAnswer {
  readonly Name?: string | undefined;
  readonly KeyCount?: number | undefined;
  readonly IsTruncated?: boolean | undefined;
  readonly NextContinuationToken?: string | undefined;
  readonly Contents?: readonly ListedObject[] | undefined;
  readonly CommonPrefixes?: readonly { readonly Prefix?: string | undefined }[] | undefined;
}

interface ListedObject {
  readonly Key?: string | undefined;
  readonly Size?: number | undefined;
  readonly ETag?: string | undefined;
  readonly LastModified?: Date | undefined;
  readonly StorageClass?: string | undefined;
}

/** What is wrong with a page. It is looked at before anything is done with it: a deletion takes its keys from here. */
function defectOf(answer: ListAnswer, { prefix, token }: StoreList): string | undefined {
  const { Name, KeyCount, IsTruncated, NextContinuationToken, Contents = [], CommonPrefixes = [] } = answer;
  if (Name === undefined && KeyCount === undefined && IsTruncated === undefined) return 'is no ListBucketResult';
  if (IsTruncated === true && !NextContinuationToken) return 'breaks off';
  if (IsTruncated === true && NextContinuationToken === token) return 'repeats a page';
  const names = [...Contents.map(({ Key = '' }) => Key), ...CommonPrefixes.map(({ Prefix = '' }) => Prefix)];
  const wrong = names.find((name) => name === '' || !name.startsWith(prefix));
  if (wrong === undefined) return undefined;
  return `holds the key ${shown(wrong)}, which does not begin with the prefix ${shown(prefix)}`;
}

function toListed({ Key = '', Size = 0, ETag, LastModified, StorageClass }: ListedObject): StoreListed {
  return {
    key: Key,
    size: Size,
    etag: normalizeEtag(ETag),
    lastModified: LastModified ?? new Date(0),
    storageClass: storageClassOf(StorageClass),
  };
}

function brokenListing(bucket: string, why: string): CloudflareClientError {
  return new CloudflareClientError('R2_FAILED', `R2 list of ${bucket}: the server's listing ${why}.`);
}
