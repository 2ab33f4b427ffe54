import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { generate } from 'selfsigned';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { secret } from '../../../src/model/encryption.ts';
import type { TlsMaterial } from '../../../src/server/tls-material.ts';
import type { Stage } from './raw-client.ts';
import { answer, collect, pause, stage, statusOf, talk } from './raw-client.ts';

let first: TlsMaterial;
let second: TlsMaterial;
let house: Stage | undefined;

beforeAll(async () => {
  [first, second] = await Promise.all([material('first.example'), material('second.example')]);
});
afterEach(async () => {
  await house?.close();
  house = undefined;
});

async function material(name: string): Promise<TlsMaterial> {
  const made = await generate([{ name: 'commonName', value: name }], { keyType: 'ec', algorithm: 'sha256' });
  return { certificate: made.cert, key: secret(made.private) };
}

async function secured(options: Parameters<typeof stage>[1] = {}): Promise<Stage> {
  house = await stage(
    async (wire) => {
      let size = 0;
      for await (const chunk of wire.body) size += (chunk as Buffer).length;
      return answer(JSON.stringify({ ...wire.connection, host: wire.host, size }));
    },
    { ...options, listener: { tls: first, ...options.listener } },
  );
  return house;
}

function shake(port: number, options: ConnectionOptions = {}, over?: Socket) {
  return new Promise<{ readonly name: string; readonly text: string; readonly protocol: string | null }>(
    (resolve, reject) => {
      const socket = connectTls(
        {
          ...(over === undefined ? { port, host: '127.0.0.1' } : { socket: over }),
          rejectUnauthorized: false,
          servername: 'any.example',
          ...options,
        },
        () => {
          const name = String(socket.getPeerCertificate().subject.CN);
          const protocol = socket.getProtocol();
          socket.write('PUT / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc');
          void collect(socket, 1000).then(({ text }) => {
            socket.destroy();
            resolve({ name, text, protocol });
          });
        },
      );
      socket.on('error', reject);
    },
  );
}

function connectionOf(text: string): unknown {
  return JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1));
}

describe('a TLS listener', () => {
  test('says so to the handler, with the version', async () => {
    const { port } = await secured();
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const { text } = await shake(port, { minVersion: version, maxVersion: version });
      expect(connectionOf(text)).toMatchObject({ secure: true, tlsVersion: version, size: 3 });
    }
  });

  test('refuses old versions, suites without forward secrecy, and plain HTTP', async () => {
    const { port } = await secured();
    await expect(
      shake(port, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    ).rejects.toThrow();
    await expect(
      shake(port, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256:AES128-GCM-SHA256' }),
    ).rejects.toThrow();
    expect((await talk(port, 'GET / HTTP/1.1\r\nhost: h\r\n\r\n')).text).not.toContain('200');
  });

  test('can be held to TLS 1.3', async () => {
    const { port } = await secured({ listener: { minTls: '1.3' } });
    await expect(shake(port, { maxVersion: 'TLSv1.2' })).rejects.toThrow();
    expect((await shake(port)).protocol).toBe('TLSv1.3');
  });

  test('survives odd server names', async () => {
    const { port } = await secured();
    for (const servername of ['unknown.example', 'a'.repeat(255), ''])
      await shake(port, { servername }).catch(() => undefined);
    expect((await shake(port)).text).toContain('200 OK');
  });

  test('serves a new certificate after a reload and keeps the old one when the new cannot be used', async () => {
    const { port, running } = await secured();
    expect((await shake(port)).name).toBe('first.example');
    running.reloadCertificate('main', second);
    expect((await shake(port)).name).toBe('second.example');
    const bad: readonly TlsMaterial[] = [
      { certificate: 'no PEM', key: second.key },
      { certificate: second.certificate, key: secret('no PEM') },
      { certificate: first.certificate, key: second.key },
    ];
    for (const each of bad)
      expect(() => running.reloadCertificate('main', each)).toThrow(
        expect.objectContaining({ code: 'InvalidArgument' }),
      );
    expect((await shake(port)).name).toBe('second.example');
    expect(() => running.reloadCertificate('other', second)).toThrow(/no certificate/);
  });

  test('ends a handshake that does not end', async () => {
    const { port } = await secured({ limits: { head: 300 } });
    const { closed } = await talk(port, '\x16\x03\x01', 2000);
    expect(closed).toBe(true);
  });
});

describe('the PROXY protocol', () => {
  const LINE = 'PROXY TCP4 203.0.113.7 192.0.2.1 4660 443\r\n';
  const GET = 'GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n';

  async function proxied(tls: boolean, trusted = ['127.0.0.0/8'], head = 1000): Promise<Stage> {
    house = await stage(
      async (wire) => {
        let size = 0;
        for await (const chunk of wire.body) size += (chunk as Buffer).length;
        return answer(JSON.stringify({ ...wire.connection, size }));
      },
      { trustedProxies: trusted, limits: { head }, listener: { proxyProtocol: true, ...(tls ? { tls: first } : {}) } },
    );
    return house;
  }

  test('names the client, in one piece and byte by byte; version 1 is never TLS', async () => {
    const { port } = await proxied(false);
    for (const bytes of [LINE + GET, Array.from(LINE + GET), [LINE, GET]]) {
      const { text } = await talk(port, bytes, 500);
      expect(connectionOf(text)).toMatchObject({ peer: '203.0.113.7', secure: false });
    }
  });

  test('version 2 tells TLS by its field', async () => {
    const { port } = await proxied(false);
    const tls = Buffer.from('20000f010000000021000754' + '4c5376312e32', 'hex');
    const body = Buffer.concat([Buffer.from([203, 0, 113, 7, 192, 0, 2, 1, 0, 1, 0, 2]), tls]);
    const head = Buffer.from('0d0a0d0a000d0a515549540a2111000000', 'hex').subarray(0, 16);
    head.writeUInt16BE(body.length, 14);
    const { text } = await talk(port, Buffer.concat([head, body, Buffer.from(GET)]), 500);
    expect(connectionOf(text)).toMatchObject({ peer: '203.0.113.7', secure: true, tlsVersion: 'TLSv1.2' });
  });

  test('stands before TLS too', async () => {
    const { port } = await proxied(true);
    const raw = connect(port, '127.0.0.1');
    raw.write(LINE);
    const { text } = await shake(port, {}, raw);
    expect(connectionOf(text)).toMatchObject({ peer: '203.0.113.7', secure: true, size: 3 });
  });

  test('is taken from trusted peers only, and is not optional', async () => {
    const { port } = await proxied(false, ['10.0.0.0/8']);
    expect(await talk(port, LINE + GET, 500)).toEqual({ text: '', closed: true });
    await house?.close();
    const second = await proxied(false);
    expect(await talk(second.port, GET, 500)).toEqual({ text: '', closed: true });
  });

  test('must come in time, as must the head after it', async () => {
    const { port, running } = await proxied(false, ['127.0.0.1'], 300);
    const [silent, slow] = await Promise.all([talk(port, 'PROXY', 2000), talk(port, `${LINE}GET / HT`, 2000)]);
    expect(silent).toEqual({ text: '', closed: true });
    expect(slow.text).toContain('RequestTimeout');
    const waiting = connect(port, '127.0.0.1');
    waiting.on('error', () => undefined);
    await pause(50);
    running.stopAccepting();
    expect((await collect(waiting, 1000)).closed).toBe(true);
  });

  test('X-Forwarded-Proto of the client behind it is not heard', async () => {
    const { port } = await proxied(false);
    const { text } = await talk(
      port,
      `${LINE}GET / HTTP/1.1\r\nhost: h\r\nx-forwarded-proto: https\r\nconnection: close\r\n\r\n`,
      500,
    );
    expect(connectionOf(text)).toMatchObject({ secure: false });
  });
});

test('X-Forwarded-Host of a trusted peer replaces Host; its port and case are kept in the header', async () => {
  house = await stage(async (wire) => answer(JSON.stringify({ host: wire.host, lines: wire.headers })), {
    trustedProxies: ['127.0.0.1'],
  });
  const request = (value: string): string =>
    `GET / HTTP/1.1\r\nhost: inner\r\nx-forwarded-host: ${value}\r\nconnection: close\r\n\r\n`;
  const { text } = await talk(house.port, request('Outer.example:8443'), 500);
  expect(connectionOf(text)).toMatchObject({ host: 'outer.example:8443' });
  expect(text).toContain('["host","Outer.example:8443"]');
  expect(text).not.toContain('inner');
  expect(statusOf((await talk(house.port, request('a/b'), 500)).text)).toBe(400);
});
