// A request scope with three clients and the three KV bindings that they need, made new for every request.
import 'reflect-metadata';
import { asFunction, createContainer as createAwilix } from 'awilix';
import { Container as Inversify } from 'inversify';
import { Container as Needle } from '@needle-di/core';
import { createInjector } from 'typed-inject';
import { container as tsyringe } from 'tsyringe';
import {
  CACHE_CLIENT,
  CacheClient,
  createContainer,
  provideCache,
  provideRateLimiter,
  provideSessionCache,
  RATE_LIMITER_CLIENT,
  RateLimiterClient,
  SESSION_CACHE_CLIENT,
  SessionCacheClient,
} from '../dist/index.js';
import { compare } from './measure.mjs';

const kv = () => ({ async get() {}, async getWithMetadata() {}, async put() {}, async delete() {}, async list() {} });
const env = { CACHE_KV: kv(), AUTH_SESSION_KV: kv(), RATE_LIMIT_KV: kv() };
const CLIENTS = [
  ['CACHE_KV', 'cache', CacheClient],
  ['AUTH_SESSION_KV', 'sessions', SessionCacheClient],
  ['RATE_LIMIT_KV', 'limiter', RateLimiterClient],
];

const repeated = (one) => (iterations) => {
  for (let index = 0; index < iterations; index += 1) one();
};

function plain() {
  new CacheClient(env.CACHE_KV);
  new SessionCacheClient(env.AUTH_SESSION_KV);
  new RateLimiterClient(env.RATE_LIMIT_KV);
}

const app = createContainer(provideCache(), provideSessionCache(), provideRateLimiter());

function ours() {
  const scope = app.scope({ env });
  scope.resolve(CACHE_CLIENT);
  scope.resolve(SESSION_CACHE_CLIENT);
  scope.resolve(RATE_LIMITER_CLIENT);
}

function bareTsyringe() {
  const child = tsyringe.createChildContainer();
  for (const [binding, name, Client] of CLIENTS) {
    child.register(binding, { useValue: env[binding] });
    child.register(name, { useFactory: (container) => new Client(container.resolve(binding)) });
    child.resolve(name);
  }
}

function typedInject() {
  let injector = createInjector();
  for (const [binding, name, Client] of CLIENTS) {
    const factory = (namespace) => new Client(namespace);
    factory.inject = [binding];
    injector = injector.provideValue(binding, env[binding]).provideFactory(name, factory);
  }
  for (const [, name] of CLIENTS) injector.resolve(name);
}

const needleRoot = new Needle();

function needle() {
  const child = needleRoot.createChild();
  for (const [binding, name, Client] of CLIENTS) {
    child.bind({ provide: binding, useValue: env[binding] });
    child.bind({ provide: name, useFactory: (container) => new Client(container.get(binding)) });
  }
  for (const [, name] of CLIENTS) child.get(name);
}

const awilixRoot = createAwilix();
for (const [binding, name, Client] of CLIENTS) {
  awilixRoot.register(name, asFunction((cradle) => new Client(cradle[binding])).scoped());
}

function awilix() {
  const scope = awilixRoot.createScope();
  for (const [binding] of CLIENTS) scope.register(binding, { resolve: () => env[binding], lifetime: 'TRANSIENT' });
  for (const [, name] of CLIENTS) scope.resolve(name);
}

const inversifyRoot = new Inversify();

function inversify() {
  const child = new Inversify({ parent: inversifyRoot });
  for (const [binding, name, Client] of CLIENTS) {
    child.bind(binding).toConstantValue(env[binding]);
    child
      .bind(name)
      .toDynamicValue((context) => new Client(context.get(binding)))
      .inSingletonScope();
  }
  for (const [, name] of CLIENTS) child.get(name);
}

await compare({
  url: import.meta.url,
  title: 'Request scopes: made new for every request',
  iterations: 10_000,
  // It keeps every container of a turn alive until the turn ends, 26 kB each.
  fewer: { 'inversify 8.2.3': 2_000 },
  cases: {
    'floor: three plain `new`': () => repeated(plain),
    'this package: scope + 3 clients + 3 KV tokens': () => repeated(ours),
    'this package: an empty scope': () => repeated(() => app.scope({ env })),
    'tsyringe 4.10.0, registered by hand': () => repeated(bareTsyringe),
    'typed-inject 5.0.0': () => repeated(typedInject),
    'needle-di 1.2.1': () => repeated(needle),
    'awilix 13.0.5': () => repeated(awilix),
    'inversify 8.2.3': () => repeated(inversify),
  },
});
