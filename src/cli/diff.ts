import { hasErrors } from '../config/diagnostics.ts';
import type { DeclaredConfig } from '../config/gateway-config.ts';
import type { LoadOutcome } from '../config/load.ts';
import { printDiagnostics } from './diagnostics-output.ts';
import { replayAudit } from './audit-replay.ts';
import type { ReplayReport } from './audit-replay.ts';
import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { differencesOf, ruleChanges } from './policy-differences.ts';
import type { Difference } from './policy-differences.ts';
import type { Services } from './ports.ts';

export interface DiffOptions {
  readonly old: string;
  readonly new: string;
  /** Recorded audit lines to be decided again under both policies, `-` for standard input. */
  readonly audit: string | undefined;
  /** gateway.yaml, for what its clients may do and its stores can. */
  readonly config: string | undefined;
  readonly json: boolean;
}

/** `bucketseal diff OLD NEW`: what two policy files answer differently; their wording does not count. 2 when different. */
export function diffPolicies(services: Services, options: DiffOptions): ExitCode {
  const outcome = options.config === undefined ? undefined : services.load(options.config);
  if (outcome !== undefined && outcome.config === undefined) {
    refuse(services, outcome.diagnostics, options.config ?? '', options.json);
    return EXIT.invalid;
  }
  const config = outcome?.config;
  const sides = [options.old, options.new].map((file) => ({ file, ...services.loadPolicy(file, config) }));
  for (const { file, policy, diagnostics } of sides)
    if (policy === undefined) refuse(services, diagnostics, file, options.json);
  const [old, next] = sides.map(({ policy }) => policy);
  if (old === undefined || next === undefined) return EXIT.invalid;
  const audit = options.audit === undefined ? undefined : services.readFile(options.audit);
  if (audit?.ok === false) {
    services.stderr(`${options.audit ?? ''} cannot be read: ${audit.reason}\n`);
    return EXIT.usage;
  }
  const found = differencesOf(old, next);
  const changes = ruleChanges(old, next);
  if (options.json) {
    for (const each of [...changes, ...found]) services.stdout(`${JSON.stringify(each)}\n`);
  } else {
    for (const { rule, change, at } of changes) services.stdout(`rule ${rule} ${change} (${at})\n`);
    for (const each of found) services.stdout(`${lineOf(each)}\n`);
    if (found.length === 0) services.stdout('no difference in meaning\n');
  }
  const replay =
    audit && replayAudit(audit.text, { old, next, config, clientIds: idsOf(services, outcome), now: services.now() });
  if (replay !== undefined) printReplay(services, replay, { json: options.json, config });
  return found.length === 0 && (replay?.different.length ?? 0) === 0 ? EXIT.ok : EXIT.differences;
}

function refuse(services: Services, diagnostics: LoadOutcome['diagnostics'], subject: string, json: boolean): void {
  printDiagnostics(
    services,
    diagnostics.filter((diagnostic) => hasErrors([diagnostic])),
    { json, subject },
  );
}

function idsOf(services: Services, outcome: LoadOutcome | undefined): readonly (string | undefined)[] {
  return outcome === undefined ? [] : services.clientIds(outcome);
}

function lineOf({ bucket, prefix, field, old, new: next }: Difference): string {
  return `${bucket}${prefix === '' ? '' : ` prefix ${prefix}`}  ${field}: ${old} -> ${next}`;
}

function printReplay(
  services: Services,
  report: ReplayReport,
  { json, config }: { readonly json: boolean; readonly config: DeclaredConfig | undefined },
): void {
  const { decisions, others, unknown, strangers } = report;
  if (json) {
    for (const each of report.different) services.stdout(`${JSON.stringify(each)}\n`);
    services.stdout(`${JSON.stringify({ decisions, different: countOf(report), others, unknown, strangers })}\n`);
    return;
  }
  for (const { count, operation, bucket, under, old, new: next } of report.different)
    services.stdout(
      `${count} x ${operation} ${bucket}${under === undefined ? '' : ` (keys ${under})`}  ${old} -> ${next}\n`,
    );
  services.stdout(
    `${decisions} recorded decisions, ${countOf(report)} different; ${others} other records, ${unknown} unknown lines\n`,
  );
  if (config === undefined)
    services.stdout('without --config every client holds every right and key, and stores can do everything\n');
  else if (strangers > 0)
    services.stdout(`${strangers} decisions of clients that gateway.yaml does not have: taken with every right\n`);
}

function countOf({ different }: ReplayReport): number {
  return different.reduce((sum, { count }) => sum + count, 0);
}
