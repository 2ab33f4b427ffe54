import type { RequestDescription } from '../config/policy-cases.ts';
import type { Explanation } from '../policy/explain.ts';
import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { explainHead, type ExplainOptions } from './explain-head.ts';
import { explanationLines, previewLines } from './explanation-text.ts';
import { loadPolicyOf } from './loaded-policy.ts';
import type { Loaded } from './loaded-policy.ts';
import type { StorePreview } from '../inspection/question.ts';
import type { Services } from './ports.ts';
import { ask, wishOf } from './question.ts';

/** `bucketseal explain`: why a request would be answered as it would. 0 for an answer, whichever it is. */
export async function explainRequest(services: Services, options: ExplainOptions): Promise<ExitCode> {
  const loaded = loadPolicyOf(services, options.config, options);
  if (loaded === undefined) return EXIT.invalid;
  const { bucket } = options.request;
  if (options.head !== undefined) return await explainHead(services, loaded, { ...options, head: options.head });
  if (bucket === undefined) {
    services.stderr("error: required option '--bucket <name>' (or '--head <file>') not specified\n");
    return EXIT.usage;
  }
  return explainFlags(services, loaded, { json: options.json, request: { ...options.request, bucket } });
}

function explainFlags(
  services: Services,
  { policy, config }: Loaded,
  { request, json }: { readonly request: RequestDescription; readonly json: boolean },
): ExitCode {
  const answer = ask(policy, config, request, services.now());
  if (!answer.ok) {
    services.stderr(`${answer.reason}\n`);
    return EXIT.usage;
  }
  const { explanation } = answer;
  const stores = previewsOf(services, { policy, config }, request, explanation);
  if (json) {
    services.stdout(`${JSON.stringify({ request, ...explanation, stores })}\n`);
    return EXIT.ok;
  }
  services.stdout(`${request.operation ?? 'PutObject'} ${request.bucket}/${request.key ?? ''}\n`);
  for (const line of [...explanationLines(explanation), ...previewLines(stores)]) services.stdout(`${line}\n`);
  return EXIT.ok;
}

/** What flags say is enough for a write's own headers; a copy's source and everything else come with `--head`. */
function previewsOf(
  services: Services,
  { policy, config }: Pick<Loaded, 'policy' | 'config'>,
  described: RequestDescription,
  explanation: Explanation,
): readonly StorePreview[] {
  const { decision } = explanation;
  const { bucket, key = '', operation = 'PutObject' } = described;
  if (decision?.effect !== 'allow') return [];
  const write = { bucket, key, wish: wishOf(described.encryption), metadata: { user: {} }, conditions: {} };
  const body = { bytes: empty(), length: 0 };
  switch (operation) {
    case 'PutObject':
      return services.storePreviews({ config, policy, decision, request: { operation, ...write, body } });
    case 'AppendObject':
      return services.storePreviews({ config, policy, decision, request: { operation, ...write, body, position: 0 } });
    case 'CreateMultipartUpload':
      return services.storePreviews({ config, policy, decision, request: { operation, ...write } });
    default:
      return [];
  }
}

async function* empty(): AsyncGenerator<Uint8Array, void, undefined> {
  // Nobody reads a preview's body.
}
