import type { CompiledPolicy } from '../policy/compile.ts';
import { intersects } from '../policy/pattern.ts';
import { findRule } from '../policy/rules.ts';
import type { CompiledRule, FoundRule } from '../policy/rules.ts';
import { describe } from '../policy/values.ts';

/** One difference in meaning: at a place of the key space, a field that says something else. */
export interface Difference {
  readonly bucket: string;
  readonly prefix: string;
  readonly field: string;
  readonly old: string;
  readonly new: string;
}

/** A rule, or a prefix of one, that only one of two policies has. */
export interface RuleChange {
  readonly rule: string;
  readonly change: 'added' | 'removed';
  /** `file:line`. */
  readonly at: string;
}

/** Which rules and prefixes came and went; what that means is in the differences. */
export function ruleChanges(old: CompiledPolicy, next: CompiledPolicy): readonly RuleChange[] {
  const [before, after] = [refsOf(old), refsOf(next)];
  const only = (here: typeof before, there: typeof before, change: RuleChange['change']): readonly RuleChange[] =>
    here
      .filter(({ name }) => !there.some((other) => other.name === name))
      .map(({ name, file, line }) => ({ rule: name, change, at: `${file}:${line}` }));
  return [...only(before, after, 'removed'), ...only(after, before, 'added')];
}

function refsOf({ set }: CompiledPolicy): readonly CompiledRule['effective']['ref'][] {
  return set.rules.flatMap((rule) => [rule.effective.ref, ...rule.prefixes.map(({ effective }) => effective.ref)]);
}

/** Compares what binds at every pattern and prefix that either side names, and every key's ids. */
export function differencesOf(old: CompiledPolicy, next: CompiledPolicy): readonly Difference[] {
  const rules = [...old.set.rules, ...next.set.rules];
  const patterns = [...new Set(rules.map(({ pattern }) => pattern))];
  const prefixes = ['', ...new Set(rules.flatMap((rule) => rule.prefixes.map(({ prefix }) => prefix)))];
  const places = patterns.flatMap((pattern) => prefixes.map((prefix) => ({ pattern, prefix })));
  const changed = places.map(({ pattern, prefix }) => {
    // A bucket that the pattern matches; one that only this pattern is likely to match.
    const bucket = pattern.replaceAll('*', SAMPLE);
    const [before, after] = [old, next].map((policy) => factsOf(findRule(policy.set, bucket, prefix)));
    return { pattern, prefix, fields: fieldsThatDiffer(before ?? {}, after ?? {}) };
  });
  const found = changed.flatMap(({ pattern, prefix, fields }) =>
    fields
      // What changed for the whole bucket is told once.
      .filter(({ field, ...sides }) => {
        const whole = changed.find((other) => other.pattern === pattern && other.prefix === '');
        const same = whole?.fields.find((other) => other.field === field);
        return prefix === '' || same?.old !== sides.old || same.new !== sides.new;
      })
      .map((each) => ({ bucket: pattern, prefix, ...each })),
  );
  return [...found, ...orderDifferences(old, next), ...keyDifferences(old, next)];
}

const SAMPLE = 'x7q';

type Facts = Readonly<Record<string, string>>;

function fieldsThatDiffer(before: Facts, after: Facts): readonly Omit<Difference, 'bucket' | 'prefix'>[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .map((field) => ({ field, old: before[field] ?? 'no rule', new: after[field] ?? 'no rule' }))
    .filter((each) => each.old !== each.new);
}

function factsOf(found: FoundRule | undefined): Facts {
  if (found === undefined) return { store: 'no rule: refused' };
  const { rule, effective } = found;
  const { transport, mode, accept } = effective;
  const standard = effective.default;
  return {
    store: rule.store,
    name: rule.name,
    default:
      standard === undefined ? 'nothing: refused' : standard === 'store' ? "the bucket's own rule" : describe(standard),
    clients: effective.clients,
    accept: accept === undefined ? 'managed and every key held' : accept.map(describe).sort().join('; ') || 'nothing',
    by: effective.by,
    bucketRule: effective.bucketRule,
    httpsOnly: String(transport.httpsOnly),
    minTls: transport.minTls ?? 'any',
    mode: mode.kind === 'enforce' ? 'enforce' : `audit until ${mode.until === undefined ? 'ever' : isoOf(mode.until)}`,
    replicas: JSON.stringify(rule.replicas ?? 'none'),
    replicate: JSON.stringify(rule.replicate),
    allow: [...rule.allow].sort().join(', ') || 'nothing',
  };
}

/** Two rules that share buckets and changed places: another one decides for those buckets. */
function orderDifferences(old: CompiledPolicy, next: CompiledPolicy): readonly Difference[] {
  const order = (policy: CompiledPolicy): readonly string[] => policy.set.rules.map(({ pattern }) => pattern);
  const [before, after] = [order(old), order(next)];
  const common = before.filter((pattern) => after.includes(pattern));
  return common.flatMap((first, index) =>
    common
      .slice(index + 1)
      .filter((second) => intersects(first, second) && after.indexOf(second) < after.indexOf(first))
      .map((second) => ({
        bucket: `buckets of both ${first} and ${second}`,
        prefix: '',
        field: 'rule',
        old: first,
        new: second,
      })),
  );
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

function keyDifferences(old: CompiledPolicy, next: CompiledPolicy): readonly Difference[] {
  const stores = [...new Set([...old.stores, ...next.stores])];
  const aliases = [...new Set([...old.aliases, ...next.aliases])];
  return aliases.flatMap((alias) =>
    stores.flatMap((store) => {
      const [before, after] = [old, next].map((policy) =>
        policy.aliases.includes(alias) ? (policy.set.keys.idAt(alias as never, store) ?? 'none') : 'no such key',
      );
      return before === after
        ? []
        : [{ bucket: `key ${alias}`, prefix: '', field: store, old: before ?? '', new: after ?? '' }];
    }),
  );
}
