import { serve } from "#serve";
import type { Backend, RequestOrigin } from "../../../src/backend/backend.ts";
import { toReplay } from "../../../src/cache/answer.ts";
import { systemClock } from "../../../src/core/clock.ts";
import type { ProxyError } from "../../../src/core/errors.ts";
import type { NewId } from "../../../src/core/ids.ts";
import type {
  AnswerBlock,
  Message,
  MessageEvent,
  MessagesRequest,
} from "../../../src/protocol/anthropic.ts";
import { toOrigin } from "../../../src/server/origin.ts";
import { countIds } from "../../support/count-ids.ts";
import { proxyApp } from "../../support/proxy.ts";
import type { Outcome, SessionRequest } from "../../support/sessions.ts";

/** What a model is to do. */
export type Reply =
  | {
    readonly kind: "answer";
    readonly content: readonly AnswerBlock[];
    /** What must have happened before it answers. */
    readonly after?: () => Promise<void>;
  }
  /** Says this text, and no more until the client leaves. */
  | { readonly kind: "hold"; readonly content: readonly AnswerBlock[] }
  | { readonly kind: "fail"; readonly error: ProxyError };

/** For each prompt of the user or of an agent its replies: to it, to the first results, and so on. */
export type Script = Readonly<Record<string, readonly Reply[]>>;

export interface RecordingProxy extends AsyncDisposable {
  readonly url: string;
  /** In the order in which they came. */
  readonly requests: readonly SessionRequest[];
}

const outcomes: Readonly<Record<Reply["kind"], Outcome>> = {
  answer: "answered",
  hold: "left",
  fail: "failed",
};

/** The proxy in front of a model that follows a script; keeps what the client sends. */
export async function startRecordingProxy(script: Script): Promise<RecordingProxy> {
  const requests: SessionRequest[] = [];
  const newId = countIds();
  const app = proxyApp(scripted(script, newId), { newId, clock: systemClock });
  const server = await serve({
    port: 0,
    async fetch(request) {
      if (request.method === "POST" && new URL(request.url).pathname === "/v1/messages") {
        const body = await request.clone().json() as SessionRequest["body"];
        const headers = clientHeaders(request.headers);
        const { requestClass } = toOrigin(request.headers);
        const { kind } = toReply(script, body as unknown as MessagesRequest, requestClass);
        requests.push({ headers, outcome: outcomes[kind], body });
      }
      return await app.fetch(request);
    },
  });
  return { url: server.url, requests, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

function scripted(script: Script, newId: NewId): Backend {
  return {
    async *stream(request, { origin, signal }) {
      const reply = toReply(script, request, origin.requestClass);
      if (reply.kind === "fail") throw reply.error;
      const events = toEvents(reply.content, request.model, newId);
      if (reply.kind === "answer") {
        await reply.after?.();
        yield* events;
        return;
      }
      for (const event of events) {
        if (event.type === "content_block_stop" || event.type === "message_delta") break;
        yield event;
      }
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
    countTokens: () => Promise.resolve({ inputTokens: 0, exact: false }),
    models: () => Promise.resolve([]),
  };
}

/** By the last prompt that the script knows, and how many answers came since. */
function toReply(
  script: Script,
  { messages }: MessagesRequest,
  requestClass: RequestOrigin["requestClass"],
): Reply {
  if (requestClass === "compaction") return said("<summary>Things were said.</summary>");
  const texts = messages.map(({ role, content }) => role === "user" ? textsOf(content) : []);
  const asked = texts.findLastIndex((each) => each.some((text) => text in script));
  const prompt = texts[asked]?.findLast((text) => text in script) ?? "";
  const answered = messages.slice(asked).filter(({ role }) => role === "assistant").length;
  return script[prompt]?.[answered] ?? said("Noted.");
}

export function said(text: string): Reply {
  return { kind: "answer", content: [{ type: "text", text }] };
}

function textsOf(content: Message["content"]): readonly string[] {
  if (typeof content === "string") return [content];
  return content.flatMap((block) => block.type === "text" ? block.text : []);
}

function toEvents(
  content: readonly AnswerBlock[],
  model: string,
  newId: NewId,
): Generator<MessageEvent> {
  const isCall = content.some(({ type }) => type === "tool_use");
  const usage = {
    ...{ input_tokens: 1000, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 },
    output_tokens: 10,
  };
  const stopReason = isCall ? "tool_use" : "end_turn";
  return toReplay(
    { content, stopReason, stopSequence: null, usage, generationMs: 0 },
    { model, newId },
  );
}

/** Who asks, and what for; the others belong to the connection or measure time. */
function clientHeaders(headers: Headers): Record<string, string> {
  const kept = ["session-id", "agent-id", "agent-type", "request-class", "context-compacted"]
    .map((name) => `x-claude-code-${name}`);
  return Object.fromEntries(kept.flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value]];
  }));
}
