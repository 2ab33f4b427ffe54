import type { Secret } from '../model/encryption.ts';
import { hasErrors } from './diagnostics.ts';
import type { Diagnostic } from './diagnostics.ts';
import type {
  ClientConfig,
  CredentialsConfig,
  DeclaredConfig,
  GatewayConfig,
  KeyringConfig,
  StoreConfig,
} from './gateway-config.ts';
import { resolveSecret, resolveText } from './secret-reference.ts';
import type { Reference, ReferenceSources, SecretUse } from './secret-reference.ts';
import type { YamlFile } from './yaml-file.ts';

/** Reads every reference of a configuration. All that fail are told, each at its line; no value is ever shown. */
export function resolveConfig(
  declared: DeclaredConfig,
  file: YamlFile,
  sources: ReferenceSources,
): { readonly config: GatewayConfig | undefined; readonly diagnostics: readonly Diagnostic[] } {
  const diagnostics: Diagnostic[] = [];
  const resolver = resolverOf(file, sources, diagnostics);
  const config: GatewayConfig = {
    ...declared,
    stores: Object.fromEntries(
      Object.entries(declared.stores).map(([name, store]) => [name, liveStore(store, resolver)]),
    ),
    admin:
      declared.admin === undefined
        ? undefined
        : {
            ...declared.admin,
            token: declared.admin.token && resolver.secret(declared.admin.token, 'client'),
          },
    keyring: declared.keyring === undefined ? undefined : liveKeyring(declared.keyring, resolver),
    clients: declared.clients.map((client) => liveClient(client, resolver)),
  };
  diagnostics.push(...duplicatesOf(declared, config, file));
  return { config: hasErrors(diagnostics) ? undefined : config, diagnostics };
}

interface Resolver {
  text(reference: Reference): string;
  secret(reference: Reference, use: SecretUse): Secret;
}

function resolverOf(file: YamlFile, sources: ReferenceSources, diagnostics: Diagnostic[]): Resolver {
  return {
    text: (reference) => {
      const { value, findings } = resolveText(reference, sources);
      diagnostics.push(...findings.map((finding) => file.report(file.locate(reference.path), finding)));
      return value ?? '';
    },
    secret: (reference, use) => {
      const { value, findings } = resolveSecret(reference, use, sources);
      diagnostics.push(...findings.map((finding) => file.report(file.locate(reference.path), finding)));
      return value ?? UNUSABLE;
    },
  };
}

/** Stands only in a configuration that is thrown away because an ERROR was told. */
const UNUSABLE: Secret = {
  reveal: () => {
    throw new TypeError('an unresolved secret was asked for');
  },
  toString: () => '[unresolved]',
  toJSON: () => '[unresolved]',
};

function liveCredentials(
  credentials: CredentialsConfig<Reference, Reference>,
  use: SecretUse,
  resolver: Resolver,
): CredentialsConfig {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  return {
    accessKeyId: resolver.text(accessKeyId),
    secretAccessKey: resolver.secret(secretAccessKey, use),
    ...(sessionToken === undefined ? {} : { sessionToken: resolver.secret(sessionToken, use) }),
  };
}

function liveStore(store: StoreConfig<Reference, Reference>, resolver: Resolver): StoreConfig {
  return store.kind === 'embedded'
    ? store
    : { ...store, credentials: liveCredentials(store.credentials, 'store', resolver) };
}

function liveKeyring(keyring: KeyringConfig<Reference, Reference>, resolver: Resolver): KeyringConfig {
  switch (keyring.type) {
    case 'local':
      return keyring;
    case 'vault-transit':
      return { ...keyring, token: resolver.secret(keyring.token, 'store') };
    case 'aws-kms':
    case 'aliyun-kms':
      return { ...keyring, credentials: liveCredentials(keyring.credentials, 'store', resolver) };
  }
}

function liveClient(client: ClientConfig<Reference, Reference>, resolver: Resolver): ClientConfig {
  const { name, grants, keys, replicator, dialect, transport } = client;
  return { name, grants, keys, replicator, dialect, transport, ...liveCredentials(client, 'client', resolver) };
}

/** Two references may lead to one key id: whose rights would then hold? */
function duplicatesOf(declared: DeclaredConfig, config: GatewayConfig, file: YamlFile): readonly Diagnostic[] {
  const ids = config.clients.map(({ accessKeyId }) => accessKeyId);
  return declared.clients.flatMap(({ accessKeyId }, index) => {
    const id = ids[index] ?? '';
    if (id === '' || ids.indexOf(id) === index) return [];
    const message = 'another client has this access key id too';
    return [file.report(file.locate(accessKeyId.path), { level: 'ERROR', code: 'duplicate-client', message })];
  });
}
