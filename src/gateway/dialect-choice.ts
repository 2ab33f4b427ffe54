import type { Dialect, DialectName } from '../dialects/dialect.ts';
import { DIALECTS } from '../dialects/index.ts';
import { GatewayError } from '../model/errors.ts';
import { hostName } from '../wire/host.ts';
import type { WireRequest } from '../wire/message.ts';
import type { Client, Snapshot } from './call/snapshot.ts';

/** What of a snapshot pins a language. */
export type Pins = Pick<Snapshot, 'hosts' | 'listeners'> & {
  readonly clients: ReadonlyMap<string, Pick<Client, 'dialect'>>;
};

/**
 * The language of errors before anything is verified: a pin of host, listener or client, else the scheme of the one
 * signature, else the language whose words stand in the request, else the first. A head that was refused has a listener only.
 */
export function dialectForErrors(wire: WireRequest | undefined, snapshot: Pins, listener?: string): Dialect {
  const [first] = Object.values(DIALECTS) as [Dialect, ...Dialect[]];
  const pinned = wire === undefined ? snapshot.listeners.get(listener ?? '')?.dialect : pinOf(wire, snapshot);
  if (pinned !== undefined) return DIALECTS[pinned];
  if (wire === undefined) return first;
  const found = claims(wire);
  const [claim] = found;
  if (claim !== undefined && languagesOf(found).size === 1)
    return pinnedByClient(claim.dialect, claim.accessKeyId, snapshot);
  return Object.values(DIALECTS).find((dialect) => dialect.speaks?.(wire) === true) ?? first;
}

/**
 * The one dialect whose signature opens the request. Several mechanisms in one request are refused: each gateway that
 * verified one and read another was broken that way (CVE-2026-41145).
 */
export function chooseDialect(wire: WireRequest, snapshot: Pins): Dialect {
  const found = claims(wire);
  const [claim] = found;
  if (claim === undefined)
    throw new GatewayError('AccessDenied', 'Anonymous access is forbidden for this operation.', { wording: {} });
  if (languagesOf(found).size > 1)
    throw new GatewayError(
      'InvalidArgument',
      'Only one auth mechanism allowed; only one signature of one kind may stand in a request.',
    );
  const pinned = pinOf(wire, snapshot);
  if (pinned === undefined) return pinnedByClient(claim.dialect, claim.accessKeyId, snapshot);
  const match = found.find(({ dialect }) => dialect.name === pinned);
  if (match === undefined) throw new GatewayError('InvalidArgument', `This endpoint takes ${pinned} signatures only.`);
  return match.dialect;
}

/**
 * A credential that is pinned to one language opens nothing in another, however right its signature: OSS V1 and SigV2 hash the
 * very same text for the same request, and only a pin tells them apart. Judged once the client is known to be who it says.
 */
export function demandPinned(dialect: Dialect, client: Pick<Client, 'dialect'>): void {
  if (client.dialect !== undefined && familyOf(DIALECTS[client.dialect]) !== familyOf(dialect))
    throw new GatewayError('AccessDenied', `This access key is for ${client.dialect} requests only.`);
}

interface Found {
  readonly dialect: Dialect;
  readonly accessKeyId: string | undefined;
}

function claims(wire: WireRequest): readonly Found[] {
  return Object.values(DIALECTS).flatMap((dialect) => {
    const claim = dialect.claims(wire);
    return claim === undefined ? [] : [{ dialect, accessKeyId: claim.accessKeyId }];
  });
}

/** Variants of one wire language (jd of s3) claim the same signature; two different languages never may. */
function languagesOf(found: readonly Found[]): ReadonlySet<unknown> {
  return new Set(found.map(({ dialect }) => familyOf(dialect)));
}

/** A variant shares its parent's verifier. */
function familyOf(dialect: Dialect): unknown {
  return dialect.verify;
}

function pinOf(wire: WireRequest, snapshot: Pins): DialectName | undefined {
  return snapshot.hosts.get(hostName(wire.host)) ?? snapshot.listeners.get(wire.connection.listener)?.dialect;
}

function pinnedByClient(dialect: Dialect, accessKeyId: string | undefined, snapshot: Pins): Dialect {
  const pin = accessKeyId === undefined ? undefined : snapshot.clients.get(accessKeyId)?.dialect;
  if (pin === undefined) return dialect;
  const pinned = DIALECTS[pin];
  return familyOf(pinned) === familyOf(dialect) ? pinned : dialect;
}
