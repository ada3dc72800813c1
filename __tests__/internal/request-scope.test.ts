import type { DependencyContainer } from 'tsyringe';
import { findScope, rememberScope, shareInstance } from '../../src/internal/request-scope.js';

const scopeOf = (name: string): DependencyContainer => ({ name }) as unknown as DependencyContainer;

describe.each([
  ['a plain instance', () => ({ title: 'Autumn' })],
  ['a frozen instance', () => Object.freeze({ title: 'Autumn' })],
  ['a sealed instance', () => Object.seal({ title: 'Autumn' })],
])('%s', (_name, make) => {
  it('belongs to the scope that resolved it, however often', () => {
    const [instance, scope] = [make(), scopeOf('a')];
    expect(findScope(instance)).toBeUndefined();
    rememberScope(instance, scope);
    rememberScope(instance, scope);
    expect(findScope(instance)).toBe(scope);
  });

  it('belongs to none once a second scope resolved it', () => {
    const instance = make();
    for (const name of ['a', 'b', 'a']) rememberScope(instance, scopeOf(name));
    expect(findScope(instance)).toBe('shared');
  });

  it('belongs to none when it outlives its scope', () => {
    const instance = make();
    rememberScope(instance, scopeOf('a'));
    shareInstance(instance);
    expect(findScope(instance)).toBe('shared');
  });
});

it('is not to be seen on an instance, copied from it or inherited', () => {
  const instance = { title: 'Autumn' };
  rememberScope(instance, scopeOf('a'));
  expect([Object.keys(instance), JSON.stringify(instance)]).toEqual([['title'], '{"title":"Autumn"}']);
  expect(instance).toStrictEqual({ title: 'Autumn' });
  for (const copy of [{ ...instance }, Object.create(instance) as object, structuredClone(instance)]) {
    expect(findScope(copy)).toBeUndefined();
  }
});

it('remembers the scope of an instance that was frozen afterwards', () => {
  const [instance, scope] = [{ title: 'Autumn' }, scopeOf('a')];
  rememberScope(instance, scope);
  Object.freeze(instance);
  rememberScope(instance, scope);
  expect(findScope(instance)).toBe(scope);
  rememberScope(instance, scopeOf('b'));
  expect(findScope(instance)).toBe('shared');
});
