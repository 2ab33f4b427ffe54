import { describe, expect, test } from 'vitest';
import { forwardedFacts, trustedProxies } from '../../../src/server/trusted-proxy.ts';
import type { HeaderLines } from '../../../src/wire/message.ts';

const trusted = trustedProxies(['10.0.0.0/8', '2001:db8::/32', '192.0.2.9']);
const plain = { secure: false, tlsVersion: undefined } as const;
const tls = { secure: true, tlsVersion: 'TLSv1.3' } as const;

describe('a peer that is not trusted', () => {
  test.each([
    [[['x-forwarded-proto', 'https']]],
    [[['x-forwarded-proto', 'https,http']]],
    [[['x-forwarded-proto', 'HTTPS']]],
    [
      [
        ['x-forwarded-proto', 'http'],
        ['x-forwarded-proto', 'https'],
      ],
    ],
    [[['forwarded', 'proto=https;host=evil']]],
    [[['x-forwarded-ssl', 'on']]],
    [[['front-end-https', 'on']]],
    [
      [
        ['x-forwarded-host', 'evil'],
        ['x-forwarded-for', '10.0.0.1'],
      ],
    ],
  ] as [HeaderLines][])('changes nothing with %j', (headers) => {
    const peer = '203.0.113.1';
    expect(forwardedFacts(headers, { peer, ...plain }, trusted)).toEqual({ peer, ...plain, host: undefined });
    expect(forwardedFacts(headers, { peer, ...tls }, trusted)).toEqual({ peer, ...tls, host: undefined });
  });
});

describe('a trusted peer', () => {
  test.each([
    ['https', true],
    ['HTTPS', true],
    ['http, https', true],
    ['https, http', false],
    ['https,', false],
    ['wss', false],
    ['', false],
  ])('decides by the last entry of X-Forwarded-Proto: %j', (value, secure) => {
    const headers: HeaderLines = [['x-forwarded-proto', value]];
    for (const socket of [plain, tls])
      expect(forwardedFacts(headers, { peer: '10.1.2.3', ...socket }, trusted)).toMatchObject({
        secure,
        tlsVersion: undefined,
      });
  });

  test('decides by its last line, and says nothing by the headers of other conventions', () => {
    const facts = (headers: HeaderLines): boolean =>
      forwardedFacts(headers, { peer: '::ffff:10.1.2.3', ...plain }, trusted).secure;
    expect(
      facts([
        ['x-forwarded-proto', 'https'],
        ['x-forwarded-proto', 'http'],
      ]),
    ).toBe(false);
    expect(
      facts([
        ['x-forwarded-proto', 'http'],
        ['x-forwarded-proto', 'https'],
      ]),
    ).toBe(true);
    expect(
      facts([
        ['forwarded', 'proto=https'],
        ['x-forwarded-ssl', 'on'],
      ]),
    ).toBe(false);
  });

  test('without a word leaves the socket’s', () => {
    expect(forwardedFacts([], { peer: '2001:db8::5', ...tls }, trusted)).toMatchObject(tls);
  });

  test('names the host and the right-most client that is not itself trusted', () => {
    const facts = (value: string): string =>
      forwardedFacts([['x-forwarded-for', value]], { peer: '10.1.2.3', ...plain }, trusted).peer;
    expect(facts('198.51.100.1, 203.0.113.5, 10.9.9.9')).toBe('203.0.113.5');
    expect(facts('10.0.0.4, 10.0.0.5')).toBe('10.0.0.4');
    expect(facts('203.0.113.5, unknown')).toBe('10.1.2.3');
    expect(facts('')).toBe('10.1.2.3');
    expect(
      forwardedFacts([['x-forwarded-host', 'first, last:8080']], { peer: '192.0.2.9', ...plain }, trusted).host,
    ).toBe('last:8080');
  });
});

test.each(['true', '1', '*', '10.0.0.0/33', '10.0.0/8', '10.0.0.0/8/8', '10.0.0.0/', 'proxy.internal', ''])(
  'the range %j is refused',
  (cidr) => {
    expect(() => trustedProxies([cidr])).toThrow(/not an address range/);
  },
);
