import type { Server, Socket } from 'node:net';
import { parseProxyHeader } from './proxy-protocol.ts';
import type { TrustedProxies } from './trusted-proxy.ts';

/** What a connection's PROXY header said. */
export interface ProxiedConnection {
  readonly source: string | undefined;
  readonly tls: { readonly version: string | undefined } | undefined;
}

export interface ProxyFront {
  /** The header that came before this connection's first byte; works for the TLS socket over it, too. */
  readonly of: (socket: Socket) => ProxiedConnection | undefined;
  /** Ends connections whose header has not come yet. */
  readonly close: () => void;
}

export interface ProxyFrontOptions {
  readonly trusted: TrustedProxies;
  /** ms for the whole header. */
  readonly headTimeout: number;
}

/**
 * Puts the PROXY protocol before an HTTP or HTTPS server: its own connection listeners run only once the header is off
 * the wire. A connection without a header, or from a peer that is not trusted, is destroyed: believing it would let anybody choose its address.
 */
export function proxyFront(server: Server, options: ProxyFrontOptions): ProxyFront {
  const known = new Map<string, ProxiedConnection>();
  const waiting = new Set<Socket>();
  const inner = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    if (!options.trusted.includes(socket.remoteAddress ?? '')) {
      socket.destroy();
      return;
    }
    waiting.add(socket);
    readHeader(socket, options.headTimeout, (header) => {
      waiting.delete(socket);
      if (header === undefined) return;
      const key = connectionKey(socket);
      known.set(key, header);
      socket.once('close', () => known.delete(key));
      for (const listener of inner) listener.call(server, socket);
    });
  });
  return {
    of: (socket) => known.get(connectionKey(socket)),
    close: () => {
      for (const socket of waiting) socket.destroy();
    },
  };
}

function readHeader(socket: Socket, timeout: number, done: (header: ProxiedConnection | undefined) => void): void {
  let bytes: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), timeout);
  const ignoreError = (): void => undefined;
  const finish = (header: ProxiedConnection | undefined): void => {
    clearTimeout(timer);
    socket.off('readable', onReadable);
    socket.off('close', onClose);
    if (header === undefined) {
      socket.destroy();
      done(undefined);
      return;
    }
    done(header);
    // The HTTP server listens for errors from now on.
    socket.off('error', ignoreError);
  };
  const onClose = (): void => finish(undefined);
  const onReadable = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    bytes = Buffer.concat([bytes, chunk]);
    const header = parseProxyHeader(bytes);
    if (header.outcome === 'incomplete') return;
    if (header.outcome === 'invalid') {
      finish(undefined);
      return;
    }
    const rest = bytes.subarray(header.length);
    socket.off('readable', onReadable);
    if (rest.length > 0) socket.unshift(rest);
    finish({ source: header.source, tls: header.tls });
  };
  socket.on('error', ignoreError);
  socket.on('close', onClose);
  socket.on('readable', onReadable);
}

/** A live connection's four-tuple: the TLS socket shares it with the one under it. */
function connectionKey(socket: Socket): string {
  return JSON.stringify([socket.remoteAddress, socket.remotePort, socket.localAddress, socket.localPort]);
}
