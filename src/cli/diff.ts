import { hasErrors } from '../config/diagnostics.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import { findRule } from '../policy/rules.ts';
import type { FoundRule } from '../policy/rules.ts';
import { describe } from '../policy/values.ts';
import { printDiagnostics } from './diagnostics-output.ts';
import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Services } from './ports.ts';

export interface DiffOptions {
  readonly old: string;
  readonly new: string;
  readonly json: boolean;
}

/** One difference in meaning: at a place of the key space, a field that says something else. */
export interface Difference {
  readonly bucket: string;
  readonly prefix: string;
  readonly field: string;
  readonly old: string;
  readonly new: string;
}

/** `bucketseal diff OLD NEW`: what two policy files answer differently; their wording does not count. 2 when different. */
export function diffPolicies(services: Services, options: DiffOptions): ExitCode {
  const sides = [options.old, options.new].map((file) => ({ file, ...services.loadPolicy(file) }));
  for (const { file, policy, diagnostics } of sides) {
    if (policy !== undefined) continue;
    const errors = diagnostics.filter((diagnostic) => hasErrors([diagnostic]));
    printDiagnostics(services, errors, { json: options.json, subject: file });
  }
  const [old, next] = sides.map(({ policy }) => policy);
  if (old === undefined || next === undefined) return EXIT.invalid;
  const found = differencesOf(old, next);
  for (const difference of found) {
    const { bucket, prefix, field } = difference;
    const place = `${bucket}${prefix === '' ? '' : ` prefix ${prefix}`}`;
    services.stdout(
      options.json ? `${JSON.stringify(difference)}\n` : `${place}  ${field}: ${difference.old} -> ${difference.new}\n`,
    );
  }
  if (!options.json && found.length === 0) services.stdout('no difference in meaning\n');
  return found.length === 0 ? EXIT.ok : EXIT.differences;
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
  return [...found, ...keyDifferences(old, next)];
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
