import { createServer, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { requestBody } from '../../../src/server/request-body.ts';

test('a client that sends all of its body and leaves before it is read fails the reader, who must not wait for ever', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const body = Buffer.alloc(20 * 1024, 'x');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write(`PUT / HTTP/1.1\r\nhost: h\r\ncontent-length: ${body.length}\r\n\r\n`);
  client.write(body);
  const [incoming] = (await once(server, 'request')) as [IncomingMessage];
  const { stream } = requestBody(incoming, { announce: undefined });
  while (!incoming.complete) await new Promise((done) => setTimeout(done, 5));
  const gone = once(incoming, 'close').catch(() => undefined);
  client.destroy();
  await gone;
  await expect(stream.toArray()).rejects.toMatchObject({ code: 'IncompleteBody' });
  server.close();
}, 5000);
