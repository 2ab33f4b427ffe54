import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { DIRECTORY, referencePages } from './pages.ts';

/** `npm run reference`: writes every page anew. */
for (const [name, text] of await referencePages()) {
  const file = join(DIRECTORY, name);
  writeFileSync(file, text);
  process.stdout.write(`${relative(process.cwd(), file)}\n`);
}
