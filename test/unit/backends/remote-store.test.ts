import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { createRemoteStore } from '../../../src/backends/remote-store.ts';
import { createTransport, type Transport } from '../../../src/backends/transport.ts';
import type { Dialect, SignedRequest, StoreTarget } from '../../../src/dialects/dialect.ts';

test('an answer that cannot be understood does not keep its connection', async () => {
  const body = Readable.from([Buffer.alloc(10), Buffer.alloc(10)]);
  const store = createRemoteStore({
    name: 's',
    type: 's3',
    dialect: {
      name: 's3',
      encodeRequest: () => ({}),
      sign: () => ({}),
      decodeResponse: () => Promise.reject(new Error('without a length')),
    } as unknown as Dialect,
    target: { capabilities: { keys: 'exact' } } as StoreTarget,
    transport: { send: () => Promise.resolve({ status: 200, headers: [], body }) } as unknown as Transport,
    now: () => 0,
    randomBytes,
    head: 1000,
    slowHead: 1000,
    observe: () => undefined,
  });
  await expect(store.execute({ operation: 'ListBuckets' }, { requestId: 'r' })).rejects.toThrow('without a length');
  expect(body.destroyed).toBe(true);
});

test('nothing is sent for a client that has gone before', async () => {
  let heard = 0;
  const server = createServer((_incoming, res) => {
    heard += 1;
    res.end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const transport = createTransport({ endpoint, idle: 1000 });
  const copy = { method: 'PUT', path: '/b/k', query: '', host: 'h', headers: [], body: undefined };
  const sent = transport.send(copy as unknown as SignedRequest, { headTimeout: 1000, signal: AbortSignal.abort() });
  await expect(sent).rejects.toMatchObject({ code: 'RequestTimeout' });
  expect(heard).toBe(0);
  await transport.close();
  server.close();
});
