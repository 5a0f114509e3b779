/** Mutations of liveness, trust and keys. */
import type { Mutation } from './mutation.js';

export const MEMBERSHIP: readonly Mutation[] = [
  {
    name: 'nonces begin anew after a drop',
    breaks: 'a boot met again is sealed for with the same key and number 1',
    edits: [
      {
        file: 'peers/members.ts',
        search:
          '    this.#pairNumbersUsed = Math.max(this.#pairNumbersUsed, peer.keys.sealing.packetNumber);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'no challenge',
    breaks: 'a boot that was only heard counts as proven',
    edits: [
      {
        file: 'membership/admission.ts',
        search: '    return { peer, plain, isForPair, packetNumber: number };',
        replace:
          '    if (!peer.isProven) {\n      peer.prove(now);\n      parts.peersChanged();\n    }\n    return { peer, plain, isForPair, packetNumber: number };',
      },
    ],
  },
  {
    name: 'dead peers dropped silently',
    breaks: 'R12: a peer is dropped, and no event says so',
    edits: [
      {
        file: 'membership/membership.ts',
        search:
          "    if (change === 'lost' || undelivered > 0) parts.journal.gap(peer, 'lost', undelivered, reason);\n",
        replace: '',
      },
      {
        file: 'membership/membership.ts',
        search: '    if (incoming.id !== 0) parts.journal.tellPeer(change, last, reason);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'only the first secret opens',
    breaks: 'rotation: peers that seal with another secret are refused',
    edits: [
      {
        file: 'wire/sealing.ts',
        search: 'return this.#secrets.findIndex((secret) => secret.tag === tag);',
        replace: 'return this.#secrets[0]?.tag === tag ? 0 : -1;',
      },
    ],
  },
  {
    name: 'old reports count',
    breaks: 'R6: a report that was overtaken is believed',
    schedule: 'overtakenReport',
    edits: [
      {
        file: 'membership/reports.ts',
        search: 'number < peer.report.number || part >= parts',
        replace: 'part >= parts',
      },
      {
        file: 'membership/reports.ts',
        search: '    if (number > peer.report.number) {',
        replace: '    if (number !== peer.report.number) {',
      },
    ],
  },
  {
    name: 'tags not checked',
    breaks: 'forged datagrams are taken',
    edits: [
      {
        file: 'wire/sealing.ts',
        search: '    if (!isGenuine) return null;\n',
        replace: '    if (!isGenuine) datagram.copy(plain, 0, HEADER_BYTES);\n',
      },
    ],
  },
  {
    name: 'peers judged in an outage',
    breaks: 'R15: peers are declared dead while nothing is carried',
    wishes: { outages: true },
    edits: [
      {
        file: 'node-timeouts.ts',
        search: 'if (carriage.isUp) this.#handleCarried(now);',
        replace: 'this.#handleCarried(now);',
      },
      {
        file: 'cluster-node.ts',
        search: '    if (carriage.isUp) {\n      due = Math.min(due, timers.carried.next);',
        replace: '    due = Math.min(due, timers.carried.next);\n    if (carriage.isUp) {',
      },
    ],
  },
  {
    name: 'silence of an outage counts',
    breaks: 'R15: at the end of an outage the silence of peers goes on',
    wishes: { outages: true },
    edits: [
      {
        file: 'cluster-node.ts',
        search: '    this.#membership.resume(now, awayMs);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'leave tells nobody',
    breaks: 'a good-bye without LEAVE',
    edits: [
      {
        file: 'departure.ts',
        search: '    outbox.writer.beginFrame(FRAME_LEAVE).endFrame();\n    outbox.toAll();\n',
        replace: '',
      },
    ],
  },
];
