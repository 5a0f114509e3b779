/** Mutations of how a session begins, and how a rejoin goes on. */
import type { Mutation } from './mutation.js';

export const SESSIONS: readonly Mutation[] = [
  {
    name: 'no snapshot after a gap',
    breaks: 'R7: an unrepairable hole in the broadcast stream is skipped',
    edits: [
      {
        file: 'membership/reports.ts',
        search: '    if (!incoming.isAdmitted) return;\n    this.handshake.rejoin(',
        replace:
          "    if (!incoming.isAdmitted) return;\n    this.parts.journal.gap(peer, 'gap', keptFrom - incoming.broadcast.next, 'skipped');\n    incoming.broadcast.reset(keptFrom);\n    if (keptFrom > 0) return;\n    this.handshake.rejoin(",
      },
    ],
  },
  {
    name: 'unacked dropped at resume',
    breaks: 'R3: what was sent counts as delivered',
    edits: [
      {
        file: 'membership/handshake.ts',
        search: 'outgoing.stream.restart(now, delivered, isSentKept)',
        replace: 'outgoing.stream.restart(now, outgoing.stream.nextToSend - 1, isSentKept)',
      },
    ],
  },
  {
    name: 'everything resent at resume',
    breaks: 'R3: lastU is not believed',
    edits: [
      {
        file: 'membership/handshake.ts',
        search: 'outgoing.stream.restart(now, delivered, isSentKept)',
        replace: 'outgoing.stream.restart(now, 0, isSentKept)',
      },
    ],
  },
  {
    name: 'last session ignored',
    breaks: 'R3: lastU is believed whatever session it is of',
    schedule: 'helloOfAForgottenSession',
    edits: [
      {
        file: 'membership/handshake.ts',
        search: 'old !== 0 && lastSession === old ? lastDelivered : 0',
        replace: 'lastDelivered',
      },
    ],
  },
  {
    name: 'forgotten session resent',
    breaks: 'R3: messages of a session the peer has forgotten are sent again',
    edits: [
      {
        file: 'membership/handshake.ts',
        search: 'const isSentKept = old === 0 || lastSession !== 0;',
        replace: 'const isSentKept = true;',
      },
    ],
  },
  {
    name: 'welcome not repeated',
    breaks: 'R2: one lost WELCOME is a deadlock',
    edits: [
      {
        file: 'membership/handshake.ts',
        search: '    this.#sendWelcome(now, peer);\n    this.parts.flushQueue.add(peer);',
        replace:
          '    if (outgoing.welcomed !== nonce) this.#sendWelcome(now, peer);\n    outgoing.welcomed = nonce;\n    this.parts.flushQueue.add(peer);',
      },
    ],
  },
  {
    name: 'no rejoin on mismatch',
    breaks: 'R7: a report that lists another session is ignored',
    edits: [
      {
        file: 'membership/reports.ts',
        search:
          "      this.handshake.rejoin(now, peer, null, 'the peer does not list the session it gave us');\n",
        replace: '',
      },
    ],
  },
  {
    name: 'foreign sessions accepted',
    breaks: 'R2: records of another session are applied',
    edits: [
      {
        file: 'routing/reception.ts',
        search: '!incoming.isAdmitted || plain.readUInt32BE(start + 1) !== incoming.id',
        replace: '!incoming.isAdmitted',
      },
    ],
  },
  {
    name: 'base one record late',
    breaks: 'R2: the session skips a record that is still open',
    edits: [
      {
        file: 'membership/handshake.ts',
        search: 'base: broadcast.nextSequence - 1,',
        replace: 'base: broadcast.nextSequence,',
      },
    ],
  },
  {
    name: 'gone broadcast records ignored',
    breaks: 'R7: what the sender has freed is waited for',
    edits: [
      {
        file: 'membership/reports.ts',
        search: '    if (!incoming.isAdmitted) return;\n    this.handshake.rejoin(',
        replace: '    if (incoming.next !== null) return;\n    this.handshake.rejoin(',
      },
      {
        file: 'streams/incoming-stream.ts',
        search: 'this.timers.gap.set(since + this.timing.gapAfterMs);',
        replace: 'this.timers.gap.set(since + this.timing.gapAfterMs * 1e6);',
      },
    ],
  },
];
