/** What the doctor says about one thing, and what to do. */
export interface Finding {
  readonly verdict: 'ok' | 'warning' | 'failure';
  readonly text: string;
}

export const ok = (text: string): Finding => ({ verdict: 'ok', text });
export const warning = (text: string): Finding => ({ verdict: 'warning', text });
export const failure = (text: string): Finding => ({ verdict: 'failure', text });
