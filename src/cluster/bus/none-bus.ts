import { NEVER, of, type Observable } from 'rxjs';
import type { BroadcastMessage, Message, RoomMessage } from '../../wire/message.js';
import {
  Bus,
  type Address,
  type Answers,
  type BusHealth,
  type Holders,
  type Question,
  type PeerView,
  type Receipt,
} from './bus.js';

/** A cluster of one node. No other node can hold an address, so every answer is complete. */
export class NoneBus extends Bus {
  readonly messages$: Observable<never> = NEVER;
  readonly roomMessages$: Observable<never> = NEVER;
  readonly publications$: Observable<never> = NEVER;
  readonly questions$: Observable<Question> = NEVER;
  readonly peerChanges$: Observable<never> = NEVER;
  readonly gaps$: Observable<never> = NEVER;
  readonly holdersChanges$: Observable<never> = NEVER;
  readonly congested$ = of(false);

  constructor(readonly nodeId: string) {
    super();
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}

  join(_address: Address, reachable: (complete: boolean) => void): void {
    reachable(true);
  }

  leave(): void {}

  send(_message: Message, receipt: ((receipt: Receipt) => void) | null): null {
    receipt?.({ delivered: 0, complete: true });
    return null;
  }

  holders(): Holders {
    return { nodeIds: [], complete: true };
  }

  watch(): void {}
  unwatch(): void {}

  sendToRoom(_message: RoomMessage, receipt: ((receipt: Receipt) => void) | null): null {
    receipt?.({ delivered: 0, complete: true });
    return null;
  }

  override sendToAll(_message: BroadcastMessage, receipt: ((receipt: Receipt) => void) | null): null {
    receipt?.({ delivered: 0, complete: true });
    return null;
  }

  publish(): boolean {
    return true;
  }

  publishToHolders(): readonly string[] {
    return [];
  }

  publishTo(): boolean {
    return false;
  }

  async ask(_topic: string, _body: Buffer): Promise<Answers> {
    return { answers: [], missing: [], complete: true };
  }

  peers(): PeerView[] {
    return [];
  }

  health(): BusHealth {
    return { ready: true, problems: [] };
  }
}
