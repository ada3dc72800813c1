// What the examples of the seed import from the app around them, as far as they use it.

declare module '@sveltejs/kit' {
  import type { KVNamespace } from '@cloudflare/workers-types';

  interface Event {
    cookies: { get(name: string): string | undefined };
    platform?: { env?: Record<string, KVNamespace | undefined> };
    locals: { user: unknown; session?: unknown };
    request: Request;
    url: URL;
    getClientAddress(): string;
  }
  export type Handle = (input: { event: Event; resolve: (event: Event) => Promise<Response> }) => Promise<Response>;
  export type RequestHandler = (event: Event) => Promise<unknown>;
  export function fail(status: number, data: unknown): { status: number; data: unknown };
  export function json(data: unknown): Response;
}

declare module '@codex/database' {
  import type { CachedSession } from '@codex/cloudflare-clients';

  export const db: {
    query: {
      content: { findMany(query: unknown): Promise<unknown[]> };
      sessions: { findFirst(query: unknown): Promise<CachedSession | undefined> };
    };
  };
  export const content: { categoryId: string };
  export const sessions: { token: string };
  export function eq(column: string, value: string | null): unknown;
  export function fetchSessionFromDB(token: string): Promise<CachedSession | undefined>;
}
