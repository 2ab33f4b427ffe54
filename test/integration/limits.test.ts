import { request } from 'node:http';
import { expect, test } from 'vitest';
import { startGateway } from './gateway.ts';

const POLICY = { version: 1, buckets: [{ match: '*', store: 'local', encryption: { default: 'managed' } }] };

test('limits.keepAlive is what idle connections are told', async () => {
  const gateway = await startGateway({ policy: POLICY, config: { limits: { keepAlive: '7s' } } });
  try {
    const told = await new Promise<string | undefined>((resolve, reject) => {
      request(`${gateway.http}/`, { agent: false, headers: { connection: 'keep-alive' } }, (response) => {
        response.resume();
        const header = response.headers['keep-alive'];
        response.on('end', () => resolve(Array.isArray(header) ? header[0] : header));
      })
        .on('error', reject)
        .end();
    });
    expect(told).toContain('timeout=7');
  } finally {
    await gateway.close();
  }
});
