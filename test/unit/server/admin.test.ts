import { afterEach, describe, expect, test } from 'vitest';
import { secret } from '../../../src/model/encryption.ts';
import { startAdmin } from '../../../src/server/admin.ts';
import type { AdminOptions, AdminRunning } from '../../../src/server/admin.ts';
import { talk } from './raw-client.ts';

let admin: AdminRunning | undefined;
afterEach(async () => {
  await admin?.close();
  admin = undefined;
});

const state = { ready: true, reloads: 0, reported: [] as unknown[] };

async function started(options: Partial<AdminOptions> = {}): Promise<number> {
  Object.assign(state, { ready: true, reloads: 0, reported: [] });
  admin = await startAdmin({
    port: 0,
    ready: () => (state.ready ? { ready: true } : { ready: false, reason: 'draining' }),
    metrics: async () => 'metric_total 1\n',
    status: () => ({ stores: ['local'] }),
    trust: () => ({ ok: true, cleared: 0 }),
    reload: async () => {
      state.reloads++;
      return { ok: state.reloads === 1, message: 'policy.yaml' };
    },
    report: (error) => state.reported.push(error),
    ...options,
  });
  return admin.port;
}

const ask = async (port: number, line: string, rest = ''): Promise<string> =>
  (await talk(port, `${line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${rest}\r\n`)).text;

describe('the admin port', () => {
  test('is bound to loopback unless told otherwise', async () => {
    await started();
    expect(admin?.host).toBe('127.0.0.1');
  });

  test('has exactly these pages', async () => {
    const port = await started();
    expect(await ask(port, 'GET /healthz')).toMatch(/^HTTP\/1\.1 200[^]*\r\n\r\nok$/);
    expect(await ask(port, 'GET /metrics')).toMatch(/text\/plain; version=0\.0\.4[^]*metric_total 1/);
    expect(await ask(port, 'GET /status')).toContain('{"stores":["local"]}');
    const others = [
      '/',
      '/env',
      '/debug/pprof',
      '/healthz/',
      '/HEALTHZ',
      '/config',
      '/policy',
      '/..',
      '/%2e%2e/etc',
      '/%zz',
      '/metrics/x',
    ];
    for (const path of others)
      expect(await ask(port, `GET ${path}`)).toMatch(/^HTTP\/1\.1 40[04][^]*(not found|bad request|Bad Request)/);
    for (const line of [
      'POST /healthz',
      'PUT /status',
      'DELETE /metrics',
      'GET /reload',
      'HEAD /healthz',
      'OPTIONS /healthz',
    ])
      expect(await ask(port, line)).toMatch(/^HTTP\/1\.1 404/);
  });

  test('turns unready when the house says so', async () => {
    const port = await started();
    expect(await ask(port, 'GET /readyz')).toMatch(/^HTTP\/1\.1 200/);
    state.ready = false;
    expect(await ask(port, 'GET /readyz')).toMatch(/^HTTP\/1\.1 503[^]*draining$/);
    expect(await ask(port, 'GET /healthz')).toMatch(/^HTTP\/1\.1 200/);
  });

  test('reloads on POST, says when that failed, and refuses a browser', async () => {
    const port = await started();
    expect(await ask(port, 'POST /reload', 'origin: http://localhost\r\n')).toMatch(/^HTTP\/1\.1 403/);
    expect(state.reloads).toBe(0);
    expect(await ask(port, 'POST /reload')).toMatch(/^HTTP\/1\.1 200/);
    expect(await ask(port, 'POST /reload')).toMatch(/^HTTP\/1\.1 422/);
  });

  test('tells nothing of its own errors', async () => {
    const port = await started({
      status: () => {
        throw new Error('secret detail');
      },
    });
    const text = await ask(port, 'GET /status');
    expect(text).toMatch(/^HTTP\/1\.1 500[^]*internal error/);
    expect(text).not.toContain('secret detail');
    expect(state.reported).toHaveLength(1);
  });

  test.each([
    'localhost',
    'LOCALHOST:9001',
    'localhost.',
    '127.0.0.1:9001',
    '[::1]:9001',
    '192.0.2.7',
    'bucketseal.monitoring.svc',
    'Bucketseal.Monitoring.SVC.:9001',
  ])('answers to the name %s', async (name) => {
    const port = await started({ guard: () => ({ hosts: ['bucketseal.monitoring.svc'], token: undefined }) });
    for (const path of ['/healthz', '/metrics', '/status'])
      expect((await talk(port, `GET ${path} HTTP/1.1\r\nhost: ${name}\r\nconnection: close\r\n\r\n`)).text).toMatch(
        /^HTTP\/1\.1 200/,
      );
  });

  test.each(['rebound.example', 'localhost.example', '127.0.0.1.example', 'bucketseal', '1.2.3.4.5'])(
    'answers nothing to the name %s, which a browser was led to believe is here',
    async (name) => {
      const port = await started();
      for (const line of ['GET /healthz', 'GET /metrics', 'GET /status', 'POST /reload', 'POST /trust', 'GET /nothing'])
        expect((await talk(port, `${line} HTTP/1.1\r\nhost: ${name}\r\nconnection: close\r\n\r\n`)).text, line).toMatch(
          /^HTTP\/1\.1 403[^]*admin\.hosts/,
        );
      expect(state.reloads).toBe(0);
    },
  );

  test('a probe of HTTP/1.0 names nobody', async () => {
    const port = await started();
    expect((await talk(port, 'GET /healthz HTTP/1.0\r\n\r\n')).text).toMatch(/^HTTP\/1\.1 200/);
  });

  const TOKEN = 'a-token-of-the-operator';
  const bearer = (token: string): string => `authorization: Bearer ${token}\r\n`;
  test.each([
    ['beyond this machine', '0.0.0.0'],
    ['on loopback, where one is configured', '127.0.0.1'],
  ])('asks for the token %s, for POST and /status only', async (_name, host) => {
    const port = await started({ host, guard: () => ({ hosts: [], token: secret(TOKEN) }) });
    for (const line of ['GET /healthz', 'GET /readyz', 'GET /metrics'])
      expect(await ask(port, line)).toMatch(/^HTTP\/1\.1 200/);
    for (const line of ['GET /status', 'GET /%73tatus', 'GET /status?x', 'POST /reload', 'POST /trust']) {
      for (const wrong of ['', bearer('another'), bearer(''), bearer(`${TOKEN}x`), `authorization: Basic ${TOKEN}\r\n`])
        expect(await ask(port, line, wrong), `${line} ${wrong}`).toMatch(/^HTTP\/1\.1 403/);
      expect(state.reloads).toBe(0);
    }
    expect(await ask(port, 'GET /status', bearer(TOKEN))).toMatch(/^HTTP\/1\.1 200/);
    expect(await ask(port, 'POST /trust', bearer(TOKEN))).toMatch(/^HTTP\/1\.1 200/);
    expect(await ask(port, 'POST /reload', bearer(TOKEN))).toMatch(/^HTTP\/1\.1 200/);
    expect(await ask(port, 'POST /reload', `${bearer(TOKEN)}origin: http://localhost\r\n`)).toMatch(/^HTTP\/1\.1 403/);
  });

  test('beyond this machine and without a token, POST and /status are closed', async () => {
    const port = await started({ host: '0.0.0.0' });
    for (const line of ['GET /status', 'POST /reload', 'POST /trust'])
      expect(await ask(port, line, bearer(''))).toMatch(/^HTTP\/1\.1 403[^]*admin\.token/);
    expect(await ask(port, 'GET /metrics')).toMatch(/^HTTP\/1\.1 200/);
  });

  test('believes again what it is told exactly, and nothing by mistake', async () => {
    const asked: unknown[] = [];
    const port = await started({
      trust: (which) => {
        asked.push(which);
        return { ok: true, cleared: 3 };
      },
    });
    const post = async (body: string, type = 'application/json'): Promise<string> =>
      await ask(port, 'POST /trust', `content-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    expect(await post('{"store":"hangzhou","bucket":"orders"}')).toMatch(/200[^]*"cleared":3/);
    expect(await post('{"store":"hangzhou"}', 'application/x-www-form-urlencoded')).toMatch(/^HTTP\/1\.1 200/);
    expect(await post('{}')).toMatch(/^HTTP\/1\.1 200/);
    expect(await ask(port, 'POST /trust')).toMatch(/^HTTP\/1\.1 200/);
    expect(asked).toEqual([{ store: 'hangzhou', bucket: 'orders' }, { store: 'hangzhou' }, {}, {}]);
    for (const wrong of [
      '{',
      'null',
      '[]',
      '"hangzhou"',
      '{"bucket":"orders"}',
      '{"store":1}',
      '{"stroe":"x"}',
      '{"store":"x","bucket":null}',
    ])
      expect(await post(wrong), wrong).toMatch(/^HTTP\/1\.1 400/);
    expect(asked).toHaveLength(4);
  });
});
