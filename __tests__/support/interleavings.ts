import { settled } from './virtual-time.js';

/** Holds calls back and lets them through one by one, in an order that the test chooses. */
export class Stage {
  readonly #waiting: { readonly label: string; readonly go: () => void }[] = [];

  /** Does `act` when its turn has come. */
  async turn<T>(label: string, act: () => T | Promise<T>): Promise<T> {
    await new Promise<void>((go) => this.#waiting.push({ label, go }));
    return act();
  }

  /** A copy of `target` whose methods of these names wait for their turn. */
  gate<T extends object>(target: T, methods: readonly (keyof T & string)[]): T {
    const gated = Object.create(target) as T;
    for (const method of methods) {
      const real = target[method] as (...args: unknown[]) => unknown;
      const waiting = (...args: unknown[]): unknown => this.turn(method, () => real.apply(target, args));
      Object.defineProperty(gated, method, { value: waiting });
    }
    return gated;
  }

  /** Runs to the end: whenever several calls wait, `choose` says which goes on. */
  async run(choose: (count: number) => number, afterEach: () => void | Promise<void>): Promise<void> {
    await settled();
    while (this.#waiting.length > 0) {
      const [next] = this.#waiting.splice(choose(this.#waiting.length), 1);
      next?.go();
      await settled();
      await afterEach();
    }
  }
}

/**
 * Runs a scenario once for every order in which its calls can be let through.
 *
 * @returns how many orders there were.
 */
export async function everyInterleaving(
  scenario: (choose: (count: number) => number) => Promise<void>,
): Promise<number> {
  let path: { choice: number; readonly count: number }[] = [];
  for (let runs = 1; ; runs += 1) {
    let depth = 0;
    await scenario((count) => {
      path[depth] ??= { choice: 0, count };
      const step = path[depth]!;
      depth += 1;
      return step.choice;
    });
    path = path.slice(0, depth);
    while (path.length > 0 && path.at(-1)!.choice === path.at(-1)!.count - 1) path.pop();
    if (path.length === 0) return runs;
    path.at(-1)!.choice += 1;
  }
}
