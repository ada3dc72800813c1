import { elementsOf, textOf, writeXml, xmlElement, type XmlElement } from './xml-tree.js';
import { checkLifecycleRules, type R2LifecycleRule, type R2LifecycleTransition } from './lifecycle-rule.js';

/** A rule as the server has it. */
export interface StoredLifecycleRule {
  /** `null` for a rule that the types here cannot say: it is kept as it is. */
  readonly rule: R2LifecycleRule | null;
  /** `undefined` for a rule without a name. */
  readonly id: string | undefined;
  /** The rule as XML. */
  readonly xml: string;
  /** Those of its elements that the types do not name, such as `NoncurrentVersionExpiration`. */
  readonly extra: string;
}

const KNOWN_ELEMENTS: readonly string[] = [
  'ID',
  'Status',
  'Prefix',
  'Filter',
  'Expiration',
  'AbortIncompleteMultipartUpload',
  'Transition',
];
const MIDNIGHT = /^(\d{4}-\d{2}-\d{2})T00:00:00(?:\.0+)?(?:Z|\+00:00)$/;
const INTEGER = /^\d{1,10}$/;

/** The rules of a `LifecycleConfiguration`, in the server's order. */
export function parseLifecycleRules(root: XmlElement): StoredLifecycleRule[] {
  return elementsOf(root, 'Rule').map((element) => ({
    rule: parseRule(element),
    id: textOf(element, 'ID'),
    xml: writeXml(element),
    extra: elementsOf(element)
      .filter(({ nodeName }) => !KNOWN_ELEMENTS.includes(nodeName))
      .map(writeXml)
      .join(''),
  }));
}

/** A checked rule as XML, with what else was in it on the server. */
export function writeLifecycleRule(rule: R2LifecycleRule, extra = ''): string {
  const { id, prefix = '', enabled, expireAfterDays, expireAt, abortMultipartAfterDays, transition } = rule;
  const parts = [
    xmlElement('ID', id),
    `<Filter>${xmlElement('Prefix', prefix)}</Filter>`,
    xmlElement('Status', enabled === false ? 'Disabled' : 'Enabled'),
    when('Expiration', expireAfterDays, expireAt),
    abortMultipartAfterDays === undefined
      ? ''
      : `<AbortIncompleteMultipartUpload>${xmlElement('DaysAfterInitiation', abortMultipartAfterDays)}</AbortIncompleteMultipartUpload>`,
    transition === undefined
      ? ''
      : when('Transition', transition.afterDays, transition.at, xmlElement('StorageClass', transition.storageClass)),
  ];
  return `<Rule>${parts.join('')}${extra}</Rule>`;
}

function when(name: string, days: number | undefined, day: string | undefined, rest = ''): string {
  if (days !== undefined) return `<${name}>${xmlElement('Days', days)}${rest}</${name}>`;
  return day === undefined ? '' : `<${name}>${xmlElement('Date', `${day}T00:00:00.000Z`)}${rest}</${name}>`;
}

/** `null` when anything in the elements that a rule of ours is made of would be lost. */
function parseRule(element: XmlElement): R2LifecycleRule | null {
  const repeated = KNOWN_ELEMENTS.some((name) => elementsOf(element, name).length > 1);
  const id = textOf(element, 'ID');
  const status = textOf(element, 'Status') ?? '';
  const prefix = parsePrefix(element);
  if (repeated || id === undefined || prefix === null || !['Enabled', 'Disabled'].includes(status)) return null;
  const expiration = fieldsOf(element, 'Expiration', ['Days', 'Date']);
  const abort = fieldsOf(element, 'AbortIncompleteMultipartUpload', ['DaysAfterInitiation']);
  const transition = fieldsOf(element, 'Transition', ['Days', 'Date', 'StorageClass']);
  if (expiration === null || abort === null || transition === null) return null;
  return accepted({
    id,
    prefix,
    enabled: status === 'Enabled',
    expireAfterDays: numberOf(expiration.Days),
    expireAt: dayOf(expiration.Date),
    abortMultipartAfterDays: numberOf(abort.DaysAfterInitiation),
    transition: transition.StorageClass === undefined ? undefined : toTransition(transition),
  });
}

/** A rule that `putLifecycle` would not take is none that it could write back. */
function accepted(rule: R2LifecycleRule): R2LifecycleRule | null {
  try {
    return checkLifecycleRules([rule])[0] ?? null;
  } catch {
    return null;
  }
}

/** `null` for a filter by more than a prefix: written without the rest, the rule would take in more objects. */
function parsePrefix(element: XmlElement): string | null {
  const filter = elementsOf(element, 'Filter')[0];
  const own = textOf(element, 'Prefix');
  if (filter === undefined) return own ?? '';
  const fields = fieldsOf(element, 'Filter', ['Prefix']);
  return fields === null || own !== undefined ? null : (fields.Prefix ?? '');
}

/** The texts of the elements in `name`; `null` when there are others, or one twice, or with elements in it. */
function fieldsOf<Field extends string>(
  parent: XmlElement,
  name: string,
  fields: readonly Field[],
): Partial<Record<Field, string>> | null {
  const children = elementsOf(parent, name).flatMap((element) => elementsOf(element));
  const found: Partial<Record<Field, string>> = {};
  for (const child of children) {
    const field = fields.find((each) => each === child.nodeName);
    if (field === undefined || found[field] !== undefined || elementsOf(child).length > 0) return null;
    found[field] = child.textContent;
  }
  return found;
}

function toTransition(fields: { Days?: string; Date?: string; StorageClass?: string }): R2LifecycleTransition {
  return {
    afterDays: numberOf(fields.Days),
    at: dayOf(fields.Date),
    // Whatever the server says: `accepted` refuses another class, and the rule counts as unknown.
    storageClass: fields.StorageClass as 'STANDARD_IA',
  };
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return INTEGER.test(text) ? Number(text) : Number.NaN;
}

/** A time of day that is not midnight has no form here; what is returned for it is refused. */
function dayOf(text: string | undefined): string | undefined {
  return text === undefined ? undefined : (MIDNIGHT.exec(text)?.[1] ?? text);
}
