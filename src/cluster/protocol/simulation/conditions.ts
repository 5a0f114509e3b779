/** What a network does to datagrams all the time that faults are on. Drawn once per seed. */
export interface Conditions {
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly loss: number;
  /** On top of `loss`, for what goes to everyone. */
  readonly broadcastLoss: number;
  /** On top, for all that one receiver hears. */
  readonly receiverLoss: { readonly receiver: number; readonly loss: number } | null;
  /** On top, for datagrams of these sizes. So a network can lose mostly one kind of frame. */
  readonly sizeLoss: { readonly from: number; readonly to: number; readonly loss: number } | null;
  /** Gilbert-Elliott, per link: bad spells in which most is lost. */
  readonly burst: { readonly enter: number; readonly leave: number; readonly loss: number } | null;
  readonly duplicate: number;
  readonly reorder: number;
  readonly reorderMs: number;
  readonly tail: number;
  readonly tailMs: number;
  readonly replay: number;
  readonly flip: number;
}

export const CALM: Conditions = {
  delayMs: 0.15,
  jitterMs: 0.1,
  loss: 0,
  broadcastLoss: 0,
  receiverLoss: null,
  sizeLoss: null,
  burst: null,
  duplicate: 0,
  reorder: 0,
  reorderMs: 0,
  tail: 0,
  tailMs: 0,
  replay: 0,
  flip: 0,
};
