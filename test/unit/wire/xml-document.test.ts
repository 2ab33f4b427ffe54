import { expect, test } from 'vitest';
import { parseXml } from '../../../src/wire/xml-document.ts';

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
