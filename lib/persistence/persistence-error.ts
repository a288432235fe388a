/** What keeps a node from starting with what is in its folder; the message names the file, and what to do. */
export class PersistenceError extends Error {}
