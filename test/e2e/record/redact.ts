import { createHash } from "node:crypto";
import { release } from "node:os";
import type { SessionRequest } from "../../support/sessions.ts";

/** Longer texts are the client's own: instructions, tools, skills. */
const longestOwnText = 160;

/** What is different on each machine or in each run, and what it becomes. */
const varying: readonly [RegExp, string][] = [
  [/\b[0-9a-f]{32}(?:[0-9a-f]{32})?\b/g, "0".repeat(32)],
  [/\/plans\/[a-z-]+\.md/g, "/plans/a-plan.md"],
  [/\b20\d\d-\d\d-\d\d\b/g, "2026-01-01"],
  [/\/tmp\/claude-\d+/g, "/tmp/claude-1000"],
  [/<(duration_ms|subagent_tokens|total_tokens)>\d+</g, "<$1>1<"],
];
const uuid = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;
const agentHeader = "x-claude-code-agent-id";

/**
 * A recording that names no machine and quotes nobody at length: what varies becomes constant, and
 * a long text becomes a placeholder that is equal for equal texts. `folders` maps each folder to
 * the name it gets; longer ones first.
 */
export function redact(
  requests: readonly SessionRequest[],
  folders: Readonly<Record<string, string>>,
): readonly SessionRequest[] {
  const names = new Map<string, string>();
  const named = (id: string, kind: string) => {
    if (!names.has(id)) names.set(id, `${kind}-${names.size + 1}`);
    return names.get(id) ?? "";
  };
  for (const { headers } of requests) {
    const agent = headers[agentHeader];
    if (agent !== undefined) named(agent, "agent");
  }
  const places = Object.entries(folders).flatMap(([folder, name]): [string, string][] => [
    [folder, name],
    // The client names folders of its own after those of the user.
    [slug(folder), slug(name)],
  ]);
  const constant = (text: string): string => {
    let told = text.replaceAll(release(), "1.0.0").replace(uuid, (id) => named(id, "uuid"));
    for (const [from, to] of [...places, ...names]) told = told.replaceAll(from, to);
    for (const [pattern, to] of varying) told = told.replace(pattern, to);
    return told;
  };
  const short = (text: string): string => {
    const told = constant(text);
    return told.length > longestOwnText ? placeholder(told) : told;
  };
  return requests.map(({ headers, outcome, body }) => ({
    headers: mapTexts(headers, short) as SessionRequest["headers"],
    outcome,
    body: mapTexts(
      {
        ...body,
        ...(body.tools ? { tools: body.tools.map((tool) => withoutText(tool, constant)) } : {}),
      },
      short,
    ) as SessionRequest["body"],
  }));
}

/** A tool is known by its name; the rest of it is the client's. */
function withoutText(tool: unknown, constant: (text: string) => string): object {
  const { description, input_schema, ...rest } = tool as Record<string, unknown>;
  const schema = placeholder(constant(JSON.stringify(input_schema)));
  return {
    ...rest,
    description: placeholder(constant(String(description))),
    input_schema: { type: "object", description: schema },
  };
}

function placeholder(text: string): string {
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 12);
  return `[${text.length} characters: ${hash}]`;
}

function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map((each) => mapTexts(each, change));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, mapTexts(each, change)]),
  );
}

function slug(path: string): string {
  return path.replace(/[^a-zA-Z0-9]/g, "-");
}
