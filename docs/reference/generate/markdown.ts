/** A Markdown table; cells are text that may hold inline code. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

export function code(text: string): string {
  return `\`${text}\``;
}

/** A page: what stands above it says where it comes from, so that nobody edits it by hand. */
export function page(title: string, ...blocks: readonly string[]): string {
  return `${[`# ${title}`, MADE, ...blocks].join('\n\n')}\n`;
}

const MADE = 'Made by `npm run reference`; a test compares this page with the code.';

function cell(text: string): string {
  return text.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ');
}
