import type { Scenario } from 'k6/options';

/** An ordinary load for hours: leaks of memory, descriptors and disk show here. */
export const soak: Scenario = {
  executor: 'constant-arrival-rate',
  rate: 30,
  timeUnit: '1s',
  duration: '4h',
  preAllocatedVUs: 20,
  maxVUs: 200,
};
