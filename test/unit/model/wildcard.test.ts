import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileWildcard } from '../../../src/model/wildcard.ts';
import { stepsIn } from '../steps.ts';

/** The plainest reading: every star tries every length. */
function plainly(pattern: string, text: string): boolean {
  const [first] = pattern;
  if (first === undefined) return text === '';
  if (first === '*') return plainly(pattern.slice(1), text) || (text !== '' && plainly(pattern, text.slice(1)));
  return text !== '' && (first === '?' || first === text[0]) && plainly(pattern.slice(1), text.slice(1));
}

describe('a pattern with * and ?', () => {
  const short = fc.string({ unit: fc.constantFrom('a', 'b', '?', '*'), maxLength: 9 });
  const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 14 });

  test('matches what trying everything matches', () => {
    fc.assert(
      fc.property(short, text, (pattern, subject) => {
        expect([pattern, subject, compileWildcard(pattern)(subject)]).toEqual([
          pattern,
          subject,
          plainly(pattern, subject),
        ]);
      }),
      { numRuns: 20_000 },
    );
  });

  test('finds a piece with ? that is longer than a machine word, wherever it stands', () => {
    const piece = `${'ab?d'.repeat(20)}e`;
    const filled = piece.replaceAll('?', 'x');
    const matches = compileWildcard(`*${piece}*`);
    for (const before of ['', 'a', 'abxd', 'abxd'.repeat(9)]) {
      expect(matches(`${before}${filled}tail`)).toBe(true);
      expect(matches(`${before}${filled.slice(0, -1)}f`)).toBe(false);
      expect(matches(`${before}${filled.replace('d', 'z')}`)).toBe(false);
    }
  });

  test.each([
    ['private/????/*.txt', 'private/2026/x.txt', true],
    ['private/????/*.txt', 'private/26/x.txt', false],
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['?*?', 'a', false],
    ['?*?', 'ab', true],
  ])('%s on %s: %s', (pattern, subject, expected) => {
    expect(compileWildcard(pattern)(subject)).toBe(expected);
  });

  test('takes ? for itself where it has no meaning', () => {
    expect(compileWildcard('a?', { question: false })('ab')).toBe(false);
    expect(compileWildcard('a?*', { question: false })('a?b')).toBe(true);
  });
});

describe('steps grow with the text, not with text times pattern', () => {
  const FILES = ['/src/model/wildcard.ts'];
  const steps = (pattern: string, size: number): Promise<number> =>
    stepsIn(FILES, () => expect(compileWildcard(pattern)('a'.repeat(size))).toBe(false));

  test.each([
    ['a long piece that almost matches everywhere', (size: number) => `*${'a'.repeat(size / 2)}b*`],
    ['many short pieces', (size: number) => `${'*a'.repeat(size / 4)}*b*`],
    ['the same before a fixed end', (size: number) => `*${'a'.repeat(size / 2)}b`],
  ])('%s', async (_name, pattern) => {
    const [small, large] = [await steps(pattern(1024), 1024), await steps(pattern(8192), 8192)];
    expect(large).toBeLessThan(small * 10);
    expect(small).toBeLessThan(8 * 1024);
  });

  test('a piece with ? costs the text once for every 32 of its characters', async () => {
    expect(await steps(`*${'a?'.repeat(15)}b*`, 1024)).toBeLessThan(8 * 1024);
    expect(await steps(`*${'a?'.repeat(250)}b*`, 1024)).toBeLessThan(40 * 1024);
  });
});
