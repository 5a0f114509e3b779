/** How fast presence of rooms is told. */

/** Changes are collected for so long before they are told, to nodes and to those who look. */
export const BATCH_MS = 100;
/** A set that is told by numbers is told so rarely. */
export const COUNT_MS = 1_000;
/** What the grace has more than it was set to: a batch, the way, and a repair. */
export const GRACE_TAIL_MS = 500;
