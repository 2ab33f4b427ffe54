import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createPassthrough, type PassthroughSigner } from '../backends/passthrough.ts';
import { openLocalStore } from '../backends/local/store.ts';
import { createRemoteStore, type UpstreamObservation } from '../backends/remote-store.ts';
import { createTransport, type Transport } from '../backends/transport.ts';
import type { GatewayConfig, RemoteStoreConfig } from '../config/gateway-config.ts';
import { DIALECTS } from '../dialects/index.ts';
import type { DialectName, StoreTarget } from '../dialects/dialect.ts';
import { createColumnCipher } from '../envelope/column-cipher.ts';
import type { Backend, Capabilities } from '../model/backend.ts';
import type { LocalStoreOptions, StoreLog } from '../backends/local/ports.ts';

/** setTimeout counts in 31 bits of ms. */
const LONGEST_TIMER = 2 ** 31 - 1;

export interface StoreOptions {
  readonly now: () => number;
  readonly log: StoreLog;
  /** 32 bytes for the digest columns of embedded stores. */
  readonly columnKey: () => Promise<Uint8Array>;
  /** Remembers in the keyring what an embedded store's own directory cannot be trusted to say of itself. */
  readonly rowsBound: (directory: string) => NonNullable<LocalStoreOptions['rowsBound']>;
  /** ms since the epoch: embedded stores abort uploads that began before. */
  readonly uploadsBefore: () => number;
  readonly observe: (observation: UpstreamObservation) => void;
}

/** One opened store with what a reload needs in order to keep or to close it. */
export interface OpenStore {
  readonly backend: Backend;
  /** Same words, same store: a reload keeps it. */
  readonly identity: string;
  readonly passthrough: PassthroughSigner | undefined;
  readonly transport: Transport | undefined;
}

/** Opens the configuration's stores, keeping those that are open already and whose configuration is the same. */
export async function openStores(
  config: GatewayConfig,
  open: readonly OpenStore[],
  options: StoreOptions,
): Promise<ReadonlyMap<string, OpenStore>> {
  const opened = new Map<string, OpenStore>();
  const known = new Map(open.map((store) => [store.identity, store]));
  try {
    for (const [name, store] of Object.entries(config.stores)) {
      const ca = store.kind === 'remote' && store.ca !== undefined ? await readFile(store.ca, 'utf8') : undefined;
      const identity = identityOf(name, store, ca, config);
      const kept = known.get(identity);
      if (kept !== undefined) opened.set(name, withName(kept, name, store.capabilities));
      else if (store.kind === 'embedded') {
        const backend = await openLocalStore({
          name,
          directory: store.directory,
          region: 'us-east-1',
          now: options.now,
          randomBytes,
          columns: createColumnCipher(await options.columnKey(), randomBytes),
          rowsBound: options.rowsBound(store.directory),
          log: options.log,
          uploadsBefore: options.uploadsBefore,
        });
        opened.set(
          name,
          withName({ backend, identity, passthrough: undefined, transport: undefined }, name, store.capabilities),
        );
      } else opened.set(name, openRemote(name, store, { ca, identity, config, options }));
    }
    return opened;
  } catch (error) {
    await closeStores(notIn([...opened.values()], open));
    throw error;
  }
}

/** The stores of one set that the other does not keep open. */
export function notIn(one: readonly OpenStore[], other: readonly OpenStore[]): readonly OpenStore[] {
  const kept = new Set(other.map(({ identity }) => identity));
  return one.filter(({ identity }) => !kept.has(identity));
}

export async function closeStores(stores: readonly OpenStore[]): Promise<void> {
  await Promise.allSettled(stores.map(({ backend }) => backend.close()));
}

interface RemoteContext {
  readonly ca: string | undefined;
  readonly identity: string;
  readonly config: GatewayConfig;
  readonly options: StoreOptions;
}

function openRemote(
  name: string,
  store: RemoteStoreConfig,
  { ca, identity, config, options }: RemoteContext,
): OpenStore {
  const dialect = DIALECTS[store.dialect as DialectName];
  const target: StoreTarget = {
    endpoint: store.endpoint,
    region: store.region,
    addressing: store.addressing,
    credential: store.credentials,
    capabilities: store.capabilities,
    ...(store.signature === undefined ? {} : { signature: store.signature }),
  };
  const transport = createTransport({
    endpoint: store.endpoint,
    idle: config.limits.idle,
    connections: config.limits.storeConnections,
    connect: config.limits.storeConnect,
    ...(ca === undefined ? {} : { ca }),
  });
  const backend = createRemoteStore({
    name,
    type: store.type,
    dialect,
    target,
    transport,
    now: options.now,
    randomBytes,
    head: config.limits.storeHead,
    slowHead: config.limits.storeCopyHead,
    completeHead: Math.min(config.limits.slowHead + config.limits.storeCopyHead, LONGEST_TIMER),
    observe: options.observe,
  });
  return { backend, identity, passthrough: createPassthrough(dialect, target, options.now), transport };
}

/** An embedded store has one lock and stays open; its name and what is declared of it may change over it. */
function withName(store: OpenStore, name: string, capabilities: Capabilities): OpenStore {
  return { ...store, backend: { ...store.backend, name, capabilities } };
}

/** Secrets count by value, so that a rotated credential opens the store anew; the text never leaves this module. */
function identityOf(
  name: string,
  store: GatewayConfig['stores'][string],
  ca: string | undefined,
  config: GatewayConfig,
): string {
  if (store.kind === 'embedded') return JSON.stringify(['embedded', store.directory]);
  const { credentials } = store;
  const secrets = [credentials.accessKeyId, credentials.secretAccessKey.reveal(), credentials.sessionToken?.reveal()];
  return JSON.stringify([name, store, secrets, ca, config.limits]);
}
