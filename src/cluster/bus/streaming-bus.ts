import { BehaviorSubject, distinctUntilChanged, Subject, type Observable } from 'rxjs';
import {
  Bus,
  type Gap,
  type HoldersChange,
  type InboundBroadcast,
  type InboundMessage,
  type InboundRoomMessage,
  type PeerChange,
  type Publication,
  type Question,
} from './bus.js';

/** A bus that emits by itself: each stream of the port has a subject, and all of them end together. */
export abstract class StreamingBus extends Bus {
  protected readonly messages = new Subject<InboundMessage>();
  protected readonly roomMessages = new Subject<InboundRoomMessage>();
  protected readonly broadcasts = new Subject<InboundBroadcast>();
  protected readonly publications = new Subject<Publication>();
  protected readonly questions = new Subject<Question>();
  protected readonly peerChanges = new Subject<PeerChange>();
  protected readonly gaps = new Subject<Gap>();
  protected readonly holdersChanges = new Subject<HoldersChange>();
  protected readonly congested = new BehaviorSubject(false);

  readonly messages$: Observable<InboundMessage> = this.messages.asObservable();
  readonly roomMessages$: Observable<InboundRoomMessage> = this.roomMessages.asObservable();
  override readonly broadcasts$: Observable<InboundBroadcast> = this.broadcasts.asObservable();
  readonly publications$: Observable<Publication> = this.publications.asObservable();
  readonly questions$: Observable<Question> = this.questions.asObservable();
  readonly peerChanges$: Observable<PeerChange> = this.peerChanges.asObservable();
  readonly gaps$: Observable<Gap> = this.gaps.asObservable();
  readonly holdersChanges$: Observable<HoldersChange> = this.holdersChanges.asObservable();
  readonly congested$: Observable<boolean> = this.congested.pipe(distinctUntilChanged());

  /** To be called when the bus has stopped. */
  protected endStreams(): void {
    this.messages.complete();
    this.roomMessages.complete();
    this.broadcasts.complete();
    this.publications.complete();
    this.questions.complete();
    this.peerChanges.complete();
    this.gaps.complete();
    this.holdersChanges.complete();
    this.congested.complete();
  }
}
