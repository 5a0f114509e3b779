/**
 * Whether the broadcast window and the barrier have to be worked out anew: somebody has acked more of our broadcast stream,
 * or who counts in it has changed. That is done once a turn, however often it is asked for.
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
