/** Of versions such as `2.1.330`: numbers between dots, compared from the left. */
export function isNewer(version: string, than: string): boolean {
  const [left = [], right = []] = [version, than].map((each) => each.split(".").map(Number));
  const differs = left.findIndex((part, index) => part !== right[index]);
  return differs >= 0 && (left[differs] ?? 0) > (right[differs] ?? 0);
}
