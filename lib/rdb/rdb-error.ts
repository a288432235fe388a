/** What is wrong with serialised data. RESTORE answers it with one error; loading a file tells it with the place. */
export class RdbError extends Error {}

/** The data end too early, or a length in them leads beyond their end. */
export class OutOfBounds extends RdbError {
  constructor() {
    super('it ends too early, or a length in it is wrong');
  }
}

/** A collection without elements: redis-server keeps none, and its loader passes over it. */
export class EmptyCollection extends RdbError {
  constructor() {
    super('a collection has no elements');
  }
}
