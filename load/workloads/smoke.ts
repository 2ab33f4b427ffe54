import type { Scenario } from 'k6/options';

/** Does it work at all: a few seconds, next to no load. */
export const smoke: Scenario = {
  executor: 'constant-arrival-rate',
  rate: 5,
  timeUnit: '1s',
  duration: '5s',
  preAllocatedVUs: 5,
  maxVUs: 10,
};
