/**
 * Waits for the first item, so that a source that fails at once fails before we commit to it. Not
 * a generator: one that was never started would not pass `return()` on to the source.
 */
export async function primed<T>(source: AsyncIterable<T>): Promise<AsyncIterableIterator<T>> {
  const iterator = source[Symbol.asyncIterator]();
  let first: IteratorResult<T> | undefined = await iterator.next();
  const rest: AsyncIterableIterator<T> = {
    [Symbol.asyncIterator]: () => rest,
    // Not `async`: every item would wait for a promise more.
    next() {
      if (!first) return iterator.next();
      const result = Promise.resolve(first);
      first = undefined;
      return result;
    },
    async return(value: unknown) {
      await iterator.return?.();
      return { done: true, value };
    },
  };
  return rest;
}
