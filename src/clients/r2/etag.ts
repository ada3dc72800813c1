/**
 * An entity tag as every server's should read: R2 sends it with quotes, its edge may make it weak (`W/"..."`), and other
 * S3 servers leave the quotes out.
 */
export function normalizeEtag(etag: string | undefined): string {
  return (etag ?? '').replace(/^W\//, '').replaceAll('"', '');
}
