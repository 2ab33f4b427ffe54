import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { GatewayError } from '../../../src/model/errors.ts';
import type { EncodeFailure, Handle, Observation } from '../../../src/server/handle.ts';
import { startListeners } from '../../../src/server/listener.ts';
import type { ListenerSettings, Running, ServerLimits } from '../../../src/server/listener.ts';
import type { WireResponse } from '../../../src/wire/message.ts';

export interface Stage {
  readonly running: Running;
  readonly port: number;
  readonly observed: Observation[];
  readonly reported: unknown[];
  readonly close: () => Promise<void>;
}

const STATUS: Partial<Record<GatewayError['code'], number>> = {
  InternalError: 500,
  SlowDown: 503,
  ServiceUnavailable: 503,
  NotImplemented: 501,
  MethodNotAllowed: 405,
};

/** Errors as a dialect would write them. */
export const encodeFailure: EncodeFailure = (error, { requestId }) => ({
  status: STATUS[error.code] ?? 400,
  headers: [
    ['content-type', 'application/xml'],
    ['x-request-id', requestId],
  ],
  body: Buffer.from(`<Error><Code>${error.code}</Code></Error>`),
});

/** A listener on a free loopback port with the given handler. */
export async function stage(
  handle: Handle,
  options: {
    readonly limits?: Partial<ServerLimits>;
    readonly listener?: Partial<ListenerSettings>;
    readonly trustedProxies?: readonly string[];
  } = {},
): Promise<Stage> {
  const observed: Observation[] = [];
  const reported: unknown[] = [];
  let next = 0;
  const running = await startListeners({
    listeners: [{ name: 'main', host: '127.0.0.1', port: 0, ...options.listener }],
    trustedProxies: options.trustedProxies ?? [],
    limits: { head: 15_000, idle: 60_000, inFlight: 256 * 1024 * 1024, ...options.limits },
    handle,
    encodeFailure,
    observe: (observation) => observed.push(observation),
    report: (error) => reported.push(error),
    requestId: () => `R${++next}`,
    now: () => 1_795_000_000_000 + performance.now(),
  });
  return {
    running,
    port: running.addresses[0]!.port,
    observed,
    reported,
    close: () => running.close(),
  };
}

/** Sends bytes, collects until the server closes or `quiet` ms pass without a byte. */
export async function talk(
  port: number,
  bytes: string | Buffer | readonly (string | Buffer)[],
  quiet = 300,
): Promise<{ readonly text: string; readonly closed: boolean }> {
  const socket = connect(port, '127.0.0.1');
  const parts = Array.isArray(bytes) ? (bytes as readonly (string | Buffer)[]) : [bytes as string | Buffer];
  for (const part of parts) {
    socket.write(part, 'latin1' as BufferEncoding);
    if (parts.length > 1) await pause(2);
  }
  const result = await collect(socket, quiet);
  socket.destroy();
  return result;
}

export function collect(socket: Socket, quiet = 300): Promise<{ readonly text: string; readonly closed: boolean }> {
  return new Promise((resolve) => {
    let text = '';
    let timer: NodeJS.Timeout;
    const settle = (closed: boolean): void => {
      clearTimeout(timer);
      socket.removeAllListeners('data');
      resolve({ text, closed });
    };
    const arm = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => settle(false), quiet);
    };
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      arm();
    });
    socket.on('error', () => settle(true));
    socket.on('close', () => settle(true));
    socket.on('end', () => settle(true));
    arm();
  });
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export function answer(text: string, status = 200): WireResponse {
  return { status, headers: [['content-type', 'text/plain']], body: Buffer.from(text) };
}

export function statusOf(text: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
}
