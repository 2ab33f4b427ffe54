import { afterEach, describe, expect, test } from 'vitest';
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
});
