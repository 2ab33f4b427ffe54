import { readFileSync } from 'node:fs';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
}

/** Reports of tiers whose tools were installed just before: a skipped test there is a tier that did not run. */
const MUST_RUN = /(external|faults)\.json$/;

const files = process.argv.slice(2);
const reports = files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as Report);
for (const [index, { numPendingTests }] of reports.entries())
  if (numPendingTests > 0 && MUST_RUN.test(files[index] ?? '')) {
    console.error(`${files[index] ?? ''}: ${numPendingTests} tests were skipped, and none may be`);
    process.exitCode = 1;
  }
const sum = (count: (report: Report) => number): number => reports.reduce((total, report) => total + count(report), 0);
console.log(
  `${sum((report) => report.numPassedTests)} passed, ${sum((report) => report.numFailedTests)} failed, ${sum((report) => report.numPendingTests)} skipped`,
);
