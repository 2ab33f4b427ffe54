import type { Scenario } from 'k6/options';

/** A sudden crowd that leaves as suddenly: what is refused must be refused well, and the calm after it must be calm. */
export const spike: Scenario = {
  executor: 'ramping-arrival-rate',
  startRate: 10,
  timeUnit: '1s',
  preAllocatedVUs: 100,
  maxVUs: 1000,
  stages: [
    { target: 10, duration: '30s' },
    { target: 300, duration: '10s' },
    { target: 300, duration: '30s' },
    { target: 10, duration: '10s' },
    { target: 10, duration: '1m' },
  ],
};
