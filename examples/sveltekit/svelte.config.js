import adapter from '@sveltejs/adapter-cloudflare';

const cloudflare = adapter();
// A build renders one page, in a process of its own, which reads nothing of a platform: the workerd that would be started for it outlives the build.
const isServing = process.argv.includes('dev') || process.argv.includes('preview');

/** @type {import('@sveltejs/kit').Config} */
const config = {
  kit: {
    // `vite dev` reads wrangler.jsonc: KV, D1 and the bucket are emulated there; see README.md for the rest.
    adapter: isServing ? cloudflare : { ...cloudflare, emulate: undefined },
    csp: {
      mode: 'auto',
      directives: {
        'default-src': ['self'],
        'script-src': ['self'],
        'style-src': ['self', 'unsafe-inline'],
        'img-src': ['self', 'data:', 'blob:'],
        // The hook adds the S3 endpoint, which the environment knows, to these two.
        'connect-src': ['self'],
        'media-src': ['self', 'blob:'],
        // hls.js works in a worker of its own making.
        'worker-src': ['self', 'blob:'],
        'object-src': ['none'],
        'base-uri': ['none'],
        'form-action': ['self'],
        'frame-ancestors': ['none'],
      },
    },
  },
};

export default config;
