import { GatewayError } from '../../../model/errors.ts';
import type { Body } from '../../../model/body.ts';
import { parseXml } from '../../../wire/xml-document.ts';
import type { XmlCounts, XmlElement } from '../../../wire/xml-document.ts';
import { readDocumentBytes } from '../../document.ts';

/** The namespace of S3's documents. */
export const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** What a client's document may be: its root, its size in bytes, and how many children of a name. */
export interface DocumentRule {
  readonly root: string;
  readonly limit: number;
  readonly counts?: XmlCounts;
}

/** A client's document: bounded, well-formed and of the expected root, or MalformedXML. */
export async function readDocument(body: Body, rule: DocumentRule): Promise<XmlElement> {
  const document = await readOptionalDocument(body, rule);
  if (document === undefined) throw new GatewayError('MalformedXML', 'The request has no XML document.');
  return document;
}

/** The same; undefined for an empty body. */
export async function readOptionalDocument(body: Body, rule: DocumentRule): Promise<XmlElement | undefined> {
  const read = await readDocumentBytes(body, rule.limit);
  if (read === 'too-large') throw malformed();
  if (read.length === 0) return undefined;
  const outcome = parseXml(read, rule.counts);
  if (!outcome.ok || outcome.root.name !== rule.root) throw malformed();
  return outcome.root;
}

/** AWS's words for every document that is not what the schema says. */
export function malformed(): GatewayError {
  return new GatewayError(
    'MalformedXML',
    'The XML you provided was not well-formed or did not validate against our published schema',
  );
}

/** ETag as documents carry it. */
export function quoted(etag: string): string {
  return `"${etag}"`;
}

/** An ETag as the model carries it: without quotes and weakness mark. */
export function unquoted(etag: string): string {
  return etag.replace(/^W\//, '').replace(/^"(.*)"$/s, '$1');
}
