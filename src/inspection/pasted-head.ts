import type { HeadQuestion, HeadReading } from './question.ts';
import type { DeclaredConfig } from '../config/gateway-config.ts';
import { principalOf } from '../config/policy-world.ts';
import type { LoadOutcome } from '../config/load.ts';
import { DIALECTS } from '../dialects/index.ts';
import type { Dialect, DialectName, Presumed, SignatureOptions, VerifiedRequest } from '../dialects/dialect.ts';
import { allowedCallOuts } from '../gateway/decide/call-out.ts';
import { HIDDEN_PREFIX } from '../gateway/call/call.ts';
import { chooseDialect, dialectForErrors, type Pins } from '../gateway/dialect-choice.ts';
import { demandFitTransfer } from '../gateway/decide/encrypted-transfer.ts';
import { demandOwner } from '../gateway/call/expected-owner.ts';
import { GatewayError } from '../model/errors.ts';
import type { StorageRequest } from '../model/operations.ts';
import type { Principal } from '../policy/decision.ts';
import { hostName } from '../wire/host.ts';
import type { WireRequest } from '../wire/message.ts';
import { readHeadText } from './head-text.ts';
import type { ReferenceSources } from '../config/secret-reference.ts';
import { forwardedPreview, type Preview } from './store-preview.ts';

/**
 * A pasted request, read by the code that reads live ones: the choice of the language, its view of bucket and key, its
 * decoder, what it demands of the transfer. Only the signature is taken on trust, which the answer says.
 */
export async function readHead(
  text: string,
  question: HeadQuestion,
  references: ReferenceSources,
): Promise<HeadReading> {
  const { outcome, policy, secure, tls, now } = question;
  const { config } = outcome;
  if (config === undefined) return { kind: 'unreadable', reason: 'the configuration has errors' };
  const listener = config.listeners.find((each) => (each.tls !== undefined) === secure) ?? config.listeners[0];
  const connection = {
    peer: '',
    secure,
    tlsVersion: secure ? `TLSv${tls}` : undefined,
    listener: listener?.name ?? '',
  };
  const head = readHeadText(text, connection, now);
  if (!head.ok) return { kind: 'unreadable', reason: head.reason };
  const { wire } = head;
  const clients = clientsOf(outcome, config, references);
  const pins = pinsOf(config, clients);
  let dialect = dialectForErrors(wire, pins);
  const signatures: SignatureOptions = listener?.signatures ?? { ossV1: 'allow', sigV2: 'allow' };
  const context = { addressing: { domains: config.domains, cnames: config.cnames }, signatures };
  try {
    const signed = Object.values(DIALECTS).some((each) => each.claims(wire) !== undefined);
    dialect = signed ? chooseDialect(wire, pins) : unsignedDialect(wire, dialect, context);
    const presumed = dialect.presume(wire, context);
    const accessKeyId = dialect.claims(wire)?.accessKeyId;
    const known = accessKeyId === undefined ? undefined : clients.get(accessKeyId)?.principal;
    const principal = question.principal ?? known ?? { ...question.everybody, accessKeyId: accessKeyId ?? '' };
    const verified: VerifiedRequest = {
      wire,
      accessKeyId: accessKeyId ?? '',
      ...presumed,
      replicator: principal.replicator,
    };
    const { bucket = '', key } = presumed;
    if (key?.startsWith(HIDDEN_PREFIX) === true)
      throw new GatewayError('AccessDenied', `Keys under ${HIDDEN_PREFIX} belong to the gateway.`);
    const transport = policy.transport({ principal, bucket, key, secure, tlsVersion: connection.tlsVersion });
    if (transport.effect === 'deny')
      return {
        kind: 'refused',
        dialect: dialect.name,
        status: statusOf(dialect, wire, transport.code, transport.message),
        code: transport.code,
        message: transport.message,
      };
    demandOwner(dialect, verified, config.owner);
    const request = await dialect.decodeRequest(
      verified,
      allowedCallOuts({ dialect, verified, snapshot: { policy }, services: { now: () => now } }),
    );
    return {
      kind: 'understood',
      dialect: dialect.name,
      form: signed ? presumed.form : undefined,
      accessKeyId,
      principal,
      known: question.principal !== undefined || known !== undefined,
      request,
      wishesIgnored: dialect.traits.wishesIgnored,
      transfer: (kind) =>
        transferProblem(dialect, wire, presumed, kind, { config, bucket: policy.route(bucket)?.store }),
      ...passthroughOf(request, { dialect, verified, config, policy }),
    };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    if (!head.hasBody && DOCUMENT_ERRORS.includes(error.code) && lengthOf(wire) !== 0)
      return { kind: 'unreadable', reason: 'its meaning stands in its body: paste the body too, after an empty line' };
    const status = statusOf(dialect, wire, error.code, error.message);
    return { kind: 'refused', dialect: dialect.name, status, code: error.code, message: error.message };
  }
}

const DOCUMENT_ERRORS: readonly string[] = [
  'MalformedXML',
  'IncompleteBody',
  'MissingContentLength',
  'MalformedPolicy',
];

interface KnownClient {
  readonly principal: Principal;
  readonly dialect: DialectName | undefined;
}

/** By access key id; ids that stand in files or variables which cannot be read here stay unknown. */
function clientsOf(
  outcome: LoadOutcome,
  declared: DeclaredConfig,
  references: ReferenceSources,
): ReadonlyMap<string, KnownClient> {
  const live = outcome.resolve(references).config;
  const named = declared.clients.flatMap((client, index) => {
    const { from, value } = client.accessKeyId;
    const id = live?.clients[index]?.accessKeyId ?? (from === 'clear' ? value : undefined);
    if (id === undefined) return [];
    const principal = principalOf(client, id);
    const transport = principal.transport && { minTls: undefined, ...principal.transport };
    return [
      [id, { principal: { ...principal, transport }, dialect: client.dialect as DialectName | undefined }] as const,
    ];
  });
  return new Map(named);
}

function pinsOf(config: DeclaredConfig, clients: ReadonlyMap<string, KnownClient>): Pins {
  return {
    clients,
    hosts: new Map(Object.entries(config.hosts).map(([host, dialect]) => [hostName(host), dialect as DialectName])),
    listeners: new Map(
      config.listeners.map(({ name, dialect, signatures }) => [
        name,
        { dialect: dialect === 'auto' ? undefined : (dialect as DialectName), signatures },
      ]),
    ),
  };
}

/** Logs often leave the signature out: then the first language that does not object to the headers, a pinned one first. */
function unsignedDialect(wire: WireRequest, pinned: Dialect, context: Parameters<Dialect['presume']>[1]): Dialect {
  for (const dialect of [pinned, ...Object.values(DIALECTS)]) {
    try {
      dialect.presume(wire, context);
      return dialect;
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
    }
  }
  return pinned;
}

function transferProblem(
  dialect: Dialect,
  wire: WireRequest,
  verified: Presumed,
  kind: Parameters<typeof demandFitTransfer>[2],
  place: { readonly config: DeclaredConfig; readonly bucket: string | undefined },
): { readonly code: string; readonly message: string } | undefined {
  const capabilities = place.config.stores[place.bucket ?? '']?.capabilities;
  if (capabilities === undefined) return undefined;
  try {
    demandFitTransfer({ dialect, wire, verified }, { backend: { capabilities } }, kind);
    return undefined;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { code: error.code, message: error.message };
  }
}

function passthroughOf(
  request: StorageRequest,
  parts: Preview,
): Pick<Extract<HeadReading, { kind: 'understood' }>, 'forwarded'> {
  return request.operation === 'Passthrough' ? { forwarded: forwardedPreview(parts) } : {};
}

function statusOf(dialect: Dialect, wire: WireRequest, code: GatewayError['code'], message: string): number {
  return dialect.encodeError(new GatewayError(code, message), {
    requestId: wire.requestId,
    now: wire.receivedAt,
    method: wire.method,
    bucket: undefined,
    resource: wire.path,
    location: wire.path,
    host: wire.host,
    owner: '',
  }).status;
}

/** Undefined where a body may follow and nobody says how much. */
function lengthOf({ headers, method }: WireRequest): number | undefined {
  const length = headers.find(([name]) => name === 'content-length')?.[1];
  if (length !== undefined && /^\d{1,15}$/.test(length)) return Number(length);
  return method === 'PUT' || method === 'POST' ? undefined : 0;
}
