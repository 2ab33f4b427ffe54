import { isIP } from 'node:net';
import type { Diagnostic, Level } from './diagnostics.ts';
import type { ClientDocument, GatewayDocument, StoreDocument } from './gateway-document.ts';
import type { Limits } from './gateway-config.ts';
import type { GatewayNames } from './gateway-schema.ts';
import { parseDuration, parseSize } from './quantities.ts';
import type { YamlFile, YamlPath } from './yaml-file.ts';

/** What a schema cannot say of `gateway.yaml`: clashes, dangerous openings, what needs what. */
export function checkGateway(file: YamlFile, document: GatewayDocument, names: GatewayNames): readonly Diagnostic[] {
  const say: Say = (level, code, path, message, extra = {}) =>
    file.report(file.locate(path, extra.part), {
      level,
      code,
      message,
      ...(extra.suggestion === undefined ? {} : { suggestion: extra.suggestion }),
    });
  return [
    ...listenersOf(document, say),
    ...proxiesOf(document, say),
    ...Object.entries(document.stores).flatMap(([name, store]) => storeOf(name, store, names, say)),
    ...keyringOf(document, names, say),
    ...clientsOf(document.clients, say),
    ...limitsOf(document, say),
  ];
}

type Say = (
  level: Level,
  code: string,
  path: YamlPath,
  message: string,
  extra?: { readonly suggestion?: string; readonly part?: 'key' | 'value' },
) => Diagnostic;

function listenersOf({ listeners, admin, trustedProxies }: GatewayDocument, say: Say): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  const names = new Set<string>();
  const sockets = new Map<string, string>();
  if (listeners.length === 0)
    found.push(say('ERROR', 'no-listener', ['listeners'], 'nothing would listen: name at least one listener'));
  const places = [
    ...listeners.map((listener, index) => ({ ...listener, path: ['listeners', index] as YamlPath })),
    ...(admin === undefined ? [] : [{ ...admin, name: undefined, path: ['admin'] as YamlPath }]),
  ];
  for (const { name, host = '127.0.0.1', port, path } of places) {
    if (name !== undefined && names.has(name))
      found.push(say('ERROR', 'duplicate-name', [...path, 'name'], `another listener is called "${name}" too`));
    if (name !== undefined) names.add(name);
    const socket = `${host}:${port}`;
    const other = sockets.get(socket);
    if (port !== 0 && other !== undefined)
      found.push(say('ERROR', 'duplicate-address', [...path, 'port'], `${socket} is taken by "${other}"`));
    else sockets.set(socket, name ?? 'admin');
  }
  if (admin !== undefined && !isLoopback(admin.host ?? '127.0.0.1'))
    found.push(
      say('SECURITY_WARNING', 'admin-exposed', ['admin', 'host'], 'the admin port listens beyond this machine', {
        suggestion: 'keep it on loopback, or behind a network policy',
      }),
    );
  if (admin !== undefined && admin.token === undefined && !isLoopback(admin.host ?? '127.0.0.1'))
    found.push(
      say(
        'WARNING',
        'admin-without-token',
        ['admin', 'host'],
        'POST and /status of the admin port are refused off loopback while there is no admin.token',
        { suggestion: 'add token: "${file:/secrets/admin-token}"' },
      ),
    );
  listeners.forEach(({ proxyProtocol }, index) => {
    if (proxyProtocol === true && (trustedProxies ?? []).length === 0)
      found.push(
        say(
          'ERROR',
          'untrusted-proxy-protocol',
          ['listeners', index, 'proxyProtocol'],
          'proxyProtocol needs trustedProxies: nobody would be believed',
        ),
      );
  });
  return found;
}

function proxiesOf({ trustedProxies = [] }: GatewayDocument, say: Say): readonly Diagnostic[] {
  return trustedProxies.flatMap((block, index) => {
    const path = ['trustedProxies', index];
    const [address = '', bits = ''] = block.split('/');
    const family = isIP(address);
    if (family === 0 || !/^(0|[1-9][0-9]*)$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128))
      return [
        say('ERROR', 'bad-cidr', path, `"${block}" is no address block`, { suggestion: 'for example 10.0.0.0/8' }),
      ];
    if (Number(bits) === 0)
      return [say('SECURITY_WARNING', 'trust-everybody', path, `"${block}" lets anybody claim to have come over TLS`)];
    return [];
  });
}

function storeOf(name: string, store: StoreDocument, names: GatewayNames, say: Say): readonly Diagnostic[] {
  const path: YamlPath = ['stores', name];
  const type = names.stores[store.type];
  const found: Diagnostic[] = [];
  // `keys:` in the policy speaks of the gateway's own keyring by this name.
  if (name === 'keyring')
    found.push(say('ERROR', 'reserved-name', path, 'a store cannot be called "keyring"', { part: 'key' }));
  const { endpoint } = store;
  if (endpoint !== undefined && type !== undefined) {
    const url = URL.parse(endpoint);
    if (url === null || url.host === '')
      found.push(say('ERROR', 'bad-endpoint', [...path, 'endpoint'], 'this is no address of a server'));
    else if (url.username !== '' || url.password !== '')
      found.push(say('ERROR', 'clear-text-secret', [...path, 'endpoint'], 'an endpoint carries no credentials'));
    else if (url.protocol === 'http:' && (type.tlsOnly ?? type.capabilities.tlsOnly) && !isLoopback(url.hostname))
      found.push(
        say(
          'ERROR',
          'store-needs-tls',
          [...path, 'endpoint'],
          `a store of type ${store.type} is spoken to over https only`,
        ),
      );
    else if (url.protocol === 'http:' && !isLoopback(url.hostname))
      found.push(
        say('SECURITY_WARNING', 'store-over-http', [...path, 'endpoint'], `"${name}" is spoken to over plain HTTP`, {
          suggestion: 'use https, and ca: for a private certificate authority',
        }),
      );
    if (store.ca !== undefined && url?.protocol === 'http:')
      found.push(say('WARNING', 'unused-ca', [...path, 'ca'], 'ca has no effect on an http endpoint'));
  }
  for (const setting of type?.without ?? []) {
    const [key = '', inner] = setting.split('.');
    const value = store[key as keyof StoreDocument];
    const set = inner === undefined ? value : typeof value === 'object' ? Object.hasOwn(value, inner) : undefined;
    if (set !== undefined && set !== false)
      found.push(
        say(
          'WARNING',
          'no-effect',
          [...path, key, ...(inner === undefined ? [] : [inner])],
          `"${inner ?? key}" has no effect at a store of type ${store.type}`,
          { part: 'key', suggestion: 'remove it' },
        ),
      );
  }
  return found;
}

function keyringOf(document: GatewayDocument, names: GatewayNames, say: Say): readonly Diagnostic[] {
  const sealed = Object.entries(document.stores).find(([, { type }]) => names.stores[type]?.dialect === undefined);
  const endpoint = document.keyring?.endpoint;
  const found: Diagnostic[] = [];
  if (document.keyring === undefined && sealed !== undefined)
    found.push(
      say(
        'ERROR',
        'missing-keyring',
        ['stores', sealed[0]],
        `"${sealed[0]}" has no encryption of its own and needs a keyring`,
        {
          part: 'key',
          suggestion: 'add keyring: { type: local, file: ../data/keyring.json }',
        },
      ),
    );
  if (document.keyring !== undefined && document.keyring.type !== 'local')
    found.push(
      say(
        'ERROR',
        'keyring-unavailable-type',
        ['keyring', 'type'],
        `this version has the local keyring only: there is no "${document.keyring.type}" yet`,
        { suggestion: 'use keyring: { type: local, file: ../data/keyring.json }' },
      ),
    );
  if (endpoint?.startsWith('http:') === true && !isLoopback(URL.parse(endpoint)?.hostname ?? ''))
    found.push(
      // Data keys cross this connection in clear.
      say(
        'ERROR',
        'keyring-over-http',
        ['keyring', 'endpoint'],
        'a keyring beyond this machine is spoken to over https only',
      ),
    );
  return found;
}

function clientsOf(clients: readonly ClientDocument[], say: Say): readonly Diagnostic[] {
  const seen = new Map<string, number>();
  const found: Diagnostic[] = [];
  if (clients.length === 0)
    found.push(say('WARNING', 'no-client', ['clients'], 'nobody could call: there are no clients'));
  clients.forEach(({ accessKeyId, grants = [] }, index) => {
    const path: YamlPath = ['clients', index];
    if (seen.has(accessKeyId))
      found.push(
        say('ERROR', 'duplicate-client', [...path, 'accessKeyId'], 'another client has this access key id too'),
      );
    seen.set(accessKeyId, index);
    if (grants.length === 0)
      found.push(say('WARNING', 'no-grants', path, 'this client may do nothing: it has no grants'));
  });
  return found;
}

function limitsOf({ limits = {} }: GatewayDocument, say: Say): readonly Diagnostic[] {
  const sizes: readonly string[] = ['inFlight', 'spool', 'minimumRate'];
  const found: Diagnostic[] = [];
  const { client, ...plain } = limits;
  const share = client?.bytes === undefined ? undefined : parseSize(client.bytes);
  if (client?.bytes !== undefined && (share === undefined || share === 0))
    found.push(
      say(
        'ERROR',
        'bad-value',
        ['limits', 'client', 'bytes'],
        share === 0 ? '"bytes" must be more than 0' : '"bytes" is too large',
      ),
    );
  for (const [name, value] of Object.entries(plain) as [keyof Limits, string | number][]) {
    if (name === 'connections' || name === 'storeConnections') continue;
    const understood = sizes.includes(name) ? parseSize(value) : parseDuration(value);
    if (understood === undefined) found.push(say('ERROR', 'bad-value', ['limits', name], `"${name}" is too large`));
    else if (understood === 0 && !MAY_BE_ZERO.includes(name))
      found.push(say('ERROR', 'bad-value', ['limits', name], `"${name}" must be more than 0`));
    else if (name === 'inFlight' && understood < LEAST_IN_FLIGHT)
      found.push(say('ERROR', 'bad-value', ['limits', name], '"inFlight" must be at least 1MiB'));
    else if (!sizes.includes(name) && name !== 'uploads' && understood > LONGEST_TIMER)
      found.push(say('ERROR', 'bad-value', ['limits', name], `"${name}" must be at most 24d`));
  }
  return found;
}

const MAY_BE_ZERO: readonly (keyof Limits)[] = ['bucketRule', 'spool', 'minimumRate'];

/** Below this not one request would fit. */
const LEAST_IN_FLIGHT = 2 ** 20;

/** setTimeout counts in 31 bits of ms and fires at once beyond that. */
const LONGEST_TIMER = 2 ** 31 - 1;

function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  return bare === 'localhost' || bare.endsWith('.localhost') || bare === '::1' || /^127\.\d+\.\d+\.\d+$/.test(bare);
}
