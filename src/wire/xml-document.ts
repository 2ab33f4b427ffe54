import { XMLParser } from 'fast-xml-parser';
import { SyntaxValidator } from 'fast-xml-validator';

/** An element with its direct text; namespaces prefixes are dropped from names. */
export interface XmlElement {
  readonly name: string;
  readonly children: readonly XmlElement[];
  readonly text: string;
}

export type XmlOutcome =
  { readonly ok: true; readonly root: XmlElement } | { readonly ok: false; readonly reason: string };

/** Limits against documents made to exhaust: bytes, depth, elements (10,000 parts × 4 fit). */
export const XML_LIMITS = { bytes: 2 * 1024 * 1024, depth: 32, elements: 60_000 } as const;

/** How many children of the root may have a name: one more ends the reading, before anything is made for it. */
export type XmlCounts = Readonly<Record<string, number>>;

type Ordered = Readonly<Record<string, unknown>>;

const PARSER = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: true,
  parseTagValue: false,
  trimValues: false,
  processEntities: false,
  cdataPropName: '#cdata',
  ignoreDeclaration: true,
  ignorePiTags: true,
  removeNSPrefix: true,
  maxNestedTags: XML_LIMITS.depth,
});

/** Parses a bounded document. Document types are refused before the parser sees them (entity expansion). */
export function parseXml(bytes: Uint8Array, counts: XmlCounts = {}): XmlOutcome {
  if (bytes.length > XML_LIMITS.bytes) return refused('too large');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refused('not UTF-8');
  }
  const over = overLimit(text, counts);
  if (over !== undefined) return refused(over);
  try {
    new SyntaxValidator().validate(text);
    const nodes = PARSER.parse(text) as readonly Ordered[];
    const roots = nodes.filter((node) => !('#text' in node)).map(toElement);
    const [root] = roots;
    if (root === undefined || roots.length !== 1) return refused('exactly one root element is needed');
    return { ok: true, root };
  } catch (error) {
    return refused(error instanceof Error ? error.message : 'not well-formed');
  }
}

/** The first child of that name. */
export function childOf(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((child) => child.name === name);
}

export function childrenOf(element: XmlElement, name: string): readonly XmlElement[] {
  return element.children.filter((child) => child.name === name);
}

/** Text of a child; undefined where there is no such child. */
export function childText(element: XmlElement, name: string): string | undefined {
  return childOf(element, name)?.text;
}

/** What to write: a name with text or with children; undefined children are left out. */
export type XmlNode = readonly [name: string, content: XmlContent];
export type XmlContent = string | number | boolean | readonly (XmlNode | undefined)[];

/** Writes a document with declaration. `namespace` becomes `xmlns` of the root. */
export function writeXml(root: XmlNode, namespace?: string): string {
  const [name, content] = root;
  const open = namespace === undefined ? name : `${name} xmlns="${escapeXml(namespace)}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${open}>${writeContent(content)}</${name}>`;
}

/** Whether XML 1.0 has all characters of a text (2.2); a reference to another one is not well-formed either (4.1). */
export function xmlHolds(text: string): boolean {
  return !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/u.test(text);
}

/** Whether every parser reads a text back as it was written: some trim. */
export function survivesXml(text: string): boolean {
  return text === text.trim() && xmlHolds(text);
}

/** Escapes text for element content; characters that XML 1.0 forbids become numeric references as S3 writes them. */
function escapeXml(text: string): string {
  return text.replace(
    /[&<>"'\u0000-\u0008\u000b\u000c\u000e-\u001f\r\ufffe\uffff]/g,
    (character) => ESCAPES[character] ?? `&#x${character.charCodeAt(0).toString(16)};`,
  );
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function writeContent(content: XmlContent): string {
  if (typeof content !== 'object') return escapeXml(String(content));
  let written = '';
  for (const node of content) if (node !== undefined) written += `<${node[0]}>${writeContent(node[1])}</${node[0]}>`;
  return written;
}

function toElement(node: Ordered): XmlElement {
  const name = Object.keys(node).find((key) => key !== ':@') ?? '';
  const content = (node[name] ?? []) as readonly Ordered[];
  let text = '';
  const children: XmlElement[] = [];
  for (const item of content) {
    if ('#text' in item) text += decodeEntities(String(item['#text']));
    else if ('#cdata' in item) text += literalOf(item['#cdata']);
    else children.push(toElement(item));
  }
  return { name, children, text };
}

/** A CDATA section is its characters: `&amp;` in it is five of them (XML 1.0, 2.7). */
function literalOf(section: unknown): string {
  return (section as readonly Ordered[]).map((item) => String(item['#text'])).join('');
}

function decodeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(
    /&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|([a-z]{2,4}));/g,
    (whole: string, hex?: string, decimal?: string, named?: string) => {
      if (named !== undefined) return NAMED[named] ?? whole;
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : '\ufffd';
    },
  );
}

/**
 * Why a text is over a limit, looking at its marks alone: nothing is made for a document that is refused here, and
 * reading ends at the first mark that is one too many. Whether the document is well-formed is not asked.
 */
function overLimit(text: string, counts: XmlCounts): string | undefined {
  const left = new Map(Object.entries(counts));
  let elements: number = XML_LIMITS.elements;
  let depth = 0;
  for (let at = text.indexOf('<'); at !== -1; at = text.indexOf('<', at + 1)) {
    const literal = LITERALS.find(([begin]) => text.startsWith(begin, at));
    if (literal !== undefined) {
      at = text.indexOf(literal[1], at + literal[0].length);
      if (at === -1) return `no ${literal[1]} comes`;
    } else if (text.startsWith('<!', at)) {
      return 'document types are not accepted';
    } else if (text.startsWith('</', at)) {
      depth--;
    } else {
      TAG.lastIndex = at + 1;
      const tag = TAG.exec(text);
      if (tag === null) return 'a tag without an end';
      const [, name = '', empty] = tag;
      if (--elements < 0) return 'too many elements';
      if (depth >= XML_LIMITS.depth) return 'nested too deeply';
      const more = depth === 1 ? left.get(name) : undefined;
      if (more === 0) return `too many ${name} elements`;
      if (more !== undefined) left.set(name, more - 1);
      if (empty === '') depth++;
    }
  }
  return undefined;
}

/** What stands between these is no markup. */
const LITERALS = [
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
  ['<?', '?>'],
] as const;
/**
 * A start tag behind its `<`: the name without prefix, and the mark of an element that has no end tag. A `<` in an attribute
 * is not well-formed (XML 1.0, 3.1), though the parser takes it: here it would pass for one more tag. What follows the name keeps a tag without an end linear.
 */
const TAG = /(?:[^\s<>:/"'=]*:)?([^\s<>:/"'=]*)(?![^\s<>:/"'=])(?:[^<>"'/]|"[^"<]*"|'[^'<]*'|\/(?!>))*(\/?)>/y;

function refused(reason: string): XmlOutcome {
  return { ok: false, reason };
}
