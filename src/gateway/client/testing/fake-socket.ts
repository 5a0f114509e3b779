/** A ws socket that notes whether it is read and how it is closed. */
export class FakeSocket {
  readonly bufferedAmount = 0;
  readonly isDeflating = false;
  isReading = true;
  closedWith: number | null = null;

  pause(): void {
    this.isReading = false;
  }

  resume(): void {
    this.isReading = true;
  }

  close(code: number): void {
    this.closedWith = code;
  }

  sendNow(): void {}
  ping(): void {}
  terminate(): void {}
}
