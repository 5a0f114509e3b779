/** Something that gathers work during a turn of the event loop and does it at once when the turn ends. */
export interface Flushable {
  flush(): void;
}

let waiting: Flushable[] = [];

/**
 * Calls `flush` in the check phase of this turn (setImmediate: after all sockets that are readable now were read;
 * a microtask would run after each of them, and batches would be of one). Every flushable asks once a turn.
 */
export function atEndOfTurn(flushable: Flushable): void {
  if (waiting.push(flushable) === 1) setImmediate(flushAll);
}

function flushAll(): void {
  const ready = waiting;
  waiting = [];
  for (const flushable of ready) flushable.flush();
}
