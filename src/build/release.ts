import type { BundledPackage } from "./bundled.ts";
import type { LockedPackage } from "./lock-file.ts";

/** What there is to say about the insides of a release. */
export interface Release {
  readonly version: string;
  /** Undefined outside of a repository. */
  readonly commit: string | undefined;
  readonly bundled: readonly BundledPackage[];
  /** Bun, one package for each target. */
  readonly runtimes: readonly LockedPackage[];
  /** The text of requirements.lock and installer.lock. */
  readonly pythonLocks: readonly string[];
}
