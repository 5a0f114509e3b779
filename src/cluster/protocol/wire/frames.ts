/**
 * What a datagram's plaintext is made of: control frames, then records.
 *
 *   frame    type u8, length u16, body
 *   record   a frame of type RECORD_*: its header, then messages to the end of the frame
 *   message  type u8, length u16, body
 *
 * Unknown types of either kind are skipped by their length, bytes after a known body are ignored: that is how a newer
 * node speaks to an older one. Integers are big endian. `text` is a length in one byte and UTF-8.
 */

// Control frames: unsequenced, each complete in itself, harmless when lost, doubled or late.
export const FRAME_PAD = 0x00;
export const FRAME_REPORT = 0x01;
export const FRAME_HELLO = 0x02;
export const FRAME_WELCOME = 0x03;
export const FRAME_NACK = 0x04;
export const FRAME_STATUS = 0x05;
export const FRAME_PING = 0x06;
export const FRAME_PONG = 0x07;
export const FRAME_LEAVE = 0x08;
export const FRAME_KNOCK = 0x09;
export const FRAME_GOSSIP = 0x0a;
export const FRAME_POLL = 0x0b;
export const FRAME_PROBE = 0x0c;
export const FRAME_PROBED = 0x0d;
/**
 * A volatile message: flags u8, kind u8, name text, [from text], [fields], [event text], data. Only to peers with
 * CAPABILITY_VOLATILE.
 */
export const FRAME_VOLATILE = 0x0e;
export const FRAME_ACKS = 0x0f;
// Records: sequenced.
/** flags u8, sequence u48, messages */
export const FRAME_RECORD_BROADCAST = 0x10;
/** flags u8, session u32, sequence u48, messages */
export const FRAME_RECORD_UNICAST = 0x11;

/** Record flag: somebody waits for the ack. */
export const RECORD_URGENT = 1;

/** Bit of an introduction's capabilities: it takes messages to groups. */
export const CAPABILITY_ROOMS = 1;
/** Another: it takes larger datagrams with several records, and answers PROBE. */
export const CAPABILITY_LARGE_DATAGRAMS = 2;
/** Another: it takes VOLATILE. */
export const CAPABILITY_VOLATILE = 4;
/** Another: it reads ACKS. */
export const CAPABILITY_SHARED_ACKS = 8;
/** Another: it takes messages to everybody. */
export const CAPABILITY_EVERYBODY = 16;
/** Another: it takes messages to groups from the broadcast stream, with a list of those that must ignore them. */
export const CAPABILITY_BROADCAST_ROOMS = 32;

/** Within the frame, before the messages. */
export const BROADCAST_RECORD_HEADER_BYTES = 1 + 6;
export const UNICAST_RECORD_HEADER_BYTES = 1 + 4 + 6;

// Messages on the unicast stream, except where it says broadcast.
/** flags u8, to text, [from text], [receipt u32], [fields: length u16, then (type u8, length u16, value)*], data */
export const MESSAGE_USER = 1;
/** broadcast: hash (7 bytes) */
export const MESSAGE_ANNOUNCE = 2;
/** broadcast: hash (7 bytes) */
export const MESSAGE_WITHDRAW = 3;
/** hashes (7 bytes each) */
export const MESSAGE_SNAPSHOT = 4;
export const MESSAGE_SNAPSHOT_END = 5;
/** receipt u32, delivered u32 */
export const MESSAGE_RECEIPT = 6;
/** id u32, topic text, body */
export const MESSAGE_QUESTION = 7;
/** id u32, body */
export const MESSAGE_ANSWER = 8;
/** broadcast: channel text, body */
export const MESSAGE_PUBLICATION = 9;
/** flags u8, index u16, bytes; joined, the bytes are a message's type u8 and body (no length) */
export const MESSAGE_FRAGMENT = 10;
/**
 * flags u8, kind u8, name text, [from text], [receipt u32], [fields, as of a user's message], [event text],
 * [not-list: count u8, session u32 *], data. On the unicast stream only to peers with CAPABILITY_ROOMS.
 */
export const MESSAGE_GROUP = 11;

export const MESSAGE_HEADER_BYTES = 3;

export const USER_HAS_FROM = 1;
export const USER_WANTS_RECEIPT = 2;
export const USER_HAS_FIELDS = 4;
/** A volatile message that no frame has room for, or whose receiver does not take such frames: repaired like any other. */
export const USER_VOLATILE = 8;

/** Flags of a group's message: the first four are those of a user's. */
export const GROUP_HAS_FROM = 1;
export const GROUP_WANTS_RECEIPT = 2;
export const GROUP_HAS_FIELDS = 4;
export const GROUP_VOLATILE = 8;
/** In the broadcast stream: the sessions of those that must ignore it, count u8 and session u32 each, stand before the data. */
export const GROUP_HAS_NOT_LIST = 16;
export const GROUP_HAS_EVENT = 32;

/**
 * Kinds of groups. Others are a later version's. A user is one in a VOLATILE frame only. Everybody has the empty name, is
 * held by every node, and is never announced: only peers with CAPABILITY_EVERYBODY get messages to it.
 */
export const GROUP_USER = 0;
export const GROUP_ROOM = 1;
export const GROUP_EVERYBODY = 3;

/** Optional field of a user's or a group's message, text in UTF-8 of at most 64 bytes: the sender's own name for the message. */
export const FIELD_MESSAGE_ID = 1;
/**
 * Optional field of a user's message: the span in which its node sent it, as W3C Trace Context names it, but binary
 * (25 bytes, where `traceparent` has 55): trace id (16 bytes), parent id (8 bytes), flags u8.
 */
export const FIELD_TRACE = 2;
export const TRACE_ID_BYTES = 16;
export const SPAN_ID_BYTES = 8;
export const FIELD_TRACE_BYTES = TRACE_ID_BYTES + SPAN_ID_BYTES + 1;
export const FIELDS_HEADER_BYTES = 2;
export const FIELD_HEADER_BYTES = 3;

export const FRAGMENT_LAST = 1;
export const FRAGMENT_HEADER_BYTES = MESSAGE_HEADER_BYTES + 3;
