/**
 * Remembers what `make` gave for an object for as long as the object lives. `make` must depend on
 * nothing else, and neither the object nor what is given may be changed afterwards.
 */
export function memo<Key extends object, Value extends object | string>(
  make: (key: Key) => Value,
): (key: Key) => Value {
  const known = new WeakMap<Key, Value>();
  return (key) => {
    let value = known.get(key);
    if (value === undefined) known.set(key, value = make(key));
    return value;
  };
}

/** One item may follow upon several states, as the same short message in several conversations. */
const maxStates = 64;

/**
 * Remembers what an item came to behind each of the last few states, for as long as the item lives.
 * Kept with the item and not with the state: states that hang on each other in weak maps, as a
 * conversation's would, cost a garbage collection the square of their number.
 */
export function memoStep<State extends object, Item extends object, Next>(
  step: (state: State, item: Item) => Next,
): (state: State, item: Item) => Next {
  const known = new WeakMap<Item, { readonly state: State; readonly next: Next }[]>();
  return (state, item) => {
    const steps = known.get(item) ?? [];
    const found = steps.find((each) => each.state === state);
    if (found) return found.next;
    const next = step(state, item);
    if (steps.push({ state, next }) > maxStates) steps.shift();
    if (steps.length === 1) known.set(item, steps);
    return next;
  };
}
