/** What the parts of one node are made of: facts, and the state that several of them share. Each takes what it uses. */
import { Carriage } from './carriage.js';
import { Directory } from './directory/directory.js';
import { LocalAddresses } from './directory/local-addresses.js';
import { Watches } from './directory/watches.js';
import { Journal } from './journal.js';
import { ReportPace } from './membership/report-pace.js';
import { NodeTimers } from './node-timers.js';
import { LIMITS, TIMING, type ClusterNodeOptions, type Limits, type Timing } from './options.js';
import { Members } from './peers/members.js';
import { Questions } from './routing/questions.js';
import { Receipts } from './routing/receipts.js';
import { RoutingTable } from './routing/routing-table.js';
import { OutgoingStream } from './streams/outgoing-stream.js';
import { VolatileQueue } from './streams/volatile-queue.js';
import { BroadcastReview } from './transmission/broadcast-review.js';
import { FlowControl } from './transmission/flow-control.js';
import { Gathering } from './transmission/gathering.js';
import { FlushQueue } from './transmission/flush-queue.js';
import { Outbox } from './transmission/outbox.js';
import { pathSizes } from './transmission/path-probes.js';
import { FRAME_HEADER_BYTES } from './wire/byte-writer.js';
import { BOOT_ID_BYTES, DATAGRAM_OVERHEAD_BYTES } from './wire/datagram.js';
import { UNICAST_RECORD_HEADER_BYTES } from './wire/frames.js';
import { Keyring, SealingChannel } from './wire/sealing.js';

/** Room kept in every datagram beside its record, so that an ack always rides along. */
const STATUS_FRAME_BYTES = FRAME_HEADER_BYTES + 18;
/** Below this a datagram has no room for an introduction and little for a record. */
const DATAGRAM_BYTES_MIN = 508;
const DATAGRAM_BYTES_MAX = 32_768;

export interface NodeParts {
  readonly options: ClusterNodeOptions;
  readonly timing: Timing;
  readonly limits: Limits;
  /** The most that a record's messages take. */
  readonly recordBytes: number;
  /** Of datagrams: the one that every path takes, then those that are tried. */
  readonly pathSizes: readonly number[];
  readonly keyring: Keyring;

  readonly timers: NodeTimers;
  readonly carriage: Carriage;
  readonly journal: Journal;
  readonly members: Members;
  readonly pace: ReportPace;
  readonly flow: FlowControl;
  readonly routes: RoutingTable;
  readonly localAddresses: LocalAddresses;
  /** Our broadcast stream. */
  readonly broadcast: OutgoingStream;
  readonly broadcastReview: BroadcastReview;
  readonly gathering: Gathering;
  readonly outbox: Outbox;
  /** Volatile messages that leave by broadcast. */
  readonly volatileToAll: VolatileQueue;
  readonly flushQueue: FlushQueue;
  readonly receipts: Receipts;
  readonly questions: Questions;

  /** To be called whenever a peer is proven, admitted, completed, rejoins or goes. */
  readonly peersChanged: () => void;
}

export function makeParts(options: ClusterNodeOptions): NodeParts {
  const { bootId, cipher, clusterName, datagramBytes, secrets } = options;
  if (bootId.length !== BOOT_ID_BYTES) throw new RangeError(`A boot id has ${BOOT_ID_BYTES} bytes`);
  if (datagramBytes < DATAGRAM_BYTES_MIN || datagramBytes > DATAGRAM_BYTES_MAX) {
    throw new RangeError(
      `Datagrams have ${DATAGRAM_BYTES_MIN} to ${DATAGRAM_BYTES_MAX} bytes, not ${datagramBytes}`,
    );
  }
  const timing = { ...TIMING, ...options.timing };
  const limits = { ...LIMITS, ...options.limits };
  const overheadBytes =
    DATAGRAM_OVERHEAD_BYTES + FRAME_HEADER_BYTES + UNICAST_RECORD_HEADER_BYTES + STATUS_FRAME_BYTES;
  const recordBytes = datagramBytes - overheadBytes;
  const sizes = pathSizes(datagramBytes, options.datagramBytesMax);
  const keyring = new Keyring(cipher, clusterName, secrets);
  const timers = new NodeTimers();
  const journal = new Journal();
  const members = new Members(limits.tombstonesMax);
  const pace = new ReportPace(timing, members);
  const directory = new Directory();
  const watches = new Watches(directory, timers.recheck, (address, isHeld) =>
    journal.events.push({ type: 'holders', address, isHeld }),
  );
  const routes = new RoutingTable(keyring.hashKeys, members, directory, watches, timers.sweep);
  const broadcastReview = new BroadcastReview();
  const broadcastKey = new SealingChannel(keyring, bootId, null, 0);
  return {
    options,
    timing,
    limits,
    recordBytes,
    pathSizes: sizes,
    keyring,
    timers,
    carriage: new Carriage(timing.awayUnreadyMs, timers.away),
    journal,
    members,
    pace,
    flow: new FlowControl(options, limits, recordBytes, members),
    routes,
    localAddresses: new LocalAddresses(),
    broadcast: new OutgoingStream(recordBytes),
    broadcastReview,
    gathering: new Gathering(timing),
    outbox: new Outbox(sizes, options.mode === 'mesh', members, broadcastKey),
    volatileToAll: new VolatileQueue(datagramBytes - DATAGRAM_OVERHEAD_BYTES),
    flushQueue: new FlushQueue(),
    receipts: new Receipts(
      limits.receiptsMax,
      timing.receiptTimeoutMs,
      timers.owed.receipts,
      (token, delivered, complete) => journal.events.push({ type: 'receipt', token, delivered, complete }),
    ),
    questions: new Questions(
      limits.questionsMax,
      limits.answerBytes,
      timers.owed.questions,
      (token, answers, missing, complete) =>
        journal.events.push({ type: 'answers', token, answers, missing, complete }),
    ),
    peersChanged: () => {
      pace.noteNews();
      routes.refresh();
      broadcastReview.request();
    },
  };
}
