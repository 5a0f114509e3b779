/**
 * What runs now, each with a function that ends it. A test that fails does not end what it has started, and that would
 * keep the whole test run from ending. So everything that could outlive a test is in here until it is ended.
 */
export const running = new Map<object, () => Promise<unknown>>();
