import type { Capabilities } from '../model/backend.ts';
import type { KeySpelling } from '../model/encryption.ts';
import { limitsSchema } from './limits-schema.ts';
import type { JsonSchema } from './schema-check.ts';
import { address, choice, flag, host, listOf, map, record, size, text } from './schema-parts.ts';

/** What the configuration must know of the languages; `dialects/index.ts` says it. */
export interface GatewayNames {
  readonly dialects: readonly string[];
  /** By type. No dialect: the embedded store. */
  readonly stores: Readonly<Record<string, StoreType>>;
}

export interface StoreType {
  readonly dialect: string | undefined;
  readonly capabilities: Capabilities;
  /** How it spells key ids; absent: each in one way. */
  readonly keySpelling?: KeySpelling;
  /** How buckets stand in requests unless the configuration says otherwise. */
  readonly addressing?: 'path' | 'virtual';
  /** The endpoint must be https. */
  readonly tlsOnly?: boolean;
  /** Settings that mean nothing at this type: `signature`, `capabilities.payload`. */
  readonly without?: readonly string[];
}

/** JSON Schema (draft 2020-12) of `gateway.yaml`; every property says what it is and shows an example. */
export function gatewaySchema(names: GatewayNames): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'gateway.schema.json',
    ...map('the gateway configuration', {
      required: ['version', 'listeners', 'stores', 'clients', 'policy'],
      properties: {
        version: { description: 'Version of this format.', const: 1, examples: [1] },
        listeners: listOf(listener(names), 'Where clients connect.', [{ name: 'http', host: '127.0.0.1', port: 9000 }]),
        admin: {
          ...map('admin', {
            required: ['port'],
            properties: {
              ...address('9001'),
              token: text(
                'Bearer token for POST and /status, by reference only. Needed where host is not loopback: without one they are 403 there.',
                '${file:/secrets/admin-token}',
              ),
              hosts: listOf(host(), 'Host names that requests may use, beside IP addresses and localhost.', [
                'bucketseal.monitoring.svc',
              ]),
            },
          }),
          description: 'Health, metrics, status, reload and trust. Keep it off public networks.',
          examples: [{ host: '127.0.0.1', port: 9001 }],
        },
        domains: listOf(host(), 'Virtual-hosted addressing under these: bucket.domain.', ['storage.localhost']),
        cnames: record(
          host(),
          text('The bucket behind the host.', 'photos', BUCKET),
          'Host → bucket, for clients in CNAME mode.',
          {
            'files.example.com': 'photos',
          },
        ),
        trustedProxies: listOf(
          text('An address block in CIDR form.', '10.0.0.0/8', '^[0-9a-fA-F:.]+/[0-9]{1,3}$'),
          'Peers whose X-Forwarded-Proto/-Host/-For and PROXY headers are believed. Blocks only: a hop count cannot validate the immediate peer.',
          ['10.0.0.0/8'],
        ),
        bucketsWithoutRule: choice(
          'What a bucket with no rule of its own means where the policy delegates: managed (as AWS) or none (as Ceph).',
          ['managed', 'none'],
        ),
        owner: text(
          'The account id that ACLs and listings name, and that x-amz-expected-bucket-owner is compared with; 000000000000 unless told.',
          '123456789012',
          '^[0-9]{12}$',
        ),
        stores: {
          ...record(
            { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$' },
            store(names),
            'The stores, by the names that the policy uses.',
            { local: { type: 'local', directory: '../data/objects' } },
          ),
          minProperties: 1,
        },
        keyring: keyring(),
        clients: { ...listOf(client(names), 'Who may call, with what rights.', []), examples: [[CLIENT_EXAMPLE]] },
        policy: text('The policy file, relative to this file.', './policy.yaml'),
        shadowPolicy: text(
          'A policy evaluated beside the active one: its differences are counted, never applied.',
          './next.yaml',
        ),
        limits: limitsSchema(),
        hosts: record(
          host(),
          map('host', {
            required: ['dialect'],
            properties: { dialect: choice('The language of requests to this host.', names.dialects) },
          }),
          'Host names that pin a dialect.',
          { 'storage.example.com': { dialect: names.dialects[0] } },
        ),
      },
    }),
  };
}

const BUCKET = '^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$';
const BUCKETS = '^[A-Za-z0-9*._-]{1,63}$';
const CLIENT_EXAMPLE = {
  accessKeyId: '${env:APP_KEY_ID}',
  secretAccessKey: '${env:APP_SECRET}',
  grants: [{ buckets: ['orders-*'], actions: ['read', 'write', 'delete', 'list'] }],
  keys: ['orders'],
};

function listener(names: GatewayNames): JsonSchema {
  return map('listener', {
    required: ['name', 'port'],
    properties: {
      name: text('A name for logs and metrics.', 'https', '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$'),
      ...address('9443'),
      dialect: choice('Pins the language; auto asks each request.', ['auto', ...names.dialects]),
      tls: {
        ...map('tls', {
          required: ['certificate', 'key'],
          properties: {
            certificate: text('PEM certificate chain, relative to this file.', '../data/tls.crt'),
            key: text('PEM private key, relative to this file.', '../data/tls.key'),
          },
        }),
        description: 'Makes this an HTTPS listener. Reloaded without a restart.',
        examples: [{ certificate: '../data/tls.crt', key: '../data/tls.key' }],
      },
      proxyProtocol: flag('Expects a PROXY protocol header (v1 or v2) from trusted proxies.', false),
      signatures: {
        ...map('signatures', {
          properties: {
            ossV1: choice('The old signature of OSS.', ['allow', 'deny']),
            sigV2: choice('Presigned signature version 2.', ['allow', 'deny']),
          },
        }),
        description: 'Old signature forms that this listener takes.',
        examples: [{ ossV1: 'deny', sigV2: 'deny' }],
      },
    },
  });
}

function store(names: GatewayNames): JsonSchema {
  const types = Object.entries(names.stores).sort(([a], [b]) => (a < b ? -1 : 1));
  const embedded = types.filter(([, { dialect }]) => dialect === undefined).map(([type]) => type);
  const remote = types.filter(([, { dialect }]) => dialect !== undefined).map(([type]) => type);
  return {
    title: 'store',
    type: 'object',
    required: ['type'],
    discriminator: { propertyName: 'type' },
    oneOf: [
      map('store', {
        required: ['type', 'directory'],
        properties: {
          type: choice('What kind of store.', embedded),
          directory: text('Where the objects lie, relative to this file.', '../data/objects'),
        },
      }),
      map('store', {
        required: ['type', 'endpoint', 'region', 'credentials'],
        properties: {
          type: choice('What kind of store.', remote),
          endpoint: text(
            'Scheme, host and port, no path.',
            'https://oss-cn-hangzhou.aliyuncs.com',
            '^https?://[^/?#\\s]+/?$',
          ),
          region: text('The region that requests are signed for.', 'cn-hangzhou', '^[A-Za-z0-9-]{1,64}$'),
          addressing: choice('Bucket in the path or in the host.', ['path', 'virtual']),
          credentials: credentials(),
          capabilities: capabilities(),
          ca: text('PEM certificates to trust for this store, relative to this file.', './store-ca.pem'),
          signature: choice('Signature version, where the store has two.', ['v1', 'v4']),
        },
      }),
    ],
  };
}

function capabilities(): JsonSchema {
  const algorithm = { type: 'string', enum: ['AES256', 'SM4'] };
  const algorithms = (description: string): JsonSchema => listOf(algorithm, description, ['AES256']);
  return {
    ...map('capabilities', {
      properties: {
        managed: {
          description: 'Algorithms under keys of the store itself.',
          examples: ['AES256', 'none'],
          anyOf: [
            { type: 'string', enum: ['AES256', 'SM4', 'none'] },
            { type: 'array', items: algorithm },
          ],
        },
        kms: {
          description: 'KMS keys that the store knows: any, none, or their ids.',
          examples: ['any', 'none', ['testkey-1']],
          anyOf: [
            { type: 'string', enum: ['any', 'none'] },
            { type: 'array', items: { type: 'string', minLength: 1 }, uniqueItems: true },
          ],
        },
        kmsAlgorithms: algorithms('Data algorithms under KMS.'),
        layers: listOf({ type: 'integer', enum: [1, 2] }, 'Layers of encryption under KMS.', [1]),
        customerKey: flag('Takes a customer key with each request.', true),
        kmsDefaultKey: flag('Takes KMS without a key id.', true),
        context: flag('Takes an encryption context.', true),
        bucketKey: flag('Takes bucket keys.', true),
        copyWithEncryption: flag('A copy at the store honours encryption headers.', false),
        conditionalCopy: flag('Honours conditions on the target of a copy.', true),
        keys: choice('Whether /x, a//b and a/./b are other keys than x, a/b.', ['exact', 'folded']),
        bucketEncryption: flag('Has a default encryption by bucket.', true),
        payload: choice('How bodies go to the store over plain HTTP.', ['signed-chunks', 'unsigned']),
        minimumPartSize: size('The least size of a part that is not the last.', '5MiB'),
        checksumHeaders: flag('Verifies checksum headers.', true),
        append: flag('Can append.', false),
        tagging: flag('Keeps object tags.', true),
        bucketInfo: flag('Answers what a bucket is in one call.', false),
        completesAll: flag('Completes an upload without a list of parts.', false),
      },
    }),
    description: 'What this store can do, where it is less than its type can.',
    examples: [{ managed: 'none', kms: ['testkey-1'], copyWithEncryption: false }],
  };
}

function credentials(): JsonSchema {
  return {
    ...map('credentials', { required: ['accessKeyId', 'secretAccessKey'], properties: keyPair() }),
    description: 'The gateway’s own credentials at the store.',
    examples: [{ accessKeyId: '${env:OSS_KEY_ID}', secretAccessKey: '${file:/secrets/oss}' }],
  };
}

function keyPair(): Readonly<Record<string, JsonSchema>> {
  return {
    accessKeyId: text('The access key id, in clear or by reference.', '${env:APP_KEY_ID}'),
    secretAccessKey: text('The secret, by reference only.', '${file:/secrets/app}'),
    sessionToken: text('A session token, by reference only.', '${env:APP_SESSION_TOKEN}'),
  };
}

function keyring(): JsonSchema {
  const ca = text('PEM certificates to trust, relative to this file.', './kms-ca.pem');
  const endpoint = text('Scheme, host and port.', 'https://vault.internal:8200', '^https?://[^/?#\\s]+/?$');
  const kms = (type: string, region: string): JsonSchema =>
    map('keyring', {
      required: ['type', 'region', 'credentials'],
      properties: {
        type: choice('What kind of keyring.', [type]),
        region: text('Region of the key service.', region),
        endpoint,
        credentials: credentials(),
        ca,
      },
    });
  return {
    description: 'Wraps the data keys of what the gateway seals. Needed by the embedded store.',
    examples: [{ type: 'local', file: '../data/keyring.json' }],
    title: 'keyring',
    type: 'object',
    required: ['type'],
    discriminator: { propertyName: 'type' },
    oneOf: [
      map('keyring', {
        required: ['type', 'file'],
        properties: {
          type: choice('What kind of keyring.', ['local']),
          file: text('The key file (mode 0600), relative to this file. Made on first start.', '../data/keyring.json'),
        },
      }),
      map('keyring', {
        required: ['type', 'endpoint', 'token'],
        properties: {
          type: choice('What kind of keyring.', ['vault-transit']),
          endpoint,
          mount: text('Where the transit engine is mounted.', 'transit'),
          namespace: text('A namespace of the server.', 'team-a'),
          token: text('The token, by reference only.', '${file:/secrets/vault-token}'),
          ca,
        },
      }),
      kms('aws-kms', 'us-east-1'),
      kms('aliyun-kms', 'cn-hangzhou'),
    ],
  };
}

function client(names: GatewayNames): JsonSchema {
  const actions = ['read', 'write', 'delete', 'list', 'configure'];
  const grant = map('grant', {
    required: ['buckets', 'actions'],
    properties: {
      buckets: listOf(text('A bucket, or a pattern with *.', 'orders-*', BUCKETS), 'Buckets by name or pattern.', [
        'orders-*',
      ]),
      prefixes: listOf({ type: 'string' }, 'Key prefixes; absent: all keys.', ['incoming/']),
      actions: { ...listOf(choice('An action.', actions), 'What is granted.', ['read', 'write']), minItems: 1 },
    },
  });
  return map('client', {
    required: ['accessKeyId', 'secretAccessKey'],
    properties: {
      name: text('A name for explain and for test cases.', 'orders-service', '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$'),
      ...keyPair(),
      grants: listOf(grant, 'What the client may do, and where.', CLIENT_EXAMPLE.grants),
      keys: listOf({ type: 'string', minLength: 1 }, 'Key aliases that it may use; "*" for all; absent: none.', [
        'orders',
      ]),
      replicator: flag('A replication service: the policy’s replicas: rule decides, never its headers.', false),
      dialect: choice('Pins the language of this client.', names.dialects),
      transport: {
        ...map('transport', {
          properties: {
            httpsOnly: flag('Refuses this client over plain HTTP.', true),
            minTls: choice('The least TLS version.', ['1.2', '1.3']),
          },
        }),
        description: 'Adds to what the policy asks; never takes away.',
        examples: [{ httpsOnly: true }],
      },
    },
  });
}
