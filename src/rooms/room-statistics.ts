/** Counts what became of messages to rooms. Plain fields that only grow. */
export class RoomStatistics {
  /** Messages posted here that were accepted, and those that were refused. */
  posted = 0;
  readonly refused = { too_large: 0, congested: 0 };
  /** Messages from other nodes. */
  received = 0;
  /** Messages from other nodes that the members here did not get, because too much waited for them. */
  dropped = 0;
  /** Volatile messages, posted here or from other nodes, that the members here did not get for the same reason. */
  volatileDropped = 0;
  /** Queues of members into which messages went. */
  deliveries = 0;
}
