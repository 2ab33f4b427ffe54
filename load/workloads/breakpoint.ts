import type { Scenario } from 'k6/options';

/** Ever more until it breaks; the budget ends the run. */
export const breakpoint: Scenario = {
  executor: 'ramping-arrival-rate',
  startRate: 10,
  timeUnit: '1s',
  preAllocatedVUs: 100,
  maxVUs: 2000,
  stages: [{ target: 2000, duration: '20m' }],
};
