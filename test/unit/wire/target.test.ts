import { describe, expect, test } from 'vitest';
import { parseQuery, parseTarget } from '../../../src/wire/target.ts';

describe('an origin-form target', () => {
  test('keeps its path and its query byte for byte, and decodes beside', () => {
    expect(parseTarget('/a/../%2f//b?x=1&x=%2B+&acl&y=&%C3%A9=a=b&&?')).toEqual({
      ok: true,
      target: {
        path: '/a/../%2f//b',
        query: [
          { rawName: 'x', rawValue: '1', name: 'x', value: '1' },
          { rawName: 'x', rawValue: '%2B+', name: 'x', value: '+ ' },
          { rawName: 'acl', rawValue: undefined, name: 'acl', value: undefined },
          { rawName: 'y', rawValue: '', name: 'y', value: '' },
          { rawName: '%C3%A9', rawValue: 'a=b', name: 'é', value: 'a=b' },
          { rawName: '?', rawValue: undefined, name: '?', value: undefined },
        ],
      },
    });
    expect(parseTarget('/?')).toEqual({ ok: true, target: { path: '/', query: [] } });
    expect(parseQuery('__proto__=1')).toEqual([{ rawName: '__proto__', rawValue: '1', name: '__proto__', value: '1' }]);
  });

  test.each([
    ['http://host/path', 'not-origin-form'],
    ['*', 'not-origin-form'],
    ['', 'not-origin-form'],
    ['host:443', 'not-origin-form'],
    ['/a b', 'forbidden-character'],
    ['/a\u00e9', 'forbidden-character'],
    ['/a\r\nb', 'forbidden-character'],
    ['/a\0', 'forbidden-character'],
    ['/a#b', 'forbidden-character'],
    ['/a?b=%', 'bad-escape'],
    ['/a?b=%zz', 'bad-escape'],
    ['/a?%ff=1', 'bad-escape'],
  ])('%j is refused: %s', (target, reason) => {
    expect(parseTarget(target)).toEqual({ ok: false, reason });
  });
});
