import { describe, expect, test } from 'vitest';
import { parseXml } from '../../../src/wire/xml-document.ts';
import { stepsIn } from '../steps.ts';

/** Looking for the end of every tag from its beginning takes minutes for documents of the largest size. */
test.each(['</', '<!', '<?'])('a document of nothing but "%s" is refused at once', { timeout: 10_000 }, (mark) => {
  expect(parseXml(Buffer.from(`<r>${mark.repeat(1024 * 1023)}`))).toMatchObject({ ok: false });
});

test('the depth is judged whatever closes the elements', () => {
  const nested = (depth: number): string => `${'<a>'.repeat(depth)}<b/>${'</a>'.repeat(depth)}`;
  expect(parseXml(Buffer.from(nested(31)))).toMatchObject({ ok: true });
  expect(parseXml(Buffer.from(nested(32)))).toEqual({ ok: false, reason: 'nested too deeply' });
  expect(parseXml(Buffer.from(`<r>${'<b/>'.repeat(100)}</r>`))).toMatchObject({ ok: true });
});

test('CDATA is literal, what stands around it is not', () => {
  const text = (xml: string): string | undefined => {
    const outcome = parseXml(Buffer.from(xml));
    return outcome.ok ? outcome.root.text : undefined;
  };
  expect(text('<Key><![CDATA[a&amp;b<c>&#65;]]></Key>')).toBe('a&amp;b<c>&#65;');
  expect(text('<Key>x&amp;<![CDATA[&amp;]]>&lt;<![CDATA[]]>y<![CDATA[ ]]]]><![CDATA[>]]></Key>')).toBe('x&&amp;<y ]]>');
});

test.each([
  ['<a><b></a></b>'],
  ['<a>'],
  ['<a/><b/>'],
  [''],
  ['x<a/>'],
  ['<a/>x'],
  ['<a b=1/>'],
  ['<a b="1" b="2"/>'],
  ['<1/>'],
  ['<a><![CDATA[x</a>'],
  ['<a><!-- x</a>'],
  ['<a:b></b>'],
  ['<!DOCTYPE a><a/>'],
  ['<a><!ENTITY x "y"></a>'],
])('%s is refused', (source) => {
  expect(parseXml(Buffer.from(source))).toMatchObject({ ok: false });
});

test('marks in comments and CDATA count for nothing', () => {
  const inner = '<b>'.repeat(100);
  expect(parseXml(Buffer.from(`<a><!-- ${inner} --><![CDATA[${inner}]]></a>`), { b: 0 })).toMatchObject({
    ok: true,
    root: { name: 'a', children: [], text: inner },
  });
});

test('what hides marks from the count is refused or counted', () => {
  const three = '<P/><P/><P/>';
  // A comment cannot end with its own beginning, and markup in it is none.
  for (const hidden of ['<!--></C>-->', '<!--></C></C>-->', '<!--- <![CDATA[ --->', '<?x </C>?>'])
    expect(parseXml(Buffer.from(`<C>${hidden}${three}</C>`), { P: 2 }), hidden).toEqual({
      ok: false,
      reason: 'too many P elements',
    });
  for (const tag of ['<P a="<"/>', "<P a='<'></P>", '<P a="<P/>"/>'])
    expect(parseXml(Buffer.from(`<C>${tag}${three}</C>`), { P: 2 }), tag).toEqual({
      ok: false,
      reason: 'a tag without an end',
    });
});

test.each(['a', ':', 'a:', 'a/', ' ', 'x="y" ', '"', "'"])('a tag of two megabytes of %j ends soon', (piece) => {
  const began = performance.now();
  const text = `<${piece.repeat(Math.floor(2_000_000 / piece.length))}`;
  expect(parseXml(Buffer.from(text))).toEqual({ ok: false, reason: 'a tag without an end' });
  expect(performance.now() - began).toBeLessThan(5000);
});

test('one element too many ends the reading: children of the root are counted by name, whatever their prefix', () => {
  const parts = (count: number, tag = 'Part'): Buffer =>
    Buffer.from(`<C>${`<${tag} x="a>b"><N>1</N></${tag}>`.repeat(count)}</C>`);
  expect(parseXml(parts(3), { Part: 3 })).toMatchObject({ ok: true });
  expect(parseXml(parts(4), { Part: 3 })).toEqual({ ok: false, reason: 'too many Part elements' });
  expect(parseXml(parts(4, 's:Part'), { Part: 3 })).toEqual({ ok: false, reason: 'too many Part elements' });
  expect(parseXml(Buffer.from('<C><P/><P a="1"/><P></P></C>'), { P: 2 })).toEqual({
    ok: false,
    reason: 'too many P elements',
  });
  expect(parseXml(Buffer.from('<C><x><P/><P/><P/></x></C>'), { P: 2 })).toMatchObject({ ok: true });
  expect(parseXml(Buffer.from(`<C>${'<P/>'.repeat(60_000)}</C>`))).toEqual({ ok: false, reason: 'too many elements' });
});

describe('a document costs its length', () => {
  const FILES = ['/src/wire/xml-document.ts'];
  const parts = (count: number): Buffer =>
    Buffer.from(
      `<C>${Array.from({ length: count }, (_, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>"${'e'.repeat(32)}"</ETag></Part>`).join('')}</C>`,
    );

  test('steps grow with the elements', async () => {
    const steps = (count: number): Promise<number> =>
      stepsIn(FILES, () => expect(parseXml(parts(count)).ok).toBe(true));
    const [thousand, tenThousand] = [await steps(1000), await steps(10_000)];
    expect(thousand).toBeLessThan(60 * 1000);
    expect(tenThousand).toBeLessThan(60 * 10_000);
  });

  test('one part too many ends the reading where it stands: what follows is not looked at', async () => {
    const most = await stepsIn(FILES, () => {
      expect(parseXml(parts(1000), { Part: 1000 }).ok).toBe(true);
    });
    const over = await stepsIn(FILES, () => {
      expect(parseXml(parts(20_000), { Part: 1000 })).toEqual({ ok: false, reason: 'too many Part elements' });
    });
    // The rest would be twenty times as much; the engine does not count what it has compiled in quite the same way each time.
    expect(over).toBeLessThan(most * 4);
  });

  test.each([
    ['spaces in a tag', (size: number) => `<a${' '.repeat(size)}`],
    ['attributes without an end', (size: number) => `<a ${'b="1" '.repeat(size / 6)}`],
    ['an open quote', (size: number) => `<a b="${'x'.repeat(size)}`],
    ['ampersands', (size: number) => `<a>${'&#x'.repeat(size / 3)}</a>`],
    ['comments that do not end', (size: number) => `<a>${'<!--'.repeat(size / 4)}</a>`],
  ])('also one of %s', async (_name, source) => {
    const steps = (size: number): Promise<number> =>
      stepsIn(FILES, () => expect(parseXml(Buffer.from(source(size))).ok).toBe(false));
    expect(await steps(1_000_000)).toBeLessThan((await steps(100_000)) * 12);
  });
});
