/** Bytes of JSON text as UTF-8. Not all platforms have a TextEncoder; JSON.stringify leaves no lone surrogates. */
export function byteLength(json: string): number {
  return encodeURIComponent(json).replace(/%../g, 'x').length;
}
