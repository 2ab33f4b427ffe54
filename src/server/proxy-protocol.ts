import { isIP } from 'node:net';

/** The outcome of looking for a PROXY protocol header (haproxy's proxy-protocol.txt) at the start of a connection. */
export type ProxyHeader =
  | { readonly outcome: 'incomplete' }
  | { readonly outcome: 'invalid'; readonly reason: string }
  | {
      readonly outcome: 'header';
      /** Bytes to take off the connection. */
      readonly length: number;
      /** Undefined for UNKNOWN, LOCAL and other families: the socket's own peer stands. */
      readonly source: string | undefined;
      /** Set by version 2 only: the client reached the proxy over TLS. */
      readonly tls: { readonly version: string | undefined } | undefined;
    };

const V2_SIGNATURE = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const V2_FIXED = 16;
/** proxy-protocol.txt 2.1: 107 bytes with CRLF is the longest line. */
const V1_LONGEST = 107;
/** Addresses and TLVs of real proxies stay far below; more is an attack on memory. */
const V2_LONGEST = 4096;
const TLV_SSL = 0x20;
const TLV_SSL_VERSION = 0x21;
const CLIENT_SSL = 0x01;

/** Parses as much as has come; works byte by byte. The header is required: anything else is invalid. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  const compared = Math.min(bytes.length, V2_SIGNATURE.length);
  if (bytes.subarray(0, compared).equals(V2_SIGNATURE.subarray(0, compared)))
    return bytes.length < V2_FIXED ? { outcome: 'incomplete' } : parseBinary(bytes);
  const start = 'PROXY ';
  const text = bytes.subarray(0, V1_LONGEST).toString('latin1');
  if (!text.startsWith(start.slice(0, text.length))) return invalid('no PROXY header');
  const end = text.indexOf('\r\n');
  if (end !== -1) return parseLine(text.slice(0, end));
  return bytes.length >= V1_LONGEST ? invalid('line too long') : { outcome: 'incomplete' };
}

function parseLine(line: string): ProxyHeader {
  const header = { outcome: 'header', length: line.length + 2, tls: undefined } as const;
  const [, family, source = '', destination = '', sourcePort = '', destinationPort = '', ...rest] = line.split(' ');
  if (family === 'UNKNOWN') return { ...header, source: undefined };
  const version = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : 0;
  if (version === 0 || rest.length > 0) return invalid('unknown protocol');
  if (isIP(source) !== version || isIP(destination) !== version) return invalid('bad address');
  if (!isPort(sourcePort) || !isPort(destinationPort)) return invalid('bad port');
  return { ...header, source };
}

function isPort(text: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

function parseBinary(bytes: Buffer): ProxyHeader {
  const command = bytes.readUInt8(12);
  const family = bytes.readUInt8(13);
  const size = bytes.readUInt16BE(14);
  if (command !== 0x20 && command !== 0x21) return invalid('unknown version or command');
  if (size > V2_LONGEST) return invalid('header too long');
  const length = V2_FIXED + size;
  if (bytes.length < length) return { outcome: 'incomplete' };
  // LOCAL: the proxy's own health check; what follows is to be skipped.
  if (command === 0x20) return { outcome: 'header', length, source: undefined, tls: undefined };
  const payload = bytes.subarray(V2_FIXED, length);
  const addresses = ADDRESS_SIZES[family >> 4];
  if (addresses === undefined || payload.length < addresses) return invalid('bad address block');
  const fields = readFields(payload.subarray(addresses));
  if (fields === undefined) return invalid('bad field');
  const source =
    family === 0x11 ? dotted(payload.subarray(0, 4)) : family === 0x21 ? colons(payload.subarray(0, 16)) : undefined;
  const tls = readTls(fields.get(TLV_SSL));
  return tls === 'invalid' ? invalid('bad TLS field') : { outcome: 'header', length, source, tls };
}

/** Bytes of the address block by family: unspecified, IPv4, IPv6, unix. */
const ADDRESS_SIZES: readonly (number | undefined)[] = [0, 12, 36, 216];

function readFields(bytes: Buffer): ReadonlyMap<number, Buffer> | undefined {
  const fields = new Map<number, Buffer>();
  for (let at = 0; at < bytes.length;) {
    if (at + 3 > bytes.length) return undefined;
    const end = at + 3 + bytes.readUInt16BE(at + 1);
    if (end > bytes.length) return undefined;
    fields.set(bytes.readUInt8(at), bytes.subarray(at + 3, end));
    at = end;
  }
  return fields;
}

function readTls(field: Buffer | undefined): { readonly version: string | undefined } | undefined | 'invalid' {
  if (field === undefined) return undefined;
  if (field.length < 5) return 'invalid';
  if ((field.readUInt8(0) & CLIENT_SSL) === 0) return undefined;
  const fields = readFields(field.subarray(5));
  if (fields === undefined) return 'invalid';
  const version = fields.get(TLV_SSL_VERSION)?.toString('latin1');
  return { version: version !== undefined && /^TLSv1(\.[0-3])?$/.test(version) ? version : undefined };
}

function dotted(bytes: Buffer): string {
  return [...bytes].join('.');
}

function colons(bytes: Buffer): string {
  return Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16)).join(':');
}

function invalid(reason: string): ProxyHeader {
  return { outcome: 'invalid', reason };
}
