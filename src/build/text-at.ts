/** A text that ends with a zero or after `most` bytes. */
export function textAt(file: Uint8Array, at: number, most: number): string {
  const bytes = file.subarray(at, at + most);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end));
}
