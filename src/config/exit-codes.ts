/** With what a node, and the primary of several, end. A second signal ends with 128 and the signal's number. */
export const DRAINED = 0;
/** Configuration, port or socket. */
export const COULD_NOT_START = 1;
/** EX_SOFTWARE of sysexits.h. */
export const BROKEN_INVARIANT = 70;
