import { CACHE_CLIENT, Injectable } from '@codex/cloudflare-clients';
import type { CacheClient } from '@codex/cloudflare-clients';

/** What the demo's driver found out; it leaves its report in the cache. */
@Injectable(CACHE_CLIENT)
export class ReportController {
  constructor(private readonly cache: CacheClient) {}

  async show(): Promise<Response> {
    return Response.json(await this.cache.get<unknown>('cache:demo:report'));
  }
}
