import { headerOf } from '../../../wire/message.ts';
import type { CallOut, VerifiedRequest } from '../../dialect.ts';
import { operationOf, selectorOf } from '../operations.ts';

/** Bucket sub-resources that cross unchanged between an OSS client and an OSS store. None of them touches an object's bytes. */
const ALLOWED: ReadonlySet<string> = new Set([
  'accessmonitor',
  'cors',
  'httpsConfig',
  'inventory',
  'lifecycle',
  'logging',
  'policyStatus',
  'publicAccessBlock',
  'referer',
  'requestPayment',
  'resourceGroup',
  'tagging',
  'transferAcceleration',
  'versioning',
  'website',
  'worm',
]);

/** Whether a sub-resource outside the model may cross. */
export function passthrough(
  request: VerifiedRequest,
): { readonly subresource: string; readonly access: 'read' | 'configure' } | undefined {
  if (request.bucket === undefined || request.key !== undefined || operationOf(request) !== undefined) return undefined;
  const selector = selectorOf(request);
  if (selector === undefined || !ALLOWED.has(selector)) return undefined;
  const { method } = request.wire;
  if (method === 'GET') return { subresource: selector, access: 'read' };
  return method === 'PUT' || method === 'DELETE' || method === 'POST'
    ? { subresource: selector, access: 'configure' }
    : undefined;
}

/**
 * Whether the store would call out: a callback to a URL of the client's, processing that writes elsewhere, or a fetch. A website
 * rule counts as a fetch, because mirroring back to the origin is configured there and is never encrypted.
 */
export function callsOut(request: VerifiedRequest): CallOut | undefined {
  const { headers, query, method } = request.wire;
  const carries = (name: string): boolean =>
    headerOf(headers, name) !== undefined || query.some((parameter) => parameter.name.toLowerCase() === name);
  if (['x-oss-callback', 'x-oss-callback-var', 'callback', 'callback-var'].some(carries)) return 'callback';
  if (['x-oss-process', 'x-oss-async-process', 'x-oss-write-get-object-response'].some(carries)) return 'process';
  if (carries('asyncfetch') || (carries('website') && method !== 'GET' && method !== 'DELETE')) return 'fetch';
  return undefined;
}
