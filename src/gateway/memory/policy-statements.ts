import type { BucketPolicyCondition, BucketPolicyStatement } from '../../model/bucket-policy.ts';
import { GatewayError } from '../../model/errors.ts';
import type { AskedEncryption } from '../../model/objects.ts';
import { compileWildcard, type Matcher } from '../../model/wildcard.ts';

/** A request as the statements of a stored bucket policy see it, but for its keys. */
export interface PolicySubject {
  readonly accessKeyId: string;
  readonly action: string;
  readonly secure: boolean;
  /**
   * What is asked for; `unasked` for a write that the vendors do not count as putting an object (tags, ACL, abort):
   * only a statement about every action reaches it.
   */
  readonly asked: AskedEncryption | 'unasked';
  /** Every name that the asked key has: the client's word, the alias, the store's own id. */
  readonly keyNames: readonly string[];
}

/** Statements with their patterns compiled, once for as long as they are kept. */
export interface CompiledStatements {
  readonly empty: boolean;
  /** Only those that demand a transport. */
  readonly aboutTransport: () => CompiledStatements;
  /**
   * Whether a Deny reaches the subject at one of the keys (undefined: the bucket itself). Lets others run between its
   * steps, and refuses keys and patterns that are too many together.
   */
  readonly deny: (subject: PolicySubject, keys: readonly (string | undefined)[]) => Promise<boolean>;
}

export function compileStatements(statements: readonly BucketPolicyStatement[]): CompiledStatements {
  const patterns = new Map<string, Matcher>();
  const matcherOf = (pattern: string): Matcher => {
    const known = patterns.get(pattern) ?? compileWildcard(pattern);
    patterns.set(pattern, known);
    return known;
  };
  const compiled = statements.filter(({ effect }) => effect === 'Deny').map((one) => compileStatement(one, matcherOf));
  return {
    empty: compiled.length === 0,
    aboutTransport: () => compileStatements(statements.filter(({ conditions }) => conditions.some(isAboutTransport))),
    deny: async (subject, keys) => {
      const denying = compiled.filter((statement) => statement.concerns(subject));
      if (denying.length === 0) return false;
      const wholeBucket = denying.some(({ bucket }) => bucket);
      const matchers = [...new Set(denying.flatMap((statement) => statement.keys))];
      return await reached(matchers, wholeBucket, keys);
    },
  };
}

interface CompiledStatement {
  /** Everything but the resources. */
  readonly concerns: (subject: PolicySubject) => boolean;
  /** The bucket itself is named. */
  readonly bucket: boolean;
  readonly keys: readonly Matcher[];
}

/** Characters of keys times patterns that one request may have judged: seconds of work would be an attack. */
const MOST_WORK = 64 * 1024 * 1024;
/** After so many others get their turn: about a millisecond. */
const TURN = 256 * 1024;

async function reached(
  matchers: readonly Matcher[],
  wholeBucket: boolean,
  keys: readonly (string | undefined)[],
): Promise<boolean> {
  const work = keys.reduce((sum, key) => sum + matchers.length * ((key?.length ?? 0) + 1), 0);
  if (work > MOST_WORK)
    throw new GatewayError(
      'InvalidRequest',
      `The policy of the bucket names ${matchers.length} patterns, too many for ${keys.length} keys in one request: send fewer keys.`,
    );
  let done = 0;
  for (const key of keys) {
    if (key === undefined) {
      if (wholeBucket) return true;
      continue;
    }
    for (const matches of matchers) {
      if (matches(key)) return true;
      done += key.length + 1;
      if (done < TURN) continue;
      done = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return false;
}

function compileStatement(
  { principals, actions, resources, conditions }: BucketPolicyStatement,
  matcherOf: (pattern: string) => Matcher,
): CompiledStatement {
  const [who, what] = [new Set(principals), new Set(actions)];
  const holds = conditions.map((condition) => compileCondition(condition, what.has('*'), matcherOf));
  return {
    concerns: (subject) =>
      (who.has('*') || who.has(subject.accessKeyId)) &&
      (what.has('*') || what.has(subject.action)) &&
      holds.every((held) => held(subject)),
    // The pattern '' names the bucket itself and nothing else; every other one names keys.
    bucket: resources.includes(''),
    keys: [...new Set(resources)].filter((pattern) => pattern !== '').map(matcherOf),
  };
}

function compileCondition(
  { operator, subject, values }: BucketPolicyCondition,
  everyAction: boolean,
  matcherOf: (pattern: string) => Matcher,
): (asked: PolicySubject) => boolean {
  const named = new Set(values);
  if (subject === 'secureTransport') return ({ secure }) => named.has(String(secure));
  const patterns = operator === 'like' || operator === 'notLike' ? [...named].map(matcherOf) : [];
  return (request) => {
    const asked = request.asked === 'unasked' ? (everyAction ? {} : undefined) : request.asked;
    if (asked === undefined) return false;
    const value = asked[subject];
    const words = value === undefined ? [] : subject === 'kmsKeyId' ? request.keyNames : [value];
    switch (operator) {
      case 'absent':
        return named.has(String(value === undefined));
      // AWS: a negated operator is true where the key is missing, a positive one is false.
      case 'notEquals':
        return !words.some((word) => named.has(word));
      case 'notLike':
        return !words.some((word) => patterns.some((matches) => matches(word)));
      case 'equals':
        return words.some((word) => named.has(word));
      case 'like':
        return words.some((word) => patterns.some((matches) => matches(word)));
      case 'bool':
        return false;
    }
  };
}

function isAboutTransport({ subject }: BucketPolicyCondition): boolean {
  return subject === 'secureTransport';
}
