/** A ws socket that notes whether it is read and how it is closed. */
export class FakeSocket {
  readonly isDeflating = false;
  isReading = true;
  closedWith: number | null = null;

  get bufferedAmount(): number {
    return 0;
  }

  get unreadBytes(): number {
    return 0;
  }

  pause(): void {
    this.isReading = false;
  }

  resume(): void {
    this.isReading = true;
  }

  close(code: number): void {
    this.closedWith = code;
  }

  send(): void {}
  terminate(): void {}
}
