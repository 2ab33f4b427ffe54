import { hash, randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import type { Writable } from 'node:stream';
import type { GatewayConfig } from '../config/gateway-config.ts';
import type { Diagnostic } from '../config/diagnostics.ts';
import { secretsOf } from '../config/secrets-of.ts';
import { DIALECTS } from '../dialects/index.ts';
import type { Services } from '../gateway/call/call.ts';
import { createCheckedRules } from '../gateway/memory/checked-rules.ts';
import { createDistrustMemory } from '../gateway/memory/distrust.ts';
import { createGateway } from '../gateway/handle-request.ts';
import type { Snapshot } from '../gateway/call/snapshot.ts';
import { createKnownUploads } from '../gateway/memory/known-uploads.ts';
import { createSpool } from '../gateway/memory/spool.ts';
import { createStoredPolicies } from '../gateway/memory/stored-policies.ts';
import { createRepeatedCompletes } from '../gateway/memory/repeated-complete.ts';
import { createUploadTokens } from '../gateway/memory/upload-token.ts';
import { openLocalKeyring, type LocalKeyring } from '../keyrings/local/keyring.ts';
import type { QuarantineReport } from '../model/backend.ts';
import { GatewayError } from '../model/errors.ts';
import type { Handle } from '../server/handle.ts';
import type { OutgoingRequest } from '../wire/message.ts';
import { startListeners, type ListenerSettings, type Running as Listening } from '../server/listener.ts';
import { startAdmin, type AdminRunning } from '../server/admin.ts';
import type { AdminGuard } from '../server/admin-guard.ts';
import { createTelemetry, type Telemetry } from '../telemetry/telemetry.ts';
import { createGenerations, type Generation } from './generations.ts';
import type { Inputs } from './inputs.ts';
import { createReloader, type Reloader, type ReloadOutcome } from './reloader.ts';
import { createRequestSpans } from './request-spans.ts';
import { signalsOf } from './signals.ts';
import { buildSnapshot } from './snapshot.ts';
import { trustOf } from './trust.ts';
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
  readonly reload: () => Promise<ReloadOutcome>;
  readonly unready: () => void;
  /** Stores, keyring and telemetry, after the listeners have closed. */
  readonly close: () => Promise<void>;
}

/** Stored bucket policies and the like may be this many ms old. */
const STORED_POLICY_INTERVAL_MS = 60_000;

/** Where a runtime writes; standard error when absent. */
export interface RuntimeOutput {
  readonly audit: Writable;
  readonly log: { write(line: string): void };
}

/**
 * Opens everything that a configuration names and listens. `now` is ms since the epoch. Rejects with
 * `BadConfiguration` where the files do not allow a start.
 */
export async function startRuntime(
  configFile: string,
  now: () => number,
  output: RuntimeOutput = { audit: process.stderr, log: process.stderr },
): Promise<Runtime> {
  const telemetry = createTelemetry({
    level: 'info',
    now,
    secretNames: Object.values(DIALECTS).flatMap((dialect) => dialect.secretNames),
    audit: { sink: output.audit, keys: 'hash' },
    labelledBuckets: [],
    logDestination: output.log,
  });
  const house: { apply?: (inputs: Inputs) => Promise<void> } = {};
  const reloader = await createReloader({
    configFile,
    now,
    telemetry,
    apply: async (inputs) => {
      await house.apply?.(inputs);
    },
  });
  try {
    return await open({ reloader, telemetry, now, house });
  } catch (error) {
    reloader.close();
    throw error;
  }
}

interface Opening {
  readonly reloader: Reloader;
  readonly telemetry: Telemetry;
  readonly now: () => number;
  /** Gets what a reload does, once there is something to reload. */
  readonly house: { apply?: (inputs: Inputs) => Promise<void> };
}

async function open({ reloader, telemetry, now, house }: Opening): Promise<Runtime> {
  const { config, diagnostics } = reloader.first;
  telemetry.learn(secretsOf([config, reloader.first.certificates]));
  const closing = new AbortController();
  const distrust = createDistrustMemory();
  const keyring = await openKeyring(config, now);
  const columnKey = (): Promise<Uint8Array> => keyring.ownKey('columns');
  const uploadsSince = await keyring.since();
  let uploadLifetime = config.limits.uploads;
  const storeOptions = {
    now,
    columnKey,
    // Ages count from the upgrade: until a lifetime has passed since, no upload is too old.
    uploadsBefore: (): number => {
      const before = now() - uploadLifetime;
      return uploadsSince < before ? before : 0;
    },
    rowsBound: (directory: string) => {
      // By the directory's place, which the configuration says: all that lies in it may have been put there.
      const name = `rows-bound:${hash('sha256', directory, 'hex').slice(0, 32)}`;
      return {
        known: () => keyring.hasOwnKey(name),
        remember: async () => {
          (await keyring.ownKey(name)).fill(0);
        },
      };
    },
    log: (level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>): void =>
      telemetry.logger[level](fields, message),
    observe: telemetry.metrics.upstream,
  };
  const spans = createRequestSpans(telemetry.spans);
  const services: Services = {
    now,
    randomBytes,
    signals: signalsOf(telemetry, spans.facts),
    uploadTokens: createUploadTokens(await keyring.ownKey('upload-tokens')),
    spool: createSpool({ directory: tmpdir(), limit: config.limits.spool, randomBytes }),
    checkedRules: createCheckedRules(now),
    storedPolicies: createStoredPolicies(now, STORED_POLICY_INTERVAL_MS),
    repeatedCompletes: createRepeatedCompletes(),
    knownUploads: createKnownUploads(),
    uploadsSince,
    outlive: (wire) => ({ signal: closing.signal, release: generations.hold(wire) }),
  };
  const build = async (
    inputs: Inputs,
    kept: readonly OpenStore[],
    previous: Snapshot | undefined,
  ): Promise<Generation> => {
    const created = await keyring.ensure(inputs.aliases);
    if (created.length > 0) telemetry.logger.info({ keys: created }, 'keys created');
    const stores = await openStores(inputs.config, kept, storeOptions);
    try {
      return { stores, snapshot: buildSnapshot({ ...inputs, stores, keyring, distrust, previous }) };
    } catch (error) {
      await closeStores(notIn([...stores.values()], kept));
      throw error;
    }
  };
  const generations = createGenerations(await build(reloader.first, [], undefined));
  telemetry.metrics.reloaded({ ok: true, atSeconds: now() / 1000 });

  const gateway = createGateway({ snapshot: () => generations.current().snapshot, services });
  const handle: Handle = (wire, signal, admit) =>
    spans.run(wire, async () => {
      // In one turn with the gateway's own look at the snapshot: both see the same generation.
      const { stores } = generations.begin(wire);
      const answer = await gateway.handle(wire, signal, admit);
      if (!('passthrough' in answer)) return answer;
      const transport = stores.get(answer.store)?.transport;
      if (transport === undefined) return gateway.encodeFailure(new Error(`no transport for ${answer.store}`), wire);
      const { origin, request } = answer.passthrough;
      return {
        passthrough: {
          origin,
          path: request.query === '' ? request.path : `${request.path}?${request.query}`,
          method: request.method,
          headers: request.headers,
          // As it was verified and signed anew, never the client's raw payload.
          body: chunksOf(request.body),
          dispatcher: transport.dispatcher as never,
        },
      };
    });
  let ready = true;
  const listening = await startListeners({
    listeners: config.listeners.map((listener) => listenerOf(listener, reloader.first)),
    trustedProxies: config.trustedProxies,
    limits: config.limits,
    handle,
    encodeFailure: (error, { wire, listener }) => gateway.encodeFailure(error, wire, listener),
    observe: ({ wire, listener, requestId, status, duration }) => {
      const operation = spans.operationOf(requestId);
      telemetry.metrics.request({
        method: wire?.method ?? '',
        status,
        listener,
        seconds: duration / 1000,
        ...(operation === undefined ? {} : { operation }),
      });
      spans.end(requestId);
      if (wire !== undefined) generations.end(wire);
    },
    report: (error, requestId) => telemetry.logger.error({ requestId, error }, 'server'),
    requestId: () => randomBytes(12).toString('hex').toUpperCase(),
    now,
  });
  let guard = guardOf(config);
  let presented = reloader.first.certificates;
  house.apply = async (inputs) => {
    telemetry.learn(secretsOf([inputs.config, inputs.certificates]));
    // A store that is still closing holds its lock.
    await generations.settled();
    const next = await build(inputs, generations.openStores(), generations.current().snapshot);
    guard = guardOf(inputs.config);
    // Everything was judged before and nothing waits from here on: one swap.
    listening.reloadTrustedProxies(inputs.config.trustedProxies);
    generations.replace(next);
    for (const [name, material] of changedCertificates(presented, inputs)) listening.reloadCertificate(name, material);
    presented = new Map([...presented].map(([name, material]) => [name, inputs.certificates.get(name) ?? material]));
    uploadLifetime = inputs.config.limits.uploads;
    services.checkedRules.forget();
    services.storedPolicies.clear();
  };
  telemetry.metrics.watchInFlight(listening.inFlight);
  const admin =
    config.admin === undefined
      ? undefined
      : await startAdmin({
          host: config.admin.host,
          port: config.admin.port,
          guard: () => guard,
          ready: () => (ready ? { ready } : { ready, reason: 'draining' }),
          metrics: telemetry.scrape,
          status: () => ({ ...statusOf(generations.current().snapshot), configuration: reloader.status() }),
          reload: async () => {
            const outcome = await reloader.reload();
            return outcome.ok
              ? { ok: true, message: outcome.revision }
              : {
                  ok: false,
                  message: 'the last good configuration stays',
                  problems: reloader.status().rejected?.problems,
                };
          },
          trust: trustOf(distrust, () => generations.current().snapshot, telemetry),
          report: (error) => telemetry.logger.error({ error }, 'admin'),
        });
  reloader.watch();
  return {
    listening,
    admin,
    telemetry,
    config,
    diagnostics,
    revision: () => generations.current().snapshot.revision,
    reload: reloader.reload,
    unready: () => {
      ready = false;
    },
    close: async () => {
      reloader.close();
      await admin?.close();
      closing.abort(new GatewayError('ServiceUnavailable', 'The gateway is shutting down.'));
      await generations.close();
      await telemetry.close();
    },
  };
}

/** Listeners that have TLS now and whose texts differ from those presented; a new context also ends resumed sessions. */
function chunksOf(body: OutgoingRequest['body']): AsyncIterable<Uint8Array> | null {
  if (body === undefined) return null;
  return body instanceof Uint8Array ? Readable.from([body]) : body;
}

function changedCertificates(presented: Inputs['certificates'], { certificates }: Inputs): Inputs['certificates'] {
  return new Map(
    [...certificates].filter(([name, next]) => {
      const now = presented.get(name);
      return now !== undefined && (now.certificate !== next.certificate || now.key.reveal() !== next.key.reveal());
    }),
  );
}

async function openKeyring(config: GatewayConfig, now: () => number): Promise<LocalKeyring> {
  const { keyring } = config;
  if (keyring?.type !== 'local') throw new Error('Only the local keyring is available.');
  return await openLocalKeyring({ file: keyring.file, now, randomBytes });
}

function guardOf({ admin }: GatewayConfig): Omit<AdminGuard, 'host'> {
  return { hosts: admin?.hosts ?? [], token: admin?.token };
}

function listenerOf(listener: GatewayConfig['listeners'][number], { certificates }: Inputs): ListenerSettings {
  const { name, host, port, proxyProtocol } = listener;
  const tls = certificates.get(name);
  return { name, host, port, proxyProtocol, ...(tls === undefined ? {} : { tls }) };
}

function shownQuarantine({ oldest, ...report }: QuarantineReport): object {
  return { ...report, ...(oldest === undefined ? {} : { oldest: new Date(oldest).toISOString().slice(0, 10) }) };
}

function statusOf(snapshot: Snapshot): object {
  const distrusted = snapshot.distrust.all();
  return {
    revision: snapshot.revision,
    policy: { file: snapshot.policy.file, revision: snapshot.policy.revision },
    ...(snapshot.shadow === undefined
      ? {}
      : { shadowPolicy: { file: snapshot.shadow.file, revision: snapshot.shadow.revision } }),
    stores: snapshot.directory.all.map(({ name, type, quarantine }) => ({
      name,
      type,
      ...(quarantine === undefined ? {} : { quarantine: shownQuarantine(quarantine()) }),
    })),
    distrusted: distrusted.length,
    ...(distrusted.length === 0
      ? {}
      : {
          distrust: distrusted.map(({ store, bucket, operation, kind }) => `${store}/${bucket}: ${operation} ${kind}`),
        }),
  };
}
