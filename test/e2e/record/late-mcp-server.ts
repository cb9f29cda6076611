/**
 * An MCP server over standard input and output whose tools come late: `late-mcp-server.ts late`
 * says nothing at all before its start, `… growing` has only one of its tools until then. It starts
 * when the file named by its second argument exists; the one named by its third tells that all
 * tools were listed.
 */
import { existsSync, writeFileSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import { until } from "../support/until.ts";

interface Call {
  readonly id?: number;
  readonly method: string;
  readonly params?: { readonly protocolVersion?: string };
}

const [kind, start = "", listed = ""] = process.argv.slice(2);
const tools = ["almanac", "weather"].map((name) => ({
  name,
  description: `Tells the ${name} of a city`,
  inputSchema: { type: "object", properties: { city: { type: "string" } } },
}));
const started = until("the start", () => existsSync(start), { seconds: 600, everyMs: 20 });

if (kind === "growing") {
  started.then(() => send({ method: "notifications/tools/list_changed" }));
}
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line) as Call;
  if (kind === "late") await started;
  if (id === undefined) continue;
  const result = answer(method, params?.protocolVersion);
  send({ id, ...(result ? { result } : { error: { code: -32601, message: "Method not found" } }) });
  if (method === "tools/list" && existsSync(start)) writeFileSync(listed, "");
}

function answer(method: string, protocolVersion: string | undefined): object | undefined {
  switch (method) {
    case "initialize":
      return {
        protocolVersion,
        capabilities: { tools: { listChanged: true } },
        serverInfo: { name: "late", version: "1.0.0" },
      };
    case "tools/list":
      return { tools: existsSync(start) ? tools : tools.slice(0, 1) };
    case "tools/call":
      return { content: [{ type: "text", text: "sun" }] };
    default:
      return undefined;
  }
}

function send(message: object): void {
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
}
