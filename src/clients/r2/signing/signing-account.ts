import type { ResolvedR2Config } from '../r2-config.js';
import type { HmacSha256 } from './hmac-sha256.js';
import {
  deriveSigningKey,
  escapeUri,
  scopeText,
  SIGV4_ALGORITHM,
  stringToSignStart,
  type SigningScope,
} from './sigv4.js';

const REGION = 'auto';
const SERVICE = 's3';
/** Today's and yesterday's, which rounded signing dates still use for a while after midnight. */
const KEPT_DAYS = 2;

/** What all requests of one second have in common. */
export interface DatedSigning {
  readonly seconds: number;
  /** The signing key, begun with all of the string to sign but the hash of the request. */
  readonly sign: (ending: string) => Int32Array;
  /** Query parameters from the algorithm to the date, in the order of their names. */
  readonly query: string;
}

/** What signing takes of a config: its endpoint and credentials, in the form in which they stand in requests. */
export class SigningAccount {
  readonly origin: string;
  readonly host: string;
  /** Path of the endpoint, without a slash at its end. */
  readonly basePath: string;
  /** The session token as a query parameter with its `&`; empty when there is none. */
  readonly sessionQuery: string;
  readonly #config: ResolvedR2Config;
  readonly #keys = new Map<string, HmacSha256>();
  #dated: DatedSigning | undefined;

  constructor(config: ResolvedR2Config) {
    const { origin, host, pathname } = new URL(config.endpoint);
    this.origin = origin;
    this.host = host;
    this.basePath = pathname.replace(/\/+$/, '');
    this.sessionQuery =
      config.sessionToken === undefined ? '' : `&X-Amz-Security-Token=${escapeUri(config.sessionToken)}`;
    this.#config = config;
  }

  /** Tells whether `config` says what this was made of: a config object may have been changed since. */
  isOf(config: ResolvedR2Config): boolean {
    const { endpoint, accessKeyId, secretAccessKey, sessionToken } = this.#config;
    return (
      endpoint === config.endpoint &&
      accessKeyId === config.accessKeyId &&
      secretAccessKey === config.secretAccessKey &&
      sessionToken === config.sessionToken
    );
  }

  /** What requests of one date share; `seconds` are whole ones since the epoch. */
  dated(seconds: number): DatedSigning {
    if (this.#dated?.seconds !== seconds) this.#dated = this.#date(seconds);
    return this.#dated;
  }

  #date(seconds: number): DatedSigning {
    const date = `${new Date(seconds * 1000).toISOString().slice(0, 19).replaceAll(/[:-]/g, '')}Z`;
    const day = date.slice(0, 8);
    const scope = { day, region: REGION, service: SERVICE };
    const credential = escapeUri(`${this.#config.accessKeyId}/${scopeText(scope)}`);
    return {
      seconds,
      sign: this.#keyOf(scope).beginningWith(stringToSignStart(date, scope)),
      query:
        `X-Amz-Algorithm=${SIGV4_ALGORITHM}&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD` +
        `&X-Amz-Credential=${credential}&X-Amz-Date=${date}`,
    };
  }

  #keyOf(scope: SigningScope): HmacSha256 {
    const { day } = scope;
    const kept = this.#keys.get(day);
    if (kept !== undefined) return kept;
    const [oldest] = this.#keys.keys();
    if (oldest !== undefined && this.#keys.size >= KEPT_DAYS) this.#keys.delete(oldest);
    const key = deriveSigningKey(this.#config.secretAccessKey, scope);
    this.#keys.set(day, key);
    return key;
  }
}

const accounts = new WeakMap<object, SigningAccount>();

/**
 * The account of a config, made once in an isolate: Workers make a client per request, and a signing key takes ten times as
 * long as a signature.
 *
 * @param identity the caller's own config object; what is kept goes when it goes.
 */
export function signingAccountOf(identity: object, config: ResolvedR2Config): SigningAccount {
  const kept = accounts.get(identity);
  if (kept?.isOf(config) === true) return kept;
  const account = new SigningAccount(config);
  accounts.set(identity, account);
  return account;
}
