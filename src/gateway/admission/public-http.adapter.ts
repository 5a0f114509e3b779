import { ExpressAdapter } from '@nestjs/platform-express';

/** The parts of a layer of Express' router that show what the layer is for. */
interface Layer {
  readonly handle: { readonly name: string; readonly length: number };
  readonly route?: { readonly methods: Readonly<Record<string, boolean | undefined>> };
  /** Throws where the escapes of a parameter are broken. */
  match(path: string): unknown;
}

/** Middlewares that only read bodies: others answer. */
const BODY_PARSERS = new Set(['jsonParser', 'urlencodedParser', 'rawParser', 'textParser']);
/** Express knows error handlers by this number of parameters. They are not asked about requests. */
const PARAMETERS_OF_ERROR_HANDLERS = 4;

/** Nest's Express, which can tell whether anything but Nest's own 404 would answer a request. */
export class PublicHttpAdapter extends ExpressAdapter {
  /** The layers that Nest adds for every application. */
  readonly #nests: Set<Layer>;

  constructor() {
    super();
    this.disable('x-powered-by');
    this.#nests = new Set(this.#layers());
  }

  override setNotFoundHandler(...args: Parameters<ExpressAdapter['setNotFoundHandler']>): unknown {
    return this.#addForNest(() => super.setNotFoundHandler(...args));
  }

  override setErrorHandler(...args: Parameters<ExpressAdapter['setErrorHandler']>): unknown {
    return this.#addForNest(() => super.setErrorHandler(...args));
  }

  /** Whether there is a route for it, or a middleware, of which we cannot know what it answers. */
  handles(method: string, path: string): boolean {
    return this.#layers().some(
      (layer) => !this.#nests.has(layer) && mayAnswer(layer, method) && matches(layer, path),
    );
  }

  #addForNest(add: () => unknown): unknown {
    const before = this.#layers().length;
    const result = add();
    for (const layer of this.#layers().slice(before)) this.#nests.add(layer);
    return result;
  }

  #layers(): readonly Layer[] {
    return this.getInstance<{ router: { stack: Layer[] } }>().router.stack;
  }
}

function mayAnswer({ handle, route }: Layer, method: string): boolean {
  if (route === undefined) {
    return handle.length < PARAMETERS_OF_ERROR_HANDLERS && !BODY_PARSERS.has(handle.name);
  }
  const { methods } = route;
  // Express answers OPTIONS, and HEAD by what answers GET
  if (methods['_all'] === true || method === 'OPTIONS') return true;
  return methods[method.toLowerCase()] === true || (method === 'HEAD' && methods['get'] === true);
}

function matches(layer: Layer, path: string): boolean {
  try {
    return layer.match(path) !== false;
  } catch {
    return true; // Nest says what is wrong with it
  }
}
