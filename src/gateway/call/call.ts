import type { Dialect, VerifiedRequest } from '../../dialects/dialect.ts';
import type { Backend, CallContext } from '../../model/backend.ts';
import { GatewayError } from '../../model/errors.ts';
import type { Action } from '../../model/operations.ts';
import type { AccessDecision, Denial, Route } from '../../policy/decision.ts';
import type { WireRequest } from '../../wire/message.ts';
import type { Client, Snapshot } from './snapshot.ts';
import type { Signals } from './signals.ts';
import type { KnownUploads } from '../memory/known-uploads.ts';
import type { UploadTokens } from '../memory/upload-token.ts';
import type { CheckedRules, StoreBucketName } from '../memory/checked-rules.ts';
import type { StoredPolicies } from '../memory/stored-policies.ts';
import type { RepeatedCompletes } from '../memory/repeated-complete.ts';
import type { Spool } from '../memory/spool.ts';

/** What lives longer than a request and does not change with a reload. */
export interface Services {
  readonly now: () => number;
  readonly randomBytes: (length: number) => Buffer;
  readonly signals: Signals;
  readonly uploadTokens: UploadTokens;
  readonly knownUploads: KnownUploads;
  /** ms since the epoch: no upload counts as older than this. */
  readonly uploadsSince: number;
  readonly spool: Spool;
  readonly checkedRules: CheckedRules;
  readonly storedPolicies: StoredPolicies;
  readonly repeatedCompletes: RepeatedCompletes;
  /** For work that goes on after the answer: the request's stores stay open until `release`. */
  readonly outlive: (request: WireRequest) => Outliving;
}

/** `signal`: the house closes, and nothing may go on. */
export interface Outliving {
  readonly signal: AbortSignal;
  readonly release: () => void;
}

/** One verified request under way. */
export interface Call {
  readonly snapshot: Snapshot;
  readonly services: Services;
  readonly dialect: Dialect;
  readonly wire: WireRequest;
  readonly verified: VerifiedRequest;
  readonly client: Client;
  readonly context: CallContext;
}

/** A bucket of the client's, found: the rule's route and the store behind it. */
export interface Place {
  readonly bucket: string;
  readonly storeBucket: string;
  readonly backend: Backend;
  readonly route: Route;
  /** The store speaks the client's language: its own key ids may be shown. */
  readonly sameDialect: boolean;
}

/** A place as the memories name it. */
export function storeBucketOf({ backend, storeBucket }: Place): StoreBucketName {
  return { store: backend.name, bucket: storeBucket };
}

/** Keys of the gateway's own at remote stores (parts to be joined, manifests): no client reaches them. */
export const HIDDEN_PREFIX = '.bucketseal/';

/** Transport, grants and hidden names for one action; throws the policy's refusal. */
export function authorise(call: Call, action: Action, bucket: string, key: string | undefined): void {
  if (key?.startsWith(HIDDEN_PREFIX) === true && hides(call, bucket))
    throw new GatewayError('AccessDenied', `Keys under ${HIDDEN_PREFIX} belong to the gateway.`);
  const { secure, tlsVersion } = call.wire.connection;
  demand(
    call.snapshot.policy.access({ principal: call.client.principal, action, bucket, key, secure, tlsVersion }),
    call.dialect.name,
  );
}

/** The embedded store keeps nothing beside its objects: there such a key is a client's (another gateway's, perhaps). */
function hides(call: Call, bucket: string): boolean {
  const route = call.snapshot.policy.route(bucket);
  return route === undefined || call.snapshot.directory.get(route.store).sealed === undefined;
}

/** Where a bucket's objects are; a bucket that no rule matches is refused (unknown policy is no policy). */
export function locate(call: Call, bucket: string): Place {
  const route = call.snapshot.policy.route(bucket);
  if (route === undefined)
    throw new GatewayError('AccessDenied', `No rule of the policy matches the bucket ${bucket}.`);
  const backend = call.snapshot.directory.get(route.store);
  // RFC 4343: names in hosts are compared without case, so such a request would reach another bucket than the rule's.
  if (backend.bucketsInHost === true && /[A-Z]/.test(route.storeBucket))
    throw new GatewayError('InvalidBucketName', 'The specified bucket is not valid.', {
      details: { BucketName: bucket },
    });
  return { bucket, storeBucket: route.storeBucket, backend, route, sameDialect: backend.dialect === call.dialect.name };
}

/** Authorise, then locate: what every operation on a bucket begins with. */
export function enter(call: Call, action: Action, bucket: string, key?: string): Place {
  authorise(call, action, bucket, key);
  return locate(call, bucket);
}

export function demand(decision: AccessDecision, dialect: string): void {
  if (decision.effect === 'deny') throw denialError(decision, dialect);
}

/** A refusal of the policy as the error that the client gets. */
export function denialError(denial: Denial, dialect: string): GatewayError {
  return new GatewayError(denial.codes?.[dialect] ?? denial.code, denial.message, {
    ...(denial.details === undefined ? {} : { details: denial.details }),
    ...(denial.ec === undefined ? {} : { ec: denial.ec }),
    ...(denial.wording === undefined ? {} : { wording: denial.wording }),
  });
}
