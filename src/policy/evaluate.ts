import type { Encryption, KeyAlias, WireKeyId } from '../model/encryption.ts';
import { holdsKey } from './access.ts';
import type { Allowance, Decision, Denial, Resolved, RuleRef, WriteInput } from './decision.ts';
import {
  accessDenied,
  customerKeyInClear,
  customerKeyUnknownHere,
  forbidden,
  illFormedWish,
  infeasible,
  insecure,
  unknownKey,
} from './denials.ts';
import type { By, ClientsMode } from './document.ts';
import { feasibility } from './feasibility.ts';
import { compareStrength, sameEncryption } from './rank.ts';
import { chooseReplica } from './replicas.ts';
import { findRule, inAudit, type CompiledRule, type EffectiveRule, type RuleSet } from './rules.ts';
import { describe, type AcceptEntry } from './values.ts';

/** One step of the way to a decision, for `explain`. */
export interface TraceStep {
  readonly step: 'wish' | 'default' | 'join' | 'permit' | 'feasibility' | 'mode';
  readonly text: string;
}

/** The one decision of every write path; `trace` collects how it came about and changes nothing. */
export function decideWrite(set: RuleSet, input: WriteInput, trace?: TraceStep[]): Decision {
  const found = findRule(set, input.bucket, input.key);
  if (found === undefined) return accessDenied(undefined, `no rule matches the bucket ${input.bucket}`);
  const { rule, effective } = found;
  const strict: Question = { set, input, rule, effective, terms: effective };
  if (!inAudit(effective, input.now)) return resolve(strict, trace);
  trace?.push({ step: 'mode', text: 'audit: acts as default: store, clients: choose' });
  const observed = resolve({ ...strict, terms: AUDIT }, trace);
  if (observed.effect === 'deny') return observed;
  const enforced = resolve(strict, undefined);
  if (enforced.effect === 'deny') {
    trace?.push({ step: 'mode', text: `enforce would have denied: ${enforced.reason}` });
    return { ...observed, wouldHave: enforced };
  }
  if (sameEncryption(enforced.encryption, observed.encryption)) return observed;
  trace?.push({ step: 'mode', text: `enforce would have taken ${describe(enforced.encryption)}` });
  return { ...observed, wouldHave: { effect: 'change', encryption: enforced.encryption } };
}

/** What the rule would decide if it were enforced, audit mode or not. */
export function decideEnforced(set: RuleSet, input: WriteInput): Decision {
  const found = findRule(set, input.bucket, input.key);
  if (found === undefined) return accessDenied(undefined, `no rule matches the bucket ${input.bucket}`);
  const { rule, effective } = found;
  return resolve({ set, input, rule, effective, terms: effective }, undefined);
}

/** The part of a rule that audit mode replaces. */
interface Terms {
  readonly default: EffectiveRule['default'];
  readonly clients: ClientsMode;
  readonly accept: readonly AcceptEntry[] | 'anything' | undefined;
  readonly by: By;
}

/** Audit mode: what a client asks is passed on; key grants still bind. */
const AUDIT: Terms = { default: 'store', clients: 'choose', accept: 'anything', by: 'either' };

interface Question {
  readonly set: RuleSet;
  readonly input: WriteInput;
  readonly rule: CompiledRule;
  readonly effective: EffectiveRule;
  readonly terms: Terms;
}

/** What clients, default or replica rule came to, before anything is permitted. */
interface Choice {
  readonly encryption: Resolved;
  /** Whose word it is: the policy's own needs no `accept:`. */
  readonly origin: 'policy' | 'request';
  readonly overridden: boolean;
  readonly reason: string;
  /** The bucket's own rule decided. */
  readonly underBucketRule?: true;
}

function resolve(question: Question, trace: TraceStep[] | undefined): Decision {
  const { effective, input } = question;
  const wish = wishOf(question, trace);
  if ('effect' in wish) return wish;
  const standard = defaultOf(question, question.terms.default);
  if (standard === undefined) return forbidden(effective.ref, 'the rule has no default encryption');
  trace?.push({ step: 'default', text: `the default is ${describe(standard)}` });
  const chosen = isReplica(input) ? replicaChoice(question, wish, standard) : join(question, wish, standard);
  if ('effect' in chosen) {
    trace?.push({ step: 'join', text: chosen.reason });
    return chosen;
  }
  // The same object, not an equal one: a wish that says what the bucket's rule says is the client's own.
  const underBucketRule = question.terms.default === 'store' && chosen.encryption === standard;
  const choice: Choice = underBucketRule ? { ...chosen, underBucketRule } : chosen;
  trace?.push({ step: 'join', text: `${choice.reason}: ${describe(choice.encryption)}` });
  // Creating a bucket without a rule of its own writes nothing under a key.
  if (isBucketLevel(input) && wish.encryption === undefined) return allow(question, choice, 'store');
  const refused = notPermitted(question, choice, standard);
  if (refused !== undefined) {
    trace?.push({ step: 'permit', text: refused.reason });
    return refused;
  }
  trace?.push({ step: 'permit', text: 'accepted, and the client holds the key' });
  return placed(question, choice, trace);
}

interface PlainWish {
  readonly encryption: Encryption<WireKeyId> | undefined;
  /** The dialect gives it no effect. */
  readonly ignored: boolean;
}

function wishOf({ input, effective }: Question, trace: TraceStep[] | undefined): PlainWish | Denial {
  const { wish } = input;
  // A bucket's rule comes in a document, not in a header of the family: JD's has its effect.
  if (input.wishesIgnored && !isBucketLevel(input)) {
    if (wish.state === 'wellFormed' && wish.encryption.kind === 'customer')
      return customerKeyUnknownHere(effective.ref);
    const ignored = wish.state !== 'absent' || wish.ignored !== undefined;
    trace?.push({ step: 'wish', text: ignored ? "has no effect in the client's dialect" : 'none' });
    return { encryption: undefined, ignored };
  }
  if (wish.state === 'illFormed') return illFormedWish(effective.ref, wish.error);
  if (wish.state === 'absent') {
    trace?.push({ step: 'wish', text: 'none' });
    return { encryption: undefined, ignored: wish.ignored !== undefined };
  }
  if (wish.encryption.kind === 'customer' && !input.secure) return customerKeyInClear(effective.ref);
  trace?.push({ step: 'wish', text: wish.raw });
  return { encryption: wish.encryption, ignored: false };
}

/** The default for this write; `unspecified` where a remote bucket has no rule of its own. */
function defaultOf({ input }: Question, value: EffectiveRule['default']): Resolved | undefined {
  if (value !== 'store') return value;
  if (input.bucketRule !== undefined) return input.bucketRule;
  if (!input.store.capabilities.seals) return { kind: 'unspecified' };
  return input.bucketsWithoutRule === 'managed' ? { kind: 'managed', algorithm: 'AES256' } : { kind: 'none' };
}

/** How `clients:` joins the wish and the default. */
function join(question: Question, wish: PlainWish, standard: Resolved): Choice | Denial {
  const { effective, input } = question;
  if (wish.encryption === undefined)
    return {
      encryption: standard,
      origin: 'policy',
      overridden: wish.ignored,
      reason: wish.ignored ? 'the wish is ignored, the default applies' : 'nothing is asked, the default applies',
    };
  const resolved = inAliases(question, wish.encryption);
  switch (clientsMode(question)) {
    case 'choose':
      if (resolved === undefined) return unknownKeyOf(effective.ref, wish.encryption);
      return asked(resolved, 'the client chooses');
    case 'ignore':
      if (wish.encryption.kind === 'customer')
        return forbidden(effective.ref, "a customer's key was sent, and the rule ignores what clients ask");
      return {
        encryption: standard,
        origin: 'policy',
        overridden: resolved === undefined || !sameEncryption(resolved, standard),
        reason: 'the rule ignores what clients ask',
      };
    case 'refuse':
      if (resolved !== undefined && sameEncryption(resolved, standard))
        return asked(resolved, 'the wish is the default');
      return forbidden(
        effective.ref,
        `${wished(resolved)} was asked, and the rule says ${describe(standard)} for ${isBucketLevel(input) ? 'the bucket' : 'every object'}`,
      );
    case 'strengthen':
      if (resolved === undefined) return unknownKeyOf(effective.ref, wish.encryption);
      return strengthened(effective.ref, resolved, standard);
  }
}

function strengthened(ref: RuleRef, wish: Encryption<KeyAlias>, standard: Resolved): Choice | Denial {
  switch (compareStrength(wish, standard)) {
    case 'equal':
      return asked(wish, 'the wish is the default');
    case 'stronger':
      return asked(wish, 'the wish is stronger than the default');
    case 'weaker':
      return { encryption: standard, origin: 'policy', overridden: true, reason: 'a weaker wish is raised' };
    case 'incomparable':
      return forbidden(
        ref,
        `${describe(wish)} was asked, which is neither weaker nor stronger than ${describe(standard)}`,
      );
  }
}

function replicaChoice({ rule, effective }: Question, source: PlainWish, standard: Resolved): Choice | Denial {
  // A bucket with no `replicas:` of its own encrypts what arrives by its default, whatever the source was.
  const choice = chooseReplica(rule.replicas ?? { rule: 'target-default' }, source.encryption, standard);
  if (choice.kind === 'skip') return forbidden(effective.ref, choice.reason);
  return {
    encryption: choice.encryption,
    origin: choice.named ? 'policy' : 'request',
    overridden: source.ignored,
    reason: choice.reason,
  };
}

/** `accept:` and key grants, on what would really be written: nobody writes under a key that is not theirs. */
function notPermitted(question: Question, { encryption, origin }: Choice, standard: Resolved): Denial | undefined {
  const { effective, input } = question;
  if (origin === 'request' && !sameEncryption(encryption, standard) && !accepted(question, encryption))
    return forbidden(effective.ref, `${describe(encryption)} is not among what the rule accepts`);
  if (encryption.kind === 'kms' && encryption.key !== 'default' && !holdsKey(input.principal, encryption.key))
    return forbidden(effective.ref, `the client may not use the key ${encryption.key}`);
  return undefined;
}

function accepted({ terms, input }: Question, encryption: Resolved): boolean {
  const { accept } = terms;
  if (accept === 'anything' || isBucketLevel(input)) return encryption.kind !== 'none';
  // Plaintext can only be the default, never a wish.
  if (accept === undefined) return encryption.kind === 'managed' || encryption.kind === 'kms';
  return accept.some((entry) =>
    entry.kind === 'anyCustomer' ? encryption.kind === 'customer' : sameEncryption(entry, encryption),
  );
}

/** Who encrypts, or that nobody can. */
function placed(question: Question, choice: Choice, trace: TraceStep[] | undefined): Decision {
  const { set, input, effective, rule, terms } = question;
  const { encryption } = choice;
  const { capabilities } = input.store;
  const answer = feasibility({
    encryption,
    by: terms.by,
    capabilities,
    canSeal: input.canSeal,
    keyId: encryption.kind === 'kms' ? set.keys.idAt(encryption.key, rule.store) : undefined,
    sameKey: (one, other) => set.keys.same(one, other, rule.store),
    bucketDefault: isBucketLevel(input)
      ? undefined
      : defaultOf(question, terms === AUDIT ? 'store' : rule.effective.default),
  });
  if (answer.kind === 'impossible') {
    trace?.push({ step: 'feasibility', text: answer.reason });
    return infeasible(effective.ref, answer, describe(encryption), choice.origin);
  }
  trace?.push({ step: 'feasibility', text: answer.kind === 'sealed' ? 'the gateway seals' : 'the store can' });
  // JD: with encryption on, uploads must come over TLS (Default-Encryption-For-Oss-Buckets).
  const jdTerms = input.wishesIgnored || !capabilities.perObject;
  const encrypts = encryption.kind !== 'none' && encryption.kind !== 'unspecified';
  if (jdTerms && encrypts && !input.secure && !isBucketLevel(input))
    return insecure(effective.ref, 'encryption here demands HTTPS');
  return allow(question, choice, answer.kind === 'sealed' ? 'gateway' : 'store');
}

function allow({ effective }: Question, choice: Choice, by: Allowance['by']): Allowance {
  const { encryption, overridden, reason, underBucketRule } = choice;
  const decided = { effect: 'allow', encryption, by, rule: effective.ref, reason, overridden } as const;
  return underBucketRule === true ? { ...decided, underBucketRule } : decided;
}

function asked(encryption: Encryption<KeyAlias>, reason: string): Choice {
  return { encryption, origin: 'request', overridden: false, reason };
}

/** The wish with its key as an alias; undefined: nobody knows that key. */
function inAliases({ set, rule }: Question, wish: Encryption<WireKeyId>): Encryption<KeyAlias> | undefined {
  if (wish.kind !== 'kms') return wish;
  const key = set.keys.resolve(wish.key, rule.store);
  return key === undefined ? undefined : { ...wish, key };
}

function unknownKeyOf(ref: RuleRef, wish: Encryption<WireKeyId>): Denial {
  return unknownKey(ref, wish.kind === 'kms' ? wish.key : '');
}

function wished(resolved: Encryption<KeyAlias> | undefined): string {
  return resolved === undefined ? 'a key that no one knows' : describe(resolved);
}

/** A bucket's own rule is the client's to set only where the policy leaves it to the bucket. */
function clientsMode({ terms, input }: Question): ClientsMode {
  if (!isBucketLevel(input)) return terms.clients;
  return terms.default === 'store' ? 'choose' : 'refuse';
}

function isBucketLevel(input: WriteInput): boolean {
  return input.key === '';
}

function isReplica(input: WriteInput): boolean {
  return input.principal.replicator && !isBucketLevel(input);
}
