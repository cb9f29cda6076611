import { createServer } from "node:net";
import { broken, type Finding, ok } from "./finding.ts";

/** Whether we can listen where the settings say, and on loopback at all. */
export async function examinePort(port: number): Promise<Finding> {
  const failure = await listening(port);
  if (failure === undefined) return ok("Port", port === 0 ? "any free one" : String(port));
  if (port === 0) {
    return broken(
      "Port",
      `cannot listen on 127.0.0.1: ${failure}`,
      "let this program use the loopback network: a sandbox or a firewall forbids it",
    );
  }
  return broken(
    "Port",
    `cannot listen on ${port}, which the settings name: ${failure}`,
    "end the program that uses it, or set another port; 0 takes any free one",
  );
}

function listening(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on("error", ({ message }) => resolve(message));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(undefined)));
  });
}
