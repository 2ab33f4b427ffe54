import { hasErrors } from '../config/diagnostics.ts';
import type { DeclaredConfig } from '../config/gateway-config.ts';
import type { LoadOutcome } from '../config/load.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import { printDiagnostics } from './diagnostics-output.ts';
import type { Services } from './ports.ts';

/** What `explain` and `test` ask: a configuration with its policy. Undefined when it has errors, which are printed. */
export function loadPolicyOf(
  services: Services,
  file: string,
  options: { readonly json: boolean },
): Loaded | undefined {
  const outcome = services.load(file);
  const policy = services.compile(outcome);
  const { config } = outcome;
  if (policy !== undefined && config !== undefined) return { outcome, policy, config };
  const errors = outcome.diagnostics.filter((diagnostic) => hasErrors([diagnostic]));
  printDiagnostics(services, errors, { json: options.json, subject: file });
  return undefined;
}

/** A configuration without an ERROR, with its policy. */
export interface Loaded {
  readonly outcome: LoadOutcome;
  readonly policy: CompiledPolicy;
  readonly config: DeclaredConfig;
}
