// The polyfill that tsyringe looks for when it loads; a file that imports tsyringe imports this one before it. The polyfill is CommonJS: esbuild runs
// it where the module that imports it begins, which is after the ES modules that this one imports. Only a module of its own, listed in `sideEffects`
// of package.json, runs before tsyringe in every bundle. They import the polyfill themselves as well, for Jest, which runs CommonJS while it links.
import 'reflect-metadata/lite';
