import { elements, texts } from './xml.js';

interface CorsRule {
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly exposed: readonly string[];
  readonly maxAge: string | undefined;
}

const METHODS: readonly string[] = ['GET', 'PUT', 'POST', 'DELETE', 'HEAD'];
const MAX_AGE_SECONDS = 86_400;

/** Reads a CORSConfiguration; `null` when R2 would not take it. */
export function readCorsRules(xml: string): CorsRule[] | null {
  const rules = elements(xml, 'CORSRule').map((rule) => ({
    origins: texts(rule, 'AllowedOrigin'),
    methods: texts(rule, 'AllowedMethod'),
    headers: texts(rule, 'AllowedHeader').map((name) => name.toLowerCase()),
    exposed: texts(rule, 'ExposeHeader'),
    maxAge: texts(rule, 'MaxAgeSeconds')[0],
  }));
  return rules.length > 0 && rules.every(isValid) ? rules : null;
}

/** The answer's headers to a preflight, or `null`: 403. An origin must be exactly one of the rule's. */
export function preflightHeaders(
  rules: readonly CorsRule[],
  request: { readonly origin: string; readonly method: string; readonly headers: readonly string[] },
): Record<string, string> | null {
  // `*` in AllowedHeaders was reported not to work on R2, so it does not here.
  const rule = matching(rules, request.origin, request.method, request.headers);
  if (rule === undefined) return null;
  return {
    'access-control-allow-origin': rule.origins.includes('*') ? '*' : request.origin,
    'access-control-allow-methods': rule.methods.join(', '),
    ...(request.headers.length > 0 && { 'access-control-allow-headers': request.headers.join(', ') }),
    ...(rule.maxAge !== undefined && { 'access-control-max-age': rule.maxAge }),
    vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
  };
}

/** The CORS headers of a real answer; none when no rule fits. */
export function answerHeaders(
  rules: readonly CorsRule[],
  origin: string | undefined,
  method: string,
): Record<string, string> {
  const rule = origin === undefined ? undefined : matching(rules, origin, method, []);
  if (origin === undefined || rule === undefined) return {};
  return {
    'access-control-allow-origin': rule.origins.includes('*') ? '*' : origin,
    ...(rule.exposed.length > 0 && { 'access-control-expose-headers': rule.exposed.join(', ') }),
    vary: 'Origin',
  };
}

function matching(
  rules: readonly CorsRule[],
  origin: string,
  method: string,
  headers: readonly string[],
): CorsRule | undefined {
  return rules.find(
    (rule) =>
      (rule.origins.includes(origin) || rule.origins.includes('*')) &&
      rule.methods.includes(method) &&
      headers.every((name) => rule.headers.includes(name)),
  );
}

function isValid(rule: CorsRule): boolean {
  const maxAge = rule.maxAge === undefined ? 0 : Number(rule.maxAge);
  return (
    rule.origins.length > 0 &&
    rule.methods.length > 0 &&
    rule.methods.every((method) => METHODS.includes(method)) &&
    rule.origins.every((origin) => origin === '*' || isOrigin(origin)) &&
    Number.isInteger(maxAge) &&
    maxAge >= 0 &&
    maxAge <= MAX_AGE_SECONDS
  );
}

function isOrigin(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\/[^/?#]+$/i.test(text);
}
