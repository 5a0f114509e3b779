/**
 * The check of the checker: rules of the protocol, each broken in turn by an edit of the core's source. The
 * simulation must notice every one of them, or it proves nothing about that rule.
 *
 * An edit replaces one passage that occurs exactly once in its file; one that no longer applies is an error, so the
 * table can't rot. Nothing in the core knows of this.
 */
import type { Wishes } from './scenario.js';

export interface Edit {
  /** In src/cluster/protocol/. */
  readonly file: string;
  readonly search: string;
  readonly replace: string;
}

export interface Mutation {
  readonly name: string;
  /** What is broken, and how one would come to write it so. */
  readonly breaks: string;
  readonly edits: readonly Edit[];
  readonly wishes?: Wishes;
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'no snapshot after a gap',
    breaks: 'R7: an unrepairable hole in the broadcast stream is skipped',
    edits: [
      {
        file: 'membership/reports.ts',
        search: '    if (!incoming.isAdmitted) return;\n    this.rejoin(',
        replace:
          "    if (!incoming.isAdmitted) return;\n    this.parts.journal.gap(peer, 'gap', keptFrom - incoming.broadcast.next, 'skipped');\n    incoming.broadcast.reset(keptFrom);\n    if (keptFrom > 0) return;\n    this.rejoin(",
      },
    ],
  },
  {
    name: 'no loading after admission',
    breaks: 'R4: an empty replica counts as complete',
    edits: [
      {
        file: 'peers/incoming-session.ts',
        search: "admit: 'loading' }",
        replace: "admit: 'complete' }",
      },
    ],
  },
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
    name: 'announcements ignored while loading',
    breaks: 'R4',
    edits: [
      {
        file: 'peers/incoming-session.ts',
        search: '    if (this.isLoading) this.#removals.delete(key);\n',
        replace: '    if (this.isLoading) return;\n',
      },
    ],
  },
  {
    name: 'removals not noted while loading',
    breaks: 'R4: the snapshot brings back who has left',
    edits: [
      {
        file: 'peers/incoming-session.ts',
        search: 'if (this.#removals.size < this.removalsMax) this.#removals.add(key);',
        replace: 'if (this.#removals.size < this.removalsMax) return;',
      },
    ],
  },
  {
    name: 'forgotten removals not loaded again',
    breaks: 'R4: the replica goes on holding who has gone, and who holds a user is called certain',
    edits: [
      {
        file: 'peers/incoming-session.ts',
        search: 'return this.#hasForgottenRemovals && this.isComplete;',
        replace: 'return false;',
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
    name: 'no count of connections',
    breaks: 'R1: the first connection to leave withdraws the address',
    edits: [
      {
        file: 'directory/local-addresses.ts',
        search: 'return address.connections === 0;',
        replace: 'address.connections = 0;\n    return true;',
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
        search: "      this.rejoin(now, peer, null, 'the peer does not list the session it gave us');\n",
        replace: '',
      },
    ],
  },
  {
    name: 'late peers not named',
    breaks: 'R11: after the bound the device is just ready',
    edits: [
      {
        file: 'routing/reachability.ts',
        search: '      if (!peer.isCounted || standing.acked >= announcedIn) continue;',
        replace: '      if (standing.acked < Infinity) continue;',
      },
    ],
  },
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
        search: '    return { peer, plain, isForPair };',
        replace:
          '    if (!peer.isProven) {\n      peer.prove(now);\n      parts.peersChanged();\n    }\n    return { peer, plain, isForPair };',
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
    name: 'receipts do not expire',
    breaks: 'who waits for a silent peer waits for ever',
    edits: [
      {
        file: 'cluster-node.ts',
        search: 'if (timers.owed.receipts.hasExpired(now)) receipts.expire(now);',
        replace: '',
      },
      {
        file: 'cluster-node.ts',
        search: 'timers.owed.next',
        replace: 'Math.min(timers.owed.barrier.at, timers.owed.inquiries.at)',
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
    name: 'snapshot one record short',
    breaks: 'R5: who was announced in the last record before the base is left out',
    edits: [
      {
        file: 'directory/local-addresses.ts',
        search: 'if (address.announcedIn > base) return;',
        replace: 'if (address.announcedIn >= base) return;',
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
    name: 'rooms are hashed like users',
    breaks: 'a user and a room of one name are taken for each other',
    edits: [
      {
        file: 'wire/sealing.ts',
        search: "this.#hashKey(prk, 'hash room')",
        replace: "this.#hashKey(prk, 'hash')",
      },
    ],
  },
  {
    name: 'a join does not end the lingering',
    breaks: 'R1: a room that is joined while it lingers is withdrawn with its new member',
    edits: [
      {
        file: 'directory/local-addresses.ts',
        search: '    address.connections += 1;\n    this.#lingering.delete(key);\n',
        replace: '    address.connections += 1;\n',
      },
    ],
  },
  {
    name: 'rooms linger for ever',
    breaks: 'R1: what nobody holds any more is never withdrawn',
    edits: [
      {
        file: 'routing/interest.ts',
        search: '    timers.linger.set(localAddresses.lingersUntil);\n',
        replace: '    timers.linger.set(Infinity * localAddresses.lingersUntil);\n',
      },
    ],
  },
  {
    name: 'what lingers too much is forgotten, not withdrawn',
    breaks: 'R1: the others go on sending for what nobody holds',
    edits: [
      {
        file: 'routing/interest.ts',
        search: 'if (localAddresses.lingering > limits.lingeringMax) this.#withdrawOldest(now);',
        replace: 'if (localAddresses.lingering > limits.lingeringMax) localAddresses.withdrawOldest();',
      },
    ],
  },
  {
    name: 'only the first connection waits',
    breaks: 'R11: who joins an address that is announced already is reachable at once',
    edits: [
      {
        file: 'routing/interest.ts',
        search: '    const held =\n      localAddresses.addConnection(key) ??',
        replace:
          '    const there = localAddresses.addConnection(key);\n    if (there !== undefined) return 0;\n    const held =\n      there ??',
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
  {
    name: 'loading peers get nothing for rooms',
    breaks: 'R9: of a peer whose replica is loading it is not known which rooms it holds',
    edits: [
      {
        file: 'routing/routing-table.ts',
        search: '      if (!knows(peer, kind)) continue;\n      holders',
        replace: "      if (kind === 'room') continue;\n      holders",
      },
    ],
  },
  {
    name: 'loading peers not routed to',
    breaks: 'R9: only complete replicas are asked',
    edits: [
      {
        file: 'routing/routing-table.ts',
        search: '      holders[count] = peer;\n      count += 1;\n    }\n    return count;',
        replace: '    }\n    return count;',
      },
    ],
  },
  {
    name: 'full queues dropped silently',
    breaks: 'R10: no event',
    edits: [{ file: 'routing/routing.ts', search: '        peer.outgoing.backlog.drop(1);\n', replace: '' }],
  },
  {
    name: 'dead peers dropped silently',
    breaks: 'R12: no event',
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
    name: 'no poll',
    breaks: 'tail loss is not looked for',
    edits: [{ file: 'peer-timeouts.ts', search: '      this.acks.sendPoll(peer);\n', replace: '' }],
  },
  {
    name: 'no repair',
    breaks: 'nothing that is missing is asked for',
    edits: [
      {
        file: 'peer-timeouts.ts',
        search: '      this.acks.sendDueNacks(now, peer);\n',
        replace:
          '      peer.incoming.unicast.writeMissing(now, this.parts.outbox.writer, 0, 0);\n      peer.incoming.broadcast.writeMissing(now, this.parts.outbox.writer, 0, 0);\n      this.parts.outbox.writer.clear();\n',
      },
    ],
  },
  {
    name: 'window ignored',
    breaks: '2.5: all that is queued goes out at once',
    edits: [
      {
        file: 'transmission/transmission.ts',
        search: '    const window = Math.min(outgoing.window, this.parts.limits.unicastWindowRecords);',
        replace: '    const window = Infinity;',
      },
    ],
  },
  {
    name: 'gone broadcast records ignored',
    breaks: 'R7: what the sender has freed is waited for',
    edits: [
      {
        file: 'membership/reports.ts',
        search: '    if (!incoming.isAdmitted) return;\n    this.rejoin(',
        replace: '    if (incoming.next !== null) return;\n    this.rejoin(',
      },
      {
        file: 'streams/incoming-stream.ts',
        search: 'this.timers.gap.set(since + this.timing.gapAfterMs);',
        replace: 'this.timers.gap.set(since + this.timing.gapAfterMs * 1e6);',
      },
    ],
  },
  {
    name: 'only the first secret opens',
    breaks: 'rotation: others are refused',
    edits: [
      {
        file: 'wire/sealing.ts',
        search: 'return this.#secrets.findIndex((secret) => secret.tag === tag);',
        replace: 'return this.#secrets[0]?.tag === tag ? 0 : -1;',
      },
    ],
  },
  {
    name: 'only the own hash is looked up',
    breaks: 'rotation: users of peers that seal with another secret are not found',
    edits: [
      {
        file: 'routing/routing-table.ts',
        search: 'for (let secret = 0; secret < hashers.length; secret += 1) {',
        replace: 'for (let secret = 0; secret < 1; secret += 1) {',
      },
    ],
  },
  {
    name: 'old reports count',
    breaks: 'R6: a report that was overtaken is believed',
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

/** The source with the edit made. */
export function apply(edit: Edit, source: string): string {
  const at = source.indexOf(edit.search);
  if (at === -1) throw new Error(`${edit.file} does not contain: ${edit.search}`);
  if (source.includes(edit.search, at + 1))
    throw new Error(`${edit.file} contains more than once: ${edit.search}`);
  return source.slice(0, at) + edit.replace + source.slice(at + edit.search.length);
}
