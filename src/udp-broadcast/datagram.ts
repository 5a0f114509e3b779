/** One UDP datagram as received. */
export interface Datagram {
  /** Its payload. A view of a buffer of its own: it stays valid, and keeping it keeps the whole datagram. */
  readonly bytes: Buffer;
  /** The sender's IPv4 address and port. */
  readonly address: string;
  readonly port: number;
  /** `shared`: came by broadcast or multicast; `own`: sent to this node alone. */
  readonly arrival: 'shared' | 'own';
}
