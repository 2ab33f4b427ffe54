import fc from 'fast-check';
import picomatch from 'picomatch';
import { describe, expect, test } from 'vitest';
import { compilePattern, covers, intersects } from '../../../src/policy/pattern.ts';

const ORACLE = { dot: true, nonegate: true, noextglob: true } as const;
const letter = fc.constantFrom('a', 'b', '-', '.', '0');
/** As buckets are named: a letter or digit at both ends (picomatch has rules of its own for dots there). */
const name = fc.string({ unit: letter, minLength: 1, maxLength: 12 }).filter((text) => !/^[-.]|[-.]$/.test(text));
/** One star at a time: two together are a globstar to picomatch, and mean what one does here. */
const pattern = fc.string({ unit: fc.oneof(letter, fc.constant('*')), minLength: 1, maxLength: 8 });

describe('a pattern', () => {
  test('matches what picomatch does', () => {
    fc.assert(
      fc.property(
        pattern.filter((text) => !text.includes('**')),
        name,
        (glob, text) => {
          expect([glob, text, compilePattern(glob)(text)]).toEqual([glob, text, picomatch(glob, ORACLE)(text)]);
        },
      ),
      { numRuns: 5000 },
    );
  });

  test('matches every text that its stars are filled with', () => {
    fc.assert(
      fc.property(pattern, fc.array(name, { minLength: 8, maxLength: 8 }), (glob, fillings) => {
        let at = 0;
        expect(compilePattern(glob)(glob.replaceAll('*', () => fillings[at++] ?? ''))).toBe(true);
        expect(compilePattern(glob)(glob.replaceAll('*', ''))).toBe(true);
      }),
    );
  });

  test.each([
    ['orders', 'orders', true],
    ['orders', 'orders2', false],
    ['orders-*', 'orders-', true],
    ['orders-*', 'orders', false],
    ['orders-*', 'xorders-eu', false],
    ['*-eu', 'orders-eu', true],
    ['*-eu', 'orders-eu2', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a**b', 'ab', true],
    ['*', 'anything', true],
    ['a.c', 'abc', false],
    ['a*ab*b', 'aabb', true],
    ['a*ab*b', 'aab', false],
  ])('%s on %s: %s', (glob, text, expected) => {
    expect(compilePattern(glob)(text)).toBe(expected);
  });

  test('does not hang on hostile text', { timeout: 10_000 }, () => {
    const size = 400_000;
    const hostile: readonly (readonly [string, string])[] = [
      [`${'a*'.repeat(50)}b`, 'a'.repeat(size)],
      [`*${'a'.repeat(size / 2)}b*`, 'a'.repeat(size)],
      [`*${'ab'.repeat(size / 4)}c*`, 'ab'.repeat(size / 2)],
      [`${'*a'.repeat(size / 2)}*c`, 'a'.repeat(size)],
    ];
    for (const [glob, text] of hostile) expect(compilePattern(glob)(text)).toBe(false);
  });
});

describe('two patterns', () => {
  test('share a text exactly where one can be found', () => {
    // As long as both patterns' letters together.
    const texts = everyText(['a', 'b'], 8);
    const short = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 4 });
    fc.assert(
      fc.property(short, short, (first, second) => {
        const [a, b] = [compilePattern(first), compilePattern(second)];
        expect([first, second, intersects(first, second)]).toEqual([
          first,
          second,
          texts.some((text) => a(text) && b(text)),
        ]);
      }),
      { numRuns: 500 },
    );
  });

  test('one covers another only where it matches all of its texts', () => {
    const texts = everyText(['a', 'b', 'c'], 5);
    const short = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 4 });
    fc.assert(
      fc.property(short, short, (wide, narrow) => {
        const [w, n] = [compilePattern(wide), compilePattern(narrow)];
        expect([wide, narrow, covers(wide, narrow)]).toEqual([
          wide,
          narrow,
          texts.filter(n).every(w) && (texts.some(n) || covers(wide, narrow)),
        ]);
      }),
      { numRuns: 500 },
    );
  });
});

function everyText(letters: readonly string[], length: number): readonly string[] {
  if (length === 0) return [''];
  const shorter = everyText(letters, length - 1);
  return [
    ...new Set([
      ...shorter,
      ...shorter.filter((t) => t.length === length - 1).flatMap((t) => letters.map((l) => t + l)),
    ]),
  ];
}
