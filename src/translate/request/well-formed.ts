/**
 * The same value with U+FFFD for each half of a character, which no UTF-8 text can hold and on
 * which servers choke. A value without any is itself given back.
 */
export function wellFormed<Value>(value: Value): Value {
  // Only texts inside are replaced: the shape stays.
  return repaired(value) as Value;
}

function repaired(value: unknown): unknown {
  if (typeof value === "string") return value.isWellFormed() ? value : value.toWellFormed();
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value.map(repaired);
    return items.every((item, index) => item === value[index]) ? value : items;
  }
  let isChanged = false;
  const entries = Object.entries(value).map(([name, property]) => {
    const entry = [repaired(name), repaired(property)] as const;
    isChanged ||= entry[0] !== name || entry[1] !== property;
    return entry;
  });
  return isChanged ? Object.fromEntries(entries) : value;
}
