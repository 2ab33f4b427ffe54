import type { Scenario } from 'k6/options';

/** An ordinary hour, in five minutes. */
export const average: Scenario = {
  executor: 'ramping-arrival-rate',
  startRate: 1,
  timeUnit: '1s',
  preAllocatedVUs: 20,
  maxVUs: 100,
  stages: [
    { target: 30, duration: '1m' },
    { target: 30, duration: '3m' },
    { target: 0, duration: '1m' },
  ],
};
