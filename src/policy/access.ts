import { accessDenied, forbidden, insecure } from './denials.ts';
import type { AccessDecision, AccessInput, Denial, Grant, Principal, TransportRule } from './decision.ts';
import { compilePattern } from './pattern.ts';
import { findRule, type RuleSet } from './rules.ts';

/** Matchers of a grant's bucket patterns, compiled once per grant. */
export type GrantMatcher = (grant: Grant, bucket: string) => boolean;

const ALLOWED: AccessDecision = { effect: 'allow' };

/** Transport, then grants, then whether a rule serves the bucket at all. */
export function judgeAccess(set: RuleSet, matches: GrantMatcher, input: AccessInput): AccessDecision {
  const transport = judgeTransport(set, input);
  if (transport.effect === 'deny') return transport;
  const rule = findRule(set, input.bucket, input.key ?? '')?.effective.ref;
  const granted = input.principal.grants.some(
    (grant) => grant.actions.includes(input.action) && matches(grant, input.bucket) && reaches(grant, input),
  );
  if (!granted) return accessDenied(rule, `the client has no grant to ${input.action} here`);
  if (rule === undefined) return accessDenied(undefined, `no rule matches the bucket ${input.bucket}`);
  return ALLOWED;
}

/** The rule's transport; what a client's own `transport` says can only add to it. */
export function judgeTransport(set: RuleSet, input: Omit<AccessInput, 'action'>): AccessDecision {
  const effective = findRule(set, input.bucket, input.key ?? '')?.effective;
  const own = effective?.transport ?? set.transport;
  const added = input.principal.transport;
  const problem = transportProblem(
    { httpsOnly: own.httpsOnly || added?.httpsOnly === true, minTls: stricter(own.minTls, added?.minTls) },
    input,
  );
  return problem === undefined ? ALLOWED : insecure(effective?.ref, problem);
}

/** Key grants: `default` and managed keys need none. */
export function judgeKey(
  set: RuleSet,
  principal: Principal,
  bucket: string,
  alias: string,
): Denial | { readonly effect: 'allow' } {
  if (alias === '' || alias === 'default' || holdsKey(principal, alias)) return { effect: 'allow' };
  const rule = findRule(set, bucket, '')?.effective.ref;
  const reason = `the client may not use the key ${alias}`;
  return rule === undefined ? accessDenied(undefined, reason) : forbidden(rule, reason);
}

export function holdsKey(principal: Principal, alias: string): boolean {
  return principal.keys.includes('*') || principal.keys.includes(alias);
}

export function grantMatcher(): GrantMatcher {
  const compiled = new WeakMap<Grant, readonly ((bucket: string) => boolean)[]>();
  return (grant, bucket) => {
    let matchers = compiled.get(grant);
    if (matchers === undefined) {
      matchers = grant.buckets.map(compilePattern);
      compiled.set(grant, matchers);
    }
    return matchers.some((matches) => matches(bucket));
  };
}

/** A grant by prefix reaches keys and lists under it, and of the bucket itself only what `list` asks (HeadBucket, location). */
function reaches(grant: Grant, { key, action }: AccessInput): boolean {
  if (grant.prefixes === undefined) return true;
  return key === undefined ? action === 'list' : grant.prefixes.some((prefix) => key.startsWith(prefix));
}

/** `minTls` judges TLS that the gateway itself saw; `https` from a trusted peer satisfies it (no version is known then). */
function transportProblem(
  rule: TransportRule,
  { secure, tlsVersion }: Pick<AccessInput, 'secure' | 'tlsVersion'>,
): string | undefined {
  if (!secure) return rule.httpsOnly ? 'the rule demands HTTPS' : undefined;
  if (rule.minTls === undefined || tlsVersion === undefined) return undefined;
  const version = /^TLSv(1(?:\.[0-9])?)$/.exec(tlsVersion)?.[1];
  // An unknown word for a version (`SSLv3`) is not a version that satisfies.
  if (version !== undefined && TLS_ORDER.indexOf(version) >= TLS_ORDER.indexOf(rule.minTls)) return undefined;
  return `the rule demands TLS ${rule.minTls}, the connection has ${tlsVersion}`;
}

const TLS_ORDER: readonly string[] = ['1', '1.1', '1.2', '1.3'];

function stricter(a: TransportRule['minTls'], b: TransportRule['minTls']): TransportRule['minTls'] {
  return a === '1.3' || b === '1.3' ? '1.3' : (a ?? b);
}
