/** Mutations of the ways that messages to rooms take: unicast, or one broadcast that names who must ignore it. */
import type { Mutation } from './mutation.js';

const wishes = { mode: 'broadcast' } as const;
const PATHS = 'routing/room-paths.ts';

export const ROOM_PATHS: readonly Mutation[] = [
  {
    name: 'no list of who must ignore a broadcast',
    breaks: 'nodes that are not asked deliver it, and answer',
    wishes,
    edits: [
      {
        file: 'routing/routing.ts',
        search: 'this.#head.addNotList(length, this.paths.notListFor(receivers))',
        replace: 'this.#head.addNotList(length, [])',
      },
    ],
  },
  {
    name: 'who gets it by unicast is not told to ignore the broadcast',
    breaks: 'a holder gets a message on both ways',
    wishes,
    edits: [
      {
        file: 'routing/routing.ts',
        search: 'this.paths.notListFor(receivers)',
        replace: 'this.paths.notListFor(this.#holders)',
      },
    ],
  },
  {
    name: 'former sessions are not told to ignore the broadcast',
    breaks: 'a node that was dropped delivers it, and gets it by unicast when it is met anew',
    schedule: 'holderMetAnew',
    edits: [
      {
        file: PATHS,
        search: 'return [...others.map(({ outgoing }) => outgoing.id), ...formerSessions.ids];',
        replace: 'return others.map(({ outgoing }) => outgoing.id);',
      },
    ],
  },
  {
    name: 'former sessions are forgotten by time alone',
    breaks: 'a machine that was suspended, and is met anew, gets a message by broadcast and by unicast',
    schedule: 'suspendedHolderMetAnew',
    edits: [
      {
        file: 'peers/members.ts',
        search: 'for (const id of sessions) this.formerSessions.add(Infinity, id);',
        replace: '',
      },
    ],
  },
  {
    name: 'a room leaves the broadcast before it is applied',
    breaks: 'unicast overtakes the broadcast stream',
    wishes,
    edits: [
      {
        file: PATHS,
        search: 'const isBroadcast = lastBroadcast > peer.outgoing.broadcastNeededAfter;',
        replace: 'const isBroadcast = lastBroadcast < 0;',
      },
    ],
  },
  {
    name: 'a room leaves unicast before it is applied',
    breaks: 'the broadcast stream overtakes unicast',
    wishes,
    edits: [
      {
        file: PATHS,
        search: 'return outgoing.stream.first <= last;',
        replace: 'return outgoing.stream.first < 0 * last;',
      },
    ],
  },
  {
    name: 'marks of a former session forgotten',
    breaks: 'what was carried into the new session is overtaken',
    wishes,
    edits: [
      {
        file: PATHS,
        search: 'mark.session === outgoing.id ? mark.sequence : outgoing.carried',
        replace: 'mark.session === outgoing.id ? mark.sequence : 0',
      },
    ],
  },
  {
    name: 'the broadcast stream is asked before unicast',
    breaks: 'of a peer tied both ways only unicast is right',
    wishes,
    edits: [
      {
        file: PATHS,
        search: "if (own === 'unicast' || own === 'both') return 'unicast';",
        replace: "if (own === 'unicast') return 'unicast';\n    if (own === 'both') return 'broadcast';",
      },
    ],
  },
  {
    name: 'a broadcast for who has no session',
    breaks: 'its base will lie behind the record',
    schedule: 'holderWithoutSession',
    edits: [
      {
        file: PATHS,
        search: 'peer.outgoing.isOpen && peer.knowsBroadcastRooms ?',
        replace: 'peer.knowsBroadcastRooms ?',
      },
    ],
  },
  {
    name: 'marks beyond the limit forgotten',
    breaks: 'a room without an entry is taken for one without messages on their way',
    wishes,
    edits: [{ file: PATHS, search: '    this.#fold(oldest);\n', replace: '' }],
  },
  {
    name: 'folded marks believed like own ones',
    breaks: 'the mark of another room sends a message on the other way than the one before',
    wishes,
    edits: [
      {
        file: PATHS,
        search: "return folded === 'unicast' || folded === 'both' ? 'both' : 'broadcast';",
        replace: "return folded === 'unicast' || folded === 'both' ? 'unicast' : 'broadcast';",
      },
    ],
  },
  {
    name: 'marks name the record before the open one',
    breaks: 'a message in the open record counts as applied when the record before is',
    wishes,
    edits: [
      {
        file: 'streams/outgoing-stream.ts',
        search: 'return this.#open.length > 0 ? this.#nextSequence : this.#nextSequence - 1;',
        replace: 'return this.#nextSequence - 1;',
      },
    ],
  },
  {
    name: 'nobody is asked who gets it by broadcast',
    breaks: 'R14: a receipt calls itself complete without their answers',
    wishes,
    edits: [
      {
        file: 'routing/routing.ts',
        search: 'const isFirstComplete = isComplete && answering.length === broadcast.length;',
        replace: 'const isFirstComplete = isComplete;',
      },
      {
        file: 'routing/routing.ts',
        search: 'return !this.congestion.isStalled(now, peer) && !peer.outgoing.windowStanding.isLaggard;',
        replace: 'return !this.congestion.isStalled(now, peer) && false;',
      },
    ],
  },
];
