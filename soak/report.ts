import type { Check } from './checks.js';
import type { Exchange } from './client.js';
import type { MemorySample } from './oracles.js';

const BREACHES_SHOWN = 8;
const MEMORY_POINTS = 20;

/** The table of traffic: a row for each kind. */
export function trafficTable(
  exchanges: readonly Omit<Exchange, 'body'>[],
  retries: ReadonlyMap<string, number>,
): string {
  const head = ['traffic', 'requests', 'ok', 'refused', 'failed', 'cut', 'faults', 'retries', 'p50 ms', 'p99 ms'];
  const names = [...new Set(exchanges.map(({ name }) => name))].sort();
  const rows = names.map((name) => {
    const own = exchanges.filter((exchange) => exchange.name === name);
    const count = (fits: (exchange: Omit<Exchange, 'body'>) => boolean): string => String(own.filter(fits).length);
    const times = own
      .filter(({ outcome }) => outcome === 'answered')
      .map(({ sentAt, answeredAt }) => answeredAt - sentAt);
    return [
      name,
      String(own.length),
      count(({ outcome, status }) => outcome === 'answered' && status < 400),
      count(({ outcome, status }) => outcome === 'answered' && status >= 400 && status < 500),
      count(({ outcome, status }) => outcome === 'broken' || outcome === 'hung' || status >= 500),
      count(({ outcome }) => outcome === 'cut'),
      String(own.reduce((sum, { injected }) => sum + injected, 0)),
      String(retries.get(name) ?? 0),
      quantile(times, 0.5).toFixed(0),
      quantile(times, 0.99).toFixed(0),
    ];
  });
  return table([head, ...rows]);
}

/** Faults by kind: how many requests they were planned for and hit, and how those ended. */
export function faultTable(exchanges: readonly Omit<Exchange, 'body'>[]): string {
  const kinds = new Map<string, Omit<Exchange, 'body'>[]>();
  for (const exchange of exchanges) {
    const { fault } = exchange.fate;
    if (fault === null || exchange.injected === 0) continue;
    const name = `${fault.kind}:${fault.times === Infinity ? 'all' : fault.times}`;
    kinds.set(name, [...(kinds.get(name) ?? []), exchange]);
  }
  const rows = [...kinds]
    .sort()
    .map(([name, own]) => [
      name,
      String(own.length),
      String(own.filter(({ outcome, status }) => outcome === 'answered' && status < 500).length),
      String(
        own.filter(({ outcome, status }) => outcome !== 'cut' && (outcome !== 'answered' || status >= 500)).length,
      ),
    ]);
  return table([['fault', 'requests hit', 'absorbed', 'surfaced'], ...rows]);
}

/** The memory of processes over a run, in MiB at even distances: whether it grows or swings. */
export function memoryLines(memory: Readonly<Record<string, readonly MemorySample[]>>): string {
  return Object.entries(memory)
    .map(([process, samples]) => {
      const step = Math.max(1, Math.ceil(samples.length / MEMORY_POINTS));
      const points = samples.filter((_, index) => index % step === 0).map(({ mib }) => mib.toFixed(0));
      return `memory of ${process}, MiB: ${points.join(' ')}`;
    })
    .join('\n');
}

/** The checks, each with a sign. */
export function checkLines(checks: readonly Check[]): string {
  return checks
    .flatMap(({ name, looked, breaches }) => [
      `${breaches.length === 0 ? '✓' : '✗'} ${name} (${looked})`,
      ...breaches.slice(0, BREACHES_SHOWN).map((breach) => `    ${breach}`),
      ...(breaches.length > BREACHES_SHOWN ? [`    and ${breaches.length - BREACHES_SHOWN} more`] : []),
    ])
    .join('\n');
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) * part)] ?? 0;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  const [head = [], ...rest] = rows;
  return [line(head), rule, ...rest.map(line)].join('\n');
}
