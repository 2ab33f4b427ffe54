import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';
import { afterEach, describe, expect, test } from 'vitest';
import type { PassthroughTarget } from '../../../src/server/handle.ts';
import type { HeaderLines } from '../../../src/wire/message.ts';
import type { Stage } from './raw-client.ts';
import { collect, pause, stage, statusOf, talk } from './raw-client.ts';

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: readonly string[];
  readonly body: string;
}

let closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  closers = [];
});

const ok = (_request: IncomingMessage, response: ServerResponse, body: string): void => {
  response.writeHead(200, ['x-store', 'yes', 'x-twice', '1', 'x-twice', '2', 'keep-alive', 'timeout=9']);
  response.end(`<Got>${body}</Got>`);
};

async function crossing(
  options: {
    readonly serve?: (request: IncomingMessage, response: ServerResponse, body: string) => void;
    readonly path?: string;
    readonly headers?: HeaderLines;
    readonly change?: Partial<PassthroughTarget>;
  } = {},
): Promise<{ readonly house: Stage; readonly seen: Seen[] }> {
  const seen: Seen[] = [];
  const store: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')));
    request.on('end', () => {
      seen.push({ method: request.method, url: request.url, headers: request.rawHeaders, body });
      (options.serve ?? ok)(request, response, body);
    });
  });
  await new Promise<void>((resolve) => store.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(store.address() as AddressInfo).port}`;
  const pool = new Pool(origin);
  const house = await stage(async (wire) => ({
    passthrough: {
      origin,
      path: options.path ?? wire.target,
      method: wire.method,
      headers: options.headers ?? [
        ['host', 'store.example'],
        ['authorization', 'signed'],
        ...wire.headers.filter(([name]) => name === 'content-length'),
      ],
      dispatcher: pool,
      ...options.change,
    },
  }));
  closers.push(
    () => new Promise((resolve) => store.close(() => resolve())),
    () => pool.destroy(),
    () => house.close(),
  );
  return { house, seen };
}

const request = (line: string, rest = ''): string => `${line} HTTP/1.1\r\nhost: client.example\r\n${rest}\r\n`;

describe('the passthrough', () => {
  test('sends what the gateway signed and streams the answer back', async () => {
    const { house, seen } = await crossing();
    const { text } = await talk(house.port, request('GET /bucket?lifecycle', 'x-secret: client-only\r\n'));
    expect(seen).toEqual([
      {
        method: 'GET',
        url: '/bucket?lifecycle',
        headers: expect.arrayContaining(['host', 'store.example', 'authorization', 'signed']),
        body: '',
      },
    ]);
    expect(seen[0]?.headers.join()).not.toContain('client');
    expect(text).toMatch(/^HTTP\/1\.1 200 OK[^]*x-store: yes[^]*x-twice: 1\r\nx-twice: 2[^]*<Got><\/Got>/);
    expect(text).not.toContain('timeout=9');
    expect(house.observed[0]).toMatchObject({ status: 200, complete: true });
  });

  test.each([
    '/bucket/..%2F?acl',
    '//b//c/../d/%2e%2e/./e?acl&x=%zz',
    "/b/%C3%A4+%20~!$&'()*,;=:@?a=b?c=d",
    '/%',
    '/b?',
    '/b/',
  ])('keeps the signed target byte for byte: %s', async (path) => {
    const { house, seen } = await crossing({ path });
    const { text } = await talk(house.port, request('GET /x?acl'));
    expect(statusOf(text)).toBe(200);
    expect(seen[0]?.url).toBe(path);
  });

  test.each(['text/xml', 'application/json', 'application/json garbage', ''])(
    'carries a body of type %j unread',
    async (type) => {
      const { house, seen } = await crossing();
      const { text } = await talk(
        house.port,
        `${request('PUT /b?cors', `content-type: ${type}\r\ncontent-length: 5\r\n`)}hello`,
      );
      expect(text).toContain('<Got>hello</Got>');
      expect(seen[0]?.body).toBe('hello');
      expect(seen[0]?.headers.join()).not.toContain('chunked');
    },
  );

  test('sends another body, or none, where the gateway says so', async () => {
    async function* decoded(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('decoded');
    }
    const first = await crossing({
      headers: [
        ['host', 's'],
        ['content-length', '7'],
      ],
      change: { body: decoded() },
    });
    await talk(first.house.port, `${request('PUT /b?cors', 'content-length: 3\r\n')}abc`);
    expect(first.seen[0]?.body).toBe('decoded');
    const second = await crossing({ headers: [['host', 's']], change: { body: null } });
    await talk(second.house.port, `${request('DELETE /b?cors', 'content-length: 3\r\n')}abc`);
    expect(second.seen[0]?.body).toBe('');
  });

  test('drops hop-by-hop headers, also such as the client’s Connection names, but never the signature', async () => {
    const { house, seen } = await crossing({
      headers: [
        ['host', 's'],
        ['te', 'trailers'],
        ['upgrade', 'h2c'],
        ['authorization', 'signed'],
      ],
    });
    await talk(house.port, request('GET /b?acl', 'connection: authorization, host\r\n'));
    expect(seen[0]?.headers).toContain('signed');
    expect(seen[0]?.headers.map((each) => each.toLowerCase())).not.toContain('te');
  });

  test.each([301, 302, 303, 307, 308])('never follows a redirect: %i', async (status) => {
    const { house, seen } = await crossing({
      serve: (_request, response) => {
        response.writeHead(status, { location: 'http://127.0.0.1:1/elsewhere' });
        response.end('moved');
      },
    });
    const { text } = await talk(house.port, request('GET /b?website'));
    expect(statusOf(text)).toBe(503);
    expect(text).not.toContain('elsewhere');
    expect(seen).toHaveLength(1);
  });

  test('passes a 503 on at once and does not repeat the request', async () => {
    const { house, seen } = await crossing({
      serve: (_request, response) => {
        response.writeHead(503, { 'retry-after': '0' });
        response.end('busy');
      },
    });
    expect((await talk(house.port, request('GET /b?acl'))).text).toMatch(/^HTTP\/1\.1 503[^]*busy/);
    expect(seen).toHaveLength(1);
  });

  test('answers in the dialect’s words when the store is not there', async () => {
    const { house } = await crossing({
      serve: (incoming) => {
        incoming.socket.destroy();
      },
    });
    expect((await talk(house.port, request('GET /b?acl'), 800)).text).toMatch(/^HTTP\/1\.1 503[^]*ServiceUnavailable/);
  });

  test('breaks the connection when the store’s answer breaks', async () => {
    const { house } = await crossing({
      serve: (incoming, response) => {
        response.writeHead(200, { 'content-length': '10' });
        response.write('half');
        setTimeout(() => incoming.socket.destroy(), 50);
      },
    });
    const socket = connect(house.port, '127.0.0.1');
    let failure: NodeJS.ErrnoException | undefined;
    socket.on('error', (error) => (failure = error));
    socket.write(request('GET /b?acl'));
    await collect(socket, 800);
    await pause(50);
    expect(failure?.code).toBe('ECONNRESET');
  });

  test('lets the gateway see the answer’s head, and a failure there is an answer too', async () => {
    const { house } = await crossing({
      change: { finish: (response) => ({ ...response, headers: [...response.headers, ['x-request-id', 'ours']] }) },
    });
    expect((await talk(house.port, request('GET /b?acl'))).text).toContain('x-request-id: ours');
    const second = await crossing({
      change: {
        finish: () => {
          throw new Error('no');
        },
      },
    });
    expect(statusOf((await talk(second.house.port, request('GET /b?acl'))).text)).toBe(500);
  });

  test('serves no method that the plug-in has no route for', async () => {
    const { house, seen } = await crossing();
    expect(statusOf((await talk(house.port, request('PURGE /b?acl'))).text)).toBe(405);
    expect(seen).toHaveLength(0);
  });
});
