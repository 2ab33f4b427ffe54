import type { KeyInfo } from '../../model/keyring.ts';
import type { WrappedKey } from '../../model/seal.ts';

const FORMAT = 'bucketseal-keyring/v1';
const MASTER_KEY_SIZE = 32;

export interface KeyVersion {
  readonly createdAt: string;
  /** 32 bytes. */
  readonly material: Buffer;
}

/** One named key: all its versions, of which the current one wraps and any unwraps. */
export interface StoredKey {
  readonly createdAt: string;
  readonly state: KeyInfo['state'];
  readonly current: string;
  readonly versions: ReadonlyMap<string, KeyVersion>;
}

/** What a keyring file holds. */
export interface KeyStore {
  readonly keys: ReadonlyMap<string, StoredKey>;
  /** Data keys of the gateway's own that do not rotate, wrapped, by name (`index`). */
  readonly dataKeys: ReadonlyMap<string, WrappedKey>;
  /** ISO time since which gateways that count the age of uploads use this keyring; 0.1.0 did not note it. */
  readonly since?: string;
}

export const EMPTY_KEY_STORE: KeyStore = { keys: new Map(), dataKeys: new Map() };

/** Reads the JSON of a keyring file; throws with `file` in the message where it is not one. Never shows its content. */
export function parseKeyStore(text: string, file: string): KeyStore {
  const bad = (what: string): Error => new Error(`${file} is not a keyring: ${what}.`);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw bad('it is not JSON');
  }
  const root = recordOf(document);
  if (root?.['format'] !== FORMAT) throw bad(`its format is not ${FORMAT}`);
  const keys = recordOf(root['keys']);
  const dataKeys = recordOf(root['dataKeys']);
  if (keys === undefined || dataKeys === undefined) throw bad('keys or dataKeys are missing');
  const since = root['since'];
  if (since !== undefined && (typeof since !== 'string' || Number.isNaN(Date.parse(since))))
    throw bad('since is no time');
  return {
    ...(since === undefined ? {} : { since }),
    keys: new Map(
      Object.entries(keys).map(([keyId, value]) => {
        const key = toStoredKey(value);
        if (key === undefined) throw bad(`key ${JSON.stringify(keyId)} is malformed`);
        return [keyId, key];
      }),
    ),
    dataKeys: new Map(
      Object.entries(dataKeys).map(([name, value]) => {
        const wrapped = toWrappedKey(value);
        if (wrapped === undefined) throw bad(`data key ${JSON.stringify(name)} is malformed`);
        return [name, wrapped];
      }),
    ),
  };
}

export function formatKeyStore(store: KeyStore): string {
  const keys = [...store.keys].map(([keyId, key]) => {
    const versions = [...key.versions].map(([version, { createdAt, material }]) => [
      version,
      { createdAt, material: material.toString('base64') },
    ]);
    return [keyId, { ...key, versions: toObject(versions) }];
  });
  const { since } = store;
  const document = { format: FORMAT, since, keys: toObject(keys), dataKeys: toObject([...store.dataKeys]) };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** `fromEntries` defines own properties, so a key named `__proto__` is a key like any other. */
function toObject(entries: readonly (readonly unknown[])[]): unknown {
  return Object.fromEntries(entries as readonly (readonly [string, unknown])[]);
}

function toStoredKey(value: unknown): StoredKey | undefined {
  const key = recordOf(value);
  const versions = recordOf(key?.['versions']);
  if (key === undefined || versions === undefined) return undefined;
  const { createdAt, current } = { createdAt: key['createdAt'], current: key['current'] };
  const state = (['enabled', 'disabled', 'pending-deletion'] as const).find((known) => known === key['state']);
  if (typeof createdAt !== 'string' || typeof current !== 'string' || state === undefined) return undefined;
  const parsed = new Map<string, KeyVersion>();
  for (const [version, entry] of Object.entries(versions)) {
    const parsedVersion = toKeyVersion(entry);
    if (parsedVersion === undefined) return undefined;
    parsed.set(version, parsedVersion);
  }
  return parsed.has(current) ? { createdAt, state, current, versions: parsed } : undefined;
}

function toKeyVersion(value: unknown): KeyVersion | undefined {
  const version = recordOf(value);
  const { createdAt, material } = { createdAt: version?.['createdAt'], material: version?.['material'] };
  if (typeof createdAt !== 'string' || typeof material !== 'string') return undefined;
  const bytes = Buffer.from(material, 'base64');
  return bytes.length === MASTER_KEY_SIZE ? { createdAt, material: bytes } : undefined;
}

function toWrappedKey(value: unknown): WrappedKey | undefined {
  const wrapped = recordOf(value);
  if (wrapped === undefined) return undefined;
  const { keyId, keyVersion, blob } = {
    keyId: wrapped['keyId'],
    keyVersion: wrapped['keyVersion'],
    blob: wrapped['blob'],
  };
  return typeof keyId === 'string' && typeof keyVersion === 'string' && typeof blob === 'string'
    ? { keyId, keyVersion, blob }
    : undefined;
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}
