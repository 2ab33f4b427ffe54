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
    for (const [name, value] of Object.entries(detail))
      services.stdout(`  ${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}\n`);
  }
  return reachable ? EXIT.ok : EXIT.remote;
}
