import { DatabaseSync } from "node:sqlite";

/** True when something is written to a database while this runs. */
export async function isWrittenTo(path: string, run: () => unknown): Promise<boolean> {
  using watching = new DatabaseSync(path);
  const version = () => watching.prepare("PRAGMA data_version").get()?.["data_version"];
  const before = version();
  await run();
  return version() !== before;
}
