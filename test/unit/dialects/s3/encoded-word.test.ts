import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeWords, encodeWords } from '../../../../src/dialects/s3/words/encoded-word.ts';

const bytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

describe('RFC 2047 words of user metadata', () => {
  test.each([
    ['ÄMÄZÕÑ 三', '=?UTF-8?B?w4RNw4Raw5XDkSDkuIk=?='],
    ['ö', '=?UTF-8?B?w7Y=?='],
    ['a_b=c?ü', '=?UTF-8?Q?a=5Fb=3Dc=3F=C3=BC?='],
    ['plain =?no?= text', 'plain =?no?= text'],
  ])('%s is %s', (text, word) => {
    expect(encodeWords(bytes(text))).toBe(word);
    expect(decodeWords(word)).toBe(bytes(text));
  });

  test('bytes that are no UTF-8 are ISO-8859-1, as RFC 9110 says', () => {
    expect(encodeWords('\u00c4')).toBe('=?UTF-8?B?w4Q=?=');
    expect(decodeWords('\u00c4')).toBe(bytes('Ä'));
    expect(decodeWords('=?ISO-8859-1?Q?=C4?=')).toBe(bytes('Ä'));
  });

  test('words may stand in a row, and cut a character in two', () => {
    expect(decodeWords('=?UTF-8?B?w4Q=?= \t=?UTF-8?q?=C3?= =?utf-8?Q?=84!?= x')).toBe(bytes('ÄÄ! x'));
  });

  test.each([
    ['a line feed inside', '=?UTF-8?Q?a=0D=0Ax-amz-meta-b:_c?='],
    ['a NUL inside', '=?UTF-8?B?AA==?='],
    ['another charset', '=?KOI8-R?B?8PLJ18XU?='],
    ['no base64', '=?UTF-8?B?w4Q?='],
    ['a cut escape', '=?UTF-8?Q?=C?='],
    ['no UTF-8', '=?UTF-8?Q?=C4?='],
  ])('a word with %s stays as it came', (_what, word) => {
    expect(decodeWords(word)).toBe(word);
  });

  test('every text comes back, in words of at most 75 printable characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => {
        fc.pre(!/[\u0000-\u0008\u000a-\u001f\u007f]/.test(text) && !text.includes('=?') && text.isWellFormed());
        const words = encodeWords(bytes(text));
        expect(words).toMatch(/^[\t\x20-\x7e]*$/);
        expect(decodeWords(words)).toBe(bytes(text));
        if (words.startsWith('=?UTF-8?')) for (const word of words.split(' ')) expect(word.length).toBeLessThan(76);
      }),
    );
  });

  test('no value costs more than its length', { timeout: 5000 }, () => {
    for (const piece of ['=?UTF-8?B?', '=?UTF-8?Q?a?= ', '?= ', '?=\t=?', '=?utf-8?q?=', 'Ä'])
      decodeWords(piece.repeat(20_000));
  });
});
