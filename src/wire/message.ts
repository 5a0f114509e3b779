/** A span of a trace, as W3C Trace Context and OpenTelemetry name it. */
export interface TraceContext {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string;
  /** 16 lower-case hexadecimal digits. */
  readonly spanId: string;
  /** One byte; bit 0: sampled. */
  readonly traceFlags: number;
  /** The span is another process's. */
  readonly isRemote?: boolean;
}

/** One message on its way to a room, as every layer passes it on. It is never changed. */
export interface RoomMessage {
  readonly room: string;
  /** As in `Message`. The same is true of `data`, `messageId`, `trace` and `isVolatile`. */
  readonly from: string | null;
  readonly data: Buffer;
  readonly messageId?: string;
  readonly trace?: TraceContext | undefined;
  /** An event of a module's own, in place of `message`: 1 to 255 bytes. */
  readonly event?: string;
  readonly isVolatile?: boolean;
}

/** One message on its way to every connection of the cluster. It is never changed. */
export type BroadcastMessage = Pick<Message, 'from' | 'data'>;

/** One message on its way to a user, as every layer passes it on. It is never changed. */
export interface Message {
  /** The receiving user, in canonical form (see user-id.ts). */
  readonly to: string;
  /** The user who sent it; null when it came by HTTP, from a server module or from a foreign datagram. */
  readonly from: string | null;
  /** The sender's JSON text, verbatim, as UTF-8. Valid JSON. Nobody may write to it. */
  readonly data: Buffer;
  /** The sender's own name for it, by which a retry is recognised; see RecentMessages. */
  readonly messageId?: string;
  /** If the message is traced: the span of whoever passed it on. It is the parent of the spans made here. */
  readonly trace?: TraceContext | undefined;
  /** Fresh beats certain: it is not repaired, is dropped first where anything is full, and delays nothing else. */
  readonly isVolatile?: boolean;
}
