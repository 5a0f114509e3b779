import { afterAll, jest } from '@jest/globals';
import { carrier } from './carrier.js';
import { running } from './running.js';

// Through a broker a node that died is missed for longer.
if (carrier.name !== 'UDP') jest.setTimeout(90_000);

afterAll(async () => {
  await Promise.all([...running.values()].map(async (end) => end()));
  // Nodes leave their cluster through it.
  await carrier.end();
});
