import type { XmlElement } from '../wire/xml-document.ts';

/** What a configuration document makes a store do by itself, in whichever language it is written. */
export interface Reach {
  /** Buckets that it would write into (logs, inventories, analyses), by their names at the store. */
  readonly destinations: readonly string[];
  /** Keys that it would write under. */
  readonly keyIds: readonly string[];
  /** Somebody is given a right. */
  readonly grants: boolean;
}

/** Looks for what reaches out wherever it stands, since a store may be more lenient than its published schema. */
export function reachOf(root: XmlElement): Reach {
  const destinations: string[] = [];
  const keyIds: string[] = [];
  let grants = false;
  const walk = (element: XmlElement, parent: string): void => {
    const name = element.name.toLowerCase();
    if (name === 'targetbucket' || (name === 'bucket' && parent.endsWith('destination')))
      destinations.push(bucketOf(element));
    if (name === 'keyid' || name === 'kmsmasterkeyid') keyIds.push(element.text.trim());
    if (name === 'grantee') grants = true;
    for (const child of element.children) walk(child, name);
  };
  walk(root, '');
  return { destinations: [...new Set(destinations)], keyIds: [...new Set(keyIds)], grants };
}

/** A name, or the ARN of one; what is neither is left as it is, and no rule serves it. */
function bucketOf({ text, children }: XmlElement): string {
  if (children.length > 0) return '';
  return text.trim().replace(/^(?:arn:[a-z-]+:s3:::|acs:oss:[^:]*:[^:]*:)/, '');
}
