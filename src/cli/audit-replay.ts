import type { DeclaredConfig } from '../config/gateway-config.ts';
import { policyFactsOf } from '../config/policy-world.ts';
import type { Capabilities } from '../model/backend.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import type { Decision, Principal } from '../policy/decision.ts';
import { findRule } from '../policy/rules.ts';
import { describe } from '../policy/values.ts';
import { recordedDecisionOf, type RecordedDecision } from './recorded-decision.ts';
import { EVERY_RIGHT, liveOf } from './question.ts';

export interface ReplayReport {
  readonly decisions: number;
  /** Grouped: one entry for what differs in the same way. */
  readonly different: readonly ReplayDifference[];
  /** Outcomes and the like, and log lines of the same stream. */
  readonly others: number;
  /** Lines that are no record, or decisions that say too little to be decided again. */
  readonly unknown: number;
  /** Decisions of clients that the configuration does not have. */
  readonly strangers: number;
}

export interface ReplayDifference {
  readonly count: number;
  readonly operation: string;
  readonly bucket: string;
  /** Where it depends on the key, which the audit does not keep: `under public/`, `under no prefix`. */
  readonly under?: string;
  readonly old: string;
  readonly new: string;
}

export interface ReplayOptions {
  readonly old: CompiledPolicy;
  readonly next: CompiledPolicy;
  readonly config: DeclaredConfig | undefined;
  /** Access key ids of the configuration's clients, by position. */
  readonly clientIds: readonly (string | undefined)[];
  /** ms since the epoch; the time of a line without one. */
  readonly now: number;
}

/** Decides every recorded decision again, under both policies. */
export function replayAudit(text: string, options: ReplayOptions): ReplayReport {
  const counts = { decisions: 0, others: 0, unknown: 0, strangers: 0 };
  const different = new Map<string, ReplayDifference>();
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const recorded = recordedDecisionOf(line);
    if (recorded === 'other') counts.others++;
    else if (recorded === 'unknown') counts.unknown++;
    else {
      counts.decisions++;
      const known = clientOf(recorded.who, options);
      if (options.config !== undefined && known === undefined) counts.strangers++;
      const principal = { ...(known ?? EVERY_RIGHT), ...(recorded.replicator ? { replicator: true } : {}) };
      for (const each of differencesOf(recorded, principal, options)) {
        const id = JSON.stringify(each);
        different.set(id, { ...each, count: (different.get(id)?.count ?? 0) + 1 });
      }
    }
  }
  return { ...counts, different: [...different.values()].sort((a, b) => b.count - a.count) };
}

/** At most one difference a decision: the same for all keys that it can have been about, or the first that differs. */
function differencesOf(
  recorded: RecordedDecision,
  principal: Principal,
  options: ReplayOptions,
): readonly Omit<ReplayDifference, 'count'>[] {
  const { operation, bucket } = recorded;
  const places = placesOf(recorded, options).map((prefix) => {
    const [old, next] = [options.old, options.next].map((policy) =>
      answerOf(policy, recorded, { prefix, principal, options }),
    );
    return { prefix, old: old ?? '', new: next ?? '' };
  });
  const changed = places.filter((place) => place.old !== place.new);
  const [first] = changed;
  if (first === undefined) return [];
  const whole =
    changed.length === places.length && changed.every((place) => place.old === first.old && place.new === first.new);
  const under = first.prefix === '' ? 'under no prefix' : `under ${first.prefix}`;
  return [{ operation, bucket, ...(whole ? {} : { under }), old: first.old, new: first.new }];
}

/**
 * The audit keeps no keys. What a policy asks of one is its longest prefix: one place for each that either policy has,
 * those left out that the recorded rule excludes.
 */
function placesOf({ bucket, rule }: RecordedDecision, { old, next }: ReplayOptions): readonly string[] {
  const prefixes = [old, next].flatMap((policy) => findRule(policy.set, bucket, '')?.rule.prefixes ?? []);
  const all = ['', ...new Set(prefixes.map(({ prefix }) => prefix))];
  const nameAt = (prefix: string): string | undefined =>
    findRule(old.set, bucket, keyUnder(prefix))?.effective.ref.name;
  const fitting = all.filter((prefix) => rule !== '' && rule.endsWith(` ${nameAt(prefix) ?? ''}`));
  return fitting.length > 0 ? fitting : all;
}

/** A key that begins with the prefix and with no longer one. */
function keyUnder(prefix: string): string {
  return `${prefix}\u0001`;
}

interface Place {
  readonly prefix: string;
  readonly principal: Principal;
  readonly options: ReplayOptions;
}

function answerOf(policy: CompiledPolicy, recorded: RecordedDecision, { prefix, principal, options }: Place): string {
  const { bucket, secure, wish, wishesIgnored, bucketRule, at } = recorded;
  const key = keyUnder(prefix);
  const route = policy.route(bucket);
  if (route === undefined) return 'deny AccessDenied';
  // What TLS version it was is not recorded.
  const access = policy.access({ principal, action: 'write', bucket, key, secure, tlsVersion: undefined });
  if (access.effect === 'deny') return words(access, route.store);
  const { config } = options;
  const store = config === undefined ? undefined : policyFactsOf(config).stores[route.store];
  const seals = store?.seals ?? recorded.by === 'gateway';
  const decision = policy.decide({
    principal,
    bucket,
    key,
    wish,
    wishesIgnored,
    bucketRule,
    store: { name: route.store, capabilities: store?.capabilities ?? { ...EVERYTHING, seals } },
    canSeal: seals,
    bucketsWithoutRule: config?.bucketsWithoutRule ?? 'managed',
    secure,
    now: at ?? options.now,
  });
  return words(decision, `${route.store}/${route.storeBucket}`);
}

function words(decision: Decision, place: string): string {
  return decision.effect === 'deny'
    ? `deny ${decision.code}`
    : `allow ${describe(decision.encryption)} by the ${decision.by} at ${place}`;
}

function clientOf(who: string, { config, clientIds }: ReplayOptions): Principal | undefined {
  const client = config?.clients[clientIds.indexOf(who)];
  return client === undefined ? undefined : liveOf(client, who);
}

/** What a store is taken for that nobody describes. */
const EVERYTHING: Capabilities = {
  managed: ['AES256', 'SM4'],
  kms: 'any',
  kmsAlgorithms: ['AES256', 'SM4'],
  layers: [1, 2],
  customerKey: true,
  kmsDefaultKey: true,
  context: true,
  bucketKey: true,
  perObject: true,
  copyWithEncryption: true,
  conditionalCopy: true,
  keys: 'exact',
  bucketEncryption: true,
  payload: 'unsigned',
  minimumPartSize: 0,
  checksumHeaders: true,
  needsContentLength: false,
  tlsOnly: false,
  seals: false,
  append: true,
  tagging: true,
  bucketInfo: true,
  completesAll: true,
};
