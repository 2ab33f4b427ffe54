import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '../../..');

const NOT_OURS = ['node_modules', 'data', 'dist', 'report', '.git'];

/** Every Markdown file of the project, relative to its root. */
export function markdownFiles(directory = ROOT): readonly string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return NOT_OURS.includes(entry.name) ? [] : markdownFiles(path);
    return entry.name.endsWith('.md') ? [relative(ROOT, path)] : [];
  });
}

export function textOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

/** Links to files here that lead nowhere: the file is missing, or it has no such heading. */
export function deadLinks(file: string): readonly string[] {
  return [...withoutCode(textOf(file)).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z][a-z+.-]*:/.test(target) && !leadsSomewhere(file, target));
}

/** Paths of this project that the prose names in code type: `src/…`, `test/…`. */
export function namedPaths(file: string): readonly string[] {
  return [...withoutBlocks(textOf(file)).matchAll(/`((?:src|test|config|docs|load|\.ci)\/[\w./-]*)`/g)].map(
    ([, path = '']) => path,
  );
}

/** The code blocks of one language, as they stand. */
export function blocks(text: string, language: string): readonly string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, code = '']) => code);
}

function leadsSomewhere(file: string, target: string): boolean {
  const [path = '', heading] = target.split('#');
  const at = path === '' ? join(ROOT, file) : resolve(ROOT, dirname(file), path);
  if (!existsSync(at)) return false;
  return heading === undefined || headings(readFileSync(at, 'utf8')).includes(heading);
}

/** Headings as GitHub makes anchors of them: lower case, no punctuation, hyphens for spaces. */
function headings(text: string): readonly string[] {
  return [...withoutBlocks(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-'),
  );
}

function withoutBlocks(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```$/gm, '');
}

function withoutCode(text: string): string {
  return withoutBlocks(text).replaceAll(/`[^`\n]*`/g, '');
}
