import type { Threshold } from 'k6/options';

/** What a run must keep to, by workload; k6 ends with 99 where it does not. Times are of whole requests, in ms. */
export interface Budget {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Share of requests that may fail. */
  readonly failed: number;
  /** Requests a second, at least. */
  readonly rate: number;
}

/** Two cores with everything on them: an object of 4 KiB, PUT and GET in turn, sealed on a local disk. */
export const BUDGETS = {
  smoke: { p50: 500, p95: 2000, p99: 5000, failed: 0, rate: 1 },
  average: { p50: 50, p95: 200, p99: 500, failed: 0.001, rate: 40 },
  stress: { p50: 200, p95: 1000, p99: 2000, failed: 0.01, rate: 100 },
  spike: { p50: 500, p95: 3000, p99: 6000, failed: 0.05, rate: 20 },
  soak: { p50: 50, p95: 200, p99: 500, failed: 0.001, rate: 40 },
  // Looks for the limit: ends where a tenth fails or waits too long.
  breakpoint: { p50: 1000, p95: 5000, p99: 10_000, failed: 0.1, rate: 1 },
} as const satisfies Readonly<Record<string, Budget>>;

export type WorkloadName = keyof typeof BUDGETS;

export function thresholdsOf(name: WorkloadName): Record<string, Threshold[]> {
  const { p50, p95, p99, failed, rate } = BUDGETS[name];
  const abortOnFail = name === 'breakpoint';
  const bound = (threshold: string): Threshold => ({ threshold, abortOnFail, delayAbortEval: '10s' });
  return {
    http_req_duration: [bound(`p(50)<=${p50}`), bound(`p(95)<=${p95}`), bound(`p(99)<=${p99}`)],
    http_req_failed: [bound(`rate<=${failed}`)],
    http_reqs: [{ threshold: `rate>=${rate}` }],
    // An answer with other bytes than were put is never within any budget.
    checks: [{ threshold: `rate>=${1 - failed}`, abortOnFail }],
  };
}
