/** What the doctor says of one thing, and what to do about it. */
export interface Finding {
  readonly verdict: 'ok' | 'warning' | 'failure';
  readonly text: string;
}

export const ok = (text: string): Finding => ({ verdict: 'ok', text });
export const warning = (text: string): Finding => ({ verdict: 'warning', text });
export const failure = (text: string): Finding => ({ verdict: 'failure', text });
