import type { BucketPolicyCondition, BucketPolicyStatement } from '../model/bucket-policy.ts';
import type { AskedEncryption } from '../model/objects.ts';
import { like } from '../model/wildcard.ts';

/** A request as the statements of a stored bucket policy see it. */
export interface PolicySubject {
  readonly accessKeyId: string;
  readonly action: string;
  /** Undefined for the bucket itself. */
  readonly key: string | undefined;
  readonly secure: boolean;
  /**
   * What is asked for; `unasked` for a write that the vendors do not count as putting an object (tags, ACL, abort):
   * only a statement about every action reaches it.
   */
  readonly asked: AskedEncryption | 'unasked';
  /** Every name that the asked key has: the client's word, the alias, the store's own id. */
  readonly keyNames: readonly string[];
}

/** Whether a Deny reaches the subject. */
export function denies(statement: BucketPolicyStatement, subject: PolicySubject): boolean {
  return (
    statement.effect === 'Deny' &&
    (statement.principals.includes('*') || statement.principals.includes(subject.accessKeyId)) &&
    statement.actions.some((action) => action === '*' || action === subject.action) &&
    statement.resources.some((pattern) => reaches(pattern, subject.key)) &&
    statement.conditions.every((condition) => holds(condition, subject, statement.actions.includes('*')))
  );
}

/** The pattern '' names the bucket itself and nothing else; every other one names keys. */
function reaches(pattern: string, key: string | undefined): boolean {
  return key === undefined ? pattern === '' : pattern !== '' && like(key, pattern);
}

function holds(condition: BucketPolicyCondition, subject: PolicySubject, everyAction: boolean): boolean {
  if (condition.subject === 'secureTransport') return condition.values.includes(String(subject.secure));
  const asked = subject.asked === 'unasked' ? (everyAction ? {} : undefined) : subject.asked;
  if (asked === undefined) return false;
  const value = asked[condition.subject];
  const words = value === undefined ? [] : condition.subject === 'kmsKeyId' ? subject.keyNames : [value];
  switch (condition.operator) {
    case 'absent':
      return condition.values.includes(String(value === undefined));
    // AWS: a negated operator is true where the key is missing, a positive one is false.
    case 'notEquals':
      return !words.some((word) => condition.values.includes(word));
    case 'notLike':
      return !words.some((word) => condition.values.some((pattern) => like(word, pattern)));
    case 'equals':
      return words.some((word) => condition.values.includes(word));
    case 'like':
      return words.some((word) => condition.values.some((pattern) => like(word, pattern)));
    case 'bool':
      return false;
  }
}
