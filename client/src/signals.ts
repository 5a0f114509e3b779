/** What the platform says of the page and the network. */
export interface Signals {
  /** False where the platform says that there is no network. */
  isOnline(): boolean;
  /** Calls `wake` when the page becomes visible or the network comes back. Returns a function that stops it. */
  listen(wake: () => void): () => void;
}

/** As much of `EventTarget` as is used. */
interface Target {
  addEventListener?(event: string, handler: () => void): void;
  removeEventListener?(event: string, handler: () => void): void;
}

/** Of a browser. Node, Bun and Deno have some of it, or nothing: then nothing is ever said. */
export const pageSignals: Signals = {
  isOnline: () => (globalThis as { navigator?: { onLine?: boolean } }).navigator?.onLine !== false,

  listen(wake) {
    const page = globalThis as Target & { document?: Target & { visibilityState?: string } };
    const { document } = page;
    const wakeIfVisible = (): void => {
      if (document?.visibilityState === 'visible') wake();
    };
    const sources: [Target | undefined, string, () => void][] = [
      [page, 'online', wake],
      // back from the cache of pages that were left
      [page, 'pageshow', wake],
      [document, 'visibilitychange', wakeIfVisible],
      // thawed, after a browser froze it
      [document, 'resume', wake],
    ];
    for (const [target, event, handler] of sources) target?.addEventListener?.(event, handler);
    return () => {
      for (const [target, event, handler] of sources) target?.removeEventListener?.(event, handler);
    };
  },
};

/** As much of React Native's `AppState` as is used. */
export interface AppStateLike {
  addEventListener(event: 'change', handler: (state: string) => void): { remove(): void };
}

/** As much of `@react-native-community/netinfo` as is used. */
export interface NetInfoLike {
  addEventListener(handler: (state: { isConnected: boolean | null }) => void): () => void;
}

/** Of React Native: `connect({ url, signals: nativeSignals({ AppState, NetInfo }) })`. */
export function nativeSignals({
  AppState,
  NetInfo,
}: {
  AppState: AppStateLike;
  NetInfo?: NetInfoLike;
}): Signals {
  let isConnected: boolean | null = null;
  return {
    isOnline: () => isConnected !== false,
    listen(wake) {
      const subscription = AppState.addEventListener('change', (state) => {
        if (state === 'active') wake();
      });
      const unsubscribe = NetInfo?.addEventListener((state) => {
        const isBack = isConnected === false && state.isConnected === true;
        ({ isConnected } = state);
        if (isBack) wake();
      });
      return () => {
        subscription.remove();
        unsubscribe?.();
      };
    },
  };
}
