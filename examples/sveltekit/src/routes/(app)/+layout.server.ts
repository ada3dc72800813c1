import type { LayoutData } from '$lib/shapes.js';
import type { LayoutServerLoad } from './$types.js';

export const load: LayoutServerLoad = ({ locals, setHeaders }): LayoutData => {
  // What a visitor sees is the visitor's alone.
  setHeaders({ 'cache-control': 'private, no-store' });
  if (locals.visitor === null) return { user: null };
  const { id, email, name, role } = locals.visitor.user;
  return { user: { id, email, name, role } };
};
