import { createContainer } from '../../src/providers/container.js';
import type { Container } from '../../src/providers/container.js';
import { provide, provideBinding } from '../../src/providers/provider.js';
import { token } from '../../src/tokens/token.js';

/** Something that is disposed with its scope. */
export const RESOURCE = token<{ readonly id: number }>('RESOURCE');
/** A binding. */
export const BINDING = token<object>('BINDING');
/** Something that nothing has to be done about. */
export const PLAIN = token<object>('PLAIN');

/** An app that says what became of its resources. */
export function setupApp(dispose: (id: number) => void = () => {}): { app: Container; disposed: number[] } {
  const disposed: number[] = [];
  let made = 0;
  const app = createContainer(
    provideBinding(BINDING, 'THING'),
    provide(PLAIN, () => ({})),
    provide(RESOURCE, () => {
      const id = (made += 1);
      return {
        id,
        [Symbol.dispose]() {
          disposed.push(id);
          dispose(id);
        },
      };
    }),
  );
  return { app, disposed };
}

/** An execution context that keeps what it is given. */
export function setupContext() {
  const kept: Promise<unknown>[] = [];
  const ctx = { waitUntil: (promise: Promise<unknown>) => void kept.push(promise), passThroughOnException: () => {} };
  return { ctx, kept, settle: () => Promise.all(kept) };
}
