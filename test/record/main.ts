/** `npm run record [-- SERVER…]`: asks real servers and keeps their answers as fixtures. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { root } from "../e2e/support/world.ts";
import type { RecordedAnswer } from "../support/recorded-server.ts";
import { chat, type Exchange, exchanges, streams, tooLong } from "./questions.ts";
import { type RecordedServer, recordedServers } from "./servers.ts";

const fixtures = join(root, "test", "fixtures");
/** Other headers say when and by whom, not what. */
const keptHeaders = ["content-type", "retry-after", "server"];

const wanted = process.argv.slice(2);
for (const name of wanted.length > 0 ? wanted : Object.keys(recordedServers)) {
  const server = recordedServers[name];
  if (!server) {
    throw new Error(`Cannot record "${name}": known are ${Object.keys(recordedServers)}`);
  }
  await record(name, server);
}

async function record(name: string, server: RecordedServer): Promise<void> {
  const recorded = `${server.title} (${await server.version()})`;
  process.stdout.write(`${recorded}\n`);
  await using running = await server.start();
  for (const [question, body] of Object.entries(streams)) {
    const response = await ask(running.url, server, { method: "POST", path: chat, body });
    const text = withoutMachine(await response.text());
    const file = join(fixtures, "streams", `${question}.${name}.openai.sse`);
    writeFileSync(file, `: recorded from ${recorded} on the tiny model\n\n${text}`);
  }
  const answers: Record<string, unknown> = { server: recorded };
  const all = server.refusesTooMuch ? { ...exchanges, "too long": tooLong } : exchanges;
  for (const [question, exchange] of Object.entries(all)) {
    answers[question] = await toAnswer(exchange, await ask(running.url, server, exchange));
  }
  const file = join(fixtures, "servers", `${name}.json`);
  writeFileSync(file, `${JSON.stringify(answers, undefined, 2)}\n`);
}

async function toAnswer({ method, path }: Exchange, response: Response): Promise<RecordedAnswer> {
  const headers = keptHeaders.flatMap((name) => {
    const value = response.headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  return {
    request: `${method} ${path}`,
    status: response.status,
    headers: Object.fromEntries(headers),
    body: withoutMachine(await response.text()),
  };
}

/** The one thing that is not kept as it came: mlx_lm.server tells everybody its machine's kernel. */
function withoutMachine(text: string): string {
  return text.replace(/("system_fingerprint": "[\d.]+-[\d.]+)-[^"]*"/g, '$1-PLATFORM"');
}

function ask(
  url: string,
  { key }: RecordedServer,
  { method, path, body, anonymous }: Exchange,
): Promise<Response> {
  return fetch(`${url}${path}`, {
    method,
    // A connection of its own: llama.cpp closes them while it says that it keeps them.
    keepalive: false,
    headers: {
      "content-type": "application/json",
      "x-anyclaude": "1",
      ...(key && !anonymous ? { authorization: `Bearer ${key}` } : {}),
    },
    ...(body ? { body: typeof body === "string" ? body : JSON.stringify(body) } : {}),
  });
}
