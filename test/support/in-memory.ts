/** Settings of a node that a test has for itself: it has no folder, reads no file and writes none. */
export const inMemory = { appendonly: 'no', dir: '' } as const;
