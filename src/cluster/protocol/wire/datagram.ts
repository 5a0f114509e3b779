/**
 * The clear header of a datagram. It is authenticated (the AEAD's associated data) but readable, because a receiver
 * needs it to find the key.
 *
 *   off len
 *    0   1   0xD1: protocol, and the version of header and keys
 *    1   1   flags; bit 0: key. 0 = the sender's broadcast key, 1 = the key of this pair. Rest 0, ignored.
 *    2   2   key tag: which secret sealed it; a cheap refusal of other clusters
 *    4  12   the sender's boot id
 *   16   6   packet number, per key, big endian like every number here
 *   22   n   ciphertext
 *  22+n 16   tag
 *
 * The packet number is never the sequence number of what is inside: a repair is the same record in a new datagram
 * with a new packet number, so that repair neither fights the replay window nor reuses a nonce (as in QUIC, RFC 9000).
 */
import { TAG_BYTES } from './cipher.js';

/** 12 random bytes: long enough that two boots never share keys (96 bits), short enough for every header. */
export const BOOT_ID_BYTES = 12;

export const PROTOCOL_BYTE = 0xd1;
export const PROTOCOL_VERSION = 1;
/** The first byte of every version: its other half is the version of header and keys. */
const PROTOCOL_FAMILY = 0xd0;
export const FLAG_PAIR_KEY = 1;

export const HEADER_BYTES = 22;
export const DATAGRAM_OVERHEAD_BYTES = HEADER_BYTES + TAG_BYTES;

const KEY_TAG_OFFSET = 2;
const BOOT_ID_OFFSET = 4;
const PACKET_NUMBER_OFFSET = 16;
/** Boot ids are compared as two 48-bit numbers, so that the look-up of a sender makes no string. */
const HALF_BOOT_ID_BYTES = 6;

export function writeHeader(
  out: Buffer,
  flags: number,
  keyTag: number,
  bootId: Buffer,
  number: number,
): void {
  out[0] = PROTOCOL_BYTE;
  out[1] = flags;
  out.writeUInt16BE(keyTag, KEY_TAG_OFFSET);
  out.set(bootId, BOOT_ID_OFFSET);
  out.writeUIntBE(number, PACKET_NUMBER_OFFSET, 6);
}

/** Ours, but with a header or keys of another version: nothing in it can be read. */
export const isOfOtherVersion = (datagram: Buffer): boolean =>
  datagram[0] !== PROTOCOL_BYTE && ((datagram[0] as number) & 0xf0) === PROTOCOL_FAMILY;

export const keyTagOf = (datagram: Buffer): number => datagram.readUInt16BE(KEY_TAG_OFFSET);
export const packetNumberOf = (datagram: Buffer): number => datagram.readUIntBE(PACKET_NUMBER_OFFSET, 6);
export const isSealedForPair = (datagram: Buffer): boolean => ((datagram[1] as number) & FLAG_PAIR_KEY) !== 0;

/** The first half of the sender's boot id: unique among a cluster's members for all that matters. */
export const senderTagOf = (datagram: Buffer): number =>
  datagram.readUIntBE(BOOT_ID_OFFSET, HALF_BOOT_ID_BYTES);
export const senderRestOf = (datagram: Buffer): number =>
  datagram.readUIntBE(BOOT_ID_OFFSET + HALF_BOOT_ID_BYTES, HALF_BOOT_ID_BYTES);
export const senderBootIdOf = (datagram: Buffer): Buffer =>
  Buffer.from(datagram.subarray(BOOT_ID_OFFSET, BOOT_ID_OFFSET + BOOT_ID_BYTES));

export const tagOfBootId = (bootId: Buffer): number => bootId.readUIntBE(0, HALF_BOOT_ID_BYTES);
export const restOfBootId = (bootId: Buffer): number =>
  bootId.readUIntBE(HALF_BOOT_ID_BYTES, HALF_BOOT_ID_BYTES);
