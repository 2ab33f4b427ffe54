import { mergeBlocks, untilOf, type CompiledPolicy, type PolicyWorld, type StoreFacts } from './compile.ts';
import type { Principal, Resolved } from './decision.ts';
import type { BucketRuleDocument, PolicyDocument, RuleBlocks } from './document.ts';
import { feasibility, type Feasibility } from './feasibility.ts';
import { finding, type Finding, type Path } from './finding-codes.ts';
import { intersects } from './pattern.ts';
import { rankOf } from './rank.ts';
import type { EffectiveRule } from './rules.ts';
import { describe, type AcceptEntry } from './values.ts';

/** One place of the key space: a rule, or a prefix of a rule, with the blocks that make it up, most specific first. */
export interface Place {
  readonly path: Path;
  readonly rule: BucketRuleDocument;
  readonly layers: readonly { readonly path: Path; readonly blocks: RuleBlocks }[];
  readonly effective: Omit<EffectiveRule, 'ref'>;
  /** The rule's own default where this is a prefix; the place's own otherwise. */
  readonly bucketDefault: EffectiveRule['default'];
  readonly isPrefix: boolean;
}

export function placesOf(document: PolicyDocument): readonly Place[] {
  const base = { path: ['defaults'], blocks: document.defaults ?? {} };
  return document.buckets.flatMap((rule, i) => {
    const bucket = { path: ['buckets', i], blocks: rule };
    const bucketDefault = mergeBlocks([rule, base.blocks]).default;
    const place = (layers: Place['layers'], isPrefix: boolean): Place => ({
      path: layers[0]?.path ?? [],
      rule,
      layers,
      effective: mergeBlocks(layers.map(({ blocks }) => blocks)),
      bucketDefault,
      isPrefix,
    });
    return [
      place([bucket, base], false),
      ...(rule.prefixes ?? []).map((prefix, j) =>
        place([{ path: [...bucket.path, 'prefixes', j], blocks: prefix }, bucket, base], true),
      ),
    ];
  });
}

type World = PolicyWorld & { readonly clients?: readonly Principal[] };

export function placeFindings(place: Place, policy: CompiledPolicy, world: World): readonly Finding[] {
  const store = Object.hasOwn(world.stores, place.rule.store) ? world.stores[place.rule.store] : undefined;
  return [
    ...(place.effective.default === undefined
      ? [
          finding(
            'no-default',
            place.path,
            `nothing says what "${place.rule.match}" is encrypted with`,
            'add encryption: { default: managed }',
          ),
        ]
      : []),
    ...plaintext(place, store, world),
    ...transport(place),
    ...mode(place),
    ...clients(place),
    ...writers(place, world),
    ...(store === undefined ? [] : feasible(place, policy, store)),
  ];
}

function plaintext(place: Place, store: StoreFacts | undefined, world: World): readonly Finding[] {
  const at = encryptionPath(place, 'default');
  if (typeof place.effective.default === 'object' && place.effective.default.kind === 'none')
    return [finding('plaintext-default', at, 'objects are stored in plaintext')];
  if (place.effective.default === 'store' && store?.seals === true && world.bucketsWithoutRule === 'none')
    return [finding('plaintext-without-rule', at, 'a bucket without a rule of its own stores plaintext here')];
  return [];
}

function transport({ effective, layers, path }: Place): readonly Finding[] {
  const found: Finding[] = [];
  const place = { layers, path };
  if (effective.transport.httpsOnly) return found;
  const kmsByDefault = typeof effective.default === 'object' && effective.default.kind === 'kms';
  if (kmsByDefault)
    found.push(
      finding(
        'http-with-kms',
        encryptionPath(place, 'default'),
        'objects under a KMS key may travel over plain HTTP',
        HTTPS_ONLY,
      ),
    );
  const askable = effective.clients === 'choose' || effective.clients === 'strengthen';
  for (const [i, entry] of (askable ? (effective.accept ?? []) : []).entries()) {
    const at = [...encryptionPath(place, 'accept'), i];
    // Where the default says it already, once is enough.
    if (entry.kind === 'kms' && !kmsByDefault)
      found.push(finding('http-with-kms', at, 'objects under a KMS key may travel over plain HTTP', HTTPS_ONLY));
    if (entry.kind === 'anyCustomer')
      found.push(finding('http-with-customer-key', at, "a customer's key may be sent over plain HTTP", HTTPS_ONLY));
  }
  const minTls = layers.find(({ blocks }) => blocks.transport?.minTls !== undefined);
  const opened = layers.find(({ blocks }) => blocks.transport?.httpsOnly !== undefined);
  // A prefix that opens plain HTTP on purpose keeps the bucket's minTls for those who use TLS.
  if (minTls !== undefined && opened === undefined)
    found.push(
      finding('min-tls-without-https', [...minTls.path, 'transport', 'minTls'], 'plain HTTP stays open', HTTPS_ONLY),
    );
  return found;
}

const HTTPS_ONLY = 'set transport: { httpsOnly: true }';

function mode({ layers }: Place): readonly Finding[] {
  const set = layers.find(({ blocks }) => blocks.mode !== undefined);
  const end = layers.find(({ blocks }) => blocks.until !== undefined);
  const value = set?.blocks.mode ?? 'enforce';
  const inner = typeof value === 'object' ? value.audit.until : undefined;
  const found: Finding[] = [];
  if (value === 'enforce' && end !== undefined)
    found.push(finding('until-without-audit', [...end.path, 'until'], 'until has no effect without mode: audit'));
  if (value === 'enforce' || set === undefined) return found;
  const until = inner ?? end?.blocks.until;
  const at = inner !== undefined || end === undefined ? [...set.path, 'mode'] : [...end.path, 'until'];
  if (until === undefined)
    found.push(finding('audit-without-until', at, 'audit mode has no end', 'add until: with a date'));
  else if (untilOf(until) === undefined) found.push(finding('until-invalid', at, `"${until}" is no date`));
  return found;
}

function clients({ effective, layers, path }: Place): readonly Finding[] {
  const place = { layers, path };
  const { accept, clients: how, default: standard } = effective;
  const acceptAt = encryptionPath(place, 'accept');
  if (how === 'ignore' || how === 'refuse')
    return accept === undefined
      ? []
      : [finding('accept-without-effect', acceptAt, `accept has no effect under clients: ${how}`)];
  if (how !== 'choose' || typeof standard !== 'object') return [];
  const floor = rankOf(standard) ?? 0;
  const offered: readonly AcceptEntry[] = accept ?? [{ kind: 'managed', algorithm: 'AES256' }];
  const lower = offered.find((entry) => entry.kind !== 'anyCustomer' && (rankOf(entry) ?? floor) < floor);
  if (lower === undefined) return [];
  const explicit = layers.some(({ blocks }) => blocks.encryption?.clients !== undefined);
  return [
    finding(
      'clients-below-default',
      encryptionPath(place, explicit ? 'clients' : 'default'),
      `a client may ask for ${describe(lower)}, below ${describe(standard)}`,
      'set clients: strengthen',
    ),
  ];
}

function writers(place: Place, world: World): readonly Finding[] {
  const { default: standard } = place.effective;
  if (typeof standard !== 'object' || standard.kind !== 'kms' || standard.key === 'default') return [];
  const { key } = standard;
  return (world.clients ?? [])
    .filter(
      (client) =>
        !client.keys.includes('*') &&
        !client.keys.includes(key) &&
        client.grants.some(
          (grant) => grant.actions.includes('write') && grant.buckets.some((p) => intersects(p, place.rule.match)),
        ),
    )
    .map((client) =>
      finding(
        'writer-lacks-key',
        encryptionPath(place, 'default'),
        `the client ${client.accessKeyId} may write here, but does not hold the key ${key}`,
        `add ${key} to its keys`,
      ),
    );
}

function feasible(place: Place, policy: CompiledPolicy, store: StoreFacts): readonly Finding[] {
  const { effective, rule } = place;
  if (effective.by === 'gateway' && !store.seals)
    return [
      finding(
        'sealing-unavailable',
        encryptionPath(place, 'by'),
        `by: gateway: sealing is not available on the store "${rule.store}" of type ${store.type}`,
        'use by: either',
      ),
    ];
  const bucketDefault: Resolved | undefined =
    place.bucketDefault === 'store' ? { kind: 'unspecified' } : place.bucketDefault;
  const ask = (encryption: Resolved | AcceptEntry, asRule: boolean): Feasibility =>
    feasibility({
      encryption,
      by: effective.by,
      capabilities: store.capabilities,
      canSeal: store.seals,
      keyId: encryption.kind === 'kms' ? policy.set.keys.idAt(encryption.key, rule.store) : undefined,
      sameKey: (one, other) => policy.set.keys.same(one, other, rule.store),
      bucketDefault: asRule ? undefined : bucketDefault,
    });
  const byRule = !store.capabilities.perObject;
  const found: Finding[] = [];

  const standard = standardOf(effective, store);
  const own = standard === undefined ? { kind: 'native' as const } : ask(standard, !place.isPrefix);
  if (standard !== undefined && own.kind === 'impossible')
    found.push(
      finding(
        byRule
          ? 'bucket-rule-unsatisfiable'
          : effective.by === 'store' || store.seals
            ? 'default-infeasible'
            : 'default-refused',
        encryptionPath(place, 'default'),
        `${describe(standard)} is not possible at "${rule.store}": ${own.reason}`,
      ),
    );
  for (const [i, entry] of (effective.accept ?? []).entries()) {
    const answer = ask(entry, false);
    if (answer.kind === 'impossible')
      found.push(
        finding(
          effective.by === 'store' ? 'accept-infeasible' : 'accept-refused',
          [...encryptionPath(place, 'accept'), i],
          `${describe(entry)} is not possible at "${rule.store}": ${answer.reason}`,
        ),
      );
  }
  return [...found, ...(place.isPrefix ? [] : replicaFindings(place, byRule, ask))];
}

/** The default as it would be asked of the store; undefined where the store is asked for nothing. */
function standardOf(effective: Place['effective'], store: StoreFacts): Resolved | undefined {
  if (effective.default !== 'store') return effective.default;
  return store.seals ? { kind: 'managed', algorithm: 'AES256' } : undefined;
}

function replicaFindings(
  { rule, path }: Place,
  byRule: boolean,
  ask: (encryption: Resolved, asRule: boolean) => Feasibility,
): readonly Finding[] {
  const { replicas } = rule;
  if (typeof replicas !== 'object' || replicas.rule !== 'keep-source') return [];
  if (byRule)
    return [
      finding(
        'bucket-rule-unsatisfiable',
        [...path, 'replicas'],
        `"${rule.store}" encrypts by bucket rule only and cannot keep the source's encryption`,
        'use rule: target-default',
      ),
    ];
  if (replicas.kmsObjects !== 'replicate' || replicas.replicaKey === undefined) return [];
  const key = replicas.replicaKey as Extract<Resolved, { kind: 'kms' }>['key'];
  const answer = ask({ kind: 'kms', key, algorithm: 'AES256', layers: 1 }, false);
  if (answer.kind !== 'impossible') return [];
  return [
    finding(
      'replica-key-infeasible',
      [...path, 'replicas', 'replicaKey'],
      `not possible at "${rule.store}": ${answer.reason}`,
    ),
  ];
}

/** Where a field of the encryption block was said; the place itself where nobody said it. */
function encryptionPath(place: Pick<Place, 'layers' | 'path'>, field: 'default' | 'clients' | 'accept' | 'by'): Path {
  const layer = place.layers.find(({ blocks }) => blocks.encryption?.[field] !== undefined);
  return layer === undefined ? place.path : [...layer.path, 'encryption', field];
}
