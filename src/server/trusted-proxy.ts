import { BlockList, isIP } from 'node:net';
import { GatewayError } from '../model/errors.ts';
import { headersOf } from '../wire/message.ts';
import type { HeaderLines } from '../wire/message.ts';

/** Addresses that may speak for a client: `X-Forwarded-*` and the PROXY protocol. */
export interface TrustedProxies {
  readonly includes: (address: string) => boolean;
}

/** What the socket (or a PROXY header before it) says. */
export interface SocketFacts {
  readonly peer: string;
  readonly secure: boolean;
  readonly tlsVersion: string | undefined;
}

export interface ForwardedFacts extends SocketFacts {
  /** Replaces `Host`. */
  readonly host: string | undefined;
}

/** Compiles CIDRs and single addresses; throws `InvalidArgument` for anything else, hop counts and `true` included. */
export function trustedProxies(cidrs: readonly string[]): TrustedProxies {
  const list = new BlockList();
  for (const cidr of cidrs) addCidr(list, cidr);
  return {
    includes: (address) => {
      const plain = plainAddress(address);
      const version = isIP(plain);
      return version !== 0 && list.check(plain, version === 4 ? 'ipv4' : 'ipv6');
    },
  };
}

/**
 * Judges `X-Forwarded-*` of a trusted peer: the last entry only, because every entry before it was the client's to write.
 * `Forwarded`, `X-Forwarded-Ssl` and the like are never heard; from any other peer nothing is (a TLS downgrade by header, CVE-2026-3635).
 */
export function forwardedFacts(headers: HeaderLines, socket: SocketFacts, trusted: TrustedProxies): ForwardedFacts {
  if (!trusted.includes(socket.peer)) return { ...socket, host: undefined };
  const protocol = lastEntry(headers, 'x-forwarded-proto');
  const host = lastEntry(headers, 'x-forwarded-host');
  const transport =
    protocol === undefined
      ? { secure: socket.secure, tlsVersion: socket.tlsVersion }
      : { secure: protocol.toLowerCase() === 'https', tlsVersion: undefined };
  return { peer: clientOf(headers, socket.peer, trusted), ...transport, host };
}

/** `::ffff:10.0.0.1` → `10.0.0.1`: the same host, as a dual-stack socket names it. */
export function plainAddress(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address;
}

function addCidr(list: BlockList, cidr: string): void {
  const [address = '', bits, ...rest] = cidr.split('/');
  const version = isIP(address);
  const most = version === 4 ? 32 : 128;
  const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
  if (version === 0 || rest.length > 0 || prefix < 0 || prefix > most)
    throw new GatewayError('InvalidArgument', `"${cidr}" is not an address range (CIDR).`);
  list.addSubnet(address, prefix, version === 4 ? 'ipv4' : 'ipv6');
}

function entries(headers: HeaderLines, name: string): readonly string[] {
  return headersOf(headers, name)
    .flatMap((value) => value.split(','))
    .map((entry) => entry.trim());
}

function lastEntry(headers: HeaderLines, name: string): string | undefined {
  return entries(headers, name).at(-1);
}

/** The right-most address that is not a trusted proxy; an entry that is no address ends the walk. */
function clientOf(headers: HeaderLines, peer: string, trusted: TrustedProxies): string {
  let client = peer;
  for (const entry of entries(headers, 'x-forwarded-for').toReversed()) {
    const address = plainAddress(entry);
    if (isIP(address) === 0) break;
    client = address;
    if (!trusted.includes(address)) break;
  }
  return client;
}
