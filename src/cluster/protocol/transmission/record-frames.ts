/** Records as frames of a datagram. */
import type { OutgoingRecord } from '../streams/outgoing-record.js';
import { FRAME_HEADER_BYTES, type ByteWriter } from '../wire/byte-writer.js';
import {
  FRAME_RECORD_BROADCAST,
  FRAME_RECORD_UNICAST,
  RECORD_URGENT,
  UNICAST_RECORD_HEADER_BYTES,
} from '../wire/frames.js';

/** Of a record in a datagram, beside its messages. */
export const UNICAST_RECORD_BYTES = FRAME_HEADER_BYTES + UNICAST_RECORD_HEADER_BYTES;

export function writeBroadcastRecord(writer: ByteWriter, sequence: number, record: OutgoingRecord): void {
  writer
    .beginFrame(FRAME_RECORD_BROADCAST)
    .u8(record.isUrgent ? RECORD_URGENT : 0)
    .u48(sequence)
    .raw(record.body)
    .endFrame();
}

export function writeUnicastRecord(
  writer: ByteWriter,
  session: number,
  sequence: number,
  record: OutgoingRecord,
): void {
  writer
    .beginFrame(FRAME_RECORD_UNICAST)
    .u8(record.isUrgent ? RECORD_URGENT : 0)
    .u32(session)
    .u48(sequence)
    .raw(record.body)
    .endFrame();
}
