import { CacheClient } from '../../../../src/clients/kv/cache/cache-client.js';
import type { GetOrSetOptions } from '../../../../src/clients/kv/cache/cache-options.js';
import { memoryTier } from '../../../../src/clients/kv/cache/memory-tier.js';
import type { KVNamespaceLike } from '../../../../src/clients/kv/kv-namespace.js';
import { isCloudflareClientError } from '../../../../src/errors.js';
import { ManualClock, MemoryKVNamespace } from '../../../../src/testing.js';
import type { ModelClient, ModelConfig, ModelFault, ModelIsolate, ModelPolicy } from '../../../support/cache-model.js';
import { CacheModel } from '../../../support/cache-model.js';
import { deferred, fc } from '../../../support/kv.js';
import { settled } from '../../../support/virtual-time.js';

const KEYS = ['a:1', 'a:2', 'b:1', '7'];
const TAGS = ['red', 'blue'];
const PREFIXES = ['a:', 'b:', '7'];

/** One isolate: a binding of its own, and what its requests share. */
interface Isolate {
  readonly namespace: KVNamespaceLike;
  readonly memory: ReturnType<typeof memoryTier> | undefined;
  readonly model: ModelIsolate;
}

/** One client and what the model knows of it. */
interface Client {
  readonly real: CacheClient;
  readonly model: ModelClient;
  readonly background: Promise<unknown>[];
}

interface Config extends ModelConfig {
  readonly isolates: number;
  /** Whether each command is a request of its own. */
  readonly isRequestPerCommand: boolean;
}

/** The world that the commands act on. */
class World {
  readonly clock = new ManualClock();
  readonly kv = new MemoryKVNamespace({ now: this.clock.now });
  readonly config: Config;
  readonly #isolates: Isolate[];
  #clients: Client[];
  #loads = 0;

  constructor(
    config: Config,
    readonly model: CacheModel,
    now: { read: () => number },
  ) {
    this.config = config;
    now.read = this.clock.now;
    this.#isolates = Array.from({ length: config.isolates }, () => ({
      namespace: bindingOf(this.kv),
      memory: config.memorySeconds === undefined ? undefined : memoryTier({ ttlSeconds: config.memorySeconds }),
      model: model.isolate(),
    }));
    this.#clients = [this.#connect(0), this.#connect(1)];
  }

  client(number: number): Client {
    if (this.config.isRequestPerCommand) this.renew(number);
    return this.#clients[number]!;
  }

  renew(number: number): void {
    this.#clients = this.#clients.map((client, index) => (index === number ? this.#connect(number) : client));
  }

  /** A value that no other load gives. */
  value(): unknown {
    this.#loads += 1;
    return [{ load: this.#loads }, `load ${this.#loads}`, this.#loads, null][this.#loads % 4];
  }

  #connect(number: number): Client {
    const { namespace, memory, model } = this.#isolates[number % this.#isolates.length]!;
    const { hasMemo, isClearable, hasBackground, policy } = this.config;
    const background: Promise<unknown>[] = [];
    const real = new CacheClient(namespace, {
      now: this.clock.now,
      memo: hasMemo,
      clearable: isClearable,
      ...policy,
      ...(memory !== undefined && { memory }),
      ...(hasBackground && { waitUntil: (work: Promise<unknown>) => void background.push(work) }),
    });
    return { real, background, model: { isolate: model, memo: new Map() } };
  }
}

/** A binding of its own over the same entries, as another isolate has. */
function bindingOf(kv: MemoryKVNamespace): KVNamespaceLike {
  return {
    get: kv.get,
    getWithMetadata: kv.getWithMetadata,
    put: async (...args) => kv.put(...args),
    delete: async (key) => kv.delete(key),
    list: async (options) => kv.list(options),
  };
}

type Command = fc.AsyncCommand<CacheModel, World>;

/** How a call ended: with a value, the error of its loader, or the code of an error of ours. */
type End = { readonly value: unknown } | { readonly error: unknown };

async function endOf(call: Promise<unknown>): Promise<End> {
  try {
    return { value: await call };
  } catch (error) {
    return { error: isCloudflareClientError(error) ? error.code : error };
  }
}

/** A command that prints as what it does. */
function command(name: string, run: (model: CacheModel, world: World) => Promise<void>): Command {
  return {
    check: () => true,
    run: async (model, world) => {
      await run(model, world);
      await settled();
    },
    toString: () => name,
  };
}

interface Load {
  readonly fails: boolean;
  /** How long it takes, in milliseconds. */
  readonly tookMs: number;
}

interface Call {
  readonly key: string;
  readonly ttl: number;
  readonly options: GetOrSetOptions<unknown>;
}

/** What a `getOrSet` must do: whether it loads, and what it answers and leaves behind once it has. */
interface Plan {
  readonly loads: 'no' | 'before the answer' | 'behind it';
  /** Called when the load is over, with the time at which it began. */
  readonly end: (load: { value: unknown; error: unknown; startedAt: number; isStored: boolean }) => End;
}

/** The rules of `getOrSet`, in the model. */
function plan(model: CacheModel, client: ModelClient, { key, ttl, options }: Call): Plan {
  const policy: ModelPolicy = { ...model.config.policy, ...definedOf(options) };
  const kept = Math.max(policy.staleIfError, policy.staleWhileRevalidate);
  const tags = Array.isArray(options.tags) ? (options.tags as string[]) : [];
  const own = typeof options.tags === 'function' ? options.tags(null) : tags;
  const store = (value: unknown, startedAt: number): boolean => {
    const isKept = options.cacheIf === undefined || options.cacheIf(value);
    if (isKept) return model.store(client, key, { value, loadedAt: startedAt, tags: own }, ttl, kept);
    // What was asked for anew and cannot be kept takes away what is known to be old.
    if (options.forceFresh === true) removeIn(model, client, key);
    return false;
  };
  if (options.bypass === true) {
    return { loads: 'before the answer', end: ({ value, error }) => (error === undefined ? { value } : { error }) };
  }
  if (options.forceFresh === true) model.forget(client, key);
  const found = options.forceFresh === true ? undefined : model.find(client, key, policy, tags);
  const entry = found === undefined || found.status === 'miss' ? undefined : found.entry;
  if (entry !== undefined && found?.status === 'fresh') return { loads: 'no', end: () => ({ value: entry.value }) };
  if (entry !== undefined && model.canRevalidate(entry, policy)) {
    return {
      loads: model.isClosed(client, key) ? 'no' : 'behind it',
      end: ({ value, error, startedAt, isStored }) => {
        if (error !== undefined) model.backOff(client, key);
        else if (startedAt >= 0) {
          if (isStored && store(value, startedAt)) model.open(client, key);
          else model.rest(client, key);
        }
        return { value: entry.value };
      },
    };
  }
  if (entry !== undefined && model.isBackingOff(client, key) && model.isUsable(entry, policy)) {
    return { loads: 'no', end: () => ({ value: entry.value }) };
  }
  return {
    loads: 'before the answer',
    end: ({ value, error, startedAt, isStored }) => {
      if (error === undefined) {
        if (isStored) store(value, startedAt);
        return { value };
      }
      const isDropped = !isStored || (entry !== undefined && model.isMarked(client, entry, tags));
      if (entry === undefined || isDropped || !model.isUsable(entry, policy)) return { error };
      model.backOff(client, key);
      return { value: entry.value };
    },
  };
}

function definedOf({ staleWhileRevalidate, staleIfError }: GetOrSetOptions<unknown>): Partial<ModelPolicy> {
  return {
    ...(staleWhileRevalidate !== undefined && { staleWhileRevalidate }),
    ...(staleIfError !== undefined && { staleIfError }),
  };
}

/** `getOrSet`, by one caller or by several at once. */
async function getOrSet(model: CacheModel, world: World, at: number, call: Call, load: Load, callers: number) {
  const { key, ttl, options } = call;
  const client = world.client(at);
  const value = world.value();
  const error = new Error(`of the load of ${key}`);
  const planned = plan(model, client.model, call);
  const began: number[] = [];
  const loader = async (): Promise<unknown> => {
    began.push(world.clock.now());
    await Promise.resolve();
    // Callers at once share one load, but for those that ask for none to be shared.
    if (began.length === 1) world.clock.advance(load.tookMs);
    if (load.fails) throw error;
    // Its caller may change it; the model keeps it as it was.
    return structuredClone(value);
  };
  const ends = await Promise.all(
    Array.from({ length: callers }, async () => endOf(client.real.getOrSet(key, ttl, loader, options))),
  );
  await Promise.all(client.background);
  expect(began.length > 0).toBe(planned.loads !== 'no');
  const isAlone = options.bypass !== true && options.forceFresh !== true;
  if (isAlone) expect(began.length).toBeLessThanOrEqual(1);
  const isTimed = began.length > 0 && options.bypass !== true;
  const startedAt = isTimed ? model.loadTime(client.model, began[0]) : -1;
  const hasFailed = planned.loads !== 'no' && load.fails;
  const expected = planned.end({ value, error: hasFailed ? error : undefined, startedAt, isStored: true });
  expect(ends).toEqual(Array(callers).fill(expected));
  if ('error' in expected) for (const end of ends) expect((end as { error: unknown }).error).toBe(error);
  const objects = ends.flatMap((end) => ('value' in end && isObject(end.value) ? [end.value] : []));
  // A loader that is asked twice may give one object twice.
  if (isAlone) expect(new Set(objects).size).toBe(objects.length);
  for (const object of objects) Object.assign(object, { changedBy: 'its owner' });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

const key = fc.constantFrom(...KEYS);
const keys = fc.uniqueArray(key, { minLength: 1 });
const ttl = fc.constantFrom(1, 5, 60, 90);
const tags = fc.uniqueArray(fc.constantFrom(...TAGS));
const at = fc.constantFrom(0, 1);
const load: fc.Arbitrary<Load> = fc.record({
  fails: fc.boolean(),
  tookMs: fc.constantFrom(0, 0, 1, 700, 6000),
});

const someOptions: fc.Arbitrary<GetOrSetOptions<unknown>> = fc.record(
  {
    staleWhileRevalidate: fc.constantFrom(0, 10, 100),
    staleIfError: fc.constantFrom(0, 10, 100),
    tags: fc.oneof(
      tags,
      tags.map((own) => Object.assign(() => own, { toString: () => `() => ${JSON.stringify(own)}` })),
    ),
    forceFresh: fc.boolean(),
    bypass: fc.constant(true),
    cacheIf: fc.constant(Object.assign(() => false, { toString: () => 'never' })),
  },
  { requiredKeys: [] },
);
// What is rare is not in most calls.
const options = fc.oneof(
  {
    weight: 3,
    arbitrary: someOptions.map(({ bypass: _bypass, cacheIf: _cacheIf, ...rest }): GetOrSetOptions<unknown> => rest),
  },
  { weight: 1, arbitrary: someOptions },
);

const shown = (value: unknown): string => fc.stringify(value);

const reads = [
  fc.tuple(at, key).map(([number, name]) =>
    command(`client ${number}: get ${name}`, async (model, world) => {
      const { real, model: client } = world.client(number);
      const found = model.find(client, name, model.config.policy);
      expect(await real.get(name)).toEqual(found.status === 'fresh' ? found.entry.value : null);
    }),
  ),
  fc.tuple(at, key).map(([number, name]) =>
    command(`client ${number}: lookup ${name}`, async (model, world) => {
      const { real, model: client } = world.client(number);
      const found = model.find(client, name, model.config.policy);
      const expected =
        found.status === 'miss'
          ? found
          : {
              status: found.status === 'fresh' ? 'hit' : 'stale',
              value: found.entry.value,
              ageMs: Math.max(0, world.clock.now() - found.entry.loadedAt),
            };
      expect(await real.lookup(name)).toEqual(expected);
    }),
  ),
  fc.tuple(at, keys).map(([number, names]) =>
    command(`client ${number}: getMany ${names.join()}`, async (model, world) => {
      const { real, model: client } = world.client(number);
      const expected = names.map((name) => {
        const found = model.find(client, name, model.config.policy);
        return [name, found.status === 'fresh' ? found.entry.value : null];
      });
      expect([...(await real.getMany(names))]).toEqual(expected);
    }),
  ),
];

const writes = [
  fc.tuple(at, key, ttl, tags).map(([number, name, seconds, own]) =>
    command(`client ${number}: set ${name} for ${seconds} s ${shown(own)}`, async (model, world) => {
      const { real, model: client } = world.client(number);
      const value = world.value();
      model.forget(client, name);
      const { staleIfError, staleWhileRevalidate } = model.config.policy;
      const kept = Math.max(staleIfError, staleWhileRevalidate);
      const entry = { value, loadedAt: model.loadTime(client), tags: own };
      const isStored = model.store(client, name, entry, seconds, kept);
      const end = await endOf(real.set(name, value, seconds, { tags: own }));
      expect(end).toEqual(isStored ? { value: undefined } : { error: 'KV_WRITE_FAILED' });
    }),
  ),
  fc.tuple(at, key).map(([number, name]) =>
    command(`client ${number}: delete ${name}`, async (model, world) => {
      const { real, model: client } = world.client(number);
      const end = await endOf(real.delete(name));
      expect(end).toEqual(removeIn(model, client, name) ? { value: undefined } : { error: 'KV_DELETE_FAILED' });
    }),
  ),
  fc.tuple(at, keys).map(([number, names]) =>
    command(`client ${number}: deleteMany ${names.join()}`, async (model, world) => {
      const { real, model: client } = world.client(number);
      const report = await real.deleteMany(names);
      const deleted = names.filter((name) => removeIn(model, client, name));
      expect(report.deleted).toBe(deleted.length);
      expect(report.failed.map((failure) => failure.key)).toEqual(names.filter((name) => !deleted.includes(name)));
    }),
  ),
  fc.tuple(at, fc.constantFrom(...PREFIXES)).map(([number, prefix]) =>
    command(`client ${number}: deletePrefix ${prefix}`, async (model, world) => {
      const { real, model: client } = world.client(number);
      const end = await endOf(real.deletePrefix(prefix));
      model.forgetPrefix(client, prefix);
      if (model.faults.has('list')) {
        expect(end).toEqual({ error: 'KV_LIST_FAILED' });
        return;
      }
      const names = [...model.kv.keys()].filter((name) => name.startsWith(prefix) && !isGone(model, world, name));
      const deleted = names.filter((name) => removeIn(model, client, name));
      expect(end).toMatchObject({ value: { deleted: deleted.length } });
    }),
  ),
  fc.tuple(at, tags).map(([number, names]) =>
    command(`client ${number}: invalidateTags ${shown(names)}`, async (model, world) => {
      const { real, model: client } = world.client(number);
      const written = names.map((name) => model.invalidate(client, name));
      const end = await endOf(real.invalidateTags(names));
      expect(end).toEqual(written.includes(false) ? { error: 'KV_WRITE_FAILED' } : { value: undefined });
    }),
  ),
  at.map((number) =>
    command(`client ${number}: clear`, async (model, world) => {
      const { real, model: client } = world.client(number);
      const isRefused = !model.config.isClearable;
      const isWritten = !isRefused && model.invalidate(client, undefined);
      const code = isRefused ? 'INVALID_OPTION' : 'KV_WRITE_FAILED';
      expect(await endOf(real.clear())).toEqual(isWritten ? { value: undefined } : { error: code });
    }),
  ),
];

function removeIn(model: CacheModel, client: ModelClient, name: string): boolean {
  model.forget(client, name);
  if (model.faults.has('delete')) return false;
  model.kv.delete(name);
  return true;
}

function isGone(model: CacheModel, world: World, name: string): boolean {
  return world.clock.now() >= (model.kv.get(name)?.goneAt ?? 0);
}

const readThroughs = [
  fc
    .tuple(at, fc.record({ key, ttl, options }), load)
    .map(([number, call, one]) =>
      command(`client ${number}: getOrSet ${shown(call)} ${shown(one)}`, (model, world) =>
        getOrSet(model, world, number, call, one, 1),
      ),
    ),
  fc.tuple(at, fc.record({ key, ttl, options }), load).map(([number, call, one]) =>
    command(`client ${number}: 3 x getOrSet ${shown(call)} ${shown(one)}`, (model, world) => {
      const { forceFresh: _forceFresh, bypass: _bypass, ...rest } = call.options;
      return getOrSet(model, world, number, { ...call, options: rest }, one, 3);
    }),
  ),
  fc
    .tuple(at, keys, ttl, options, load, keys)
    .map(([number, names, seconds, { cacheIf: _cacheIf, ...given }, one, answered]) => {
      const what = `${names.join()} for ${seconds} s ${shown(given)} ${shown(one)}, loader knows ${answered.join()}`;
      return command(`client ${number}: getOrSetMany ${what}`, (model, world) =>
        getOrSetMany(model, world, number, { names, ttl: seconds, options: given, load: one, answered }),
      );
    }),
];

interface ManyCall {
  readonly names: string[];
  readonly ttl: number;
  readonly options: GetOrSetOptions<unknown>;
  readonly load: Load;
  readonly answered: readonly string[];
}

/** `getOrSetMany`: what can be served is, the rest is loaded at once, and falls back together. */
async function getOrSetMany(model: CacheModel, world: World, at: number, call: ManyCall): Promise<void> {
  const { names, options: given } = call;
  const client = world.client(at);
  const policy: ModelPolicy = { ...model.config.policy, ...definedOf(given) };
  const known = Array.isArray(given.tags) ? (given.tags as string[]) : [];
  const own = typeof given.tags === 'function' ? given.tags(null) : known;
  const isFresh = given.forceFresh === true;
  if (isFresh && given.bypass !== true) for (const name of names) model.forget(client.model, name);
  const found = new Map(
    names.map((name) => {
      const isAsked = !isFresh && given.bypass !== true;
      return [name, isAsked ? model.find(client.model, name, policy, known) : undefined] as const;
    }),
  );
  const served = new Map<string, unknown>();
  const missing: string[] = [];
  const stale: string[] = [];
  for (const [name, entry] of found) {
    const isStale = entry?.status === 'stale' && model.canRevalidate(entry.entry, policy);
    if (entry?.status === 'fresh' || isStale) served.set(name, entry.entry.value);
    else missing.push(name);
    if (isStale && !model.isClosed(client.model, name)) stale.push(name);
  }
  const standIns = missing.map((name) => found.get(name));
  const areUsable = (): boolean =>
    standIns.every((entry) => entry?.status === 'stale' && model.isUsable(entry.entry, policy));
  const isBackingOff = missing.every((name) => model.isBackingOff(client.model, name)) && areUsable();
  const expectedLoads = [stale, isBackingOff ? [] : missing].filter((asked) => asked.length > 0);
  const loads: { asked: string[]; startedAt: number; values: Map<string, unknown> }[] = [];
  const error = new Error('of the load of many');
  const end = await endOf(
    client.real.getOrSetMany(
      names,
      call.ttl,
      async (asked) => {
        const startedAt = world.clock.now();
        const values = new Map(
          asked.filter((name) => call.answered.includes(name)).map((name) => [name, world.value()]),
        );
        loads.push({ asked, startedAt, values });
        // Time stands still while two loads run side by side, so that their order does not matter.
        if (expectedLoads.length === 1) world.clock.advance(call.load.tookMs);
        if (call.load.fails) throw error;
        return values;
      },
      given,
    ),
  );
  await Promise.all(client.background);
  expect(loads.map(({ asked }) => asked)).toEqual(expectedLoads);
  const kept = Math.max(policy.staleIfError, policy.staleWhileRevalidate);
  for (const { asked, startedAt: began, values } of loads) {
    const startedAt = given.bypass === true ? began : model.loadTime(client.model, began);
    const isBehind = asked.length > 0 && stale.includes(asked[0]!);
    if (isBehind) {
      for (const name of asked) {
        if (call.load.fails) model.backOff(client.model, name);
      }
    }
    if (call.load.fails || given.bypass === true) continue;
    // What is asked for anew and not answered takes away what is stored.
    if (isFresh) for (const name of asked) if (!values.has(name)) removeIn(model, client.model, name);
    for (const [name, value] of values) {
      const isStored = model.store(client.model, name, { value, loadedAt: startedAt, tags: own }, call.ttl, kept);
      if (isStored) model.open(client.model, name);
      else if (isBehind) model.rest(client.model, name);
    }
  }
  expect(end).toEqual(expectedEnd());

  function expectedEnd(): End {
    const answer = (rest: (name: string) => unknown): End => ({
      value: new Map(names.map((name) => [name, missing.includes(name) ? rest(name) : served.get(name)])),
    });
    const hasFailed = call.load.fails || isBackingOff;
    if (!hasFailed || missing.length === 0) return answer((name) => loads.at(-1)!.values.get(name) ?? null);
    if (!areUsable()) return { error };
    if (!isBackingOff) for (const name of missing) model.backOff(client.model, name);
    return answer((name) => {
      const entry = found.get(name);
      return entry?.status === 'stale' ? entry.entry.value : undefined;
    });
  }
}

type Change = 'delete' | 'deleteMany' | 'deletePrefix' | 'set' | 'forceFresh' | 'invalidateTags' | 'clear';

/** A change of a key while a load of it is under way, by the same client or another. */
const overtaken = fc
  .tuple(
    at,
    at,
    fc.record({ key, ttl, options: options.map(({ cacheIf: _c, bypass: _b, ...rest }) => rest) }),
    fc.constantFrom<Change>('delete', 'deleteMany', 'deletePrefix', 'set', 'forceFresh', 'invalidateTags', 'clear'),
    fc.boolean(),
  )
  .map(([loader, changer, call, change, fails]) =>
    command(
      `client ${loader}: getOrSet ${shown(call)}, meanwhile client ${changer}: ${change}, then the load ${fails ? 'fails' : 'ends'}`,
      (model, world) => overtake(model, world, { loader, changer, call, change, fails }),
    ),
  );

interface Overtaking {
  readonly loader: number;
  readonly changer: number;
  readonly call: Call;
  readonly change: Change;
  readonly fails: boolean;
}

async function overtake(model: CacheModel, world: World, { loader, changer, call, change, fails }: Overtaking) {
  const client = world.client(loader);
  const planned = plan(model, client.model, call);
  const value = world.value();
  const error = new Error(`of the overtaken load of ${call.key}`);
  const gate = deferred<undefined>();
  const started = deferred<number>();
  const load = async (): Promise<unknown> => {
    started.resolve(world.clock.now());
    await gate.promise;
    if (fails) throw error;
    return value;
  };
  const answer = endOf(client.real.getOrSet(call.key, call.ttl, load, call.options));
  if (planned.loads === 'no') {
    expect(await answer).toEqual(planned.end({ value, error: undefined, startedAt: -1, isStored: false }));
    return;
  }
  const startedAt = model.loadTime(client.model, await started.promise);
  if (planned.loads === 'behind it') await answer;
  world.clock.advance(1);
  const isOther = changer !== loader;
  const other = isOther ? world.client(changer) : client;
  const isParted = await makeChange(model, world, other, call.key, change);
  world.clock.advance(1);
  gate.resolve(undefined);
  const end = await answer;
  await Promise.all(client.background);
  // Another isolate cannot be told: what it loads meanwhile is stored.
  const isTold = isParted && other.model.isolate === client.model.isolate;
  const result = { value, error: fails ? error : undefined, startedAt, isStored: !isTold };
  expect(end).toEqual(planned.end(result));
}

/** Makes the change; says whether the loads under way are parted with. An invalidation is seen when what they store is read. */
async function makeChange(
  model: CacheModel,
  world: World,
  client: Client,
  name: string,
  change: Change,
): Promise<boolean> {
  const { real, model: own } = client;
  if (change === 'invalidateTags') {
    for (const tag of TAGS) model.invalidate(own, tag);
    await endOf(real.invalidateTags(TAGS));
    return false;
  }
  if (change === 'clear') {
    if (model.config.isClearable) model.invalidate(own, undefined);
    await endOf(real.clear());
    return false;
  }
  if (change === 'set' || change === 'forceFresh') {
    const value = world.value();
    const { staleIfError, staleWhileRevalidate } = model.config.policy;
    model.forget(own, name);
    const entry = { value, loadedAt: model.loadTime(own), tags: [] };
    model.store(own, name, entry, 60, Math.max(staleIfError, staleWhileRevalidate));
    if (change === 'set') await endOf(real.set(name, value, 60));
    else expect(await real.getOrSet(name, 60, () => value, { forceFresh: true })).toEqual(value);
    return true;
  }
  if (change === 'deletePrefix') {
    await endOf(real.deletePrefix(name));
    model.forgetPrefix(own, name);
    if (model.faults.has('list')) return true;
  } else if (change === 'delete') await endOf(real.delete(name));
  else await real.deleteMany([name]);
  removeIn(model, own, name);
  return true;
}

const circumstances = [
  fc.constantFrom(1, 999, 1000, 4999, 5000, 10_000, 59_000, 60_000, 100_000).map((ms) =>
    command(`${ms} ms pass`, async (_model, world) => {
      world.clock.advance(ms);
    }),
  ),
  at.map((number) =>
    command(`client ${number} is made anew`, async (_model, world) => {
      world.renew(number);
    }),
  ),
  fc.constantFrom<ModelFault>('get', 'put', 'delete', 'list').map((fault) =>
    command(`KV fails at ${fault}`, async (model, world) => {
      model.faults.add(fault);
      world.kv.failAll(fault);
    }),
  ),
  fc.constant(
    command('KV is well', async (model, world) => {
      model.faults.clear();
      world.kv.heal();
    }),
  ),
];

const weighed = (weight: number, commands: fc.Arbitrary<Command>[]) =>
  commands.map((arbitrary) => ({ arbitrary, weight }));

const anyCommands = fc.commands(
  [
    fc.oneof(
      ...weighed(3, reads),
      ...weighed(2, writes),
      ...weighed(6, readThroughs),
      ...weighed(6, [overtaken]),
      ...weighed(3, circumstances),
    ),
  ],
  { maxCommands: 60, size: 'max' },
);

const BASE: Config = {
  hasMemo: false,
  memorySeconds: undefined,
  isClearable: false,
  hasBackground: true,
  policy: { staleWhileRevalidate: 0, staleIfError: 0 },
  isolates: 1,
  isRequestPerCommand: false,
};
const STALE = { staleWhileRevalidate: 10, staleIfError: 100 };

const CONFIGS: readonly (readonly [string, Config])[] = [
  ['clients of one isolate', BASE],
  ['clients with stale bounds', { ...BASE, policy: STALE, isClearable: true }],
  ['clients without a background', { ...BASE, policy: STALE, hasBackground: false }],
  ['clients with a memo', { ...BASE, hasMemo: true, isClearable: true, policy: STALE }],
  ['clients with a memory', { ...BASE, memorySeconds: 3, isClearable: true, policy: STALE }],
  ['clients with a memo and a memory', { ...BASE, hasMemo: true, memorySeconds: 3 }],
  ['requests of two isolates', { ...BASE, isolates: 2, isRequestPerCommand: true, isClearable: true, policy: STALE }],
];

describe('CacheClient answers what plain maps say', () => {
  test.each(CONFIGS)('with %s', async (_name, config) => {
    await fc.assert(
      fc.asyncProperty(anyCommands, async (commands) => {
        const now = { read: (): number => 0 };
        const setup = () => {
          const model = new CacheModel(config, () => now.read());
          return { model, real: new World(config, model, now) };
        };
        await fc.asyncModelRun(setup, commands);
      }),
      { numRuns: Number(process.env['MODEL_RUNS'] ?? 150), seed: Number(process.env['MODEL_SEED'] ?? 20261122) },
    );
  });
});
