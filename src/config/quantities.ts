/** Duration as configured: `15s`, `5m`, `500ms`, `2h`, `1d`, or a plain number of ms. */
export const DURATION_PATTERN = '^(0|[1-9][0-9]{0,9})(ms|s|m|h|d)$';

/** Size as configured: `256MiB`, `10GiB`, `64KB`, or a plain number of bytes. */
export const SIZE_PATTERN = '^(0|[1-9][0-9]{0,9})(B|KiB|MiB|GiB|TiB|KB|MB|GB|TB)$';

/** ms, or undefined for anything that is no duration. */
export function parseDuration(text: string | number): number | undefined {
  return parseQuantity(text, DURATION, MILLISECONDS);
}

/** Bytes, or undefined for anything that is no size. */
export function parseSize(text: string | number): number | undefined {
  return parseQuantity(text, SIZE, BYTES);
}

const DURATION = new RegExp(DURATION_PATTERN);
const SIZE = new RegExp(SIZE_PATTERN);

const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const BYTES: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};

function parseQuantity(
  text: string | number,
  pattern: RegExp,
  units: Readonly<Record<string, number>>,
): number | undefined {
  if (typeof text === 'number') return Number.isSafeInteger(text) && text >= 0 ? text : undefined;
  const match = pattern.exec(text);
  const unit = units[match?.[2] ?? ''];
  if (match === null || unit === undefined) return undefined;
  const value = Number(match[1]) * unit;
  return Number.isSafeInteger(value) ? value : undefined;
}
