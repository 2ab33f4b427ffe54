const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
const IMF =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d{2}) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (\d{4}) (\d{2}):(\d{2}):(\d{2}) (?:GMT|UTC|\+0000)$/;
const BASIC = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/;

/** ms since the epoch → `Sat, 21 Nov 2026 17:00:00 GMT` (RFC 9110 IMF-fixdate). */
export function formatHttpDate(ms: number): string {
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${DAYS[date.getUTCDay()] ?? ''}, ${two(date.getUTCDate())} ${MONTHS[date.getUTCMonth()] ?? ''} ${date.getUTCFullYear()} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} GMT`;
}

/** IMF-fixdate → ms since the epoch; undefined for anything else. */
export function parseHttpDate(text: string): number | undefined {
  const match = IMF.exec(text);
  if (match === null) return undefined;
  const [, day, month, year, hour, minute, second] = match;
  return finite(
    Date.UTC(
      Number(year),
      MONTHS.indexOf(month as (typeof MONTHS)[number]),
      Number(day),
      Number(hour),
      Number(minute),
      Number(second),
    ),
  );
}

/** ms → `20261121T170000Z`, the timestamp of SigV4 and OSS4. */
export function formatBasicDate(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

/** `20261121T170000Z` → ms; undefined for anything else, an impossible date included. */
export function parseBasicDate(text: string): number | undefined {
  const match = BASIC.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const ms = Date.UTC(year, month - 1, day, hour, minute, second);
  // An impossible date rolls over into another one. Years below 100 mean the twentieth century to `Date.UTC`.
  const date = new Date(ms);
  const possible =
    date.getUTCFullYear() === year &&
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    hour < 24 &&
    minute < 60 &&
    second < 60;
  return possible ? ms : undefined;
}

/** ms → `2026-11-21T17:00:00.000Z`, whole seconds: oss2 accepts nothing but `.000Z`. */
export function formatIsoSeconds(ms: number): string {
  return new Date(Math.floor(ms / 1000) * 1000).toISOString();
}

function finite(ms: number): number | undefined {
  return Number.isFinite(ms) ? ms : undefined;
}
