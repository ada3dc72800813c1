const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

const dateTime = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: 'UTC' });
const decimal = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 1 });
const percent = new Intl.NumberFormat('en-GB', { style: 'percent', maximumFractionDigits: 1 });

/** Bytes as people read them: `11.8 MiB`. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${decimal.format(bytes / 1024 ** power)} ${UNITS[power]}`;
}

/** A length of time in its largest unit: `12 s`, `3 min`, `5 h`, `2 days`. */
export function formatDuration(seconds: number): string {
  if (seconds < MINUTE) return `${Math.floor(seconds)} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h`;
  const days = Math.floor(seconds / DAY);
  return days === 1 ? '1 day' : `${days} days`;
}

/** A date and time of ISO 8601, in UTC: the same on the server and in every browser. */
export const formatDateTime = (iso: string): string => `${dateTime.format(new Date(iso))} UTC`;

/** The time of day of an ISO 8601 time, in UTC: `14:05`. */
export const formatClock = (iso: string): string => clock.format(new Date(iso));

/** A number with at most one decimal and its thousands apart. */
export const formatNumber = (value: number): string => decimal.format(value);

/** 0 to 1 as a percentage. */
export const formatPercent = (share: number): string => percent.format(share);

/** `1 view`, `2 views`. */
export const formatCount = (count: number, noun: string): string =>
  `${formatNumber(count)} ${noun}${count === 1 ? '' : 's'}`;
