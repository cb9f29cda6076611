import process from "node:process";
import { commonArguments } from "./common-arguments.ts";

/** What `serve` and `server` have in common. */
export const serverArguments = {
  mode: { type: "string", valueHint: "mlx|openai|claude", description: "Who answers" },
  model: { type: "string", valueHint: "name", description: "tiny, a folder, a Hugging Face name" },
  "base-url": { type: "string", valueHint: "url", description: "Use this server, launch none" },
  config: commonArguments.config,
  fresh: { type: "boolean", description: "Ask the model every time: give no stored answer again" },
  port: { type: "string", valueHint: "number", description: "Port to listen on (0: any)" },
  json: { type: "boolean", description: "Print url and token as one line of JSON when ready" },
} as const;

interface ServerArguments {
  readonly mode?: string | undefined;
  readonly model?: string | undefined;
  readonly "base-url"?: string | undefined;
  readonly config?: string | undefined;
  readonly fresh?: boolean | undefined;
  readonly port?: string | undefined;
}

export function toFlags(
  { mode, model, "base-url": baseUrl, config, fresh, port }: ServerArguments,
) {
  const flags = { mode, model, baseUrl, port, fresh: fresh ? "true" : undefined };
  return { flags, file: config };
}

/** Where it listens, on standard output: this is the command's result. */
export function report(
  { url, token }: { readonly url: string; readonly token: string },
  asJson: boolean | undefined,
): void {
  const text = asJson
    ? JSON.stringify({ url, token })
    : `Listening on ${url}\nToken: ${token}\nCtrl-C ends it`;
  process.stdout.write(`${text}\n`);
}

/** Resolves when the user or the system wants an end. */
export function endSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(signal, () => resolve());
    }
  });
}
