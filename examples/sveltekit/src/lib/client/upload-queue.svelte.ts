import AwsS3 from '@uppy/aws-s3';
import type { AwsS3Options } from '@uppy/aws-s3';
import Uppy, { type UppyFile } from '@uppy/core';
import type { MediaCard, UploadData } from '$lib/shapes';
import { callApi, createDraft, readMedia, removeMedia, reportUploaded } from './media-api';
import { Speedometer } from './speedometer';

/** How far the upload of a file has come. */
export type UploadState = 'waiting' | 'uploading' | 'paused' | 'finishing' | 'done' | 'failed';

type Meta = Record<string, unknown>;
type Body = { location?: string; key?: string };
type Sign = Extract<AwsS3Options<Meta, Body>, { signRequest: unknown }>['signRequest'];
type Signable = Parameters<Sign>[0];
type Signed = Awaited<ReturnType<Sign>>;

const MIB = 1024 ** 2;
/** The least that the bucket takes as a part. */
const PART_BYTES = 5 * MIB;
const MOST_PARTS = 10_000;
const FILES_AT_ONCE = 3;
const WAIT_FOR_TRANSCODING_MS = 1500;

/** A file on its way into the bucket. */
export class Upload {
  readonly id: string;
  readonly name: string;
  readonly bytesTotal: number;
  bytesUploaded = $state(0);
  bytesPerSecond = $state(0);
  status = $state<UploadState>('waiting');
  /** A sentence for people, when it failed. */
  error = $state<string>();
  /** The item that the file belongs to, once there is one. */
  media = $state<MediaCard>();
  readonly speedometer = new Speedometer();
  /** Whether the item was made for this file, and goes with it when the upload is cancelled. */
  readonly isNewItem: boolean;
  draft: Promise<MediaCard> | undefined;
  isInParts = false;

  constructor(file: { readonly id: string; readonly name: string; readonly size: number | null }, draft?: MediaCard) {
    this.id = file.id;
    this.name = file.name;
    this.bytesTotal = file.size ?? 0;
    this.media = draft;
    this.draft = draft && Promise.resolve(draft);
    this.isNewItem = draft === undefined;
  }

  /** 0 to 100. */
  get percent(): number {
    return this.bytesTotal === 0 ? 0 : Math.floor((this.bytesUploaded / this.bytesTotal) * 100);
  }

  /** `undefined` while there is no telling. */
  get secondsLeft(): number | undefined {
    return this.bytesPerSecond > 0 ? (this.bytesTotal - this.bytesUploaded) / this.bytesPerSecond : undefined;
  }
}

/** Uploads files with Uppy, straight into the bucket: the app only signs what Uppy sends. */
export class UploadQueue {
  /** The newest first. */
  items = $state<Upload[]>([]);
  /** The last thing that happened, for those who do not see it. */
  announcement = $state('');
  readonly #uppy: Uppy<Meta, Body>;
  readonly #byKey = new Map<string, Upload>();
  #isOver = false;

  constructor({ maxBytes, allowedTypes }: Pick<UploadData, 'maxBytes' | 'allowedTypes'>) {
    this.#uppy = new Uppy<Meta, Body>({
      autoProceed: true,
      restrictions: { maxFileSize: maxBytes, allowedFileTypes: [...allowedTypes] },
    });
    this.#uppy.use(AwsS3, {
      limit: FILES_AT_ONCE,
      generateObjectKey: (file: UppyFile<Meta, Body>) => file.id, // the server's key takes its place
      shouldUseMultipart: (file: UppyFile<Meta, Body>) => (file.size ?? 0) > PART_BYTES,
      getChunkSize: (file: { size: number }) => Math.max(PART_BYTES, Math.ceil(file.size / MOST_PARTS)),
      signRequest: (request: Signable) => this.#sign(request),
    } as AwsS3Options<Meta, Body>);
    this.#listen();
  }

  /** Whether something would be lost by leaving the page. */
  get isBusy(): boolean {
    return this.items.some(({ status }) => status !== 'done' && status !== 'failed');
  }

  /** Starts to upload a file; to `draft`, when it is given, or to an item of its own. */
  add(file: File, draft?: MediaCard): void {
    try {
      // The same film twice is two films: Uppy would refuse the second by its name.
      const meta = { relativePath: crypto.randomUUID() };
      const id = this.#uppy.addFile({ name: file.name, type: file.type, data: file, meta });
      this.items = [new Upload({ id, name: file.name, size: file.size }, draft), ...this.items];
    } catch (error) {
      this.announcement = `${file.name}: ${messageOf(error)}`;
    }
  }

  pause(item: Upload): void {
    if (item.status !== 'uploading' || this.#uppy.pauseResume(item.id) !== true) return;
    item.status = 'paused';
    item.bytesPerSecond = 0;
    this.announcement = `${item.name}: paused at ${item.percent} %.`;
  }

  resume(item: Upload): void {
    if (item.status !== 'paused') return;
    item.speedometer.reset();
    item.status = 'uploading';
    this.#uppy.pauseResume(item.id);
    this.announcement = `${item.name}: going on.`;
  }

  retry(item: Upload): void {
    item.error = undefined;
    item.status = 'uploading';
    if (this.#keyOf(item) !== undefined) void this.#finish(item);
    else void this.#uppy.retryUpload(item.id);
  }

  /** Stops an upload and takes back what was sent of it. */
  async cancel(item: Upload): Promise<void> {
    this.items = this.items.filter((each) => each !== item);
    this.announcement = `${item.name}: cancelled.`;
    this.#uppy.removeFile(item.id);
    // Of an upload in parts, Uppy has the abort signed first: see #sign.
    if (!item.isInParts) await this.#forget(item);
  }

  /** Aborts what is under way. */
  destroy(): void {
    this.#isOver = true;
    this.#uppy.destroy();
  }

  #listen(): void {
    const find = (file: { id: string } | undefined): Upload | undefined => this.items.find(({ id }) => id === file?.id);
    this.#uppy.on('upload-progress', (file, { bytesUploaded }) => {
      const item = find(file);
      if (item === undefined || (item.status !== 'waiting' && item.status !== 'uploading')) return;
      item.status = 'uploading';
      item.bytesUploaded = Math.min(bytesUploaded || 0, item.bytesTotal);
      item.bytesPerSecond = item.speedometer.read(item.bytesUploaded, performance.now());
    });
    this.#uppy.on('upload-error', (file, error) => {
      const item = find(file);
      if (item !== undefined) this.#fail(item, error);
    });
    this.#uppy.on('upload-success', (file) => {
      const item = find(file);
      if (item !== undefined) void this.#finish(item);
    });
  }

  async #sign(request: Signable): Promise<Signed> {
    const item = this.#byKey.get(request.key) ?? this.items.find(({ id }) => id === request.key);
    if (item === undefined) throw new Error('This upload was cancelled.');
    const media = await this.#mediaOf(item);
    // Of the first request alone: with a part, `size` would be the size of the part.
    const file = request.key === item.id ? this.#uppy.getFile(item.id) : undefined;
    const about = file && { filename: file.name, type: file.type, size: file.size };
    const answer = await callApi<Signed>(`/api/media/${media.id}/uploads/s3/sign`, 'POST', {
      ...request,
      ...about,
    });
    if (answer.key !== undefined) this.#byKey.set(answer.key, item);
    if ('uploadId' in request) item.isInParts = true;
    if (request.method === 'DELETE') await this.#forget(item);
    return answer;
  }

  async #mediaOf(item: Upload): Promise<MediaCard> {
    item.draft ??= createDraft(titleOf(item.name));
    try {
      return (item.media = await item.draft);
    } catch (error) {
      item.draft = undefined;
      throw error;
    }
  }

  #keyOf(item: Upload): string | undefined {
    return this.#uppy.getFile(item.id)?.response?.body?.key;
  }

  async #finish(item: Upload): Promise<void> {
    item.status = 'finishing';
    item.bytesUploaded = item.bytesTotal;
    try {
      const media = await this.#mediaOf(item);
      item.media = await reportUploaded(media.id, this.#keyOf(item) ?? '');
      item.status = 'done';
      this.announcement = `${item.name}: uploaded.`;
      await this.#follow(item, media.id);
    } catch (error) {
      if (item.status === 'finishing') this.#fail(item, error);
    }
  }

  /** Shows how the preparation goes on, until it is over. */
  async #follow(item: Upload, mediaId: string): Promise<void> {
    while (!this.#isOver && (item.media?.status === 'uploaded' || item.media?.status === 'transcoding')) {
      await new Promise((resolve) => setTimeout(resolve, WAIT_FOR_TRANSCODING_MS));
      item.media = await readMedia(mediaId);
    }
    if (item.media?.status === 'ready') this.announcement = `${item.name}: ready to watch.`;
  }

  #fail(item: Upload, error: unknown): void {
    item.status = 'failed';
    item.error = messageOf(error);
    this.announcement = `${item.name}: ${item.error}`;
  }

  async #forget(item: Upload): Promise<void> {
    if (!item.isNewItem || item.draft === undefined) return;
    const media = await item.draft;
    await removeMedia(media.id);
  }
}

/** The name of a file without its ending, as a title. */
function titleOf(name: string): string {
  return name.replace(/\.[^.]+$/, '').replaceAll(/[_-]+/g, ' ') || name;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
