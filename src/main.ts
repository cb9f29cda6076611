import process from "node:process";
import { fullVersion } from "./cli/version.ts";

const [, , ...argv] = process.argv;
if (argv[0] === "--version" || argv[0] === "-v") {
  process.stdout.write(`anyclaude ${fullVersion}\n`);
} else {
  // Imported only now: the version is to be printed at once.
  const { main } = await import("./cli/main.ts");
  await main(argv);
  // A connection that a peer keeps open must not keep us.
  process.exit();
}
