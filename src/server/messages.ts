import type { Backend } from "../backend/backend.ts";
import type { Clock } from "../core/clock.ts";
import type { NewId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import { primed } from "../core/primed.ts";
import type { RecordSink, RequestRecord } from "../monitor/record.ts";
import { messageStart } from "../protocol/message-start.ts";
import { parseCountRequest, parseMessagesRequest } from "../protocol/request-schema.ts";
import { readText } from "./body.ts";
import { decompressed } from "./decompressed.ts";
import { toEventStream } from "./event-stream.ts";
import { foldMessage } from "./fold.ts";
import { toOrigin } from "./origin.ts";
import { RequestRecorder } from "./recorded.ts";
import { withPings } from "./with-pings.ts";

export interface MessagesParts {
  readonly backend: Backend;
  readonly mode: RequestRecord["mode"];
  readonly clock: Clock;
  readonly newId: NewId;
  readonly log: Log;
  readonly onRecord: RecordSink;
}

/** Most failures come within this time, and are then a status instead of an event. */
const holdMs = 3000;
const pingEveryMs = 10_000;

/** `POST /v1/messages`, streamed or whole. */
export async function answerMessages(request: Request, parts: MessagesParts): Promise<Response> {
  const message = parseMessagesRequest(await readText(decompressed(request)));
  const origin = toOrigin(request.headers);
  const abort = new AbortController();
  // Deno aborts this after an answer too; by then nobody listens any more.
  request.signal.addEventListener("abort", () => abort.abort(request.signal.reason), {
    once: true,
  });
  const { signal } = abort;
  const recorder = new RequestRecorder({ ...parts, model: message.model, origin, signal });
  const isFresh = /\bno-cache\b/i.test(request.headers.get("cache-control") ?? "");
  const call = { signal, origin, isFresh, observe: recorder.observe };
  const events = recorder.watch(parts.backend.stream(message, call));
  if (message.stream !== true) {
    const answer = await foldMessage(events);
    return Response.json(answer, { headers: cacheHeader(recorder) });
  }

  const start = () => messageStart(parts.newId("msg"), message.model);
  const silence = { clock: parts.clock, signal, holdMs, everyMs: pingEveryMs, start };
  const body = toEventStream(await primed(withPings(events, silence)), abort, parts.log);
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      ...cacheHeader(recorder),
    },
  });
}

/** What the response cache had; nothing when the backend has none. */
function cacheHeader({ responseCache }: RequestRecorder): Record<string, string> {
  if (responseCache === undefined) return {};
  const value = responseCache === "miss" ? "miss" : `hit; tier=${responseCache}`;
  return { "x-anyclaude-cache": value };
}

/** `POST /v1/messages/count_tokens`. The header says whether the number was counted or estimated. */
export async function answerCountTokens(
  request: Request,
  { backend }: Pick<MessagesParts, "backend">,
): Promise<Response> {
  const message = parseCountRequest(await readText(decompressed(request)));
  const { inputTokens, exact } = await backend.countTokens(message, request.signal);
  return Response.json({ input_tokens: inputTokens }, {
    headers: { "x-anyclaude-count": exact ? "exact" : "estimate" },
  });
}
