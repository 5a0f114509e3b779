import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { MODULE_FAILURES } from './module-failures.js';

/**
 * Every metric of the server: its name, its meaning and its labels. The values of labels come from fixed sets (of
 * peers: at most 128, from the cluster). docs/operations.md lists the metrics, and a spec checks dashboards and
 * alerts. The file is long because it is one table.
 *
 * What happens on the hot path is counted in plain fields where it happens; `set` copies them here at a scrape. A
 * counter with labels shows each of their values from the start, as 0: Prometheus' `increase` and `rate` see only
 * changes, and would miss the first event.
 */
export class Metrics {
  readonly registry = new Registry();

  // the node
  readonly nodeInfo = this.#gauge('lanfare_node_info', 'Always 1; its labels say which node this is', [
    'node_id',
    'node_name',
    'version',
    'bus',
  ]);
  readonly ready = this.#gauge('lanfare_ready', '1: /readyz answers 200');
  readonly overloaded = this.#gauge(
    'lanfare_overloaded',
    '1: the event loop has been late for so long that the node is not ready',
  );

  // clients
  readonly connections = this.#gauge('lanfare_connections', 'Clients with an open socket, of all paths');
  readonly visitors = this.#gauge(
    'lanfare_visitors',
    'Sockets of the public port that are no clients, or not yet; at most WS_MAX_CONNECTIONS and 128, less the clients',
  );
  readonly devices = this.#gauge('lanfare_devices', "Connections registered as a user's device");
  readonly users = this.#gauge('lanfare_users', 'Users with at least one device on this node');
  readonly handshakes = this.#counter(
    'lanfare_handshakes_total',
    'Upgrade requests, by how they ended: accepted, or the code of the refusal',
    ['result'],
  );
  readonly turnedAway = this.#counter(
    'lanfare_turned_away_total',
    'Sockets and plain requests of the public port that were turned away, by reason',
    ['reason'],
  );
  readonly tokensRefused = this.#counter(
    'lanfare_tokens_refused_total',
    'Tokens that were not accepted, of upgrades and of refresh, by why',
    ['reason'],
  );
  readonly closes = this.#counter(
    'lanfare_closes_total',
    'Connections that have gone, by why this node closed them; ended: the client or the network did',
    ['reason'],
  );
  readonly clientBacklog = this.#gauge(
    'lanfare_client_backlog_bytes',
    'Memory of what clients have not taken yet; at most WS_BUFFER_TOTAL_BYTES',
  );
  readonly clientUnhandled = this.#gauge(
    'lanfare_client_unhandled_bytes',
    'Memory of what clients have sent and was not handled yet; at most WS_UNHANDLED_TOTAL_BYTES',
  );
  readonly clientsPaused = this.#gauge(
    'lanfare_clients_paused',
    'Clients that are not read now, until what they have sent before is handled',
  );
  readonly clientsShed = this.#counter(
    'lanfare_clients_shed_total',
    'Clients closed (or cut while they were being closed) because all together were near a limit: backlog, WS_BUFFER_TOTAL_BYTES; unhandled, WS_UNHANDLED_TOTAL_BYTES',
    ['limit'],
  );
  readonly frames = this.#counter('lanfare_frames_received_total', 'Frames received from clients');
  readonly errors = this.#counter('lanfare_errors_total', 'Frames refused with an error frame, by its code', [
    'code',
  ]);

  // messages
  readonly messages = this.#counter(
    'lanfare_messages_total',
    'Messages. path local: posted here, delivered to devices here or absent; cluster: posted here, accepted by the cluster or refused as too_large, congested; inbound: from other nodes, delivered or absent',
    ['path', 'outcome'],
  );
  readonly deliveries = this.#counter(
    'lanfare_deliveries_total',
    'Outgoing queues of connections here into which a message went, by where it was posted: local, inbound',
    ['path'],
  );
  readonly remembered = this.#gauge(
    'lanfare_messages_remembered',
    'Messages with a message_id that are remembered, so as not to be delivered twice; at most 100,000',
  );
  readonly roomsRemembered = this.#gauge(
    'lanfare_room_messages_remembered',
    'Messages to rooms with a message_id that are remembered, so as not to be delivered twice; at most 100,000',
  );
  readonly rooms = this.#gauge('lanfare_rooms', 'Rooms with members on this node');
  readonly memberships = this.#gauge(
    'lanfare_room_memberships',
    'Memberships of connections here in rooms; at most ROOMS_MEMBERSHIPS_MAX',
  );
  readonly roomWaitingBytes = this.#gauge(
    'lanfare_room_waiting_bytes',
    'Memory of messages that wait for members of rooms here; at most 64 MiB',
  );
  readonly roomMessages = this.#counter(
    'lanfare_room_messages_total',
    'Messages to rooms. path local: posted here, accepted or refused as too_large, congested; inbound: from other nodes, accepted or dropped because too much waited',
    ['path', 'outcome'],
  );
  readonly roomDeliveries = this.#counter(
    'lanfare_room_deliveries_total',
    'Outgoing queues of members here into which a message to a room went',
  );
  readonly roomClaimsMalformed = this.#counter(
    'lanfare_room_claims_malformed_total',
    "Entries of tokens' claim `rooms` that are no pattern, and allow nothing (ROOM_ACCESS=claims)",
  );
  readonly broadcasts = this.#counter(
    'lanfare_broadcasts_total',
    'Messages to every connection. path local: posted here, accepted or refused as too_large, congested; inbound: from other nodes, accepted or dropped because too much waited',
    ['path', 'outcome'],
  );
  readonly broadcastDeliveries = this.#counter(
    'lanfare_broadcast_deliveries_total',
    'Outgoing queues of connections here into which a message to every connection went',
  );
  readonly watchedUsers = this.#gauge(
    'lanfare_watched_users',
    'Users that clients here watch, counted once for each client; at most 500,000',
  );
  readonly presenceChanges = this.#counter(
    'lanfare_presence_changes_total',
    'Changes that were shown here. Of watched users: online, offline; of the members of watched rooms: joined, updated, left',
    ['change'],
  );
  readonly presenceRooms = this.#gauge(
    'lanfare_presence_rooms_watched',
    'Rooms whose members clients here look at',
  );
  readonly presenceBytes = this.#gauge(
    'lanfare_presence_bytes',
    'Memory of those who are seen in rooms here, and of those whom clients here look at; from 64 MiB on nobody else enters or looks',
  );
  readonly presenceMalformed = this.#counter(
    'lanfare_presence_malformed_total',
    'Messages of other nodes about the members of rooms that could not be read',
  );
  readonly volatileDropped = this.#counter(
    'lanfare_volatile_dropped_total',
    'Volatile messages dropped, by where: client, its queue was half full; room, half of what may wait was waiting for its members; cluster, much waited for another node; late, a newer one came before it',
    ['where'],
  );
  readonly messageLatency = this.#histogram(
    'lanfare_message_latency_seconds',
    'Sampled, 1 in 256. path local: from arrival to the write to the socket; cluster: round trip, until all nodes that hold the user answered',
    ['path'],
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
  );

  // the cluster
  readonly clusterReady = this.#gauge('lanfare_cluster_ready', '1: the cluster view has settled');
  readonly congested = this.#gauge(
    'lanfare_cluster_congested',
    '1: queues towards other nodes are full, senders wait',
  );
  readonly peers = this.#gauge('lanfare_peers', 'Other nodes, by state: pending, up, silent', ['state']);
  readonly peersHeard = this.#gauge(
    'lanfare_peers_heard',
    'Other nodes that are heard and can not be asked: while there are any, no answer is complete',
  );
  readonly peerLoss = this.#gauge(
    'lanfare_peer_loss_ratio',
    "Share of a peer's datagrams that had to be repaired lately, 0 to 1",
    ['peer', 'peer_id'],
  );
  readonly peerRoundTrip = this.#gauge(
    'lanfare_peer_round_trip_seconds',
    'Round trip to a peer, as last measured',
    ['peer', 'peer_id'],
  );
  readonly peerDatagram = this.#gauge(
    'lanfare_peer_datagram_bytes',
    'Largest datagram that is sent to a peer now, as its path is found to take',
    ['peer', 'peer_id'],
  );
  readonly peerChanges = this.#counter(
    'lanfare_peer_changes_total',
    'Other nodes joined, rejoined, left, lost',
    ['change'],
  );
  readonly gaps = this.#counter(
    'lanfare_gaps_total',
    'Times that delivery could not be promised: gap, lost, incomplete, late, not-mutual',
    ['kind'],
  );
  readonly clusterMessages = this.#counter(
    'lanfare_cluster_messages_total',
    'Messages sent to and received from other nodes',
    ['direction'],
  );
  readonly clusterVolatile = this.#counter(
    'lanfare_cluster_volatile_messages_total',
    'Volatile messages sent to other nodes, once for each node that has members, and received from them',
    ['direction'],
  );
  readonly recordsRepaired = this.#counter(
    'lanfare_cluster_records_repaired_total',
    'Records that were sent again because a peer missed them',
  );
  readonly recordsRequested = this.#counter(
    'lanfare_cluster_records_requested_total',
    'Records that were missed here and asked for again',
  );
  readonly answersDropped = this.#counter(
    'lanfare_cluster_answers_dropped_total',
    'Receipts and answers to other nodes for which their queue had no room',
  );
  readonly queueBytes = this.#gauge('lanfare_cluster_queue_bytes', 'Bytes queued towards other nodes');
  readonly queueRecords = this.#gauge('lanfare_cluster_queue_records', 'Records queued towards other nodes');
  readonly heldBytes = this.#gauge(
    'lanfare_cluster_held_bytes',
    'What came from other nodes and waits for what was sent before it, or for the rest of a message',
  );
  readonly receiptsWaiting = this.#gauge(
    'lanfare_cluster_receipts_waiting',
    'Messages to other nodes whose receipts have not all come; at most 262,144',
  );
  readonly answerBytes = this.#gauge(
    'lanfare_cluster_answer_bytes',
    'Answers of other nodes to questions that others have not answered yet; at most 64 MiB',
  );
  readonly directoryBytes = this.#gauge('lanfare_directory_bytes', 'Memory of the directory of who is where');
  readonly directoryEntries = this.#gauge(
    'lanfare_directory_entries',
    'Users of other nodes in the directory of who is where',
  );
  readonly directoryLookups = this.#counter(
    'lanfare_directory_lookups_total',
    'Look-ups in the directory, by result: hit, miss',
    ['result'],
  );
  readonly clusterDatagrams = this.#counter(
    'lanfare_cluster_datagrams_total',
    "The protocol's datagrams, by direction: sent, received",
    ['direction'],
  );
  readonly datagramsDropped = this.#counter(
    'lanfare_cluster_datagrams_dropped_total',
    'Datagrams that were not sent because a broker did not read: what waits for it is bounded. They are repaired',
  );
  readonly datagramsRejected = this.#counter(
    'lanfare_cluster_datagrams_rejected_total',
    'Datagrams that were not believed, by reason. Foreign programs, other clusters, forgery',
    ['reason'],
  );

  readonly bodiesRejected = this.#counter(
    'lanfare_cluster_bodies_rejected_total',
    "What other nodes' modules sent that was not JSON, by kind: publication, question, answer",
    ['kind'],
  );

  // UDP
  readonly udpDatagrams = this.#counter(
    'lanfare_udp_datagrams_total',
    'Datagrams of the sockets, own broadcasts included, by direction: sent, received',
    ['direction'],
  );
  readonly udpBytes = this.#counter('lanfare_udp_bytes_total', 'Payload bytes of those datagrams', [
    'direction',
  ]);
  readonly udpErrors = this.#counter('lanfare_udp_errors_total', 'Errors of sending, and of the sockets', [
    'kind',
  ]);
  readonly udpKernelDrops = this.#counter(
    'lanfare_udp_kernel_drops_total',
    "Datagrams the kernel dropped because this node's receive buffers were full (Linux)",
  );
  readonly udpBacklog = this.#gauge(
    'lanfare_udp_backlog_bytes',
    'What waits to leave the UDP socket; at most 4 MiB',
  );
  readonly udpReceiveBuffer = this.#gauge(
    'lanfare_udp_receive_buffer_bytes',
    'Receive buffer the kernel granted, of the smaller socket',
  );

  // the operators' door
  readonly apiRequests = this.#counter(
    'lanfare_api_requests_total',
    'Requests to the HTTP API, by route and status',
    ['route', 'status'],
  );
  readonly operationsSockets = this.#gauge(
    'lanfare_operations_sockets',
    "Sockets of the operators' door; at most 64",
  );
  readonly operationsSocketsCut = this.#counter(
    'lanfare_operations_sockets_cut_total',
    "Sockets of the operators' door that were cut because there were too many, or asked for too much at a time",
  );
  readonly idempotencyBytes = this.#gauge(
    'lanfare_api_idempotency_bytes',
    'Memory of answers remembered for their Idempotency-Key; at most 64 MiB',
  );

  // modules
  readonly moduleFailures = this.#counter(
    'lanfare_module_failures_total',
    `What went wrong in modules' code and was survived, by where it was called: ${MODULE_FAILURES.join(', ')}`,
    ['kind'],
  );

  // the process; with the names that Prometheus clients use, so that common dashboards work. prom-client's own set of
  // these would watch garbage collection and the event loop by timers and observers of its own, which wake an idle node
  readonly cpu = this.#counter('process_cpu_seconds_total', 'CPU time of the process, user and system');
  readonly startTime = this.#gauge('process_start_time_seconds', 'Start of the process, since the epoch');
  readonly residentMemory = this.#gauge('process_resident_memory_bytes', 'Memory the process holds');
  readonly heapUsed = this.#gauge('nodejs_heap_size_used_bytes', 'JavaScript heap in use');
  readonly externalMemory = this.#gauge(
    'nodejs_external_memory_bytes',
    'Buffers outside the JavaScript heap',
  );
  readonly eventLoopLag = this.#gauge(
    'nodejs_eventloop_lag_seconds',
    'How late the event loop ran since the last scrape: p50, p99, max',
    ['quantile'],
  );

  /** Shows every combination of these label values as 0 from the start. */
  start<L extends string>(
    metric: Counter<L> | Histogram<L>,
    values: Readonly<Record<L, readonly string[]>>,
  ): void {
    let combinations: Partial<Record<L, string>>[] = [{}];
    for (const label of Object.keys(values) as L[]) {
      combinations = combinations.flatMap((labels) =>
        values[label].map((value) => ({ ...labels, [label]: value })),
      );
    }
    for (const labels of combinations) {
      if (metric instanceof Histogram) metric.zero(labels);
      else metric.inc(labels, 0);
    }
  }

  /** Sets a counter to the value of the field that it mirrors. */
  set(counter: Counter, value: number, labels: Readonly<Record<string, string>> = {}): void {
    // prom-client's counters cannot be set, and a removed one starts at 0
    counter.remove(labels);
    counter.inc(labels, value);
  }

  #counter<L extends string>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  #gauge<L extends string>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> {
    return new Gauge({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  #histogram<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    buckets: number[],
  ): Histogram<L> {
    return new Histogram({ name, help, labelNames: [...labelNames], buckets, registers: [this.registry] });
  }
}
