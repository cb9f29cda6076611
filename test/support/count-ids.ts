import type { NewId } from "../../src/core/ids.ts";

/** `msg_1`, `toolu_2`, …: ids that a golden file can name. */
export function countIds(): NewId {
  let count = 0;
  return (prefix) => `${prefix}_${count += 1}`;
}
