import { isDeepStrictEqual } from "node:util";
import type { ServerKindName } from "../../src/backend/server-kinds.ts";
import { proxy, token } from "./proxy.ts";
import type { SessionRequest } from "./sessions.ts";
import { streamed, text, upstream } from "./upstream.ts";

/**
 * How an upstream prompt goes on from the one before it of the same agent. Only "extended" keeps
 * all of it. "continued": its last message goes on, because the client tells what comes next in the
 * same message when there is no answer in between. "withdrawn": its last message is taken back.
 */
export type Step = "begun" | "extended" | "continued" | "withdrawn" | "compacted";

/** What an upstream server is sent. */
export interface Prompt {
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly ChatTool[];
}

interface ChatMessage {
  readonly role: string;
  readonly content?: string | readonly object[] | null;
  readonly tool_calls?: readonly { readonly id: string }[];
  readonly tool_call_id?: string;
}

interface ChatTool {
  readonly function: { readonly name: string };
}

/** A kind of server, or one whose chat template wants the roles to take turns, and says so once. */
export type Server = ServerKindName | "strict";

/** Sends a session through the proxy, and gives what reaches the server behind it. */
export async function toPrompts(
  requests: readonly SessionRequest[],
  server: Server = "other",
): Promise<readonly Prompt[]> {
  let answered: Prompt | undefined;
  let isTaught = server !== "strict";
  const { backend } = upstream(({ url, body }) => {
    if (!url.endsWith("/chat/completions")) return new Response(null, { status: 404 });
    if (!isTaught) {
      isTaught = true;
      const message = "Conversation roles must alternate user/assistant/user/assistant/...";
      return Response.json({ error: { message } }, { status: 400 });
    }
    answered = { tools: [], ...body as unknown as Omit<Prompt, "tools"> };
    return streamed([text("Yes", "stop")]);
  }, { kind: server === "strict" ? "other" : server });
  const { ask } = proxy(backend);
  const prompts: Prompt[] = [];
  for (const { headers, body } of requests) {
    const known = { host: "127.0.0.1", "x-api-key": token };
    const response = await ask(body, { headers: { ...known, ...headers } });
    const said = await response.text();
    if (response.status !== 200 || !answered) throw new Error(`${response.status}: ${said}`);
    prompts.push(answered);
    answered = undefined;
  }
  return prompts;
}

/** The steps of a session; throws at the first that changes what it may not, and says what. */
export async function toSteps(
  requests: readonly SessionRequest[],
  server?: Server,
): Promise<readonly Step[]> {
  const prompts = await toPrompts(requests, server);
  const last = new Map<string, number>();
  return prompts.map((prompt, number) => {
    const { headers } = requests[number]!;
    const agent = headers["x-claude-code-agent-id"] ?? "main";
    const previous = last.get(agent);
    last.set(agent, number);
    if (previous === undefined) return "begun";
    if (headers["x-claude-code-context-compacted"]) return "compacted";
    const isUnanswered = requests[previous]!.outcome !== "answered";
    const isCompaction = headers["x-claude-code-request-class"] === "compaction";
    const step = toStep(prompts[previous]!, prompt, isUnanswered || isCompaction);
    if (typeof step === "string") return step;
    throw new Error(`Request ${number} (${agent}) after ${previous}: ${step.difference}`);
  });
}

interface Difference {
  readonly difference: string;
}

function toStep(from: Prompt, to: Prompt, mayReplaceLast: boolean): Step | Difference {
  const tool = firstDifference(from.tools, to.tools);
  if (tool !== undefined) return describe("tool", tool, from.tools, to.tools);
  const message = firstDifference(from.messages, to.messages);
  if (message === undefined) return "extended";
  const was = from.messages[message]!;
  if (mayReplaceLast && message === from.messages.length - 1) {
    if (isContinued(was, to.messages[message])) return "continued";
    if (was.role === "user") return "withdrawn";
  }
  return describe("message", message, from.messages, to.messages);
}

/** Undefined when the second list begins with the first. */
function firstDifference(from: readonly unknown[], to: readonly unknown[]): number | undefined {
  const index = from.findIndex((each, at) => !isDeepStrictEqual(each, to[at]));
  return index === -1 ? undefined : index;
}

function isContinued(was: ChatMessage, is: ChatMessage | undefined): boolean {
  if (is?.role !== was.role) return false;
  if (typeof was.content === "string" && typeof is.content === "string") {
    return is.content.startsWith(was.content);
  }
  return Array.isArray(was.content) && Array.isArray(is.content) &&
    firstDifference(was.content, is.content) === undefined;
}

function describe(
  what: string,
  index: number,
  from: readonly unknown[],
  to: readonly unknown[],
): Difference {
  const was = JSON.stringify(from[index]);
  const is = index < to.length ? JSON.stringify(to[index]) : "nothing";
  let at = 0;
  while (at < was.length && was[at] === is[at]) at += 1;
  const [before, after] = [was, is].map((json) => json.slice(Math.max(0, at - 60), at + 60));
  return {
    difference:
      `${what} ${index} of ${from.length} differs at ${at}:\n  ${before}\nbecame\n  ${after}`,
  };
}
