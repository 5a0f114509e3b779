import type { WebSocket } from 'ws';
import type { SharedFrame } from '../../wire/shared-frame.js';

type Done = (error: Error | null, deflated?: Buffer) => void;
type Compress = (data: Buffer, fin: boolean, done: Done) => void;

/** What ws deflates frames with, if the client has compression. @types/ws does not have it. */
interface Compressing {
  readonly _extensions: {
    readonly 'permessage-deflate'?: {
      compress: Compress;
      readonly params: { readonly server_max_window_bits?: number };
    };
  };
}

/** One payload that is deflated with one window. */
interface Deflated {
  result: Buffer | null;
  /** What to do when there is a result, or there will be none. */
  readonly waiting: (() => void)[];
}

/** By payload, and then by window. No client keeps its context, so nothing else makes a difference. */
const shared = new WeakMap<Buffer, Map<number, Deflated>>();

/** The frame's payload will be deflated once for each window, for all clients together. */
export function deflateOnce({ payload }: SharedFrame): void {
  if (!shared.has(payload)) shared.set(payload, new Map());
}

/** Lets ws use for the client what was deflated for others. Frames that are not shared are deflated as before. */
export function attachSharedDeflation(ws: WebSocket): void {
  const { _extensions: extensions } = ws as unknown as Compressing;
  const extension = extensions['permessage-deflate'];
  if (extension === undefined) return;
  const compress = extension.compress.bind(extension);
  const window = extension.params.server_max_window_bits ?? 0;
  extension.compress = (data, fin, done) => {
    const byWindow = shared.get(data);
    if (byWindow === undefined) compress(data, fin, done);
    else deflate(byWindow, window, (whenDone) => compress(data, fin, whenDone), done);
  };
}

function deflate(
  byWindow: Map<number, Deflated>,
  window: number,
  compress: (done: Done) => void,
  done: Done,
): void {
  const known = byWindow.get(window);
  if (known !== undefined) {
    if (known.result !== null) done(null, known.result);
    else known.waiting.push(() => deflate(byWindow, window, compress, done));
    return;
  }
  const deflated: Deflated = { result: null, waiting: [] };
  byWindow.set(window, deflated);
  compress((error, result) => {
    // the client whose turn it was may have gone: then the next one does it
    if (error !== null || result === undefined) byWindow.delete(window);
    else deflated.result = result;
    done(error, result);
    for (const goOn of deflated.waiting) goOn();
  });
}
