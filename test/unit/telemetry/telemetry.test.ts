import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { createAudit } from '../../../src/telemetry/audit.ts';
import { createRedactor } from '../../../src/telemetry/redact.ts';
import { createTelemetry } from '../../../src/telemetry/telemetry.ts';
import type { Telemetry } from '../../../src/telemetry/telemetry.ts';

function collector(): { readonly sink: Writable; readonly text: () => string } {
  let text = '';
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      text += chunk.toString();
      done();
    },
  });
  return { sink, text: () => text };
}

function telemetry(): { readonly made: Telemetry; readonly logs: () => string; readonly lines: () => string } {
  const log = collector();
  const audit = collector();
  const made = createTelemetry({
    secretNames: ['x-signature'],
    level: 'info',
    logDestination: { write: (line: string) => void log.sink.write(line) },
    audit: { sink: audit.sink, keys: 'hash' },
    labelledBuckets: ['orders'],
    now: () => Date.UTC(2026, 10, 21),
  });
  return { made, logs: log.text, lines: audit.text };
}

describe('metrics', () => {
  test('carry their units in their names, and a bucket only where it is listed', async () => {
    const { made } = telemetry();
    const { metrics } = made;
    metrics.request({
      method: 'PUT',
      status: 200,
      listener: 'http',
      operation: 'PutObject',
      bucket: 'orders',
      seconds: 0.2,
    });
    metrics.request({ method: 'FROB', status: 400, listener: 'http', bucket: 'private', seconds: 301 });
    metrics.decision({ operation: 'PutObject', effect: 'allow', by: 'gateway', mode: 'enforce', bucket: 'private' });
    metrics.reloaded({ ok: true, atSeconds: 1_795_000_000 });
    metrics.reloaded({ ok: false, atSeconds: 1_795_000_009 });
    metrics.notHonoured({ store: 'ceph', operation: 'PutObject', kind: 'kms', bucket: 'orders' });
    metrics.overridden({ bucket: 'orders' });
    metrics.refused({ code: 'AccessDenied' });
    metrics.signatureForm('presigned');
    metrics.upstream({ store: 'ceph', operation: 'PutObject', status: 200, seconds: 0.1 });
    metrics.auditDropped(3);
    metrics.watchInFlight(() => ({ requests: 2, bytes: 4096 }));
    const text = await made.scrape();
    for (const line of [
      'http_server_request_duration_seconds_bucket{http_request_method="PUT",http_response_status_code="200",listener="http",operation="PutObject",bucket="orders",le="0.25"} 1',
      'http_server_request_duration_seconds_bucket{http_request_method="_OTHER",http_response_status_code="400",listener="http",le="300"} 0',
      'bucketseal_policy_decisions_total{operation="PutObject",effect="allow",by="gateway",mode="enforce"} 1',
      'bucketseal_policy_last_reload_success_timestamp_seconds 1795000000',
      'bucketseal_policy_last_reload_successful 0',
      'bucketseal_encryption_not_honoured_total{store="ceph",operation="PutObject",kind="kms",bucket="orders"} 1',
      'bucketseal_intent_overridden_total{bucket="orders"} 1',
      'bucketseal_refused_total{code="AccessDenied"} 1',
      'bucketseal_signatures_total{form="presigned"} 1',
      'bucketseal_upstream_request_seconds_count{store="ceph",operation="PutObject",status="200"} 1',
      'bucketseal_audit_dropped_total 3',
      'bucketseal_inflight_bytes 4096',
      'bucketseal_inflight_requests 2',
    ])
      expect(text.split('\n')).toContain(line);
    expect(text).not.toContain('private');
    expect(text).not.toContain('FROB');
    await made.close();
  });
});

describe('logs', () => {
  test('are JSON lines without secrets, in fields, messages, errors and bindings', () => {
    const { made, logs } = telemetry();
    const logger = made.logger.child({ requestId: 'R1', 'x-signature': 'hidden-1' });
    logger.info(
      { target: '/b?x-signature=hidden-2', error: new Error('X-Signature: hidden-3') },
      'x-signature=hidden-4',
    );
    logger.debug({}, 'not at this level');
    const lines = logs().trim().split('\n');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      requestId: 'R1',
      'x-signature': '[redacted]',
      target: '/b?x-signature=[redacted]',
    });
    expect(logs()).not.toContain('hidden');
  });
});

describe('spans', () => {
  test('pass results and failures through', async () => {
    const { spans } = telemetry().made;
    const start = { method: 'PUT', listener: 'http', secure: true, requestId: 'R1' };
    expect(
      await spans.server(start, async (span) => {
        span.facts({ operation: 'PutObject', status: 200 });
        return 7;
      }),
    ).toBe(7);
    await expect(spans.server(start, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  });
});

describe('the audit', () => {
  test('writes one JSON line a record, with a hash for the key and no secret', async () => {
    const { made, lines } = telemetry();
    made.audit.write({
      kind: 'decision',
      requestId: 'R1',
      who: 'client',
      operation: 'PutObject',
      bucket: 'orders',
      key: 'people/anna.pdf',
      rule: 'orders-* (policy.yaml:12)',
      effect: 'allow',
      effective: 'kms orders',
      by: 'gateway',
      details: { reason: 'x-signature=hidden' },
    });
    made.audit.write({ kind: 'outcome', requestId: 'R1', storeSays: 'kms orders', outcome: 200 });
    await made.close();
    const records = lines()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(records).toHaveLength(2);
    expect(records[0]).toMatchObject({ time: '2026-11-21T00:00:00.000Z', requestId: 'R1', by: 'gateway' });
    expect(records[0]?.['keyHash']).toMatch(/^[0-9a-f]{64}$/);
    expect(lines()).not.toContain('anna');
    expect(lines()).not.toContain('hidden');
  });

  test('keeps a bounded queue before a slow sink: the newest are lost, counted, and nobody waits', async () => {
    const pending: (() => void)[] = [];
    let written = '';
    const sink = new Writable({
      highWaterMark: 1,
      write: (chunk: Buffer, _encoding, done) => {
        written += chunk.toString();
        pending.push(done);
      },
    });
    let counted = 0;
    const audit = createAudit({
      sink,
      redactor: createRedactor({ secretNames: [] }),
      now: () => 0,
      capacity: 5,
      keys: 'omit',
      onDropped: (lines) => (counted += lines),
    });
    const kept = Array.from({ length: 12 }, (_, at) =>
      audit.write({ kind: 'decision', requestId: `R${at}`, key: 'k' }),
    );
    expect(kept.filter(Boolean)).toHaveLength(5);
    expect(kept.indexOf(false)).toBe(5);
    expect(audit.dropped()).toBe(7);
    expect(counted).toBe(7);
    const flushed = audit.flush();
    const pump = setInterval(() => pending.shift()?.(), 1);
    await flushed;
    clearInterval(pump);
    expect(
      written
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { requestId: string }).requestId),
    ).toEqual(['R0', 'R1', 'R2', 'R3', 'R4']);
    expect(written).not.toContain('key');
  });

  test('counts what a broken sink loses and goes on', async () => {
    const sink = new Writable({ write: (_chunk, _encoding, done) => done(new Error('disk full')) });
    const audit = createAudit({
      sink,
      redactor: createRedactor({ secretNames: [] }),
      now: () => 0,
      keys: 'omit',
      onDropped: () => undefined,
    });
    audit.write({ kind: 'decision', requestId: 'R1' });
    audit.write({ kind: 'decision', requestId: 'R2' });
    await audit.flush();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(audit.write({ kind: 'decision', requestId: 'R3' })).toBe(false);
    expect(audit.dropped()).toBeGreaterThanOrEqual(1);
    await audit.flush();
  });
});
