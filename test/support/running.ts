/**
 * What runs now. A test that fails does not come to its end, and what it started would keep the whole test run from
 * ending: so whatever outlives a test if it is not ended is in here until it is, with how to end it.
 */
export const running = new Map<object, () => Promise<unknown>>();
