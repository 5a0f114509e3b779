import { it } from '@jest/globals';
import { carrier } from './carrier.js';

const test: (title: string, body: () => Promise<void>) => void = it;

/** A test that means something over UDP alone. Over a broker it is left out, and the reason is printed. */
export function itOverUdp(why: string, title: string, body: () => Promise<void>): void {
  if (carrier.name === 'UDP') test(title, body);
  else process.stdout.write(`Left out over ${carrier.name}: "${title}": ${why}\n`);
}
