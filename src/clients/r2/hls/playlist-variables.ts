import { CloudflareClientError } from '../../../errors.js';
import { attributesOf } from './attribute-list.js';

/** Values that the text of a playlist does not hold: of `EXT-X-DEFINE` with `IMPORT` or `QUERYPARAM`, by name. */
export type PlaylistVariableValues = Readonly<Record<string, string>>;

/** Characters that the variables of one playlist may expand to in all: definitions that double each other reach any length. */
export const MAX_EXPANDED_CHARACTERS = 16 * 1024 * 1024;

const REFERENCE = /\{\$([A-Za-z0-9_-]+)\}/g;

/** The variables of one playlist, in the order of its lines: a reference sees only what was defined above it. */
export class PlaylistVariables {
  readonly #values = new Map<string, string>();
  readonly #given: PlaylistVariableValues;
  #expanded = 0;

  constructor(given: PlaylistVariableValues) {
    this.#given = given;
  }

  /** Takes an `EXT-X-DEFINE`. The first definition of a name counts, as for players; a second is an error of the playlist. */
  define(line: string, from: number): void {
    const attributes = new Map(
      attributesOf(line, from).map(({ name, start, end }) => [name, line.slice(start, end)] as const),
    );
    const outside = attributes.get('QUERYPARAM') ?? attributes.get('IMPORT');
    const name = outside ?? attributes.get('NAME');
    if (name === undefined || this.#values.has(name)) return;
    if (outside === undefined) this.#values.set(name, this.expand(attributes.get('VALUE') ?? ''));
    else if (Object.hasOwn(this.#given, name)) this.#values.set(name, this.#given[name] ?? '');
  }

  /**
   * `text` with the values of its variables; a reference to an unknown one stays as it is.
   *
   * @throws {CloudflareClientError} `INVALID_PLAYLIST` when the variables of the playlist expand beyond all measure.
   */
  expand(text: string): string {
    if (this.#values.size === 0 || !text.includes('{$')) return text;
    return text.replaceAll(REFERENCE, (reference, name: string) => {
      const value = this.#values.get(name) ?? reference;
      this.#expanded += value.length;
      if (this.#expanded <= MAX_EXPANDED_CHARACTERS) return value;
      throw new CloudflareClientError(
        'INVALID_PLAYLIST',
        `The variables of the playlist expand to more than ${MAX_EXPANDED_CHARACTERS} characters.`,
      );
    });
  }
}
