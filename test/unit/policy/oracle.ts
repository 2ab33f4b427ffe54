/**
 * What the policy's documented rules say, in words: an encryption is a word (`managed`, `managed-SM4`, `kms:<name>`,
 * `customer`, `none`, `unspecified`). It shares no code with the policy room.
 */
export interface Facts {
  /** After `store` has been looked up at the bucket, and the longest prefix has been merged in. */
  readonly standard: string;
  /** The same for the bucket itself: the rule of stores that encrypt by bucket. */
  readonly bucketStandard: string;
  readonly clients: 'choose' | 'strengthen' | 'ignore' | 'refuse';
  /** Undefined: absent. `*`: audit mode, nothing is judged. */
  readonly accept: readonly string[] | '*' | undefined;
  readonly by: 'store' | 'gateway' | 'either';
  readonly store: 'full' | 'partial' | 'local' | 'byrule';
  /** `absent`, `ill`, an encryption, `kms:?` for a key that no one knows. */
  readonly wish: string;
  readonly ignored: boolean;
  readonly keys: readonly string[];
  readonly secure: boolean;
  readonly replication: 'no' | 'target-default' | 'keep-skip' | 'keep-replicate';
}

interface Target {
  readonly to: string;
  /** Whose word: the policy's own needs no `accept`. */
  readonly whose: 'policy' | 'request';
  readonly overridden: boolean;
}
type Verdict = Target | string;

export function oracle(facts: Facts): string {
  const malformed = firstOf(MALFORMED, facts);
  if (malformed !== undefined) return malformed;
  const seen = facts.ignored ? { ...facts, wish: 'absent' } : facts;
  const target = firstOf(TARGET, seen);
  if (target === undefined) throw new Error('no rule of the oracle speaks of this row');
  if (typeof target === 'string') return target;
  const overridden = target.overridden || (facts.ignored && facts.wish !== 'absent');
  const refused = firstOf(PERMISSION, { ...seen, ...target });
  if (refused !== undefined) return refused;
  const by = whoCan(facts, target.to);
  if (by === undefined)
    return target.to.endsWith('SM4') || target.whose === 'request' ? '400 InvalidArgument' : '501 NotImplemented';
  const encrypts = target.to !== 'none' && target.to !== 'unspecified';
  if (encrypts && !facts.secure && (facts.ignored || facts.store === 'byrule')) return DENIED;
  return `${target.to} by ${by}${overridden ? ' overridden' : ''}`;
}

const DENIED = '403 AccessDenied';

type Rule<F, T> = readonly [when: (facts: F) => boolean, then: T | ((facts: F) => T)];

const MALFORMED: readonly Rule<Facts, string>[] = [
  [(f) => f.ignored && f.wish === 'customer', '400 InvalidArgument'],
  [(f) => !f.ignored && f.wish === 'ill', '400 InvalidArgument'],
  [(f) => !f.ignored && f.wish === 'customer' && !f.secure, '400 InvalidRequest'],
];

const named = (word: string) => word.startsWith('kms:') && word !== 'kms:default';
const policy = (to: string, overridden = false): Target => ({ to, whose: 'policy', overridden });
const request = (to: string): Target => ({ to, whose: 'request', overridden: false });
const strength = (word: string): number =>
  word === 'none' || word === 'unspecified' ? 0 : word.startsWith('managed') ? 1 : word === 'kms:default' ? 2 : 3;

const TARGET: readonly Rule<Facts, Verdict>[] = [
  [(f) => f.replication === 'target-default', (f) => policy(f.standard)],
  [(f) => f.replication === 'keep-skip' && f.wish === 'absent' && named(f.standard), DENIED],
  [(f) => f.replication !== 'no' && f.wish === 'absent', (f) => policy(f.standard)],
  [(f) => f.replication !== 'no' && f.wish === 'customer', DENIED],
  [(f) => f.replication === 'keep-skip' && named(f.wish), DENIED],
  [(f) => f.replication === 'keep-replicate' && named(f.wish), policy('kms:copies')],
  [(f) => f.replication !== 'no', (f) => request(f.wish)],

  [(f) => f.wish === 'absent', (f) => policy(f.standard)],

  [(f) => f.clients === 'ignore' && f.wish === 'customer', DENIED],
  [(f) => f.clients === 'ignore', (f) => policy(f.standard, f.wish !== f.standard)],

  [(f) => f.clients === 'refuse' && f.wish === f.standard, (f) => request(f.wish)],
  [(f) => f.clients === 'refuse', DENIED],

  [(f) => f.wish === 'kms:?', '400 KMS.NotFoundException'],

  [(f) => f.clients === 'choose', (f) => request(f.wish)],

  [(f) => f.wish === f.standard, (f) => request(f.wish)],
  [(f) => f.wish === 'customer', DENIED],
  [(f) => strength(f.wish) > strength(f.standard), (f) => request(f.wish)],
  [(f) => strength(f.wish) < strength(f.standard), (f) => policy(f.standard, true)],
  [() => true, DENIED],
];

const PERMISSION: readonly Rule<Facts & Target, string>[] = [
  [(f) => named(f.to) && !f.keys.includes('*') && !f.keys.includes(f.to.slice(4)), DENIED],
  [(f) => f.to === f.standard || f.whose === 'policy' || f.accept === '*', ''],
  [(f) => f.accept === undefined && f.to === 'customer', DENIED],
  [(f) => Array.isArray(f.accept) && !f.accept.includes(f.to), DENIED],
];

/** What each store can do by itself, and what the gateway can seal. */
const NATIVE: Readonly<Record<Facts['store'], (word: string, facts: Facts) => boolean>> = {
  full: () => true,
  partial: (word) => ['none', 'unspecified', 'kms:orders'].includes(word),
  local: (word) => word === 'none',
  byrule: (word, f) => word === f.bucketStandard && ['none', 'unspecified', 'kms:default'].includes(word),
};

function whoCan(facts: Facts, word: string): 'store' | 'gateway' | undefined {
  const native = NATIVE[facts.store](word, facts);
  const sealed = facts.store === 'local' && word !== 'managed-SM4' && word !== 'unspecified';
  if (word === 'none') return native ? 'store' : undefined;
  if (facts.by !== 'gateway' && native) return 'store';
  return facts.by !== 'store' && sealed ? 'gateway' : undefined;
}

/** '' ends a list without a verdict. */
function firstOf<F, T>(rules: readonly Rule<F, T>[], facts: F): T | undefined {
  const rule = rules.find(([when]) => when(facts));
  if (rule === undefined) return undefined;
  const then = typeof rule[1] === 'function' ? (rule[1] as (facts: F) => T)(facts) : rule[1];
  return then === '' ? undefined : then;
}
