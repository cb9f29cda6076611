/** A kind of machine that a binary is made for. */
export interface Target {
  readonly name: string;
  /** The package that brings Bun for it. */
  readonly runtime: string;
}

export const targets: readonly Target[] = [
  { name: "darwin-arm64", runtime: "@oven/bun-darwin-aarch64" },
  { name: "linux-x64", runtime: "@oven/bun-linux-x64" },
  { name: "linux-arm64", runtime: "@oven/bun-linux-aarch64" },
];
