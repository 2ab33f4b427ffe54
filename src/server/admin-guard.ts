import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Secret } from '../model/encryption.ts';
import { hostName } from '../wire/host.ts';

/** Who may ask the admin port. */
export interface AdminGuard {
  /** Where the port listens. */
  readonly host: string;
  /** Host names that requests may name, beside IP literals, localhost and `host` itself. */
  readonly hosts: readonly string[];
  readonly token: Secret | undefined;
}

/** Why a request is refused, or undefined. `route` is the page that the router found: targets have many spellings. */
export function adminRefusal(
  { method, headers }: Pick<IncomingMessage, 'method' | 'headers'>,
  route: string | undefined,
  guard: AdminGuard,
): string | undefined {
  // A page of another site whose name was rebound to this address names itself in Host; probes of HTTP/1.0 name nobody.
  if (headers.host !== undefined && !isOwnName(headers.host, guard))
    return 'forbidden: this host name is not among admin.hosts';
  // A web page in the operator's browser can reach loopback too; it always names its origin.
  if (method === 'POST' && headers.origin !== undefined) return 'forbidden';
  const asked = method === 'POST' || route === '/status';
  if (!asked || (guard.token === undefined && isLoopback(guard.host))) return undefined;
  if (guard.token === undefined) return 'forbidden: admin.token is needed off loopback';
  return carries(headers.authorization, guard.token) ? undefined : 'forbidden: the token of admin.token is needed';
}

function isOwnName(header: string, { host, hosts }: AdminGuard): boolean {
  const name = hostName(header);
  if (isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0) return true;
  return name === 'localhost' || [host, ...hosts].some((own) => hostName(own) === name);
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** Compared by digest: neither length nor content shows in how long it takes. */
function carries(authorization: string | undefined, token: Secret): boolean {
  const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return given !== undefined && timingSafeEqual(digest(given), digest(token.reveal()));
}
