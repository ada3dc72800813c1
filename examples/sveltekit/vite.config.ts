import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [sveltekit()],
  // One copy of each, whether the package is installed or linked.
  resolve: { dedupe: ['tsyringe', 'reflect-metadata'] },
  build: { target: 'es2022' },
});
