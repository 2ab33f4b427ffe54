import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A store that does what a test tells it to. It checks no signature; it keeps what it was sent whole. */
export interface ScriptedStore {
  readonly endpoint: string;
  /** Requests since the last `follow`, as `METHOD /path`. */
  readonly heard: string[];
  /** Objects by path, replaced only by a body that arrived whole and was committed by the script. */
  readonly objects: Map<string, Buffer>;
  follow(script: Script): void;
  close(): Promise<void>;
}

export type Script = (incoming: IncomingMessage, res: ServerResponse, store: ScriptedStore) => void | Promise<void>;

export async function startScriptedStore(): Promise<ScriptedStore> {
  const sockets = new Set<Socket>();
  const heard: string[] = [];
  let script: Script = (_incoming, res) => void res.writeHead(500).end();
  const server: Server = createServer((incoming, res) => {
    // Asked before the first request on a bucket, and remembered.
    if (incoming.method === 'GET' && incoming.url?.endsWith('?policy') === true) {
      res.writeHead(404).end('<Error><Code>NoSuchBucketPolicy</Code><Message>none</Message></Error>');
      return;
    }
    heard.push(`${incoming.method ?? ''} ${(incoming.url ?? '').split('?')[0] ?? ''}`);
    incoming.on('error', () => undefined);
    res.on('error', () => undefined);
    Promise.resolve(script(incoming, res, store)).catch(() => incoming.socket.destroy());
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const store: ScriptedStore = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard,
    objects: new Map(),
    follow: (next) => {
      script = next;
      heard.length = 0;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
  return store;
}

/** The whole body as it came over the wire. */
export async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Ends the connection once this many bytes of the body have come. */
export function resetAfter(bytes: number): Script {
  return (incoming) => {
    let seen = 0;
    const judge = (more: number): void => {
      seen += more;
      if (seen >= bytes) incoming.socket.resetAndDestroy();
    };
    judge(0);
    incoming.on('data', (chunk: Buffer) => judge(chunk.length));
  };
}

/** Takes the body, keeps it, and answers. */
export function commitAnd(status: number, headers: Readonly<Record<string, string>>, body = ''): Script {
  return async (incoming, res, store) => {
    store.objects.set((incoming.url ?? '').split('?')[0] ?? '', await bodyOf(incoming));
    res.writeHead(status, headers).end(body);
  };
}

/** Takes the body, keeps nothing, and answers. */
export function readAnd(status: number, headers: Readonly<Record<string, string>>, body = ''): Script {
  return async (incoming, res) => {
    await bodyOf(incoming);
    res.writeHead(status, headers).end(body);
  };
}
