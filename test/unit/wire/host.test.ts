import { expect, test } from 'vitest';
import { hostName } from '../../../src/wire/host.ts';

test.each([
  ['jd.example.com', 'jd.example.com'],
  ['JD.Example.COM', 'jd.example.com'],
  ['jd.example.com.', 'jd.example.com'],
  ['jd.example.com:9000', 'jd.example.com'],
  ['Jd.Example.Com.:9000', 'jd.example.com'],
  ['jd.example.com..', 'jd.example.com'],
  ['127.0.0.1:9000', '127.0.0.1'],
  ['[::1]:9000', '[::1]'],
  ['[FE80::1]', '[fe80::1]'],
  ['', ''],
])('%s is compared as %s', (host, name) => {
  expect(hostName(host)).toBe(name);
});
