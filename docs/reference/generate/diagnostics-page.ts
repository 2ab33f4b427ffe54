import { documentedCodes } from '../../../src/cli/codes.ts';
import { code, page, table } from './markdown.ts';

/** Every code that `check` can answer. */
export function diagnosticsPage(): string {
  return page(
    'Diagnostics of `bucketseal check`',
    'The same table is printed by `npx bucketseal check --codes`. Exit code 3 for an ERROR, with `--strict` for warnings too.',
    table(
      ['code', 'level', 'meaning'],
      documentedCodes().map((each) => [code(each.code), each.level, each.text]),
    ),
  );
}
