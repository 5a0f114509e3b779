import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { connect, nativeSignals, type Connection } from './index.js';
import { stopClock } from './testing/clock.js';
import { FakeSockets, settled } from './testing/fake-sockets.js';

/** As React Native declares it. */
type AppStateStatus = 'active' | 'background' | 'inactive' | 'unknown' | 'extension';
type AppStateEvent = 'change' | 'memoryWarning' | 'blur' | 'focus';

/** In place of React Native's own: it says what the test says. */
class FakeAppState {
  readonly listeners = new Set<(state: AppStateStatus) => void>();

  addEventListener(_type: AppStateEvent, listener: (state: AppStateStatus) => void): { remove: () => void } {
    this.listeners.add(listener);
    return { remove: () => void this.listeners.delete(listener) };
  }

  become(state: AppStateStatus): void {
    for (const listener of this.listeners) listener(state);
  }
}

/** As `@react-native-community/netinfo` declares it, as far as it matters. */
type NetInfoState =
  | { type: 'unknown'; isConnected: boolean | null; isInternetReachable: null }
  | { type: 'none'; isConnected: false; isInternetReachable: false }
  | { type: 'wifi'; isConnected: true; isInternetReachable: boolean | null };

/** In place of `@react-native-community/netinfo`, which tells each listener at once how things stand. */
class FakeNetInfo {
  readonly listeners = new Set<(state: NetInfoState) => void>();
  state: NetInfoState = { type: 'unknown', isConnected: null, isInternetReachable: null };

  addEventListener(listener: (state: NetInfoState) => void): () => void {
    this.listeners.add(listener);
    listener(this.state);
    return () => void this.listeners.delete(listener);
  }

  become(state: NetInfoState): void {
    this.state = state;
    for (const listener of this.listeners) listener(state);
  }
}

const WIFI: NetInfoState = { type: 'wifi', isConnected: true, isInternetReachable: true };
const NONE: NetInfoState = { type: 'none', isConnected: false, isInternetReachable: false };

describe('on React Native', () => {
  let app: FakeAppState;
  let net: FakeNetInfo;
  let sockets: FakeSockets;
  let lan: Connection;

  beforeEach(async () => {
    stopClock();
    [app, net, sockets] = [new FakeAppState(), new FakeNetInfo(), new FakeSockets()];
    const signals = nativeSignals({ AppState: app, NetInfo: net });
    lan = connect({ url: 'ws://a', WebSocket: sockets.WebSocket, signals });
    await settled();
    sockets.last.ready();
  });

  afterEach(() => {
    lan.close();
    jest.useRealTimers();
  });

  it('the server is asked for a sign of life when the app comes to the front, and when the network is back', () => {
    const { sent } = sockets.last;
    app.become('background');
    net.become(WIFI);
    net.become(NONE);
    expect(sent).toEqual([]);
    app.become('active');
    expect(sent).toEqual(['{"event":"ping"}']);
    sockets.last.receive({ event: 'pong' });
    net.become(WIFI);
    expect(sent).toHaveLength(2);
  });

  it('the network is waited for', async () => {
    net.become(NONE);
    sockets.last.end(1006);
    expect(lan.state).toMatchObject({ name: 'waiting', retryInMs: 20_000 });
    net.become(WIFI);
    await settled();
    expect([lan.state.name, sockets.all.length]).toEqual(['connecting', 2]);
  });

  it('nothing is listened to any more after the end', () => {
    lan.close();
    expect([app.listeners.size, net.listeners.size]).toEqual([0, 0]);
  });

  it('an app without NetInfo is served too', () => {
    const signals = nativeSignals({ AppState: app });
    const stop = signals.listen(() => undefined);
    expect(signals.isOnline()).toBe(true);
    stop();
  });
});
