import type { Options, Scenario } from 'k6/options';
import { BUDGETS, thresholdsOf, type WorkloadName } from '../budgets.ts';
import { average } from './average.ts';
import { breakpoint } from './breakpoint.ts';
import { smoke } from './smoke.ts';
import { soak } from './soak.ts';
import { spike } from './spike.ts';
import { stress } from './stress.ts';

const WORKLOADS: Readonly<Record<WorkloadName, Scenario>> = { smoke, average, stress, spike, soak, breakpoint };

/** k6's options of a workload by name; `smoke` where none is named. */
export function optionsOf(name = 'smoke'): Options {
  if (!isWorkload(name))
    throw new Error(`there is no workload ${name}; there are ${Object.keys(WORKLOADS).join(', ')}`);
  return {
    scenarios: { [name]: WORKLOADS[name] },
    thresholds: thresholdsOf(name),
    summaryTrendStats: ['p(50)', 'p(95)', 'p(99)', 'max'],
    userAgent: 'bucketseal-load',
  };
}

function isWorkload(name: string): name is WorkloadName {
  return Object.hasOwn(BUDGETS, name);
}
