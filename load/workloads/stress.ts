import type { Scenario } from 'k6/options';

/** More than an ordinary hour, for longer than a queue can hide it. */
export const stress: Scenario = {
  executor: 'ramping-arrival-rate',
  startRate: 1,
  timeUnit: '1s',
  preAllocatedVUs: 50,
  maxVUs: 400,
  stages: [
    { target: 100, duration: '2m' },
    { target: 100, duration: '6m' },
    { target: 0, duration: '1m' },
  ],
};
