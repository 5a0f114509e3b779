/**
 * PROBE and PROBED: how large a datagram the path to a peer takes. When that is asked: peers/path-size.ts.
 *
 *   PROBE   bytes u16; the datagram is padded to that size
 *   PROBED  bytes u16: a PROBE of that size has come
 *
 * Only peers with the capability are probed. Others would not answer.
 */
import type { Peer } from '../peers/peer.js';
import type { ByteReader } from '../wire/byte-reader.js';
import { DATAGRAM_OVERHEAD_BYTES } from '../wire/datagram.js';
import { FRAME_PROBE, FRAME_PROBED } from '../wire/frames.js';
import type { Outbox } from './outbox.js';

/**
 * Sizes that are tried. The kernel holds a datagram in a block of a power of two: 3,584 and 7,680 bytes are what blocks
 * of 4 and 8 KiB hold beside the headers.
 */
const SIZES = [3_584, 7_680, 16_384, 32_768] as const;
/** A larger datagram is used only if it carries at least two full ones of the smallest size. */
const GROWTH_MIN = 2;

/** The sizes of datagrams that a node tries, in order. */
export function pathSizes(datagramBytes: number, datagramBytesMax: number): readonly number[] {
  const larger = SIZES.filter((size) => size >= GROWTH_MIN * datagramBytes && size <= datagramBytesMax);
  return [datagramBytes, ...larger];
}

export class PathProbes {
  constructor(private readonly outbox: Outbox) {}

  /** Called when there is more to send to the peer than one datagram takes. */
  wantLarger(now: number, peer: Peer): void {
    if (peer.knowsLargeDatagrams) peer.outgoing.path.want(now);
  }

  /** Called when the timer of a peer's path has expired. */
  probe(now: number, peer: Peer): void {
    const bytes = peer.outgoing.path.nextProbe(now);
    if (bytes === null) return;
    this.outbox.writer
      .widen(bytes - DATAGRAM_OVERHEAD_BYTES)
      .beginFrame(FRAME_PROBE)
      .u16(bytes)
      .endFrame()
      .pad();
    this.outbox.toPeer(peer);
  }

  handleProbe(peer: Peer, reader: ByteReader): void {
    this.outbox.writer.beginFrame(FRAME_PROBED).u16(reader.u16()).endFrame();
    this.outbox.toPeer(peer);
  }

  handleProbed(now: number, peer: Peer, reader: ByteReader): void {
    peer.outgoing.path.confirm(now, reader.u16());
  }
}
