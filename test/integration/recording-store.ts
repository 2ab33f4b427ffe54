import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Recorded {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Recording {
  readonly endpoint: string;
  readonly requests: Recorded[];
  close(): Promise<void>;
}

export type Answer = readonly [status: number, headers: Readonly<Record<string, string>>, body?: string];

/** A store that writes down what it is asked and answers as it is told. */
export async function startRecordingStore(answer: (request: Recorded) => Answer): Promise<Recording> {
  const requests: Recorded[] = [];
  const server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.on('end', () => {
      const { method = '', url = '', headers } = message;
      const request = { method, url, headers, body: Buffer.concat(chunks) };
      requests.push(request);
      const [status, lines, body] = answer(request);
      response.writeHead(status, lines).end(body);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
