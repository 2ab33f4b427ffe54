import { createDirectory } from '../backends/directory.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { principalOf } from '../config/policy-world.ts';
import type { DialectName } from '../dialects/dialect.ts';
import type { DistrustMemory } from '../gateway/memory/distrust.ts';
import type { Client, Snapshot } from '../gateway/call/snapshot.ts';
import type { Keyring } from '../model/keyring.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import type { Policy } from '../policy/policy.ts';
import { hostName } from '../wire/host.ts';
import type { OpenStore } from './stores.ts';
import { trustMarks } from './trust-marks.ts';

/** Everything a request asks of the configuration, as one immutable value. */
export function buildSnapshot(parts: {
  readonly config: GatewayConfig;
  readonly revision: string;
  readonly policy: CompiledPolicy;
  readonly shadow: Policy | undefined;
  readonly stores: ReadonlyMap<string, OpenStore>;
  readonly keyring: Keyring;
  readonly distrust: DistrustMemory;
  /** The snapshot before: a listener that the files no longer name still listens, under the rules it had. */
  readonly previous: Snapshot | undefined;
}): Snapshot {
  const { config, stores } = parts;
  return {
    revision: parts.revision,
    policy: parts.policy,
    shadow: parts.shadow,
    clients: new Map(config.clients.map((client) => [client.accessKeyId, clientOf(client)])),
    directory: createDirectory([...stores.values()].map(({ backend }) => backend)),
    passthroughs: new Map(
      [...stores].flatMap(([name, { passthrough }]) =>
        passthrough === undefined ? [] : [[name, passthrough] as const],
      ),
    ),
    keyring: parts.keyring,
    addressing: {
      domains: config.domains.map(hostName),
      cnames: Object.fromEntries(Object.entries(config.cnames).map(([host, bucket]) => [hostName(host), bucket])),
    },
    bucketsWithoutRule: config.bucketsWithoutRule,
    owner: config.owner,
    listeners: new Map([
      ...(parts.previous?.listeners ?? []),
      ...config.listeners.map(
        (listener) => [listener.name, { dialect: pinOf(listener.dialect), signatures: listener.signatures }] as const,
      ),
    ]),
    hosts: new Map(Object.entries(config.hosts).map(([host, dialect]) => [hostName(host), dialect as DialectName])),
    distrust: parts.distrust.under(trustMarks(config, parts.policy)),
    slowHead: config.limits.slowHead,
    bucketRuleInterval: config.limits.bucketRule,
    uploadLifetime: config.limits.uploads,
  };
}

function clientOf(client: GatewayConfig['clients'][number]): Client {
  const principal = principalOf(client, client.accessKeyId);
  return {
    principal: {
      ...principal,
      transport: principal.transport === undefined ? undefined : { minTls: undefined, ...principal.transport },
    },
    credential: client,
    dialect: client.dialect as DialectName | undefined,
  };
}

function pinOf(dialect: string): DialectName | undefined {
  return dialect === 'auto' ? undefined : (dialect as DialectName);
}
