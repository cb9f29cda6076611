/** Where a sticky pattern that takes anything, be it nothing, ends from `at` on. */
export function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  pattern.test(text);
  return pattern.lastIndex;
}
