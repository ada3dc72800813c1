import { PlainMd5 } from './plain-md5.js';

/** An MD5 that is fed piece by piece. */
export interface Md5 {
  /** Takes bytes; they may be changed once the promise has settled. */
  update(bytes: Uint8Array): Promise<void> | void;
  /** The 16 bytes; call it once, at the end. */
  digest(): Promise<Uint8Array> | Uint8Array;
  /** Drops a hash that nobody will ask for. */
  abandon(): void;
}

interface NodeHash {
  update(bytes: Uint8Array): unknown;
  digest(): Uint8Array;
}

interface NodeCrypto {
  createHash(name: 'md5'): NodeHash;
}

const MD5_HEX = /^[0-9a-f]{32}$/;
const MULTIPART_ETAG = /^[0-9a-f]{32}-\d+$/;

/** Tells whether the platform hashes by itself, at some 500 MB a second, and not this package at a tenth of it. */
export function hasNativeMd5(): boolean {
  return nodeCrypto() !== null || hasDigestStream();
}

/** The platform's fastest MD5. The whole content is hashed on the caller's CPU: about 2 ms a MiB. */
export function createMd5(): Md5 {
  const node = nodeCrypto();
  if (node !== null) return nodeMd5(node.createHash('md5'));
  return hasDigestStream() ? new StreamedMd5() : new PlainMd5();
}

/** MD5 of bytes that are there as a whole. */
export async function md5Of(bytes: Uint8Array): Promise<Uint8Array> {
  const md5 = createMd5();
  await md5.update(bytes);
  return md5.digest();
}

/** MD5 of a Blob, read piece by piece. */
export async function md5OfBlob(blob: Blob): Promise<Uint8Array> {
  const md5 = createMd5();
  const reader = (blob.stream() as ReadableStream<Uint8Array>).getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) await md5.update(read.value);
  return md5.digest();
}

/** Tells whether a tag is an MD5 of the content, as of an object that was stored in one request. */
export function isMd5(etag: string): boolean {
  return MD5_HEX.test(etag);
}

/** Tells whether a tag is that of an object in parts: an MD5 of their MD5s, and their number. */
export function isMultipartEtag(etag: string): boolean {
  return MULTIPART_ETAG.test(etag);
}

/** The tag that S3 and R2 give an object of parts with these MD5s, in their order. */
export async function multipartEtag(md5s: readonly Uint8Array[]): Promise<string> {
  const joined = new Uint8Array(md5s.length * 16);
  md5s.forEach((md5, index) => joined.set(md5, index * 16));
  return `${hexOf(await md5Of(joined))}-${md5s.length}`;
}

/** Bytes in lower-case hexadecimal. */
export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Bytes of what `hexOf` wrote. */
export function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, index) =>
    Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16),
  );
}

function nodeCrypto(): NodeCrypto | null {
  // Not an import: Workers without a flag have no node:crypto. Node has this function from 20.16 on.
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  return (process?.getBuiltinModule?.('node:crypto') as NodeCrypto | undefined) ?? null;
}

function hasDigestStream(): boolean {
  return typeof (crypto as { DigestStream?: unknown }).DigestStream === 'function';
}

function nodeMd5(hash: NodeHash): Md5 {
  return {
    update: (bytes) => void hash.update(bytes),
    digest: () => hash.digest(),
    abandon: () => undefined,
  };
}

/** workerd's own hash takes a stream. */
class StreamedMd5 implements Md5 {
  readonly #stream = new crypto.DigestStream('MD5');
  readonly #writer = this.#stream.getWriter();

  async update(bytes: Uint8Array): Promise<void> {
    await this.#writer.write(bytes);
  }

  async digest(): Promise<Uint8Array> {
    await this.#writer.close();
    return new Uint8Array(await this.#stream.digest);
  }

  abandon(): void {
    // Its digest rejects then, which nobody waits for.
    this.#stream.digest.catch(() => undefined);
    this.#writer.abort().catch(() => undefined);
  }
}
