/** Mutations of order, acks, repair and windows of the streams. */
import type { Mutation } from './mutation.js';

export const RECORDS: readonly Mutation[] = [
  {
    name: 'broadcast ack of what was received',
    breaks: 'R6: acks the highest, not the applied position',
    edits: [
      {
        file: 'peers/incoming-session.ts',
        search: 'return this.isAdmitted ? this.broadcast.next - 1 : 0;',
        replace: 'return this.isAdmitted ? this.broadcast.highest : 0;',
      },
    ],
  },
  {
    name: 'ack for another peer believed',
    breaks: 'R6: the first entry of an ACKS is taken, whoever it is for',
    edits: [
      {
        file: 'transmission/acks.ts',
        search: 'if (reader.u48() !== this.ownTag) {',
        replace: 'if (reader.u48() < 0) {',
      },
    ],
  },
  {
    name: 'unicast ack of what was received',
    breaks: 'R6: acks the highest, not the applied position',
    edits: [
      {
        file: 'peers/incoming-session.ts',
        search: 'return this.isAdmitted ? this.unicast.next - 1 : 0;',
        replace: 'return this.isAdmitted ? this.unicast.highest : 0;',
      },
    ],
  },
  {
    name: 'no order in the unicast stream',
    breaks: 'records are applied as they come',
    edits: [
      {
        file: 'routing/reception.ts',
        search: '    if (!incoming.unicast.receive(now, sequence, plain.subarray(headerEnd, end))) return;\n',
        replace:
          '    if (sequence < incoming.unicast.next) return;\n    incoming.unicast.receive(now, sequence, plain.subarray(headerEnd, end));\n',
      },
      {
        file: 'routing/reception.ts',
        search:
          '    for (let next = incoming.unicast.take(now); next !== undefined; next = incoming.unicast.take(now)) {\n      this.delivery.applyUnicast(peer, next);',
        replace:
          '    for (let next = incoming.unicast.take(now); next !== undefined; next = incoming.unicast.take(now)) {',
      },
    ],
  },
  {
    name: 'no deduplication',
    breaks: 'a record that comes again is applied again',
    edits: [
      {
        file: 'routing/reception.ts',
        search: '    if (!incoming.unicast.receive(now, sequence, plain.subarray(headerEnd, end))) return;\n',
        replace:
          '    if (sequence < incoming.unicast.next) this.delivery.applyUnicast(peer, plain.subarray(headerEnd, end));\n    if (!incoming.unicast.receive(now, sequence, plain.subarray(headerEnd, end))) return;\n',
      },
    ],
  },
  {
    name: 'no poll',
    breaks: 'tail loss is not looked for',
    edits: [{ file: 'peer-timeouts.ts', search: '      acks.sendPoll(peer);\n', replace: '' }],
  },
  {
    name: 'no repair',
    breaks: 'nothing that is missing is asked for',
    edits: [
      {
        file: 'peer-timeouts.ts',
        search: '      acks.sendDueNacks(now, peer);\n',
        replace:
          '      peer.incoming.unicast.writeMissing(now, this.parts.outbox.writer, 0, 0);\n      peer.incoming.broadcast.writeMissing(now, this.parts.outbox.writer, 0, 0);\n      this.parts.outbox.writer.clear();\n',
      },
    ],
  },
  {
    name: 'window ignored',
    breaks: 'flow control: all that is queued is sent at once',
    edits: [
      {
        file: 'transmission/transmission.ts',
        search: '    const window = Math.min(outgoing.window, this.parts.limits.unicastWindowRecords);',
        replace: '    const window = Infinity;',
      },
    ],
  },
  {
    name: 'full queues dropped silently',
    breaks: 'R10: messages to a peer that does not ack are dropped, and no event says so',
    edits: [{ file: 'routing/routing.ts', search: '        peer.outgoing.backlog.drop(1);\n', replace: '' }],
  },
  {
    name: 'probes believed for all peers',
    breaks: 'what one path takes is sent on all',
    edits: [
      {
        file: 'transmission/path-probes.ts',
        search: '    peer.outgoing.path.confirm(now, reader.u16());\n',
        replace:
          '    const bytes = reader.u16();\n    for (const { outgoing } of this.outbox.members.all) {\n      outgoing.path.want(now);\n      outgoing.path.confirm(now, bytes);\n    }\n',
      },
    ],
  },
  {
    name: 'no smaller datagrams after loss',
    breaks: 'a size that was answered once is used for ever',
    edits: [
      {
        file: 'peers/path-size.ts',
        search: 'if (this.#lost < LOST_MIN) return;',
        replace: 'if (this.#lost < Infinity) return;',
      },
    ],
  },
  {
    name: 'no black hole detection',
    breaks: 'a path that loses nearly all large datagrams is taken for a peer that is gone',
    edits: [{ file: 'peers/path-size.ts', search: 'this.#fail(now, 0);', replace: 'return;' }],
  },
  {
    name: 'older volatile messages after newer ones',
    breaks: 'a volatile message that comes late is delivered',
    edits: [
      {
        file: 'peers/incoming-session.ts',
        search: '    if (packetNumber < this.#newestVolatile[key]) return false;\n',
        replace: '',
      },
    ],
  },
  {
    name: 'volatile messages not marked in records',
    breaks: 'one that fits into no datagram becomes a certain one at its receiver',
    edits: [
      {
        file: 'routing/message-head.ts',
        search: 'const flag = isVolatile === true ? GROUP_VOLATILE : 0;',
        replace: 'const flag = 0;',
      },
    ],
  },
  {
    name: 'volatile messages left in their queue',
    breaks: 'they leave with the next record, and not at all where there is none',
    edits: [
      {
        file: 'transmission/transmission.ts',
        search: '    if (!outgoing.volatile.isEmpty) this.#sendVolatile(peer);',
        replace:
          '    if (!outgoing.volatile.isEmpty && outgoing.stream.inFlight > 0) this.#sendVolatile(peer);',
      },
    ],
  },
  {
    name: 'volatile messages to many left in their queue',
    breaks: 'what should leave by broadcast leaves when something else does',
    wishes: { mode: 'broadcast' },
    edits: [
      {
        file: 'transmission/transmission.ts',
        search: '    if (!this.parts.volatileToAll.isEmpty) this.#sendVolatileToAll();',
        replace:
          '    if (!this.parts.volatileToAll.isEmpty && this.parts.broadcast.inFlight > 0) this.#sendVolatileToAll();',
      },
    ],
  },
  {
    name: 'volatile messages by broadcast and unicast',
    breaks: 'who gets one by broadcast gets it by unicast too',
    wishes: { mode: 'broadcast' },
    edits: [
      {
        file: 'routing/volatile-messages.ts',
        search: '    return left;\n',
        replace: '    return count;\n',
      },
    ],
  },
];
