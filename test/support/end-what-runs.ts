import { afterAll } from '@jest/globals';
import { running } from './running.js';

afterAll(async () => {
  await Promise.all([...running.values()].map(async (end) => end()));
});
