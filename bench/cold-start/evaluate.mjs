// node --experimental-vm-modules evaluate.mjs BUNDLE: compiles and evaluates a bundle once, as the start of an isolate does, and prints milliseconds.
import { readFileSync } from 'node:fs';
import { SourceTextModule, SyntheticModule } from 'node:vm';

class Base {}
globalThis.URLPattern ??= Base;
const source = readFileSync(process.argv[2], 'utf8');
const started = performance.now();
const module = new SourceTextModule(source, { importModuleDynamically: () => undefined });
const compiled = performance.now();
await module.link((name) => {
  const exports = name === 'cloudflare:workers' ? { DurableObject: Base, WorkerEntrypoint: Base, RpcTarget: Base } : {};
  return new SyntheticModule(Object.keys(exports), function () {
    for (const [key, value] of Object.entries(exports)) this.setExport(key, value);
  });
});
const linked = performance.now();
await module.evaluate();
const evaluated = performance.now();
process.stdout.write(JSON.stringify({ compile: compiled - started, evaluate: evaluated - linked }));
