import { describe, expect, test } from 'vitest';
import { parseDuration, parseSize } from '../../../src/config/quantities.ts';

describe('durations', () => {
  test.each([
    ['15s', 15_000],
    ['5m', 300_000],
    ['250ms', 250],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['0s', 0],
    [1500, 1500],
  ])('%s', (text, ms) => expect(parseDuration(text)).toBe(ms));

  test.each(['', '15', '1.5s', '-1s', ' 15s', '15 s', '15S', '015s', '99999999999s', -1, 1.5, Number.NaN, Infinity])(
    '%s is none',
    (text) => expect(parseDuration(text)).toBeUndefined(),
  );
});

describe('sizes', () => {
  test.each([
    ['256MiB', 268_435_456],
    ['10GiB', 10_737_418_240],
    ['64KB', 64_000],
    ['1B', 1],
    [5, 5],
  ])('%s', (text, bytes) => expect(parseSize(text)).toBe(bytes));

  test.each(['', '256', '256M', '1.5GiB', '256mib', '9999999999TiB', -5])('%s is none', (text) =>
    expect(parseSize(text)).toBeUndefined(),
  );
});
