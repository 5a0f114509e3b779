import type { PerMessageDeflateOptions } from 'ws';

/**
 * permessage-deflate with its teeth drawn. Contexts are not kept between messages (they would be 300 KiB a
 * connection, and mix one message's secrets into the next one's length), windows are small, small messages stay as
 * they are, and few run at a time, so that zlib's threads are left to others. What a message inflates to is bounded
 * by WS_MAX_PAYLOAD_BYTES.
 */
export const COMPRESSION: PerMessageDeflateOptions = {
  threshold: 1024,
  concurrencyLimit: 4,
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: 11,
  clientMaxWindowBits: 11,
  zlibDeflateOptions: { level: 3, memLevel: 4, chunkSize: 4096 },
  zlibInflateOptions: { chunkSize: 4096 },
};
