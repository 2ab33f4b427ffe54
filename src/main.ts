#!/usr/bin/env node
import { createServices } from './assemble.ts';
import { run } from './cli/run.ts';

process.exitCode = await run(createServices(), process.argv.slice(2));
