import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { LoadOutcome } from '../config/load.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { hasErrors, type Diagnostic } from '../config/diagnostics.ts';
import { DIALECTS } from '../dialects/index.ts';
import type { Services } from '../gateway/call.ts';
import { createBucketRuleGuard } from '../gateway/bucket-rule.ts';
import { createGateway } from '../gateway/handle-request.ts';
import type { Snapshot } from '../gateway/snapshot.ts';
import { createSpool } from '../gateway/spool.ts';
import { createStoredPolicies } from '../gateway/stored-policy.ts';
import { createUploadTokens } from '../gateway/upload-token.ts';
import { openLocalKeyring, type LocalKeyring } from '../keyrings/local/keyring.ts';
import { secret } from '../model/encryption.ts';
import type { Handle } from '../server/handle.ts';
import { startListeners, type ListenerSettings, type Running as Listening } from '../server/listener.ts';
import { startAdmin, type AdminRunning } from '../server/admin.ts';
import { createTelemetry, type Telemetry } from '../telemetry/telemetry.ts';
import { compileLoaded, files, referenceSources } from './loading.ts';
import { signalsOf } from './signals.ts';
import { buildSnapshot } from './snapshot.ts';
import { closeStores, notIn, openStores, type OpenStore } from './stores.ts';

/** A gateway in this process. */
export interface Runtime {
  readonly listening: Listening;
  readonly admin: AdminRunning | undefined;
  readonly telemetry: Telemetry;
  readonly config: GatewayConfig;
  readonly diagnostics: readonly Diagnostic[];
  readonly revision: () => string;
  /** Loads everything but ports again; a bad file keeps the last good one. */
  reload(): Promise<ReloadOutcome>;
  unready(): void;
  /** Stores, keyring and telemetry, after the listeners have closed. */
  close(): Promise<void>;
}

export type ReloadOutcome =
  | { readonly ok: true; readonly revision: string }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/** The configuration does not allow a start. */
export class BadConfiguration extends Error {
  override readonly name = 'BadConfiguration';
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    super('the configuration does not allow a start');
    this.diagnostics = diagnostics;
  }
}

/** Stored bucket policies and the like may be this many ms old. */
const STORED_POLICY_INTERVAL_MS = 60_000;

/** Opens everything that a configuration names and listens. `now` is ms since the epoch. */
export async function startRuntime(configFile: string, now: () => number): Promise<Runtime> {
  const first = resolved(files.load(configFile));
  const { config } = first;
  const telemetry = createTelemetry({
    level: 'info',
    now,
    secretNames: Object.values(DIALECTS).flatMap((dialect) => dialect.secretNames),
    audit: { sink: process.stderr, keys: 'hash' },
    labelledBuckets: [],
    logDestination: process.stderr,
  });
  const keyring = await openKeyring(config, now);
  const columnKey = (): Promise<Uint8Array> => keyring.ownKey('columns');
  const storeOptions = {
    now,
    columnKey,
    log: (level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>): void =>
      telemetry.logger[level](fields, message),
    observe: telemetry.metrics.upstream,
  };
  const services: Services = {
    now,
    randomBytes,
    signals: signalsOf(telemetry),
    uploadTokens: createUploadTokens(await keyring.ownKey('upload-tokens')),
    spool: createSpool({ directory: tmpdir(), limit: config.limits.spool, randomBytes }),
    bucketRules: createBucketRuleGuard(now),
    storedPolicies: createStoredPolicies(now, STORED_POLICY_INTERVAL_MS),
  };

  let stores: ReadonlyMap<string, OpenStore> = new Map();
  const build = async (outcome: Resolved): Promise<Snapshot> => {
    const next = await openStores(outcome.config, stores, storeOptions);
    const replaced = notIn(stores, next);
    const created = await keyring.ensure(outcome.aliases);
    if (created.length > 0) telemetry.logger.info({ keys: created }, 'keys created');
    stores = next;
    // Requests under way still hold the old snapshot; a pool that closes lets them finish.
    if (replaced.length > 0) void closeStores(replaced);
    return buildSnapshot({ ...outcome, stores, keyring });
  };
  let snapshot = await build(first);
  telemetry.metrics.reloaded({ ok: true, atSeconds: now() / 1000 });

  const gateway = createGateway({ snapshot: () => snapshot, services });
  const handle: Handle = async (wire, signal) => {
    const answer = await gateway.handle(wire, signal);
    if (!('lane' in answer)) return answer;
    const transport = stores.get(answer.store)?.transport;
    if (transport === undefined) return gateway.encodeFailure(new Error(`no transport for ${answer.store}`), wire);
    const { origin, request } = answer.lane;
    return {
      passthrough: {
        origin,
        path: request.query === '' ? request.path : `${request.path}?${request.query}`,
        method: request.method,
        headers: request.headers,
        dispatcher: transport.dispatcher as never,
      },
    };
  };
  let ready = true;
  const reload = async (): Promise<ReloadOutcome> => {
    try {
      const next = resolved(files.load(configFile));
      snapshot = await build(next);
      services.bucketRules.forget();
      telemetry.metrics.reloaded({ ok: true, atSeconds: now() / 1000 });
      telemetry.logger.info({ revision: snapshot.revision }, 'configuration reloaded');
      return { ok: true, revision: snapshot.revision };
    } catch (error) {
      telemetry.metrics.reloaded({ ok: false, atSeconds: now() / 1000 });
      const diagnostics = error instanceof BadConfiguration ? error.diagnostics : [];
      telemetry.logger.error(
        { error, problems: diagnostics.length },
        'configuration not reloaded; the last good one stays',
      );
      return { ok: false, diagnostics };
    }
  };

  const listening = await startListeners({
    listeners: await Promise.all(config.listeners.map(listenerOf)),
    trustedProxies: config.trustedProxies,
    limits: config.limits,
    handle,
    encodeFailure: (error, { wire }) => gateway.encodeFailure(error, wire),
    observe: ({ wire, listener, status, duration }) =>
      telemetry.metrics.request({ method: wire?.method ?? '', status, listener, seconds: duration / 1000 }),
    report: (error, requestId) => telemetry.logger.error({ requestId, error }, 'server'),
    requestId: () => randomBytes(12).toString('hex').toUpperCase(),
    now,
  });
  telemetry.metrics.watchInFlight(listening.inFlight);
  const admin =
    config.admin === undefined
      ? undefined
      : await startAdmin({
          ...config.admin,
          ready: () => (ready ? { ready } : { ready, reason: 'draining' }),
          metrics: telemetry.scrape,
          status: () => statusOf(snapshot),
          reload: async () => {
            const outcome = await reload();
            return { ok: outcome.ok, message: outcome.ok ? outcome.revision : 'the last good configuration stays' };
          },
          report: (error) => telemetry.logger.error({ error }, 'admin'),
        });
  return {
    listening,
    admin,
    telemetry,
    config,
    diagnostics: first.diagnostics,
    revision: () => snapshot.revision,
    reload,
    unready: () => {
      ready = false;
    },
    close: async () => {
      await admin?.close();
      await closeStores([...stores.values()]);
      await telemetry.close();
    },
  };
}

interface Resolved {
  readonly config: GatewayConfig;
  readonly revision: string;
  readonly policy: Snapshot['policy'];
  readonly shadow: Snapshot['shadow'];
  readonly aliases: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

function resolved(outcome: LoadOutcome): Resolved {
  const { config, diagnostics } = outcome.resolve(referenceSources());
  const all = [...outcome.diagnostics, ...diagnostics];
  if (config === undefined || outcome.policy === undefined || hasErrors(all)) throw new BadConfiguration(all);
  const policy = compileLoaded(outcome.policy, config);
  return {
    config,
    revision: outcome.revision,
    policy,
    shadow: outcome.shadow === undefined ? undefined : compileLoaded(outcome.shadow, config),
    aliases: policy.aliases.map((alias) => policy.keyAt(alias as never, 'keyring')),
    diagnostics: all,
  };
}

async function openKeyring(config: GatewayConfig, now: () => number): Promise<LocalKeyring> {
  const { keyring } = config;
  if (keyring?.type !== 'local') throw new Error('Only the local keyring is available.');
  return await openLocalKeyring({ file: keyring.file, now, randomBytes });
}

async function listenerOf(listener: GatewayConfig['listeners'][number]): Promise<ListenerSettings> {
  const { name, host, port, tls, proxyProtocol } = listener;
  return {
    name,
    host,
    port,
    proxyProtocol,
    ...(tls === undefined
      ? {}
      : {
          tls: { certificate: await readFile(tls.certificate, 'utf8'), key: secret(await readFile(tls.key, 'utf8')) },
        }),
  };
}

function statusOf(snapshot: Snapshot): object {
  return {
    revision: snapshot.revision,
    policy: { file: snapshot.policy.file, revision: snapshot.policy.revision },
    stores: snapshot.directory.all.map(({ name, type }) => ({ name, type })),
    distrusted: snapshot.distrust.size,
  };
}
