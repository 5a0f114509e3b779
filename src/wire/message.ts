/** A span of a trace, as W3C Trace Context and OpenTelemetry name it. */
export interface TraceContext {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string;
  /** 16 of them. */
  readonly spanId: string;
  /** One byte; bit 0: sampled. */
  readonly traceFlags: number;
  /** The span is another process's. */
  readonly isRemote?: boolean;
}

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
  /** The span of whoever handed it on, where that is traced: the parent of what is done with it here. */
  readonly trace?: TraceContext | undefined;
}
