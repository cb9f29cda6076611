/** The same text or bytes, cut into pieces of these sizes over and over. */
export function cut<Whole extends string | Uint8Array>(
  whole: Whole,
  sizes: readonly number[],
): Whole[] {
  const pieces: Whole[] = [];
  for (let at = 0, turn = 0; at < whole.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    pieces.push(whole.slice(at, at + size) as Whole);
    at += size;
  }
  return pieces;
}
