import type { RequestDescription } from '../config/policy-cases.ts';
import type { StorageRequest } from '../model/operations.ts';
import { ACTION_OF, type Action } from '../model/operations.ts';
import type { Denial } from '../policy/decision.ts';
import type { Explanation } from '../policy/explain.ts';
import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Loaded } from './loaded-policy.ts';
import { explanationLines, previewLines } from './explanation-text.ts';
import type { HeadReading, StorePreview } from '../inspection/question.ts';
import type { Services } from './ports.ts';
import { askFacts, bucketRuleOf, DECIDED, EVERY_RIGHT, liveOf, principalFor } from './question.ts';

export interface ExplainOptions {
  readonly config: string;
  readonly json: boolean;
  /** A file with a pasted request's head, `-` for standard input; the flags then say only what a head cannot. */
  readonly head: string | undefined;
  readonly request: Omit<RequestDescription, 'bucket'> & { readonly bucket?: string };
}

type Understood = Extract<HeadReading, { kind: 'understood' }>;

/** `bucketseal explain --head`: a request as it was pasted, and what stores would be told of it. */
export async function explainHead(
  services: Services,
  loaded: Loaded,
  options: ExplainOptions & { readonly head: string },
): Promise<ExitCode> {
  const usage = (reason: string): ExitCode => {
    services.stderr(`${reason}\n`);
    return EXIT.usage;
  };
  const { request: flags, json } = options;
  const read = services.readFile(options.head);
  if (!read.ok) return usage(`${options.head} cannot be read: ${read.reason}`);
  const principal = flags.client === undefined ? undefined : clientOf(services, loaded, flags.client);
  if (flags.client !== undefined && principal === undefined)
    return usage(`gateway.yaml has no client "${flags.client}"`);
  const now = flags.at === undefined ? services.now() : Date.parse(flags.at);
  if (Number.isNaN(now)) return usage(`"${flags.at ?? ''}" is no date`);
  const connection = { secure: flags.secure ?? true, tls: flags.tls ?? '1.3' } as const;
  const reading = await services.readHead(read.text, {
    ...loaded,
    ...connection,
    now,
    principal,
    everybody: EVERY_RIGHT,
  });
  if (reading.kind === 'unreadable') return usage(`the pasted head cannot be used: ${reading.reason}`);
  if (reading.kind === 'refused') {
    const { dialect, status, code, message } = reading;
    if (json)
      services.stdout(
        `${JSON.stringify({ head: { dialect }, outcome: 'deny', refused: { status, code, message } })}\n`,
      );
    else services.stdout(`refused before the policy is asked: ${status} ${code}: ${message}\n`);
    return EXIT.ok;
  }
  const bucketRule = bucketRuleOf(flags.bucketRule);
  const answer = answerOf(services, loaded, reading, { ...connection, now, bucketRule });
  print(services, reading, answer, json);
  return EXIT.ok;
}

interface HeadAnswer {
  /** One for each key that the request is about; most are about one. */
  readonly explanations: readonly Explanation[];
  /** A copy reads its source as a GET would. */
  readonly source: Denial | undefined;
  readonly transfer: { readonly code: string; readonly message: string } | undefined;
  readonly stores: readonly StorePreview[];
}

type Circumstances = Pick<Parameters<typeof askFacts>[2], 'secure' | 'tls' | 'now' | 'bucketRule'>;

function answerOf(
  services: Services,
  { policy, config }: Loaded,
  reading: Understood,
  around: Circumstances,
): HeadAnswer {
  const { request, principal, wishesIgnored } = reading;
  if (request.operation === 'ListBuckets') {
    const stores = services.storePreviews({ config, policy, request, decision: undefined });
    return { explanations: [], source: undefined, transfer: undefined, stores };
  }
  const explanations = keysOf(request).map((key) =>
    askFacts(policy, config, {
      ...around,
      principal,
      action: actionOf(request),
      decided: DECIDED.includes(request.operation),
      bucket: request.bucket,
      key,
      wish: 'wish' in request ? request.wish : { state: 'absent' },
      wishesIgnored,
    }),
  );
  const source = 'source' in request ? sourceDenial(policy, principal, request.source, around) : undefined;
  const decision = explanations[0]?.decision;
  const transfer = decision?.effect === 'allow' ? reading.transfer(decision.encryption.kind) : undefined;
  const open =
    explanations.some(({ outcome }) => outcome === 'allow') && source === undefined && transfer === undefined;
  const forwarded = reading.forwarded === undefined ? [] : [reading.forwarded];
  const previews =
    request.operation === 'Passthrough' ? forwarded : services.storePreviews({ config, policy, request, decision });
  return { explanations, source, transfer, stores: open ? previews : [] };
}

function sourceDenial(
  policy: Loaded['policy'],
  principal: Understood['principal'],
  { bucket, key }: { readonly bucket: string; readonly key: string },
  { secure, tls }: Circumstances,
): Denial | undefined {
  const tlsVersion = secure ? `TLSv${tls}` : undefined;
  const access = policy.access({ principal, action: 'read', bucket, key, secure, tlsVersion });
  return access.effect === 'deny' ? access : undefined;
}

function keysOf(request: Exclude<StorageRequest, { operation: 'ListBuckets' }>): readonly (string | undefined)[] {
  if (request.operation === 'DeleteObjects') return request.objects.map(({ key }) => key);
  if ('prefix' in request) return [request.prefix];
  return ['key' in request ? request.key : undefined];
}

function actionOf(request: Exclude<StorageRequest, { operation: 'ListBuckets' }>): Action {
  return request.operation === 'Passthrough' ? request.access : ACTION_OF[request.operation];
}

/** By name or access key id, the id from wherever it is kept. */
function clientOf(services: Services, { outcome, config }: Loaded, name: string): ReturnType<typeof principalFor> {
  const client = config.clients[services.clientIds(outcome).indexOf(name)];
  return client === undefined ? principalFor(config, name) : liveOf(client, name);
}

function print(services: Services, reading: Understood, answer: HeadAnswer, json: boolean): void {
  const { dialect, form, accessKeyId, known, request } = reading;
  const { explanations, source, transfer, stores } = answer;
  const refused = source ?? transfer;
  const [first] = explanations;
  const bucket = 'bucket' in request ? request.bucket : undefined;
  const key = 'key' in request ? request.key : undefined;
  const { operation } = request;
  if (json) {
    const head = { dialect, form, signature: 'not verified', accessKeyId, known, operation, bucket, key };
    const outcome = refused !== undefined || explanations.some((each) => each.outcome === 'deny') ? 'deny' : 'allow';
    const more = explanations.length > 1 ? { keys: explanations } : {};
    const problem = refused === undefined ? {} : { refused: { code: refused.code, message: refused.message } };
    services.stdout(`${JSON.stringify({ head, ...first, ...more, ...problem, outcome, stores })}\n`);
    return;
  }
  const who = accessKeyId === undefined ? 'nobody' : accessKeyId;
  const lines = [
    `${operation} ${bucket ?? ''}/${key ?? ''} (${dialect}${form === undefined ? '' : `, ${form}`})`,
    `  signature: ${form === undefined ? 'none in the head' : 'not verified'}; client: ${who}${known ? '' : ', not one of this configuration: explained with every right'}`,
    ...(request.operation === 'ListBuckets' ? ['allow: buckets with any grant are shown'] : []),
    ...explanations.flatMap((each) => explanationLines(each)),
    ...(source === undefined ? [] : [`deny ${source.code}: the source: ${source.message}`, `  ${source.reason}`]),
    ...(transfer === undefined ? [] : [`deny ${transfer.code}: ${transfer.message}`]),
    ...previewLines(stores),
  ];
  for (const line of lines) services.stdout(`${line}\n`);
}
