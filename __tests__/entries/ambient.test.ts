import { currentScope, findScope, runInScope } from '../../src/ambient.js';
import { setupApp } from './support.js';

describe('runInScope', () => {
  const { app } = setupApp();

  it('lets each of 50 at once find its own scope', async () => {
    const scopes = Array.from({ length: 50 }, () => app.scope({ env: {} }));
    const found = await Promise.all(
      scopes.map((scope) =>
        runInScope(scope, async () => {
          await new Promise((resolve) => setImmediate(resolve));
          return currentScope();
        }),
      ),
    );
    expect(found.every((scope, index) => scope === scopes[index])).toBe(true);
  });

  it('ends where it began, also when the work throws', () => {
    const [outer, inner] = [app.scope({ env: {} }), app.scope({ env: {} })];
    runInScope(outer, () => {
      expect(runInScope(inner, currentScope)).toBe(inner);
      expect(() =>
        runInScope(inner, () => {
          throw new RangeError();
        }),
      ).toThrow(RangeError);
      expect(currentScope()).toBe(outer);
    });
    expect(findScope()).toBeUndefined();
  });
});

describe('currentScope', () => {
  it('says what to do where there is none', () => {
    expect(() => currentScope()).toThrow(
      expect.objectContaining({
        code: 'MISSING_SCOPE',
        message: expect.stringContaining('runInScope') as string,
      }) as Error,
    );
  });
});
