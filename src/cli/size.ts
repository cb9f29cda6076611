/** Bytes as a person reads them. */
export function toSize(bytes: number): string {
  const [unit, name] = bytes < 2 ** 20
    ? [1024, "KB"]
    : bytes < 2 ** 30
    ? [2 ** 20, "MB"]
    : [2 ** 30, "GB"];
  return `${(bytes / Number(unit)).toFixed(1)} ${name}`;
}
