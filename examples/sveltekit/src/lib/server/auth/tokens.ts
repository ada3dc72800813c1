import { ENV, provide, token } from '@codex/cloudflare-clients';

/** The address of the owner; '' when there is none. */
export const ADMIN_EMAIL = token<string>('CODEX_ADMIN_EMAIL');

/** It is the variable of that name, which may be unset. */
export const ADMIN_EMAIL_PROVIDER = provide(
  ADMIN_EMAIL,
  (container) => (container.resolve(ENV) as { ADMIN_EMAIL?: string }).ADMIN_EMAIL ?? '',
);
