/** As the hub and the makers of disks count: 10⁹ bytes are one. */
export function toGigabytes(bytes: number): string {
  return bytes >= 1e8 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
