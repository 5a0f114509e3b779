/** Mutations of who is seen in rooms. */
import type { Mutation } from './mutation.js';

const BOOK = 'presence/presence-book.ts';
const OWN_SETS = 'presence/own-sets.ts';
const SOURCE = 'presence/source.ts';
const WATCH = 'presence/watch.ts';

export const PRESENCE: readonly Mutation[] = [
  {
    name: 'presence: no grace for lost connections',
    breaks: 'who comes back within the grace is shown as gone',
    edits: [
      {
        file: OWN_SETS,
        search: 'const until = now + this.options.graceMs + GRACE_TAIL_MS;',
        replace: 'const until = now;',
      },
    ],
  },
  {
    name: 'presence: no tail of the grace',
    breaks: 'who comes back at the last instant is shown as gone',
    schedule: 'presenceReturnAtTheLastInstant',
    edits: [
      {
        file: OWN_SETS,
        search: 'const until = now + this.options.graceMs + GRACE_TAIL_MS;',
        replace: 'const until = now + this.options.graceMs;',
      },
    ],
  },
  {
    name: 'presence: lost connections stay for ever',
    breaks: 'ghosts',
    edits: [
      {
        file: OWN_SETS,
        search: '      this.#remove(now, room, connection);\n    }\n    if (this.#batchAt',
        replace: '    }\n    if (this.#batchAt',
      },
    ],
  },
  {
    name: 'presence: whole sets leave lost connections out',
    breaks: 'after each gap those in the grace are shown as gone',
    edits: [
      {
        file: 'presence/own-set.ts',
        search: 'parts([...this.#entries.values()])',
        replace: 'parts([...this.#entries.values()].filter(({ isLost }) => !isLost))',
      },
    ],
  },
  {
    name: 'presence: no question to a node that comes or has a new session',
    breaks: 'what it told before may have holes, or is not known',
    schedule: 'presenceNewSession',
    edits: [
      {
        file: BOOK,
        search: 'this.#refetch(now, node, [...this.#watches.keys()]);\n  }\n\n  /** A node has left',
        replace: '}\n\n  /** A node has left',
      },
    ],
  },
  {
    name: 'presence: a new session forgets what was dropped',
    breaks: 'the session in the other direction goes on, with a hole that nobody knows of',
    schedule: 'presenceDroppedBeforeANewSession',
    edits: [
      {
        file: BOOK,
        search: 'this.#refetch(now, node, [...this.#watches.keys()]);\n  }\n\n  /** A node has left',
        replace:
          'this.#own.peerGone(node);\n    this.#refetch(now, node, [...this.#watches.keys()]);\n  }\n\n  /** A node has left',
      },
    ],
  },
  {
    name: 'presence: what a dead node told stays',
    breaks: 'ghosts',
    edits: [
      {
        file: SOURCE,
        search: 'this.#forgetAt = Math.min(this.#forgetAt, forgetAt);',
        replace: 'this.#forgetAt = Infinity * forgetAt;',
      },
    ],
  },
  {
    name: 'presence: serials are not compared',
    breaks: 'a hole in the changes is not noticed',
    schedule: 'presenceHoleInTheChanges',
    edits: [
      {
        file: 'presence/remote-set.ts',
        search: 'if (prev !== 0 && prev !== this.#serial) return false;',
        replace: '',
      },
    ],
  },
  {
    name: 'presence: nobody is told what could not be sent',
    breaks: 'the change that was dropped may have been the last one',
    schedule: 'presenceRefusedChange',
    edits: [
      {
        file: OWN_SETS,
        search:
          'for (const node of this.links.tellWatchers(room, written(change))) this.#oweStale(node, room);',
        replace: 'this.links.tellWatchers(room, written(change));',
      },
    ],
  },
  {
    name: 'presence: a new set does not replace the old one',
    breaks: 'who was in a set that was forgotten stays',
    schedule: 'presenceSetBeginsAnew',
    edits: [
      {
        file: 'presence/remote-set.ts',
        search: 'if (prev === 0 || count !== null) {',
        replace: 'if (count !== null) {',
      },
    ],
  },
  {
    name: 'presence: asked before the announcement is known',
    breaks: 'a change between the answer and the announcement is lost',
    schedule: 'presenceChangeBeforeTheBarrier',
    edits: [
      {
        file: BOOK,
        search: 'this.#lookBy(room, watch.wait(now, done));',
        replace:
          'this.#lookBy(room, watch.wait(now, done));\n    if (!watch.hasAsked) this.reached(now, room, true);',
      },
      {
        file: BOOK,
        search: 'if (watch === undefined) return;\n    watch.reach(complete);',
        replace: 'if (watch === undefined || watch.hasAsked) return;\n    watch.reach(complete);',
      },
    ],
  },
  {
    name: 'presence: a question without an answer is not asked again',
    breaks: 'an answer that was dropped is waited for for ever',
    schedule: 'presenceFirstLook',
    edits: [
      {
        file: BOOK,
        search: 'for (const [node, rooms] of asks) this.#ask(now, node, rooms);',
        replace: 'asks.clear();',
      },
    ],
  },
  {
    name: 'presence: a question that was refused is not asked soon',
    breaks: 'while a queue is full now and then, a node does not learn for seconds who is there',
    schedule: 'presenceRefusedQuestion',
    edits: [
      {
        file: BOOK,
        search: 'Math.min(this.#retryAt, now + BATCH_MS)',
        replace: 'Math.min(this.#retryAt, now + 100 * BATCH_MS)',
      },
    ],
  },
  {
    name: 'presence: shown as gone while a source owes its set',
    breaks: 'who moved to a node whose session is made anew is shown as gone',
    schedule: 'presenceOwedSet',
    edits: [
      {
        file: WATCH,
        search: 'view.takeChange(now < heldUntil)',
        replace: 'view.takeChange(false && now < heldUntil)',
      },
    ],
  },
  {
    name: 'presence: shown before all sources have answered',
    breaks: 'the first list lacks members, and calls itself complete',
    schedule: 'presenceFirstLook',
    edits: [
      {
        file: WATCH,
        search: 'if (this.#waiting.length > 0 && this.#isSettled)',
        replace: 'if (this.#waiting.length > 0 && this.hasAsked)',
      },
    ],
  },
  {
    name: 'presence: what was dropped from a queue later is not made good',
    breaks: 'the change that was dropped may have been the last one',
    schedule: 'presenceDroppedChange',
    edits: [
      {
        file: OWN_SETS,
        search: '    this.#stale.set(node, null);\n    this.#batchBy(now + BATCH_MS);',
        replace: '    this.#batchBy(now + BATCH_MS);',
      },
    ],
  },
  {
    name: 'presence: no grace for those of a dead node',
    breaks: 'who comes back on another node is shown as gone',
    schedule: 'presenceDeathInTheGrace',
    edits: [
      {
        file: BOOK,
        search: 'const forgetAt = now + this.options.graceMs + GRACE_TAIL_MS;',
        replace: 'const forgetAt = now;',
      },
    ],
  },
];
