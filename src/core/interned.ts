import { LRUCache } from "lru-cache";

/** Texts are kept up to this many characters together; what is made of them takes as much again. */
const maxCharacters = 4_000_000;

/**
 * Remembers what `make` gave for a text: the same object every time, which nobody may change. What
 * was not asked for longest is forgotten.
 */
export function interned<Value extends object>(
  make: (text: string) => Value,
): (text: string) => Value {
  const known = new LRUCache<string, Value>({
    maxSize: maxCharacters,
    sizeCalculation: (_value, text) => text.length + 1,
  });
  return (text) => {
    let value = known.get(text);
    // A part of a longer text shares its memory and would keep all of it: so a copy is kept.
    if (value === undefined) known.set(structuredClone(text), value = make(text));
    return value;
  };
}
