/**
 * Whether the broadcast window and the barrier have to be worked out anew: a peer has acked more of our broadcast stream,
 * or other peers are waited for. That is done once a turn, however often it is asked for.
 */
export class BroadcastReview {
  #isDue = false;

  get isDue(): boolean {
    return this.#isDue;
  }

  request(): void {
    this.#isDue = true;
  }

  done(): void {
    this.#isDue = false;
  }
}
