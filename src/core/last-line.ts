/** What a program said last, which is mostly why it failed; empty when it said nothing. */
export function lastLine(output: string): string {
  return output.trim().split("\n").at(-1) ?? "";
}
