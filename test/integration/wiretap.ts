import { readFileSync } from 'node:fs';
import { createServer, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';

/** One request as it arrived, and how many bytes of body came with it. */
export interface Tapped {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Head and body as one text, for what must not be in it. */
  readonly text: () => string;
  readonly bytes: () => number;
  readonly status: () => number | undefined;
}

export interface Wiretap {
  readonly endpoint: string;
  readonly requests: readonly Tapped[];
  /** Forgets what was seen. */
  clear(): void;
  /** Answers of the gateway behind it go out changed. */
  rewrite(change: HeaderChange | undefined): void;
  close(): Promise<void>;
}

type HeaderChange = (name: string, value: string) => string | undefined;

/** A TLS listener that passes everything on to a TLS port of a gateway, whose certificate it shows, and remembers it. */
export async function openWiretap(directory: string, port: number): Promise<Wiretap> {
  const [cert, key] = ['tls.crt', 'tls.key'].map((name) => readFileSync(join(directory, name), 'utf8'));
  const requests: Tapped[] = [];
  let change: HeaderChange | undefined;
  const server = createServer({ cert, key }, (message, response) => {
    const chunks: Buffer[] = [];
    let status: number | undefined;
    requests.push({
      method: message.method ?? '',
      target: message.url ?? '',
      headers: message.headers,
      text: () => `${message.url}\n${message.rawHeaders.join('\n')}\n${Buffer.concat(chunks).toString('latin1')}`,
      bytes: () => chunks.reduce((sum, chunk) => sum + chunk.length, 0),
      status: () => status,
    });
    const onward = httpsRequest(
      { host: '127.0.0.1', port, ca: cert, method: message.method, path: message.url, headers: message.rawHeaders },
      (answer) => {
        status = answer.statusCode;
        response.writeHead(answer.statusCode ?? 502, changed(answer.rawHeaders, change));
        pipeline(answer, response, () => undefined);
      },
    );
    onward.on('error', () => response.destroy());
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    pipeline(message, onward, () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    clear: () => requests.splice(0),
    rewrite: (next) => {
      change = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function changed(raw: readonly string[], change: HeaderChange | undefined): string[] {
  const lines: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const [name = '', value = ''] = [raw[index], raw[index + 1]];
    const next = change === undefined ? value : change(name.toLowerCase(), value);
    if (next !== undefined) lines.push(name, next);
  }
  return lines;
}
