import type { GatewayConfig, Limits, ListenerConfig } from '../config/gateway-config.ts';

/** Names of what the files say differently from what runs, and what only a restart can change. */
export function needsRestart(running: GatewayConfig, next: GatewayConfig): readonly string[] {
  const names = new Set([...running.listeners, ...next.listeners].map(({ name }) => name));
  const socketOf = ({ listeners }: GatewayConfig, name: string): string =>
    fixedPartOf(listeners.find((listener) => listener.name === name));
  return [
    ...[...names].filter((name) => socketOf(running, name) !== socketOf(next, name)).map((name) => `listeners.${name}`),
    ...(same(socketOfAdmin(running), socketOfAdmin(next)) ? [] : ['admin']),
    ...(same(running.keyring, next.keyring) ? [] : ['keyring']),
    ...FIXED_LIMITS.filter((name) => !same(running.limits[name], next.limits[name])).map((name) => `limits.${name}`),
  ];
}

/** Limits of the listeners and of the process; those of stores are read anew. */
const FIXED_LIMITS: readonly (keyof Limits)[] = [
  'head',
  'idle',
  'keepAlive',
  'shutdown',
  'inFlight',
  'client',
  'minimumRate',
  'spool',
  'connections',
];

/** Who may ask there is read anew. */
function socketOfAdmin({ admin }: GatewayConfig): unknown {
  return admin === undefined ? undefined : [admin.host, admin.port];
}

function fixedPartOf(listener: ListenerConfig | undefined): string {
  if (listener === undefined) return '';
  const { host, port, proxyProtocol, tls } = listener;
  return JSON.stringify([host, port, proxyProtocol, tls !== undefined]);
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
