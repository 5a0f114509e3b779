/** One message on its way to a user, as every layer passes it on. Never changed once made. */
export interface Message {
  /** The user it is for, in canonical form (see user-id.ts). */
  readonly to: string;
  /** The user who sent it; null when it came by HTTP, from a server module or from a foreign datagram. */
  readonly from: string | null;
  /** The sender's JSON text, verbatim, as UTF-8. Valid JSON. Not to be written to. */
  readonly data: Buffer;
  /** The sender's own name for it, by which a retry is recognised; see RecentMessages. */
  readonly messageId?: string;
}
