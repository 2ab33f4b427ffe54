import { GatewayError } from '../../../model/errors.ts';
import type { StorageRequest } from '../../../model/operations.ts';
import { parseXml } from '../../../wire/xml-document.ts';
import type { VerifiedRequest } from '../../dialect.ts';
import { reachOf } from '../../document-reach.ts';
import { readDocumentBytes } from '../../document.ts';
import { malformedXml } from './parameters.ts';
import { SIGNATURE_PARAMETERS } from '../store/request.ts';

/** Bytes of a sub-resource's document. */
const MAX_DOCUMENT = 64 * 1024;
/** Parameters of sub-resources beside the signature's. */
const PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  inventory: ['inventoryId', 'continuation-token'],
};

/** A sub-resource outside the model: judged by its parameters and by what its document would make the store do. */
export async function decodePassthrough(
  request: VerifiedRequest,
  asked: StorageRequest<'Passthrough'>,
): Promise<StorageRequest<'Passthrough'>> {
  refuseStrangers(request, asked.subresource);
  const { method } = request.wire;
  if (method === 'GET') return asked;
  const document = await readDocumentBytes(request.body, MAX_DOCUMENT);
  if (document === 'too-large') throw new GatewayError('EntityTooLarge', 'The request body is too large.');
  if (document.length === 0) return { ...asked, document };
  const outcome = parseXml(document);
  if (!outcome.ok) throw malformedXml();
  const { destinations, keyIds, grants } = reachOf(outcome.root);
  return { ...asked, document, demands: grants ? ['public-acl'] : [], destinations, keyIds };
}

/** A parameter that the sub-resource does not take, or one given twice: what one layer ignores, the next may obey. */
function refuseStrangers({ wire }: VerifiedRequest, subresource: string): void {
  const own = [subresource, ...(PARAMETERS[subresource] ?? [])];
  const names = wire.query.map(({ name }) => name).filter((name) => !SIGNATURE_PARAMETERS.has(name));
  const stranger = names.find((name, at) => !own.includes(name) || names.indexOf(name) !== at);
  if (stranger !== undefined)
    throw new GatewayError(
      'NotImplemented',
      `?${subresource} with the parameter ${stranger.slice(0, 64)} is not implemented by this gateway.`,
    );
}
