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
 * permessage-deflate with limits. Contexts are not kept between messages: they would take 300 KiB a connection, and
 * the length of one message would tell something about the one before. Windows are small, small messages are not
 * compressed, and few messages are compressed at a time, so that others get zlib's threads too. WS_MAX_PAYLOAD_BYTES
 * bounds what a message inflates to. `grantCompression` agrees on windows and contexts.
 */
export const COMPRESSION: PerMessageDeflateOptions = {
  threshold: 1024,
  concurrencyLimit: 4,
  zlibDeflateOptions: { level: 3, memLevel: 4, chunkSize: 4096 },
  zlibInflateOptions: { chunkSize: 4096 },
};

/**
 * The server's answer to the extensions that a client offers (RFC 7692 7.1): the first permessage-deflate with valid
 * parameters; undefined declines them all. The server can limit the client's window only if the client offers that.
 * Firefox, Safari and OkHttp don't: reading them takes a window of 32 KiB.
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

/** The window that the client asked for, but not more than ours. */
function windowBits([asked]: (string | true)[] = []): string {
  return String(typeof asked === 'string' ? Math.min(Number(asked), WINDOW_BITS) : WINDOW_BITS);
}
