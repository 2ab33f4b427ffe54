import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { wrapFields } from '../../envelope/data-key.ts';
import { integrityError } from '../../envelope/integrity-error.ts';
import type { RandomBytes } from '../../envelope/random-bytes.ts';
import { unwrapKey, wrapKey, type WrapBinding } from '../../envelope/wrap.ts';
import { DEFAULT_KEY } from '../../model/encryption.ts';
import { GatewayError } from '../../model/errors.ts';
import { MANAGED_KEY, type KeyInfo, type Keyring, type WrapContext } from '../../model/keyring.ts';
import type { WrappedKey } from '../../model/seal.ts';
import {
  markOfFile,
  readKeyFile,
  writeKeyFile,
  KeyringFileError,
  KeyringOvertaken,
  type ReadKeyStore,
} from './key-file.ts';
import { withKeyLock } from './key-lock.ts';
import { EMPTY_KEY_STORE, type KeyStore, type StoredKey } from './key-store.ts';

/** A keyring in a file, with what only its own tools may do. */
export interface LocalKeyring extends Keyring {
  /** Makes a new current version; older ones still unwrap. Answers the version. */
  rotate(keyId: string): Promise<string>;
  enable(keyId: string): Promise<void>;
  /** No wrap and no unwrap until `enable`. */
  disable(keyId: string): Promise<void>;
  /** As `disable`, and said to be on its way out; the material stays in the file, for `enable`. */
  scheduleDeletion(keyId: string): Promise<void>;
  /** A 32-byte key of the gateway's own that never changes, made on first use and kept wrapped under the managed key. */
  ownKey(name: string): Promise<Buffer>;
  /**
   * ms since the epoch from which the age of uploads counts: noted on first use. What an earlier release began is
   * younger than that; where the file cannot be written, it is now.
   */
  since(): Promise<number>;
  /** Whether `ownKey` has made that one already. */
  hasOwnKey(name: string): Promise<boolean>;
}

export interface LocalKeyringOptions {
  readonly file: string;
  /** ms since the epoch. */
  readonly now: () => number;
  readonly randomBytes: RandomBytes;
}

const MASTER_KEY_SIZE = 32;
const SUFFIX_SIZE = 8;
const FIRST_VERSION = '1';
/** Being overtaken takes a sleep of half a minute each time. */
const MOST_ATTEMPTS = 3;

/**
 * Opens the keyring file, or makes it (mode 0600) where there is none; the managed and the default key always exist.
 * Rejects with a `KeyringFileError` on a file that others could read or have planted.
 */
export async function openLocalKeyring(options: LocalKeyringOptions): Promise<LocalKeyring> {
  const { file, now, randomBytes } = options;
  const suffix = (): string => Buffer.from(randomBytes(SUFFIX_SIZE)).toString('hex');
  let held: ReadKeyStore | undefined;
  let opened = false;

  /** The file as it is now: a key that was disabled or rotated elsewhere counts at once. */
  const current = async (): Promise<KeyStore> => {
    try {
      if (held !== undefined && held.mark === (await markOfFile(file))) return held.store;
      held = await readKeyFile(file);
    } catch (error) {
      held = undefined;
      throw unavailable(error);
    }
    if (held === undefined) throw unavailable(new KeyringFileError(`${file} is gone.`));
    return held.store;
  };

  const changeOnce = (next: (store: KeyStore) => KeyStore | undefined): Promise<void> =>
    withKeyLock(file, { now, suffix }, async ({ aside }) => {
      const read = await readKeyFile(file);
      // A running gateway's keyring that is gone must not come back with other keys.
      if (read === undefined && opened) throw new KeyringFileError(`${file} is gone.`);
      const changed = next(read?.store ?? EMPTY_KEY_STORE);
      if (changed !== undefined) await writeKeyFile(file, changed, { mark: read?.mark, aside });
      held = await readKeyFile(file);
    });

  /** `next` answers undefined where nothing is to be changed; it is asked again where another process was faster. */
  const change = async (next: Parameters<typeof changeOnce>[0]): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      try {
        await changeOnce(next);
        return;
      } catch (error) {
        if (!(error instanceof KeyringOvertaken) || attempt === MOST_ATTEMPTS) throw error;
      }
    }
  };

  const runningChange = (next: Parameters<typeof change>[0]): Promise<void> => change(next).catch(rejectAsUnavailable);

  const newVersion = () => ({
    createdAt: new Date(now()).toISOString(),
    material: Buffer.from(randomBytes(MASTER_KEY_SIZE)),
  });

  const ensure = async (keyIds: readonly string[]): Promise<readonly string[]> => {
    held = await readKeyFile(file);
    // Nothing to make: no lock and no write, so that a keyring on a read-only volume serves too.
    if (keyIds.every((keyId) => held?.store.keys.has(keyId) === true)) return [];
    let created: readonly string[] = [];
    await change((store) => {
      created = [...new Set(keyIds)].filter((keyId) => !store.keys.has(keyId));
      if (created.length === 0) return undefined;
      const added = created.map((keyId): [string, StoredKey] => {
        const version = newVersion();
        const versions = new Map([[FIRST_VERSION, version]]);
        return [keyId, { createdAt: version.createdAt, state: 'enabled', current: FIRST_VERSION, versions }];
      });
      return { ...store, keys: new Map([...store.keys, ...added]) };
    });
    return created;
  };

  const setState = (keyId: string, state: StoredKey['state']): Promise<void> =>
    runningChange((store) => {
      if (keyId === MANAGED_KEY) throw new GatewayError('InvalidRequest', 'The managed key is always enabled.');
      const key = existing(store, keyId);
      return key.state === state ? undefined : withKey(store, keyId, { ...key, state });
    });

  const wrapUnder = (store: KeyStore, keyId: string, dek: Uint8Array, context: WrapContext): WrappedKey => {
    const key = usable(store, keyId);
    const { material } = versionOf(key, key.current);
    const blob = wrapKey(material, bindingOf(keyId, key.current, context), dek, randomBytes);
    return { keyId, keyVersion: key.current, blob: blob.toString('base64') };
  };

  const keyring: LocalKeyring = {
    type: 'local',
    ensure: (keyIds) => ensure(keyIds).catch(rejectAsUnavailable),
    async wrap(keyId, dek, context) {
      return wrapUnder(await current(), keyId, dek, context);
    },
    async unwrap(wrapped, context) {
      return unwrapWith(await current(), wrapped, context);
    },
    async rewrap(wrapped, context) {
      const store = await current();
      if (usable(store, wrapped.keyId).current === wrapped.keyVersion) return wrapped;
      const dek = unwrapWith(store, wrapped, context);
      const rewrapped = wrapUnder(store, wrapped.keyId, dek, context);
      dek.fill(0);
      return rewrapped;
    },
    async list() {
      const { keys } = await current();
      return [...keys].map(([keyId, key]) => infoOf(keyId, key));
    },
    async rotate(keyId) {
      let version = '';
      await runningChange((store) => {
        const key = usable(store, keyId);
        version = String(Math.max(...[...key.versions.keys()].map(Number)) + 1);
        const versions = new Map([...key.versions, [version, newVersion()]]);
        return withKey(store, keyId, { ...key, current: version, versions });
      });
      return version;
    },
    enable: (keyId) => setState(keyId, 'enabled'),
    disable: (keyId) => setState(keyId, 'disabled'),
    scheduleDeletion: (keyId) => setState(keyId, 'pending-deletion'),
    async hasOwnKey(name) {
      return (await current()).dataKeys.has(name);
    },
    async ownKey(name) {
      const context: WrapContext = { gw: 'bucketseal/v1', tenant: '', bucket: '', oid: name };
      if (!(await current()).dataKeys.has(name)) {
        await runningChange((store) => {
          if (store.dataKeys.has(name)) return undefined;
          const key = Buffer.from(randomBytes(MASTER_KEY_SIZE));
          const wrapped = wrapUnder(store, MANAGED_KEY, key, context);
          key.fill(0);
          return { ...store, dataKeys: new Map([...store.dataKeys, [name, wrapped]]) };
        });
      }
      const store = await current();
      const wrapped = store.dataKeys.get(name);
      if (wrapped === undefined) throw integrityError(`the keyring lost its data key ${name}`);
      return unwrapWith(store, wrapped, context);
    },
    async since() {
      const first = new Date(now()).toISOString();
      if ((await current()).since === undefined)
        await change((store) => (store.since === undefined ? { ...store, since: first } : undefined)).catch(
          () => undefined,
        );
      return Date.parse((await current()).since ?? first);
    },
  };

  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await ensure([MANAGED_KEY, DEFAULT_KEY]);
  opened = true;
  return keyring;
}

function unwrapWith(store: KeyStore, wrapped: WrappedKey, context: WrapContext): Buffer {
  const key = usable(store, wrapped.keyId);
  const version = key.versions.get(wrapped.keyVersion);
  const binding = bindingOf(wrapped.keyId, wrapped.keyVersion, context);
  // No other version and no other key is tried: a fallback would open what was never wrapped for it.
  const dek =
    version === undefined ? undefined : unwrapKey(version.material, binding, Buffer.from(wrapped.blob, 'base64'));
  if (dek === undefined) throw integrityError('a wrapped key does not open');
  return dek;
}

function bindingOf(keyId: string, version: string, context: WrapContext): WrapBinding {
  return { label: 'bucketseal/v1 wrap', fields: [keyId, version, ...wrapFields(context)] };
}

function existing(store: KeyStore, keyId: string): StoredKey {
  const key = store.keys.get(keyId);
  if (key === undefined) throw new GatewayError('KMS.NotFoundException', `Key '${keyId}' does not exist`);
  return key;
}

function usable(store: KeyStore, keyId: string): StoredKey {
  const key = existing(store, keyId);
  switch (key.state) {
    case 'enabled':
      return key;
    case 'disabled':
      throw new GatewayError('KMS.DisabledException', `${keyId} is disabled.`);
    case 'pending-deletion':
      throw new GatewayError('KMS.KMSInvalidStateException', `${keyId} is pending deletion.`);
  }
}

function versionOf(key: StoredKey, version: string) {
  const found = key.versions.get(version);
  if (found === undefined) throw integrityError(`the keyring lost version ${version}`);
  return found;
}

function withKey(store: KeyStore, keyId: string, key: StoredKey): KeyStore {
  return { ...store, keys: new Map([...store.keys, [keyId, key]]) };
}

function infoOf(keyId: string, key: StoredKey): KeyInfo {
  const { createdAt, state, current, versions } = key;
  return { keyId, versions: versions.size, current, createdAt, state };
}

function rejectAsUnavailable(error: unknown): never {
  throw error instanceof GatewayError ? error : unavailable(error);
}

function unavailable(cause: unknown): GatewayError {
  return new GatewayError('ServiceUnavailable', 'The keyring is not available. Please try again.', { cause });
}
