import { dirname, resolve } from 'node:path';
import type { Capabilities } from '../model/backend.ts';
import type { KeySpelling, Secret } from '../model/encryption.ts';
import type { Action } from '../model/operations.ts';
import type {
  AdminDocument,
  CapabilitiesDocument,
  ClientDocument,
  CredentialsDocument,
  GatewayDocument,
  KeyringDocument,
  LimitsDocument,
  ListenerDocument,
  StoreDocument,
} from './gateway-document.ts';
import type { GatewayNames } from './gateway-schema.ts';
import { parseDuration, parseSize } from './quantities.ts';
import { parseReference } from './secret-reference.ts';
import type { Reference } from './secret-reference.ts';
import type { YamlPath } from './yaml-file.ts';

/**
 * `gateway.yaml`, understood: absolute paths, ms, bytes, defaults filled in. `Text` and `Hidden` are references as
 * `check` sees them, strings and secrets as `serve` uses them.
 */
export interface GatewayConfig<Text = string, Hidden = Secret> {
  readonly file: string;
  readonly revision: string;
  readonly listeners: readonly ListenerConfig[];
  readonly admin: AdminConfig<Hidden> | undefined;
  readonly domains: readonly string[];
  /** Host → bucket. */
  readonly cnames: Readonly<Record<string, string>>;
  /** CIDR blocks. */
  readonly trustedProxies: readonly string[];
  readonly bucketsWithoutRule: 'managed' | 'none';
  /** 12 digits. */
  readonly owner: string;
  readonly stores: Readonly<Record<string, StoreConfig<Text, Hidden>>>;
  readonly keyring: KeyringConfig<Text, Hidden> | undefined;
  readonly clients: readonly ClientConfig<Text, Hidden>[];
  /** Absolute. */
  readonly policy: string;
  readonly shadowPolicy: string | undefined;
  readonly limits: Limits;
  /** Host → dialect. */
  readonly hosts: Readonly<Record<string, string>>;
}

/** As parsed: references unresolved. */
export type DeclaredConfig = GatewayConfig<Reference, Reference>;

export interface AdminConfig<Hidden = Secret> {
  readonly host: string;
  readonly port: number;
  readonly token: Hidden | undefined;
  /** Host names that requests may name, beside IP literals, localhost and `host` itself. */
  readonly hosts: readonly string[];
}

export interface ListenerConfig {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** A dialect's name, or `auto`. */
  readonly dialect: string;
  /** Absolute paths of PEM files. */
  readonly tls: { readonly certificate: string; readonly key: string } | undefined;
  readonly proxyProtocol: boolean;
  readonly signatures: { readonly ossV1: 'allow' | 'deny'; readonly sigV2: 'allow' | 'deny' };
}

export interface CredentialsConfig<Text = string, Hidden = Secret> {
  readonly accessKeyId: Text;
  readonly secretAccessKey: Hidden;
  readonly sessionToken?: Hidden;
}

export interface EmbeddedStoreConfig {
  readonly kind: 'embedded';
  readonly type: string;
  readonly directory: string;
  readonly capabilities: Capabilities;
}

export interface RemoteStoreConfig<Text = string, Hidden = Secret> {
  readonly kind: 'remote';
  readonly type: string;
  readonly dialect: string;
  /** Scheme, host and port, without a trailing slash. */
  readonly endpoint: string;
  readonly region: string;
  readonly addressing: 'path' | 'virtual';
  readonly credentials: CredentialsConfig<Text, Hidden>;
  readonly capabilities: Capabilities;
  /** How the store's language spells key ids; absent: each in one way. */
  readonly keySpelling?: KeySpelling;
  readonly ca: string | undefined;
  readonly signature: 'v1' | 'v4' | undefined;
}

export type StoreConfig<Text = string, Hidden = Secret> = EmbeddedStoreConfig | RemoteStoreConfig<Text, Hidden>;

export type KeyringConfig<Text = string, Hidden = Secret> =
  | { readonly type: 'local'; readonly file: string }
  | {
      readonly type: 'vault-transit';
      readonly endpoint: string;
      readonly mount: string;
      readonly namespace: string | undefined;
      readonly token: Hidden;
      readonly ca: string | undefined;
    }
  | {
      readonly type: 'aws-kms' | 'aliyun-kms';
      readonly region: string;
      readonly endpoint: string | undefined;
      readonly credentials: CredentialsConfig<Text, Hidden>;
      readonly ca: string | undefined;
    };

export interface ClientConfig<Text = string, Hidden = Secret> extends CredentialsConfig<Text, Hidden> {
  /** For people; never an identity on the wire. */
  readonly name: string | undefined;
  readonly grants: readonly {
    readonly buckets: readonly string[];
    readonly prefixes?: readonly string[];
    readonly actions: readonly Action[];
  }[];
  readonly keys: readonly string[];
  readonly replicator: boolean;
  readonly dialect: string | undefined;
  readonly transport: { readonly httpsOnly?: boolean; readonly minTls?: '1.2' | '1.3' } | undefined;
}

/** Times in ms, sizes in bytes. */
export interface Limits {
  readonly head: number;
  readonly idle: number;
  readonly storeConnect: number;
  readonly storeHead: number;
  readonly storeCopyHead: number;
  readonly slowHead: number;
  readonly bucketRule: number;
  /** Age past which an upload is continued by nobody. */
  readonly uploads: number;
  readonly keepAlive: number;
  readonly shutdown: number;
  readonly inFlight: number;
  /** One client's share of what is under way; absent: three quarters of the whole. */
  readonly client: { readonly requests: number | undefined; readonly bytes: number | undefined };
  /** Bytes a second. */
  readonly minimumRate: number;
  readonly spool: number;
  readonly connections: number;
  readonly storeConnections: number;
}

/** Time limits as the README has them, and a measured baseline for Node and undici. */
export const DEFAULT_LIMITS: Limits = {
  head: 15_000,
  idle: 60_000,
  storeConnect: 5_000,
  storeHead: 30_000,
  storeCopyHead: 300_000,
  slowHead: 300_000,
  bucketRule: 60_000,
  uploads: 7 * 24 * 3_600_000,
  keepAlive: 72_000,
  shutdown: 30_000,
  inFlight: 256 * 2 ** 20,
  client: { requests: undefined, bytes: undefined },
  minimumRate: 1024,
  spool: 10 * 2 ** 30,
  connections: 4096,
  storeConnections: 128,
};

/** Understands a document that the schema accepted. */
export function understandGateway(
  document: GatewayDocument,
  source: { readonly file: string; readonly revision: string },
  names: GatewayNames,
): DeclaredConfig {
  const directory = dirname(resolve(source.file));
  const at = (path: string): string => resolve(directory, path);
  const reader: Reader = { at, reference: (text, path) => parseReference(text, path, directory) };
  return {
    file: resolve(source.file),
    revision: source.revision,
    listeners: document.listeners.map((listener) => understandListener(listener, at)),
    admin: document.admin === undefined ? undefined : understandAdmin(document.admin, reader),
    domains: document.domains ?? [],
    cnames: document.cnames ?? {},
    trustedProxies: document.trustedProxies ?? [],
    bucketsWithoutRule: document.bucketsWithoutRule ?? 'managed',
    owner: document.owner ?? DEFAULT_OWNER,
    stores: mapValues(document.stores, (store, name) => understandStore(store, ['stores', name], names, reader)),
    keyring: document.keyring === undefined ? undefined : understandKeyring(document.keyring, reader),
    clients: document.clients.map((client, index) => understandClient(client, ['clients', index], reader)),
    policy: at(document.policy),
    shadowPolicy: document.shadowPolicy === undefined ? undefined : at(document.shadowPolicy),
    limits: understandLimits(document.limits ?? {}),
    hosts: mapValues(document.hosts ?? {}, ({ dialect }) => dialect),
  };
}

/** The type's capabilities, with what the configuration declares instead. */
export function declaredCapabilities(type: Capabilities, declared: CapabilitiesDocument): Capabilities {
  const { managed, minimumPartSize, ...rest } = declared;
  return {
    ...type,
    ...rest,
    ...(managed === undefined ? {} : { managed: managedOf(managed) }),
    ...(minimumPartSize === undefined ? {} : { minimumPartSize: parseSize(minimumPartSize) ?? type.minimumPartSize }),
  };
}

interface Reader {
  at(path: string): string;
  reference(text: string, path: YamlPath): Reference;
}

const LOOPBACK = '127.0.0.1';
/** No AWS account has it: who expects an owner has to be told of one first. */
const DEFAULT_OWNER = '000000000000';

function understandAdmin({ host, port, token, hosts }: AdminDocument, reader: Reader): AdminConfig<Reference> {
  return {
    host: host ?? LOOPBACK,
    port,
    token: token === undefined ? undefined : reader.reference(token, ['admin', 'token']),
    hosts: hosts ?? [],
  };
}

function understandListener(document: ListenerDocument, at: (path: string) => string): ListenerConfig {
  const { tls } = document;
  return {
    name: document.name,
    host: document.host ?? LOOPBACK,
    port: document.port,
    dialect: document.dialect ?? 'auto',
    tls: tls === undefined ? undefined : { certificate: at(tls.certificate), key: at(tls.key) },
    proxyProtocol: document.proxyProtocol ?? false,
    signatures: { ossV1: 'allow', sigV2: 'allow', ...document.signatures },
  };
}

function understandStore(
  document: StoreDocument,
  path: YamlPath,
  names: GatewayNames,
  reader: Reader,
): StoreConfig<Reference, Reference> {
  const type = names.stores[document.type];
  if (type === undefined) throw new TypeError(`the schema let an unknown store type pass: ${document.type}`);
  const capabilities = declaredCapabilities(type.capabilities, document.capabilities ?? {});
  if (type.dialect === undefined)
    return { kind: 'embedded', type: document.type, directory: reader.at(document.directory ?? ''), capabilities };
  return {
    kind: 'remote',
    type: document.type,
    dialect: type.dialect,
    endpoint: (document.endpoint ?? '').replace(/\/$/, ''),
    region: document.region ?? '',
    addressing: document.addressing ?? type.addressing ?? 'path',
    credentials: understandCredentials(document.credentials, [...path, 'credentials'], reader),
    capabilities,
    ...(type.keySpelling === undefined ? {} : { keySpelling: type.keySpelling }),
    ca: document.ca === undefined ? undefined : reader.at(document.ca),
    signature: document.signature,
  };
}

function understandCredentials(
  document: CredentialsDocument | undefined,
  path: YamlPath,
  reader: Reader,
): CredentialsConfig<Reference, Reference> {
  if (document === undefined) throw new TypeError('the schema let missing credentials pass');
  const { accessKeyId, secretAccessKey, sessionToken } = document;
  return {
    accessKeyId: reader.reference(accessKeyId, [...path, 'accessKeyId']),
    secretAccessKey: reader.reference(secretAccessKey, [...path, 'secretAccessKey']),
    ...(sessionToken === undefined ? {} : { sessionToken: reader.reference(sessionToken, [...path, 'sessionToken']) }),
  };
}

function understandKeyring(document: KeyringDocument, reader: Reader): KeyringConfig<Reference, Reference> {
  const ca = document.ca === undefined ? undefined : reader.at(document.ca);
  const endpoint = document.endpoint?.replace(/\/$/, '');
  switch (document.type) {
    case 'local':
      return { type: 'local', file: reader.at(document.file ?? '') };
    case 'vault-transit':
      return {
        type: document.type,
        endpoint: endpoint ?? '',
        mount: document.mount ?? 'transit',
        namespace: document.namespace,
        token: reader.reference(document.token ?? '', ['keyring', 'token']),
        ca,
      };
    case 'aws-kms':
    case 'aliyun-kms':
      return {
        type: document.type,
        region: document.region ?? '',
        endpoint,
        credentials: understandCredentials(document.credentials, ['keyring', 'credentials'], reader),
        ca,
      };
  }
}

function understandClient(
  document: ClientDocument,
  path: YamlPath,
  reader: Reader,
): ClientConfig<Reference, Reference> {
  return {
    ...understandCredentials(document, path, reader),
    name: document.name,
    grants: document.grants ?? [],
    keys: document.keys ?? [],
    replicator: document.replicator ?? false,
    dialect: document.dialect,
    transport: document.transport,
  };
}

function understandLimits(document: LimitsDocument): Limits {
  const time = (name: Exclude<keyof Limits, 'client'>): number =>
    parseDuration(document[name] ?? DEFAULT_LIMITS[name]) ?? NaN;
  const bytes = (name: Exclude<keyof Limits, 'client'>): number =>
    parseSize(document[name] ?? DEFAULT_LIMITS[name]) ?? NaN;
  return {
    head: time('head'),
    idle: time('idle'),
    storeConnect: time('storeConnect'),
    storeHead: time('storeHead'),
    storeCopyHead: time('storeCopyHead'),
    slowHead: time('slowHead'),
    bucketRule: time('bucketRule'),
    uploads: time('uploads'),
    keepAlive: time('keepAlive'),
    shutdown: time('shutdown'),
    inFlight: bytes('inFlight'),
    client: {
      requests: document.client?.requests,
      bytes: document.client?.bytes === undefined ? undefined : parseSize(document.client.bytes),
    },
    minimumRate: bytes('minimumRate'),
    spool: bytes('spool'),
    connections: document.connections ?? DEFAULT_LIMITS.connections,
    storeConnections: document.storeConnections ?? DEFAULT_LIMITS.storeConnections,
  };
}

function managedOf(value: NonNullable<CapabilitiesDocument['managed']>): readonly ('AES256' | 'SM4')[] {
  if (value === 'none') return [];
  return typeof value === 'string' ? [value] : value;
}

function mapValues<A, B>(
  record: Readonly<Record<string, A>>,
  change: (value: A, name: string) => B,
): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value, name)]));
}
