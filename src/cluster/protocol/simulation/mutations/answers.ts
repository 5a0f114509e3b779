/** Mutations of receipts, and of connections that wait in the barrier. */
import type { Mutation } from './mutation.js';

export const ANSWERS: readonly Mutation[] = [
  {
    name: 'no barrier',
    breaks: 'R11: a device is ready at once',
    edits: [
      {
        file: 'routing/reachability.ts',
        search: 'if (announcedIn <= this.#appliedByAll)',
        replace: 'if (announcedIn <= Infinity)',
      },
    ],
  },
  {
    name: 'late peers not named',
    breaks: 'R11: after the bound the device is just ready',
    edits: [
      {
        file: 'routing/reachability.ts',
        search: 'isListed && outgoing.barrierStanding.acked < announcedIn,',
        replace: 'isListed && outgoing.barrierStanding.acked < -1,',
      },
    ],
  },
  {
    name: 'late peers called reached',
    breaks: 'R11: a join calls itself complete though somebody has not acked it',
    edits: [
      {
        file: 'routing/reachability.ts',
        search: 'isInTime && this.#absentPeers.length === 0 && this.knowsAll(now)',
        replace: 'this.knowsAll(now)',
      },
    ],
  },
  {
    name: 'only the first connection waits',
    breaks: 'R11: who joins an address that is announced already is reachable at once',
    edits: [
      {
        file: 'routing/interest.ts',
        search: '    const held = localAddresses.addConnection(key) ??',
        replace:
          '    const there = localAddresses.addConnection(key);\n    if (there !== undefined) return 0;\n    const held = there ??',
      },
    ],
  },
  {
    name: 'receipts do not expire',
    breaks: 'who waits for a silent peer waits for ever',
    edits: [
      {
        file: 'node-timeouts.ts',
        search: 'if (timers.owed.receipts.hasExpired(now)) receipts.expire(now);',
        replace: '',
      },
      {
        file: 'cluster-node.ts',
        search: 'timers.owed.next',
        replace: 'Math.min(timers.owed.barrier.at, timers.owed.questions.at)',
      },
    ],
  },
  {
    name: 'lost holder counts as complete',
    breaks: 'a receipt calls itself complete though a holder died',
    edits: [
      {
        file: 'routing/receipts.ts',
        search: '      this.#state[at] = WAITING_INCOMPLETE;\n      this.#holderDone',
        replace: '      this.#holderDone',
      },
    ],
  },
  {
    name: 'heard peers not counted',
    breaks: 'R14: a receipt calls itself complete though somebody is heard who can not be asked',
    edits: [
      {
        file: 'membership/view.ts',
        search: 'if (!isProven || isSilent) return true;',
        replace: 'if (isSilent) return true;',
      },
    ],
  },
  {
    name: 'messages queued in an outage',
    breaks: 'R15: a queue is kept while nothing is carried',
    wishes: { outages: true },
    edits: [
      {
        file: 'routing/routing.ts',
        search: 'return !parts.carriage.isUp || (token',
        replace: 'return (token',
      },
    ],
  },
  {
    name: 'answers complete in an outage',
    breaks: 'R15: who is there is thought to be known while nothing is carried',
    wishes: { outages: true },
    edits: [
      {
        file: 'membership/view.ts',
        search: 'const isBack = carriage.isUp && now',
        replace: 'const isBack = now',
      },
    ],
  },
  {
    name: 'connections complete in an outage',
    breaks: 'R15: a join calls itself complete though nobody could be told',
    wishes: { outages: true },
    edits: [
      {
        file: 'routing/reachability.ts',
        search: "this.parts.journal.events.push({ type: 'reachable', token, complete: false });",
        replace: "this.parts.journal.events.push({ type: 'reachable', token, complete: true });",
      },
    ],
  },
  {
    name: 'receipt numbers used twice',
    breaks: 'the answer to one message settles another',
    edits: [
      {
        file: 'routing/receipts.ts',
        search: '      this.#skipFree();\n      this.sink(token, 0, isComplete);',
        replace: '      this.#tail -= 1;\n      this.sink(token, 0, isComplete);',
      },
    ],
  },
  {
    name: 'messages to rooms not counted',
    breaks: 'what is lost with a peer says 0 where messages to rooms went',
    edits: [
      {
        file: 'routing/routing.ts',
        search: 'append(now, this.#head.bytes, length, data, 1, false)',
        replace: 'append(now, this.#head.bytes, length, data, this.#head.bytes[0] === 1 ? 1 : 0, false)',
      },
    ],
  },
];
