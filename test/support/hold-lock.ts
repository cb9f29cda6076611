/** A process that takes the lock it is told, says so, and never gives it back. */
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { withExclusive } from "../../src/core/exclusive.ts";

await withExclusive(process.argv[2] ?? "", { onWait() {} }, async () => {
  process.stdout.write("mine\n");
  await delay(60_000);
});
