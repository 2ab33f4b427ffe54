import { expect, test } from 'vitest';
import { takePage, walkKeys } from '../../../../src/backends/local/key-walk.ts';

test('a common prefix costs one row, however many keys it holds', () => {
  const keys = ['a', ...Array.from({ length: 1000 }, (_, at) => `many/${at}`), 'z'].map((key) => Buffer.from(key));
  keys.sort((a, b) => a.compare(b));
  let read = 0;
  const entries = walkKeys<undefined>(
    function* scan(from, inclusive, until) {
      for (const key of keys) {
        const order = key.compare(from);
        if (order < 0 || (order === 0 && !inclusive)) continue;
        if (until !== undefined && key.compare(until) >= 0) return;
        read++;
        yield { key, item: undefined };
      }
    },
    { prefix: Buffer.alloc(0), delimiter: Buffer.from('/'), after: Buffer.alloc(0) },
  );
  const { page, truncated } = takePage(entries, 10);
  expect(page.map(({ key }) => key.toString())).toEqual(['a', 'many/', 'z']);
  expect([read, truncated]).toEqual([3, false]);
});
