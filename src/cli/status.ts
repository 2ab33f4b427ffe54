import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Services } from './ports.ts';

/** `bucketseal status`: what a running gateway says of itself. 5 when it does not answer. */
export async function status(
  services: Services,
  config: string,
  options: { readonly json: boolean },
): Promise<ExitCode> {
  const { reachable, detail } = await services.status(config);
  if (options.json) services.stdout(`${JSON.stringify({ reachable, ...detail })}\n`);
  else {
    services.stdout(`${reachable ? 'running' : 'not reachable'}\n`);
    for (const line of linesOf(detail, '  ')) services.stdout(`${line}\n`);
  }
  return reachable ? EXIT.ok : EXIT.remote;
}

/** Nested values, each on a line of its own. Diagnostics are left to `--json`: `problems` has them in words. */
function linesOf(value: unknown, indent: string): readonly string[] {
  return Object.entries(value as object).flatMap(([name, item]: [string, unknown]): readonly string[] => {
    if (name === 'diagnostics') return [];
    if (Array.isArray(item))
      return item.length === 0
        ? []
        : [`${indent}${name}:`, ...(item as readonly unknown[]).map((each) => `${indent}  ${textOf(each)}`)];
    if (typeof item === 'object' && item !== null) return [`${indent}${name}:`, ...linesOf(item, `${indent}  `)];
    return [`${indent}${name}: ${textOf(item)}`];
  });
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
