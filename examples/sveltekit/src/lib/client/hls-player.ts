import type Hls from 'hls.js/light';
import type { ErrorData } from 'hls.js';

/** A private path of a playlist, and until when it can be used. */
export interface HlsSource {
  readonly url: string;
  /** ISO 8601. */
  readonly expiresAt: string;
}

/** What a player needs. */
export interface HlsPlayerOptions {
  readonly video: HTMLVideoElement;
  readonly source: HlsSource;
  /** Gets a path that is good again; called when the one in use has expired or was refused. */
  readonly renew: () => Promise<HlsSource>;
  /** Told, in a sentence for people, when playing cannot go on. */
  readonly onFailure: (message: string) => void;
}

const SOON_MS = 30_000;
const REFUSALS = new Set([401, 403, 410]);

/** Plays private HLS, and goes on where it was when the path has to be replaced. */
export class HlsPlayer {
  readonly #options: HlsPlayerOptions;
  #source: HlsSource;
  #hls: Hls | undefined;
  #renewal: Promise<void> | undefined;
  /** Where the last path was refused: twice at the same place is not a matter of time. */
  #refusedAt: number | undefined;
  #isOver = false;

  constructor(options: HlsPlayerOptions) {
    this.#options = options;
    this.#source = options.source;
    options.video.addEventListener('play', this.#onPlay);
  }

  /** Loads the playlist; plays when the visitor does. */
  async load(startSeconds = 0): Promise<void> {
    const { default: Player } = await import('hls.js/light');
    if (this.#isOver) return;
    const { video } = this.#options;
    if (!Player.isSupported()) return this.#loadNatively(startSeconds);
    this.#hls?.destroy();
    this.#hls = new Player({ startPosition: startSeconds });
    this.#hls.on(Player.Events.ERROR, (_, data) => this.#onError(data));
    this.#hls.loadSource(this.#source.url);
    this.#hls.attachMedia(video);
    video.dataset['player'] = 'hls.js';
  }

  /** Stops, and lets go of the video. */
  destroy(): void {
    this.#isOver = true;
    this.#options.video.removeEventListener('play', this.#onPlay);
    this.#hls?.destroy();
  }

  /** Safari on telephones plays HLS by itself, and has nothing for hls.js to work with. */
  #loadNatively(startSeconds: number): void {
    const { video } = this.#options;
    video.src = this.#source.url;
    video.currentTime = startSeconds;
    video.dataset['player'] = 'native';
    video.onerror = () => this.#onRefusal();
  }

  readonly #onPlay = (): void => {
    if (Date.parse(this.#source.expiresAt) - Date.now() < SOON_MS) this.#renew();
  };

  #onError({ fatal, response, details }: ErrorData): void {
    if (REFUSALS.has(response?.code ?? 0)) return this.#onRefusal();
    if (fatal) this.#options.onFailure(`The film cannot be played (${details}). Please load the page again.`);
  }

  #onRefusal(): void {
    const at = this.#options.video.currentTime;
    if (this.#renewal === undefined && this.#refusedAt === at) {
      this.#hls?.destroy();
      return this.#options.onFailure('The film cannot be played any more. Please load the page again.');
    }
    this.#refusedAt = at;
    this.#renew();
  }

  #renew(): void {
    this.#renewal ??= this.#replaceSource().finally(() => (this.#renewal = undefined));
  }

  async #replaceSource(): Promise<void> {
    const { video, renew, onFailure } = this.#options;
    try {
      this.#source = await renew();
    } catch (error) {
      this.#hls?.destroy();
      return onFailure(error instanceof Error ? error.message : String(error));
    }
    const wasPlaying = !video.paused;
    await this.load(video.currentTime);
    // A video that was stopped in the meantime rejects: nothing is to be done about it.
    if (wasPlaying) await video.play().catch(() => undefined);
  }
}
