import { extension, type PerMessageDeflateOptions } from 'ws';

declare module 'ws' {
  /** The grammar of Sec-WebSocket-Extensions (RFC 6455 9.1); @types/ws does not have it. */
  export const extension: {
    parse: (header: string) => Record<string, Record<string, (string | true)[]>[]>;
    format: (extensions: Record<string, Record<string, string | true>>) => string;
  };
}

const NAME = 'permessage-deflate';
/** Windows of 2 KiB. */
const WINDOW_BITS = 11;

/**
 * permessage-deflate with its teeth drawn. Contexts are not kept between messages (they would be 300 KiB a
 * connection, and mix one message's secrets into the next one's length), windows are small, small messages stay as
 * they are, and few run at a time, so that zlib's threads are left to others. What a message inflates to is bounded
 * by WS_MAX_PAYLOAD_BYTES. Windows and contexts are agreed on by `grantCompression`.
 */
export const COMPRESSION: PerMessageDeflateOptions = {
  threshold: 1024,
  concurrencyLimit: 4,
  zlibDeflateOptions: { level: 3, memLevel: 4, chunkSize: 4096 },
  zlibInflateOptions: { chunkSize: 4096 },
};

/**
 * What a client gets of the extensions it offers (RFC 7692 7.1): the first permessage-deflate whose parameters make
 * sense, as the server's answer; undefined when there is none, which declines them all. A client that can't be told how
 * large its window may be (Firefox, Safari and OkHttp don't offer it) has the whole one: 32 KiB to read it.
 *
 * @param header Sec-WebSocket-Extensions
 * @throws SyntaxError when it is malformed
 */
export function grantCompression(header: string): string | undefined {
  const offer = extension.parse(header)[NAME]?.find(isAcceptable);
  if (offer === undefined) return undefined;
  const granted: Record<string, string | true> = {
    server_no_context_takeover: true,
    client_no_context_takeover: true,
    server_max_window_bits: windowBits(offer['server_max_window_bits']),
  };
  if ('client_max_window_bits' in offer)
    granted['client_max_window_bits'] = windowBits(offer['client_max_window_bits']);
  return extension.format({ [NAME]: granted });
}

function isAcceptable(offer: Record<string, (string | true)[]>): boolean {
  return Object.entries(offer).every(([name, [value, ...more]]) => {
    if (value === undefined || more.length > 0) return false;
    switch (name) {
      case 'server_no_context_takeover':
      case 'client_no_context_takeover':
        return value === true;
      case 'client_max_window_bits':
        return value === true || isWindowBits(value);
      case 'server_max_window_bits':
        return value !== true && isWindowBits(value);
      default:
        return false;
    }
  });
}

function isWindowBits(value: string): boolean {
  return /^(?:[89]|1[0-5])$/.test(value);
}

/** What was asked for, but not more than ours. */
function windowBits([asked]: (string | true)[] = []): string {
  return String(typeof asked === 'string' ? Math.min(Number(asked), WINDOW_BITS) : WINDOW_BITS);
}
