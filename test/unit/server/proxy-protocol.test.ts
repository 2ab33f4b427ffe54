import { describe, expect, test } from 'vitest';
import { parseProxyHeader } from '../../../src/server/proxy-protocol.ts';

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

function version2(command: number, family: number, payload: Buffer): Buffer {
  const head = Buffer.from([command, family, 0, 0]);
  head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([SIGNATURE, head, payload]);
}

function field(type: number, value: Buffer): Buffer {
  const head = Buffer.from([type, 0, 0]);
  head.writeUInt16BE(value.length, 1);
  return Buffer.concat([head, value]);
}

const FOUR = Buffer.from([203, 0, 113, 7, 192, 0, 2, 1, 0x12, 0x34, 0x01, 0xbb]);
const SIX = Buffer.concat([
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.from('20010db8000000000000000000000002', 'hex'),
  Buffer.from([0, 1, 0, 2]),
]);
const tls = (client: number, version = 'TLSv1.3'): Buffer =>
  field(0x20, Buffer.concat([Buffer.from([client, 0, 0, 0, 0]), field(0x21, Buffer.from(version))]));

describe('the PROXY header', () => {
  test.each([
    ['v1 IPv4', Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.1 4660 443\r\n'), '203.0.113.7', undefined],
    ['v1 IPv6', Buffer.from('PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n'), '2001:db8::1', undefined],
    ['v1 UNKNOWN', Buffer.from('PROXY UNKNOWN whatever it says\r\n'), undefined, undefined],
    ['v2 IPv4', version2(0x21, 0x11, FOUR), '203.0.113.7', undefined],
    ['v2 IPv6', version2(0x21, 0x21, SIX), '2001:db8:0:0:0:0:0:1', undefined],
    [
      'v2 with TLS',
      version2(0x21, 0x11, Buffer.concat([FOUR, field(4, Buffer.alloc(9)), tls(7)])),
      '203.0.113.7',
      { version: 'TLSv1.3' },
    ],
    [
      'v2 with TLS of no known version',
      version2(0x21, 0x11, Buffer.concat([FOUR, tls(1, 'SSLv3\r\n')])),
      '203.0.113.7',
      { version: undefined },
    ],
    ['v2 whose TLS field says plain', version2(0x21, 0x11, Buffer.concat([FOUR, tls(6)])), '203.0.113.7', undefined],
    ['v2 LOCAL', version2(0x20, 0x00, Buffer.from('anything')), undefined, undefined],
  ] as const)('%s is read byte by byte, and no byte after it is taken', (_name, header, source, secure) => {
    for (let length = 0; length < header.length; length++)
      expect(parseProxyHeader(header.subarray(0, length))).toEqual({ outcome: 'incomplete' });
    expect(parseProxyHeader(Buffer.concat([header, Buffer.from('GET /')]))).toEqual({
      outcome: 'header',
      length: header.length,
      source,
      tls: secure,
    });
  });

  test.each([
    ['no header at all', Buffer.from('GET / HTTP/1.1\r\n')],
    ['a line without an end', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(200)}`)],
    ['another family', Buffer.from('PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n')],
    ['an IPv6 address as TCP4', Buffer.from('PROXY TCP4 ::1 ::2 1 2\r\n')],
    ['a name for an address', Buffer.from('PROXY TCP4 localhost 1.1.1.1 1 2\r\n')],
    ['a port too high', Buffer.from('PROXY TCP4 1.1.1.1 2.2.2.2 70000 2\r\n')],
    ['a field too many', Buffer.from('PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n')],
    ['version 3', version2(0x31, 0x11, FOUR)],
    ['an unknown command', version2(0x22, 0x11, FOUR)],
    ['an unknown family', version2(0x21, 0x41, FOUR)],
    ['an address block too short', version2(0x21, 0x21, FOUR)],
    ['a field past the end', version2(0x21, 0x11, Buffer.concat([FOUR, Buffer.from([4, 0, 9, 1])]))],
    ['a TLS field too short', version2(0x21, 0x11, Buffer.concat([FOUR, field(0x20, Buffer.from([1]))]))],
    ['a header too long', version2(0x21, 0x11, Buffer.alloc(5000))],
  ])('is refused with %s', (_name, bytes) => {
    expect(parseProxyHeader(bytes).outcome).toBe('invalid');
  });
});
