/** A text as one word, for every POSIX shell and for fish. */
export function toShellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
