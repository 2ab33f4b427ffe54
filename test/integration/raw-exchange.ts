import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import type { TestClient } from './gateway.ts';

export interface RawRequest {
  readonly method: string;
  /** With its query, as it stands in the request line. */
  readonly target: string;
  /** Every line as it goes out, in UTF-8; `host` and the signature are added, nothing else. Two values: two lines. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
}

export interface Exchanged {
  readonly status: number;
  /** Latin1 text of the bytes; the last line of a name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** One SigV4 request over a socket of its own: no HTTP client adds a length or refuses a character. */
export async function exchangeV4(port: number, client: TestClient, request: RawRequest): Promise<Exchanged> {
  const [path = '', query = ''] = request.target.split('?', 2);
  const signer = new SignatureV4({
    service: 's3',
    region: 'us-east-1',
    credentials: client,
    sha256: Sha256,
    uriEscapePath: false,
    applyChecksum: false,
  });
  const signed = await signer.sign({
    method: request.method,
    protocol: 'http:',
    hostname: '127.0.0.1',
    path,
    query: Object.fromEntries(new URLSearchParams(query)),
    headers: {
      host: `127.0.0.1:${port}`,
      'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
      ...Object.fromEntries(
        Object.entries(request.headers ?? {}).map(([name, value]) => [name, [value].flat().join(',')]),
      ),
    },
  });
  const own = ['x-amz-date', 'x-amz-content-sha256', 'authorization'].map(
    (name) => [name, String(signed.headers[name])] as const,
  );
  return await exchange(port, {
    ...request,
    headers: { 'x-amz-content-sha256': '', ...request.headers, ...Object.fromEntries(own) },
  });
}

/** The same in OSS's V1, whose resource is given: `/bucket/key?sub-resources`, undecoded. */
export async function exchangeOssV1(
  port: number,
  client: TestClient,
  request: RawRequest & { readonly resource: string },
): Promise<Exchanged> {
  const date = new Date().toUTCString();
  const lines = Object.entries(request.headers ?? {}).map(
    ([name, value]) => [name.toLowerCase(), [value].flat().join(',')] as const,
  );
  const vendor = lines.filter(([name]) => name.startsWith('x-oss-')).sort(([a], [b]) => (a < b ? -1 : 1));
  const value = (name: string): string => lines.find(([candidate]) => candidate === name)?.[1] ?? '';
  const text = `${request.method}\n${value('content-md5')}\n${value('content-type')}\n${date}\n${vendor.map(([name, each]) => `${name}:${each}\n`).join('')}${request.resource}`;
  const signature = createHmac('sha1', client.secretAccessKey).update(text, 'utf8').digest('base64');
  return await exchange(port, {
    ...request,
    headers: { ...request.headers, date, authorization: `OSS ${client.accessKeyId}:${signature}` },
  });
}

/** Sends the lines as they are and reads one answer. */
export function exchange(port: number, { method, target, headers = {}, body = '' }: RawRequest): Promise<Exchanged> {
  const lines = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value) => `${name}: ${value}\r\n`),
  );
  const head = `${method} ${target} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: close\r\n${lines.join('')}\r\n`;
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(parsed(Buffer.concat(chunks))));
    socket.setTimeout(20_000, () => socket.destroy(new Error(`no answer to ${method} ${target}`)));
    socket.write(Buffer.from(head + body, 'utf8'));
  });
}

function parsed(bytes: Buffer): Exchanged {
  const text = bytes.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const [status = '', ...lines] = text.slice(0, end).split('\r\n');
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(status)?.[1] ?? 0),
    headers: Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    ),
    text: bytes.subarray(end + 4).toString('utf8'),
  };
}
