import type { BeforeDocument, Dialect, EncodeContext, VerifiedRequest } from '../dialects/dialect.ts';
import { GatewayError } from '../model/errors.ts';
import { ACTION_OF, type OperationName, type StorageRequest, type StorageResult } from '../model/operations.ts';
import type { WireRequest, WireResponse } from '../wire/message.ts';
import { resourceUri } from '../wire/resource-uri.ts';
import type { Call, Services } from './call/call.ts';
import { authorise, demand, locate } from './call/call.ts';
import { demandDistinctNames } from './decide/key-names.ts';
import { allowedCallOuts } from './decide/call-out.ts';
import { chooseDialect, demandPinned, dialectForErrors } from './dialect-choice.ts';
import { demandOwner } from './call/expected-owner.ts';
import { framed } from './call/framing.ts';
import { enforceStoredPolicy } from './decide/enforce-stored-policy.ts';
import { operationHandlers, type Handler, type ModelOperation } from './operation-handlers.ts';
import { openPassthrough, type Passthrough } from './passthrough.ts';
import { demandAcl } from './decide/reach.ts';
import { patientAnswer } from './answer/patient-answer.ts';
import { withheldAnswer } from './answer/withheld-answer.ts';
import type { Client, Snapshot } from './call/snapshot.ts';
import { withGatewayHeaders } from './answer/gateway-headers.ts';

export interface Gateway {
  /**
   * Always answers: errors leave in the client's dialect. `admit` is told whose the request is, once its signature
   * holds, and throws where there is no place for it.
   */
  handle(wire: WireRequest, signal: AbortSignal, admit?: (client: string) => void): Promise<WireResponse | Passthrough>;
  /** For failures of the listener itself, before there is a request. */
  encodeFailure(error: unknown, wire: WireRequest | undefined, listener?: string): WireResponse;
}

export interface GatewayOptions {
  readonly snapshot: () => Snapshot;
  readonly services: Services;
}

/** The way of a request: verify, transport, decode, decide, protect, send, attest, answer. */
export function createGateway({ snapshot, services }: GatewayOptions): Gateway {
  return {
    async handle(wire, signal, admit) {
      const current = snapshot();
      let dialect: Dialect = dialectForErrors(wire, current);
      let request: StorageRequest | undefined;
      let documented: OperationName | undefined;
      let verified: VerifiedRequest | undefined;
      const { owner } = current;
      try {
        dialect = chooseDialect(wire, current);
        verified = verify(dialect, wire, current, services);
        const client = clientOf(verified, current);
        admit?.(client.principal.accessKeyId);
        demandPinned(dialect, client);
        services.signals.signatureForm(verified.form);
        const call: Call = {
          snapshot: current,
          services,
          dialect,
          wire,
          verified,
          client,
          context: { requestId: wire.requestId, signal },
        };
        demandTransport(call);
        demandOwner(dialect, verified, owner);
        request = await dialect.decodeRequest(
          { ...verified, replicator: client.principal.replicator },
          allowedCallOuts(call),
          (...asked) => {
            documented = asked[0];
            demandGrant(call, ...asked);
          },
        );
        request = framed(wire, request);
        began(call, request);
        await enforceStoredPolicy(call, request);
        demandAcl(call, request);
        await demandDistinctNames(call, request);
        if (request.operation === 'Passthrough') return await openPassthrough(call, request);
        return await answer(call, request);
      } catch (error) {
        return failure(error, {
          dialect,
          wire,
          operation: request?.operation ?? documented,
          verified,
          services,
          owner,
        });
      }
    },
    encodeFailure(error, wire, listener) {
      return failure(error, {
        dialect: dialectForErrors(wire, snapshot(), listener),
        wire,
        operation: undefined,
        verified: undefined,
        services,
        owner: snapshot().owner,
      });
    },
  };
}

async function answer<N extends ModelOperation>(call: Call, request: StorageRequest<N>): Promise<WireResponse> {
  const handler = operationHandlers[request.operation] as Handler<N>;
  const context = encodeContext(call.wire, call.verified, call.snapshot.owner);
  const encode = (result: StorageResult<N>): WireResponse =>
    withGatewayHeaders(call.dialect, result, call.dialect.encodeResponse(request, result, context));
  const { patient } = handler;
  if (patient === undefined) return encode(await handler(call, request));
  if (call.dialect.traits.readsErrorsInside200)
    // Reading and writing through can take long: the client gets white space meanwhile, as S3 does.
    return await patientAnswer(handler(call, request), encode, (error) => failureDocument(error, call, context));
  const result = await withheldAnswer({
    work: (signal) => handler({ ...call, context: { ...call.context, signal } }, request),
    gone: call.context.signal,
    limit: call.snapshot.slowHead,
    then: patient,
  });
  return encode(result);
}

function verify(dialect: Dialect, wire: WireRequest, snapshot: Snapshot, services: Services): VerifiedRequest {
  const listener = snapshot.listeners.get(wire.connection.listener);
  return dialect.verify(wire, {
    credential: (accessKeyId) => snapshot.clients.get(accessKeyId)?.credential,
    candidateBuckets: (accessKeyId) => literalBuckets(snapshot.clients.get(accessKeyId)),
    addressing: snapshot.addressing,
    signatures: listener?.signatures ?? { ossV1: 'allow', sigV2: 'allow' },
    now: services.now(),
  });
}

/** Candidates in CNAME mode: literally named buckets only, 16 at most. */
function literalBuckets(client: Client | undefined): readonly string[] {
  const names = client?.principal.grants.flatMap((grant) => grant.buckets).filter((name) => !name.includes('*')) ?? [];
  return [...new Set(names)].slice(0, 16);
}

function clientOf(verified: VerifiedRequest, snapshot: Snapshot): Client {
  const client = snapshot.clients.get(verified.accessKeyId);
  if (client === undefined) throw new GatewayError('InvalidAccessKeyId', 'The access key id does not exist.');
  return client;
}

/** Transport comes first, the body unread: what was sent in clear text was already too much. */
function demandTransport(call: Call): void {
  const { bucket, key } = call.verified;
  const { secure, tlsVersion } = call.wire.connection;
  demand(
    call.snapshot.policy.transport({ principal: call.client.principal, bucket: bucket ?? '', key, secure, tlsVersion }),
    call.dialect.name,
  );
}

/** A document is read for those only who may do what it asks; each key of a list is judged again by its own name. */
function demandGrant(call: Call, ...[operation, access]: Parameters<BeforeDocument>): void {
  const { bucket, key } = call.verified;
  if (operation === 'ListBuckets' || bucket === undefined) return;
  if (operation !== 'DeleteObjects') {
    authorise(call, operation === 'Passthrough' ? access : ACTION_OF[operation], bucket, key);
    return;
  }
  if (!call.snapshot.policy.reaches(call.client.principal, 'delete', bucket))
    throw new GatewayError('AccessDenied', 'Access Denied');
  locate(call, bucket);
}

function began(call: Call, request: StorageRequest): void {
  const { policy } = call.snapshot;
  const bucket = 'bucket' in request ? request.bucket : undefined;
  call.services.signals.began({
    requestId: call.context.requestId,
    operation: request.operation,
    bucket: bucket === undefined || policy.route(bucket) === undefined ? undefined : bucket,
    policyRevision: policy.revision,
  });
}

function encodeContext(wire: WireRequest, verified: VerifiedRequest | undefined, owner: string): EncodeContext {
  return {
    requestId: wire.requestId,
    now: wire.receivedAt,
    method: wire.method,
    bucket: verified?.bucket,
    resource: wire.path,
    location: resourceUri(wire, { bucket: verified?.bucket, key: verified?.key }),
    host: wire.host,
    owner,
  };
}

interface Failed {
  readonly dialect: Dialect;
  readonly wire: WireRequest | undefined;
  readonly operation: OperationName | undefined;
  readonly verified: VerifiedRequest | undefined;
  readonly services: Services;
  readonly owner: string;
}

function failure(error: unknown, { dialect, wire, operation, verified, services, owner }: Failed): WireResponse {
  const requestId = wire?.requestId ?? services.randomBytes(8).toString('hex').toUpperCase();
  const known = toGatewayError(error);
  if (known !== error || known.code === 'InternalError' || known.code === 'ServiceUnavailable')
    services.signals.failure({ requestId, operation, error });
  services.signals.refused({
    requestId,
    code: known.code,
    operation,
    accessKeyId: verified?.accessKeyId,
  });
  const context: EncodeContext =
    wire === undefined
      ? {
          requestId,
          now: services.now(),
          method: 'GET',
          bucket: undefined,
          resource: '/',
          location: '/',
          host: '',
          owner,
        }
      : encodeContext(wire, verified, owner);
  return dialect.encodeError(known, context);
}

function failureDocument(error: unknown, call: Call, context: EncodeContext): string {
  const known = toGatewayError(error);
  call.services.signals.failure({ requestId: call.context.requestId, operation: undefined, error });
  return call.dialect.encodeErrorDocument(known, context);
}

/** Anything that is not a `GatewayError` is a defect here: the client learns no more than that. */
function toGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  return new GatewayError('InternalError', 'We encountered an internal error. Please try again.', { cause: error });
}
