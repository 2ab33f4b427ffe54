import { GatewayError } from '../../../model/errors.ts';
import type { Tags } from '../../../model/objects.ts';
import { decodeComponent, encodeComponent } from '../../../wire/percent-encoding.ts';
import { childrenOf, childText, writeXml } from '../../../wire/xml-document.ts';
import type { XmlElement } from '../../../wire/xml-document.ts';
import { NAMESPACE, malformed } from './xml.ts';

// S3: ten tags an object, keys of 128 and values of 256 characters.
const MAX_TAGS = 10;
const MAX_KEY = 128;
const MAX_VALUE = 256;

/** `x-amz-tagging`: `k=v&k2=v2`, query-encoded. */
export function parseTaggingHeader(value: string): Tags {
  const pairs = value === '' ? [] : value.split('&').map((pair) => pairOf(pair, value));
  if (new Set(pairs.map(([key]) => key)).size !== pairs.length) throw oddHeader(value);
  return checked(pairs);
}

export function formatTaggingHeader(tags: Tags): string {
  return Object.entries(tags)
    .map(([key, value]) => `${encodeComponent(key)}=${encodeComponent(value)}`)
    .join('&');
}

/** A `Tagging` document. */
export function decodeTagging(root: XmlElement): Tags {
  const [set] = childrenOf(root, 'TagSet');
  if (root.name !== 'Tagging' || set === undefined || root.children.length !== 1) throw malformed();
  const pairs = set.children.map((tag): readonly [string, string] => {
    const [key, value] = [childText(tag, 'Key'), childText(tag, 'Value')];
    if (tag.name !== 'Tag' || key === undefined || value === undefined || tag.children.length !== 2) throw malformed();
    return [key, value];
  });
  if (new Set(pairs.map(([key]) => key)).size !== pairs.length)
    throw new GatewayError('InvalidTag', 'Cannot provide multiple Tags with the same key');
  return checked(pairs);
}

export function encodeTagging(tags: Tags): string {
  return writeXml(
    [
      'Tagging',
      [
        [
          'TagSet',
          Object.entries(tags).map(([key, value]) => [
            'Tag',
            [
              ['Key', key],
              ['Value', value],
            ],
          ]),
        ],
      ],
    ],
    NAMESPACE,
  );
}

function pairOf(pair: string, whole: string): readonly [string, string] {
  const equals = pair.indexOf('=');
  const key = decodeComponent(equals === -1 ? pair : pair.slice(0, equals), { plusIsSpace: true });
  const value = equals === -1 ? '' : decodeComponent(pair.slice(equals + 1), { plusIsSpace: true });
  if (key === undefined || value === undefined || key === '') throw oddHeader(whole);
  return [key, value];
}

function checked(pairs: readonly (readonly [string, string])[]): Tags {
  if (pairs.length > MAX_TAGS) throw new GatewayError('BadRequest', 'Object tags cannot be greater than 10');
  for (const [key, value] of pairs) {
    if (key === '' || key.length > MAX_KEY || !ALLOWED.test(key))
      throw new GatewayError('InvalidTag', 'The TagKey you have provided is invalid', { details: { TagKey: key } });
    if (value.length > MAX_VALUE || !ALLOWED.test(value))
      throw new GatewayError('InvalidTag', 'The TagValue you have provided is invalid', { details: { TagKey: key } });
    if (key.startsWith('aws:'))
      throw new GatewayError('InvalidTag', 'System tags cannot be added/updated by requester');
  }
  return Object.fromEntries(pairs);
}

// "Letters, spaces and numbers representable in UTF-8, and + - = . _ : / @" (S3 object tagging).
const ALLOWED = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

function oddHeader(value: string): GatewayError {
  return new GatewayError(
    'InvalidArgument',
    "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
    { details: { ArgumentName: 'x-amz-tagging', ArgumentValue: value } },
  );
}

/** A store's own tags, unjudged. */
export function tolerantTags(root: XmlElement): Tags {
  const [set] = childrenOf(root, 'TagSet');
  return Object.fromEntries(
    (set === undefined ? [] : childrenOf(set, 'Tag')).map((tag) => [
      childText(tag, 'Key') ?? '',
      childText(tag, 'Value') ?? '',
    ]),
  );
}
