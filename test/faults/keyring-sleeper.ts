import { randomBytes } from 'node:crypto';
import { openLocalKeyring } from '../../src/keyrings/local/keyring.ts';

/**
 * Rotates `orders` and stops itself (SIGSTOP) in the middle of it: argv is the keyring's file and how many draws of
 * random bytes come before the stop. Prints the version that it made.
 */
const [file = '', draws = '0'] = process.argv.slice(2);
let left = Infinity;
const keyring = await openLocalKeyring({
  file,
  now: Date.now,
  randomBytes: (size) => {
    if (left-- === 0) process.kill(process.pid, 'SIGSTOP');
    return randomBytes(size);
  },
});
left = Number(draws);
process.stdout.write(await keyring.rotate('orders'));
