/**
 * Opens the datagrams of a VirtualLan, and seals others. It is for specs that have to know what travels (lose every HELLO)
 * or change it (a node of another version).
 */
import type { Transmit } from '../contract.js';
import { FRAME_HEADER_BYTES } from '../wire/byte-writer.js';
import { NONCE_BYTES, TAG_BYTES, type Aead, type CipherSuite } from '../wire/cipher.js';
import { HEADER_BYTES, isSealedForPair, packetNumberOf, senderBootIdOf } from '../wire/datagram.js';
import { Keyring } from '../wire/sealing.js';
import { VIRTUAL_LAN_SECRET, type VirtualLan } from './virtual-lan.js';

export interface Frame {
  readonly type: number;
  readonly body: Buffer;
}

export class OpenWire {
  readonly #keyring: Keyring;

  constructor(
    private readonly lan: VirtualLan,
    cipher: CipherSuite,
  ) {
    this.#keyring = new Keyring(cipher, 'lanfare', [VIRTUAL_LAN_SECRET]);
  }

  framesOf(transmit: Transmit): Frame[] {
    const { bytes } = transmit;
    const plain = Buffer.alloc(bytes.length - HEADER_BYTES - TAG_BYTES);
    const header = bytes.subarray(0, HEADER_BYTES);
    const isGenuine = this.#keyOf(transmit).open(nonceOf(bytes), header, bytes.subarray(HEADER_BYTES), plain);
    if (!isGenuine) throw new Error('a datagram does not open under the secret of the LAN');
    const frames: Frame[] = [];
    for (let at = 0; at < plain.length;) {
      const start = at + FRAME_HEADER_BYTES;
      const end = start + plain.readUInt16BE(at + 1);
      frames.push({ type: plain.readUInt8(at), body: plain.subarray(start, end) });
      at = end;
    }
    return frames;
  }

  carries(transmit: Transmit, type: number): boolean {
    return this.framesOf(transmit).some((frame) => frame.type === type);
  }

  /** The same datagram (sender, key, packet number) with other frames. */
  withFrames(transmit: Transmit, frames: readonly Frame[]): Buffer {
    const plain = Buffer.concat(
      frames.flatMap(({ type, body }) => [Buffer.from([type, body.length >> 8, body.length & 0xff]), body]),
    );
    const header = transmit.bytes.subarray(0, HEADER_BYTES);
    const sealed = Buffer.alloc(plain.length + TAG_BYTES);
    this.#keyOf(transmit).seal(nonceOf(transmit.bytes), header, plain, sealed);
    return Buffer.concat([header, sealed]);
  }

  #keyOf({ bytes, to }: Transmit): Aead {
    const receiver = this.lan.hosts.find(({ endpoint }) => endpoint === to);
    let receiverBootId: Buffer | null = null;
    if (isSealedForPair(bytes)) {
      if (receiver === undefined) throw new Error(`nobody is at ${to}`);
      receiverBootId = Buffer.from(receiver.node.nodeId, 'hex');
    }
    return this.#keyring.key(0, senderBootIdOf(bytes), receiverBootId, 0);
  }
}

function nonceOf(datagram: Buffer): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUIntBE(packetNumberOf(datagram), NONCE_BYTES - 6, 6);
  return nonce;
}
