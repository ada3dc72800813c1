// Compiled, never run: an error that is expected and does not come fails the type check.
import type { DependencyContainer } from 'tsyringe';
import { inject } from 'tsyringe';
import { Injectable } from '../../src/decorators/injectable.js';
import { createContainer } from '../../src/providers/container.js';
import { provide, provideValue } from '../../src/providers/provider.js';
import { CACHE_CLIENT, CACHE_KV, ENV, R2_CLIENT } from '../../src/tokens/index.js';
import { token } from '../../src/tokens/token.js';
import type { CacheClient } from '../../src/clients/kv/cache/cache-client.js';
import type { KVNamespaceLike } from '../../src/clients/kv/kv-namespace.js';
import type { R2Client } from '../../src/clients/r2/r2-client.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const check = <_ extends true>() => undefined;

interface Clock {
  now(): number;
}
const CLOCK = token<Clock>('CLOCK');
declare const container: DependencyContainer;

// tsyringe's own resolve infers what a token stands for.
const cache = container.resolve(CACHE_CLIENT);
check<Equal<typeof cache, CacheClient>>();
const r2 = container.resolve(R2_CLIENT);
check<Equal<typeof r2, R2Client>>();
const clock = container.resolve(CLOCK);
check<Equal<typeof clock, Clock>>();
const kv = container.resolve(CACHE_KV);
check<Equal<typeof kv, KVNamespaceLike>>();
const env = container.resolve(ENV);
check<Equal<typeof env, object>>();

// ... and its own register checks it.
container.register(CLOCK, { useValue: { now: () => 0 } });
// @ts-expect-error a value of another type
container.register(CLOCK, { useValue: { now: 'noon' } });
container.register(CLOCK, { useFactory: () => ({ now: () => 0 }) });
// @ts-expect-error a factory of another type
container.register(CLOCK, { useFactory: () => 'noon' });

// A token is not a class.
// @ts-expect-error no arguments fit
new CLOCK();

// Providers are checked against their token.
provide(CLOCK, () => ({ now: () => 0 }));
// @ts-expect-error makes something else
provide(CLOCK, () => ({ now: 'noon' }));
provideValue(CLOCK, { now: () => 0 });
// @ts-expect-error lacks now()
provideValue(CLOCK, {});
// A literal with the public methods of a class stands in for it, in spite of its #private members.
declare const publicMembers: { [Member in keyof CacheClient]: CacheClient[Member] };
provideValue(CACHE_CLIENT, publicMembers);
createContainer(provideValue(CLOCK, { now: () => 0 }), [provide(CLOCK, () => ({ now: () => 0 }))]);

// @Injectable is checked against the constructor.
@Injectable(CLOCK, CACHE_CLIENT)
export class Fits {
  constructor(
    readonly clock: Clock,
    readonly cache: CacheClient,
  ) {}
}

@Injectable(Fits, CLOCK)
export class ByClass {
  constructor(
    readonly fits: Fits,
    readonly clock: { now(): number },
    readonly retries = 3,
  ) {}
}

// @ts-expect-error swapped
@Injectable(CACHE_CLIENT, CLOCK)
export class Swapped {
  constructor(
    readonly clock: Clock,
    readonly cache: CacheClient,
  ) {}
}

// @ts-expect-error one is missing
@Injectable(CLOCK)
export class Missing {
  constructor(
    readonly clock: Clock,
    readonly cache: CacheClient,
  ) {}
}

// tsyringe's own parameter decorator takes our tokens.
export class Plain {
  constructor(@inject(CACHE_CLIENT) readonly cache: CacheClient) {}
}
