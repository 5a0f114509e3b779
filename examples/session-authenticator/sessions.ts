import { Injectable } from '@nestjs/common';

export interface Session {
  readonly userId: string;
  readonly expiresAt: number;
}

/** Stands for the team's own session store. */
@Injectable()
export class Sessions {
  readonly #sessions = new Map<string, Session>();

  open(id: string, session: Session): void {
    this.#sessions.set(id, session);
  }

  async find(id: string): Promise<Session | undefined> {
    return this.#sessions.get(id);
  }
}
