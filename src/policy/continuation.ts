import { DEFAULT_KEY, secret } from '../model/encryption.ts';
import type { Encryption, KeyAlias, ObservedEncryption, WireKeyId } from '../model/encryption.ts';
import type { Wish } from '../model/objects.ts';
import { holdsKey } from './access.ts';
import type { Allowance, Decision, Denial, Resolved, WriteInput } from './decision.ts';
import { accessDenied, forbidden } from './denials.ts';
import { decideEnforced } from './evaluate.ts';
import { sameEncryption } from './rank.ts';
import { findRule, inAudit, type EffectiveRule, type RuleSet } from './rules.ts';
import { describe } from './values.ts';

/** What an object or an upload was begun with, as it was recorded then. */
export interface Begun {
  /** A key in the store's words; `unspecified`: nothing was asked of the store, the bucket's own rule decided. */
  readonly encryption: ObservedEncryption<string> | { readonly kind: 'unspecified' };
  /** The key's name in the policy of then, where it was noted. */
  readonly alias?: string | undefined;
  /** Whether the bucket's own rule decided; undefined where nobody noted it. */
  readonly underBucketRule?: boolean | undefined;
}

/** The facts that the continuation of a write is judged on: as for its beginning, with what was recorded for the wish. */
export interface ContinuationInput extends Omit<WriteInput, 'wish'> {
  readonly begun: Begun;
}

export interface Continuation {
  /** An allowance's encryption is what was begun: a continuation changes nothing. */
  readonly decision: Decision;
  /** What was begun, its key as an alias. */
  readonly recorded: Resolved;
  /** What the policy asks for today; undefined where it would refuse any write. */
  readonly demanded: Resolved | undefined;
}

/**
 * Append, parts and Complete continue what somebody began, perhaps another client, perhaps under another policy. They
 * ask for as much as beginning it today: the key's grant, and that the policy would answer exactly what was recorded.
 */
export function judgeContinuation(set: RuleSet, input: ContinuationInput): Continuation {
  const found = findRule(set, input.bucket, input.key);
  const recorded = recordedOf(set, input);
  if (found === undefined)
    return {
      decision: accessDenied(undefined, `no rule matches the bucket ${input.bucket}`),
      recorded,
      demanded: undefined,
    };
  const { effective } = found;
  if (recorded.kind === 'kms' && recorded.key !== DEFAULT_KEY && !holdsKey(input.principal, recorded.key))
    return {
      decision: forbidden(effective.ref, `the client may not use the key ${recorded.key}`),
      recorded,
      demanded: today(set, input),
    };
  const answer = inForce(set, { input, effective, recorded });
  const binds = answer.decision.effect === 'allow' || isOfTransport(answer.decision, recorded);
  if (binds || !inAudit(effective, input.now)) return { ...answer, recorded };
  const passed = allowance(input, effective, { recorded, reason: 'audit: what was begun goes on' });
  return { ...answer, decision: { ...passed, wouldHave: answer.decision }, recorded };
}

interface Question {
  readonly input: ContinuationInput;
  readonly effective: EffectiveRule;
  readonly recorded: Resolved;
}

function inForce(set: RuleSet, question: Question): Pick<Continuation, 'decision' | 'demanded'> {
  const { input, effective, recorded } = question;
  // What began under the bucket's own rule goes on, whatever that rule says now, as at the stores themselves.
  if (effective.default === 'store' && input.begun.underBucketRule !== false && recorded.kind !== 'customer') {
    const reason = "begun under the bucket's own rule, which the policy leaves to the bucket";
    return { decision: allowance(input, effective, { recorded, reason }), demanded: recorded };
  }
  const { begun: _begun, ...facts } = input;
  const answers = wishesFor(input, recorded).map((wish) => decideEnforced(set, { ...facts, wish }));
  const [first] = answers;
  const exact = answers.find((answer) => answer.effect === 'allow' && sameEncryption(answer.encryption, recorded));
  if (exact?.effect === 'allow' && !hasMoved(set, input, recorded))
    return {
      decision: {
        ...exact,
        encryption: recorded,
        overridden: false,
        reason: 'what was begun is what the rule decides',
      },
      demanded: recorded,
    };
  return {
    decision: refusal(question, first, exact !== undefined),
    demanded: first?.effect === 'allow' ? first.encryption : today(set, input),
  };
}

/** Every wish whose answer may be what was begun: a replica's source, above all, is not known any more. */
function wishesFor(input: ContinuationInput, recorded: Resolved): readonly Wish[] {
  const nothing: Wish = { state: 'absent' };
  if (input.wishesIgnored || recorded.kind === 'none' || recorded.kind === 'unspecified') return [nothing];
  const same = asked(recorded);
  if (!input.principal.replicator) return [same];
  // Only that a source had a key counts, never which.
  const keyed = recorded.kind === 'kms' ? [asked({ ...recorded, key: 'any' })] : [];
  return [nothing, same, ...keyed];
}

function asked(encryption: Encryption<string>): Wish {
  return {
    state: 'wellFormed',
    encryption: encryption as Encryption<WireKeyId>,
    raw: describe(encryption as Resolved),
  };
}

function refusal({ effective, recorded }: Question, answer: Decision | undefined, moved: boolean): Denial {
  const lies = `what is continued was begun under ${describe(recorded)}`;
  if (moved) return forbidden(effective.ref, `${lies}, and that name stands for another key today`);
  if (answer?.effect === 'allow')
    return forbidden(effective.ref, `${lies}, and the rule demands ${describe(answer.encryption)}`);
  // A 4xx about a wish would blame the client for what somebody else began.
  if (answer !== undefined && isOfTransport(answer, recorded)) return answer;
  return forbidden(effective.ref, `${lies}: ${answer?.reason ?? 'the rule has no default encryption'}`);
}

/** Plain HTTP, refused in its own words: OSS's EC, or AWS's sentence on customers' keys. Audit mode does not lift it. */
function isOfTransport(denial: Denial, recorded: Resolved): boolean {
  if (denial.code === 'AccessDenied') return denial.ec !== undefined;
  return recorded.kind === 'customer' && denial.code === 'InvalidRequest';
}

/** What a write without a wish would get, of whoever holds the key for it. */
function today(set: RuleSet, { begun: _begun, principal, ...facts }: ContinuationInput): Resolved | undefined {
  const holder = { ...principal, keys: ['*'] };
  const answer = decideEnforced(set, { ...facts, principal: holder, wish: { state: 'absent' } });
  return answer.effect === 'allow' ? answer.encryption : undefined;
}

function allowance(
  input: ContinuationInput,
  { ref }: EffectiveRule,
  { recorded, reason }: { readonly recorded: Resolved; readonly reason: string },
): Allowance {
  const sealed = input.store.capabilities.seals && recorded.kind !== 'none';
  return {
    effect: 'allow',
    encryption: recorded,
    by: sealed ? 'gateway' : 'store',
    rule: ref,
    reason,
    overridden: false,
  };
}

/** What was begun in the policy's words of today. */
function recordedOf(set: RuleSet, input: ContinuationInput): Resolved {
  const { encryption } = input.begun;
  switch (encryption.kind) {
    case 'unspecified':
    case 'none':
      return { kind: encryption.kind };
    case 'managed':
      return { kind: 'managed', algorithm: encryption.algorithm };
    case 'customer':
      // Compared by its MD5; the key itself came with the beginning only.
      return { kind: 'customer', algorithm: 'AES256', key: { key: secret(new Uint8Array()), md5: encryption.md5 } };
    case 'kms': {
      const key = aliasOf(set, input, encryption.key) as KeyAlias;
      return { kind: 'kms', key, algorithm: encryption.algorithm, layers: encryption.layers };
    }
  }
}

/** A key id at the store that no alias names is its default key's as far as anybody here can tell. */
function aliasOf(set: RuleSet, { begun, store }: ContinuationInput, id: string | undefined): string {
  if (id === undefined || id === DEFAULT_KEY) return DEFAULT_KEY;
  const { alias } = begun;
  if (alias !== undefined && set.keys.idAt(alias, store.name) === id) return alias;
  const known = set.keys.aliasOf(id, store.name) ?? alias;
  if (known !== undefined) return known;
  // The embedded store keeps aliases: one that the policy has forgotten is no other key for that.
  return store.capabilities.seals ? id : DEFAULT_KEY;
}

/** The alias names another key at the store than the one that was begun with. */
function hasMoved(set: RuleSet, { begun, store }: ContinuationInput, recorded: Resolved): boolean {
  if (begun.encryption.kind !== 'kms' || recorded.kind !== 'kms' || recorded.key === DEFAULT_KEY) return false;
  return set.keys.idAt(recorded.key, store.name) !== begun.encryption.key;
}
