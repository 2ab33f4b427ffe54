import { Readable } from 'node:stream';
import type { Connection, HeaderLines, WireRequest } from '../wire/message.ts';
import { parseTarget } from '../wire/target.ts';

export type HeadText =
  | { readonly ok: true; readonly wire: WireRequest; readonly hasBody: boolean }
  | { readonly ok: false; readonly reason: string };

/** A request's head can be 16 KiB on the wire; what is pasted carries the marks of a tool, and may carry a document. */
const MAX_CHARACTERS = 2 * 1024 * 1024;

/**
 * A pasted request: a request line and headers, as they stand in a log, as `curl -v` prints them (`> ` before each line,
 * other lines left out), and after an empty line the body if it is there.
 */
export function readHeadText(text: string, connection: Connection, now: number): HeadText {
  if (text.length > MAX_CHARACTERS) return failed('it is longer than any request head');
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
  const fromCurl = lines.some((line) => /^> ?[A-Z]+ \S+ HTTP\//.test(line));
  const own = fromCurl ? lines.filter((line) => line.startsWith('>')).map((line) => line.replace(/^> ?/, '')) : lines;
  const start = own.findIndex((line) => line.trim() !== '');
  const end = own.findIndex((line, index) => index > start && line.trim() === '');
  const [first = '', ...rest] = own.slice(Math.max(start, 0), end === -1 ? undefined : end);
  const body = fromCurl || end === -1 ? '' : own.slice(end + 1).join('\n');
  const line = /^"?([A-Z]+) (\S+)(?: HTTP\/[0-9.]+)?"?\s*$/.exec(first.trim());
  if (line === null) return failed(`"${first.slice(0, 80)}" is no request line (PUT /bucket/key HTTP/1.1)`);
  const headers: [string, string][] = [];
  for (const each of rest) {
    const header = /^(:?[!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.*?)\s*$/.exec(each);
    if (header === null) return failed(`"${each.slice(0, 40)}" is no header line`);
    // The wire carries bytes, and the decoders read each as one character.
    headers.push([(header[1] ?? '').toLowerCase(), Buffer.from(header[2] ?? '', 'utf8').toString('latin1')]);
  }
  return wireOf({ method: line[1] ?? '', target: line[2] ?? '', headers, body }, connection, now);
}

function wireOf(
  head: {
    readonly method: string;
    readonly target: string;
    readonly headers: HeaderLines;
    readonly body: string;
  },
  connection: Connection,
  now: number,
): HeadText {
  const absolute = /^(https?):\/\/([^/?#]*)(.*)$/is.exec(head.target);
  const target =
    absolute === null ? head.target : `${(absolute[3] ?? '').startsWith('/') ? '' : '/'}${absolute[3] ?? ''}`;
  const hosts = head.headers.filter(([name]) => name === 'host' || name === ':authority').map(([, value]) => value);
  const host = hosts[0] ?? absolute?.[2];
  if (host === undefined) return failed('it has no Host header, which may name the bucket');
  if (hosts.length > 1) return failed('it has more than one Host header');
  const parsed = parseTarget(target);
  if (!parsed.ok) return failed(`its target is refused: ${parsed.reason}`);
  const headers = head.headers.filter(([name]) => !name.startsWith(':'));
  return {
    ok: true,
    hasBody: head.body !== '',
    wire: {
      method: head.method,
      target,
      path: parsed.target.path,
      query: parsed.target.query,
      headers: hosts.length === 0 ? [['host', host], ...headers] : headers,
      host: host.toLowerCase(),
      connection,
      body: Readable.from(head.body === '' ? [] : [Buffer.from(head.body, 'utf8')]),
      receivedAt: now,
      requestId: 'explain',
    },
  };
}

function failed(reason: string): HeadText {
  return { ok: false, reason };
}
