import { Subject } from 'rxjs';
import type { Answers, Inquiry, Publication } from '../bus/bus.js';
import { NoneBus } from '../bus/none-bus.js';

/** Two nodes in one process: what one says, the other hears at once. */
export class PairBus extends NoneBus {
  override readonly inquiries$ = new Subject<Inquiry>();
  override readonly publications$ = new Subject<never>();
  other: PairBus | undefined;

  static pair(): [PairBus, PairBus] {
    const buses: [PairBus, PairBus] = [new PairBus('a'), new PairBus('b')];
    [buses[0].other, buses[1].other] = [buses[1], buses[0]];
    return buses;
  }

  override publish(channel?: string, body?: Buffer): boolean {
    this.other?.publications$.next({ channel, body, nodeId: this.nodeId } as Publication as never);
    return true;
  }

  /** Who has not answered when the event loop has turned is missing. */
  override async inquire(topic: string, body: Buffer): Promise<Answers> {
    const answers: { nodeId: string; body: Buffer }[] = [];
    const other = this.other as PairBus;
    const answer = (reply: Buffer) => answers.push({ nodeId: other.nodeId, body: reply });
    other.inquiries$.next({ topic, body, nodeId: this.nodeId, answer });
    await new Promise(setImmediate);
    const missing = answers.length === 0 ? [other.nodeId] : [];
    return { answers, missing, complete: missing.length === 0 };
  }
}
