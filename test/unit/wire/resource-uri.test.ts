import { expect, test } from 'vitest';
import { resourceUri } from '../../../src/wire/resource-uri.ts';
import type { WireRequest } from '../../../src/wire/message.ts';

const uri = (host: string, path: string, bucket: string | undefined, key: string | undefined, secure = true): string =>
  resourceUri({ host, path, connection: { secure } } as WireRequest, { bucket, key });

test.each([
  ['in the path', 's:9443', '/b/a%20b', 'b', 'a b', 'https://s:9443/b/a%20b'],
  ['in the host', 'b.s', '/a%20b', 'b', 'a b', 'https://b.s/a%20b'],
  ['in the host, and a key that begins like it', 'b.s', '/b/x', 'b', 'b/x', 'https://b.s/b/x'],
  ['with slashes that were escaped', 's', '/b/a%2Fc', 'b', 'a/c', 'https://s/b/a/c'],
  ['with characters that need no escape', 's', '/b/%7Ea', 'b', '~a', 'https://s/b/~a'],
  ['with characters that were not escaped', 's', "/b/(a)'!", 'b', "(a)'!", 'https://s/b/%28a%29%27%21'],
  ['with a space that came as a plus', 's', '/b/a+c', 'b', 'a c', 'https://s/b/a%20c'],
  ['with text outside ASCII', 's', '/b/%C3%A4%F0%9F%98%80', 'b', 'ä😀', 'https://s/b/%C3%A4%F0%9F%98%80'],
])('%s', (_name, host, path, bucket, key, expected) => {
  expect(uri(host, path, bucket, key)).toBe(expected);
});

test('the scheme is the client`s', () => {
  expect(uri('s', '/b/k', 'b', 'k', false)).toBe('http://s/b/k');
});

test('without a key it is what was asked for', () => {
  expect(uri('s', '/b', 'b', undefined)).toBe('https://s/b');
  expect(uri('s', '/%zz', undefined, undefined)).toBe('https://s/%zz');
});
