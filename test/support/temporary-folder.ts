import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TemporaryFolder extends Disposable {
  readonly path: string;
}

/** With a space in its name; gone when it is let go. */
export function temporaryFolder(): TemporaryFolder {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "any claude ")));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
