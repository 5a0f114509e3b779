/** Counters and gauges of a node, collected from its parts. */
import type { ProtocolStatistics } from './contract.js';
import type { NodeParts } from './node-parts.js';

export function statisticsOf(parts: NodeParts): ProtocolStatistics {
  const { broadcast, journal, members, outbox, questions, receipts, routes } = parts;
  const { directory } = routes;
  const { counters, rejected } = journal;
  let queuedBytes = broadcast.bytes;
  let queuedRecords = broadcast.records;
  let heldBytes = 0;
  for (const { incoming, outgoing } of members.all) {
    queuedBytes += outgoing.stream.bytes;
    queuedRecords += outgoing.stream.records;
    heldBytes += incoming.broadcast.heldBytes + incoming.broadcastFragments.bytes;
    heldBytes += incoming.unicast.heldBytes + incoming.unicastFragments.bytes;
  }
  return {
    datagramsSent: outbox.sent,
    datagramsReceived: counters.datagramsReceived,
    datagramsRejected: { ...rejected },
    messagesSent: counters.messagesSent,
    messagesReceived: counters.messagesReceived,
    roomBroadcasts: counters.roomBroadcasts,
    volatileSent: counters.volatileSent,
    volatileDropped: counters.volatileDropped,
    volatileReceived: counters.volatileReceived,
    volatileLate: counters.volatileLate,
    recordsRepaired: counters.recordsRepaired,
    recordsRequested: counters.recordsRequested,
    answersDropped: counters.answersDropped,
    bootsHeard: members.heard,
    directoryEntries: directory.entries,
    directoryBytes: directory.bytes,
    directoryHits: counters.directoryHits,
    directoryMisses: counters.directoryMisses,
    queuedBytes,
    queuedRecords,
    heldBytes,
    receiptsWaiting: receipts.waiting,
    answerBytes: questions.bytes,
  };
}
