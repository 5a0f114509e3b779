import { setFlagsFromString } from 'node:v8';

/**
 * By Node's major version. From Node 24 on V8 takes less time for the young generation of its heap, and more for buffers.
 * Each chunk that is read and each datagram is a buffer outside of the heap. Those that die young were freed together
 * with young objects, when there were 32 MiB of them. Now that is done at 128 MiB, but at 64 MiB V8 collects everything
 * (nodejs/node#61967): under load that took two thirds of a node's processor time.
 */
const FLAGS: Readonly<Record<string, string>> = {
  // Frees them at 32 MiB, as before.
  24: '--scavenger-max-new-space-capacity-mb=8',
  // Lifts the bound of 64 MiB. (The flag above does not exist there.)
  26: '--external-memory-accounted-in-global-limit',
};

/** Lets V8 free the buffers of messages soon, and without collecting everything, as it does on Node 20 and 22. */
export function freeBuffersSoon(): void {
  const [major = ''] = process.versions.node.split('.');
  const flag = FLAGS[major];
  if (flag !== undefined) setFlagsFromString(flag);
}
