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
