/** A JUnit report as CI systems read it. */
export function junitOf(
  results: readonly {
    readonly file: string;
    readonly line: number;
    readonly name: string;
    readonly failures: readonly string[];
  }[],
): string {
  const failed = results.filter(({ failures }) => failures.length > 0).length;
  const cases = results.map(({ file, line, name, failures }) => {
    const open = `    <testcase classname="${escape(file)}" name="${escape(name)}" file="${escape(file)}" line="${line}"`;
    return failures.length === 0
      ? `${open}/>`
      : `${open}>\n      <failure message="${escape(failures[0] ?? '')}">${escape(failures.join('\n'))}</failure>\n    </testcase>`;
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites tests="${results.length}" failures="${failed}">`,
    `  <testsuite name="policy" tests="${results.length}" failures="${failed}">`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/g, '\ufffd');
}
