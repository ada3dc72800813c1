import { requireUser } from '$lib/server/auth/visitor.js';
import { answer, api } from '$lib/server/http/refused.js';
import type { Me } from '$lib/shapes.js';
import type { RequestHandler } from './$types.js';

export const GET: RequestHandler = api(async (event) => {
  const { user, source } = requireUser(event);
  const { id, email, name, role } = user;
  return answer({ id, email, name, role, sessionSource: source } satisfies Me);
});
