import { headerOf, queryOf } from '../../../wire/message.ts';
import type { VerifiedRequest } from '../../dialect.ts';
import { invalid } from '../client/parameters.ts';

/** OSS: 100 KB/s to 100 MB/s, in bit/s (single-connection bandwidth throttling). */
const LEAST = 819_200;
const MOST = 838_860_800;
const NAME = 'x-oss-traffic-limit';

/** How fast the client wants its bytes to go, bytes a second; as a header, or as a parameter of an address. */
export function trafficLimit({ wire }: VerifiedRequest): number | undefined {
  const text = headerOf(wire.headers, NAME) ?? queryOf(wire.query, NAME);
  if (text === undefined) return undefined;
  const bits = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (bits < LEAST || bits > MOST)
    throw invalid(NAME, `The value of ${NAME} must be an integer between ${LEAST} and ${MOST}.`, text);
  return bits / 8;
}
