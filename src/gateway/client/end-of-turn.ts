/** Collects work during a turn of the event loop, and does it all when the turn ends. */
export interface Flushable {
  flush(): void;
}

let waiting: Flushable[] = [];

/**
 * Calls `flush` in the check phase of this turn (setImmediate), after all sockets that are readable now were read. A
 * microtask would run after each socket, and make batches of one. A flushable calls this once a turn.
 */
export function atEndOfTurn(flushable: Flushable): void {
  if (waiting.push(flushable) === 1) setImmediate(flushAll);
}

function flushAll(): void {
  const ready = waiting;
  waiting = [];
  for (const flushable of ready) flushable.flush();
}
