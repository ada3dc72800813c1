import type { ContainerLocals } from '@codex/cloudflare-clients/sveltekit';
import type { Env } from '$lib/server/env.js';
import type { SignedIn } from '$lib/server/auth/signed-in.js';

declare global {
  namespace App {
    interface Error {
      message: string;
    }
    interface Locals extends ContainerLocals {
      /** Who is signed in; `null` for nobody, and on prerendered pages. */
      visitor: SignedIn | null;
    }
    interface Platform {
      env: Env;
      ctx: ExecutionContext;
      caches: CacheStorage;
      cf?: IncomingRequestCfProperties;
    }
  }
}

export {};
