/** One UDP datagram as received. */
export interface Datagram {
  /** The payload: a view of the datagram's own buffer. It stays valid, and keeps the whole datagram in memory. */
  readonly bytes: Buffer;
  /** The sender's IPv4 address and port. */
  readonly address: string;
  readonly port: number;
  /** `shared`: it came by broadcast or multicast; `own`: it was sent to this node alone. */
  readonly arrival: 'shared' | 'own';
}
