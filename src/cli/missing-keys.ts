import type { Diagnostic } from '../config/diagnostics.ts';

/**
 * The lines to add to `keys:` for names that no key has, each name once; '' where none is missing. A policy of 0.1.0 may
 * use undeclared names whose keys its keyring made: these lines are what an upgrade needs.
 */
export function missingKeysText(diagnostics: readonly Diagnostic[]): string {
  const lines = new Map<string, string>();
  for (const { declare } of diagnostics) {
    if (declare === undefined) continue;
    const name = declare.slice(0, declare.indexOf(': {'));
    // The place that says more (ids at stores) has the better line.
    if ((lines.get(name)?.length ?? 0) < declare.length) lines.set(name, declare);
  }
  if (lines.size === 0) return '';
  const text = [...lines.values()].map((line) => `  ${line}\n`).join('');
  return `If these names are meant, add them to the policy:\n\nkeys:\n${text}\n`;
}
