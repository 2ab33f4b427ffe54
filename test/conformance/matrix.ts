import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export type Outcome = 'pass' | 'fail' | { readonly skipped: string };

/** Client × store × operation, filled in while the suite runs. */
export interface Matrix {
  set(operation: string, column: string, outcome: Outcome): void;
  render(): string;
}

export function createMatrix(columns: readonly string[]): Matrix {
  const rows = new Map<string, Map<string, Outcome>>();
  return {
    set(operation, column, outcome) {
      const row = rows.get(operation) ?? new Map<string, Outcome>();
      rows.set(operation, row.set(column, outcome));
    },
    render() {
      const reasons: string[] = [];
      const cell = (outcome: Outcome | undefined): string => {
        if (outcome === undefined) return 'not run';
        if (typeof outcome === 'string') return outcome === 'pass' ? '✓' : '✗';
        if (!reasons.includes(outcome.skipped)) reasons.push(outcome.skipped);
        return `– [${reasons.indexOf(outcome.skipped) + 1}]`;
      };
      const lines = [...rows].map(([operation, row]) => [operation, ...columns.map((column) => cell(row.get(column)))]);
      const table = [['operation', ...columns], ['---', ...columns.map(() => ':-:')], ...lines];
      const notes = reasons.map((reason, index) => `${index + 1}. ${reason}`);
      return [...table.map((line) => `| ${line.join(' | ')} |`), '', ...notes, ''].join('\n');
    },
  };
}

export function writeMatrix(file: string, title: string, matrix: Matrix): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `# ${title}\n\n${matrix.render()}`);
}
