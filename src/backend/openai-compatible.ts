import { within } from "../core/clock.ts";
import { ProxyError } from "../core/errors.ts";
import type { NewId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import { primed } from "../core/primed.ts";
import { encodeChatRequest } from "../translate/request/encode.ts";
import { normalise, type NormalRequest } from "../translate/request/normalise.ts";
import { toChatRequest } from "../translate/request/request.ts";
import { type Alteration, toMessageEvents } from "../translate/answer/stream.ts";
import { withClientNames } from "../translate/tool-names.ts";
import type { Backend, BackendCall, ModelInfo, Observation, RequestOrigin } from "./backend.ts";
import { toChunks } from "./chunks.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { countTokens, leastTokens } from "./counting.ts";
import { toListedFacts } from "./facts.ts";
import { Attempt, LearnedDialect } from "./refusal/learned-dialect.ts";
import { observed } from "./observed.ts";
import { toOverflowMessage } from "./refusal/overflow.ts";
import { listedModels } from "./recognise.ts";
import { kindOf, type ServerKindName } from "./server-kinds.ts";
import { Watch } from "./silence.ts";
import { ThinkingHabits } from "./thinking-habits.ts";
import { toTheEnd } from "./to-the-end.ts";

export interface OpenAiOptions extends Omit<ConnectionOptions, "ours"> {
  readonly kind: ServerKindName;
  /** Of its model, where that is known; undefined as its kind has it. */
  readonly seesImages?: boolean | undefined;
  /** Tokens of prompt and answer; undefined when the server does not say. */
  readonly contextLength?: number | undefined;
  /** Names the project: its conversations begin alike. For our own server. */
  readonly project?: string | undefined;
  readonly newId: NewId;
  readonly log: Log;
}

/** How long a server may take to say which models it has. */
const patienceMs = 5000;

/** Any server that speaks OpenAI's chat completions. */
export function createOpenAiBackend(options: OpenAiOptions): Backend {
  const { newId, project, clock, contextLength, log } = options;
  const kind = kindOf(options.kind);
  const ours = options.kind === "ours";
  const connection = new Connection({ ...options, ours });
  const { seesImages = kind.dialect.seesImages } = options;
  const dialect = new LearnedDialect({ ...kind.dialect, seesImages }, log);
  const habits = new ThinkingHabits(log);
  let hasWarned = false;
  const toError = (body: unknown) => connection.toError(body);

  /** The answer from its first chunk on: until then a refusal may teach us to ask otherwise. */
  async function open(normal: NormalRequest, { origin }: BackendCall, signal: AbortSignal) {
    const attempt = new Attempt(dialect.known);
    for (;;) {
      const chat = toChatRequest(normal, attempt.dialect, origin.session);
      const least = kind.cutsPrompts ? leastTokens(chat) : 0;
      if (contextLength !== undefined && least > contextLength) throw tooLong(least, contextLength);
      const body = encodeChatRequest(chat, ours ? { anyclaude: toHints(origin, normal) } : {});
      try {
        const response = await connection.api("/chat/completions", { body, signal, origin });
        const chunks = await primed(toChunks(response, toError));
        dialect.keep(attempt.lessons);
        return { chunks, chat, least };
      } catch (error) {
        if (!mayTeach(error) || !attempt.learn(error.message, chat)) throw error;
      }
    }
  }

  /** A wrong name is most often a misspelt one. Of a 404 Claude Code would not show the words. */
  async function naming(error: unknown, model: string, signal: AbortSignal): Promise<unknown> {
    if (!(error instanceof ProxyError) || error.type !== "not_found_error") return error;
    if (kind.refusesWith404 && !/\b(?:model|repo)/i.test(error.message)) {
      return new ProxyError("invalid_request_error", error.message, { cause: error, final: true });
    }
    const served = await models(signal).catch(() => []);
    if (served.length === 0 || served.some(({ id }) => id === model)) return error;
    const sentence = `The model server at ${connection.shown} does not have ` +
      `${JSON.stringify(model)}: it has ${toList(served.map(({ id }) => id))}`;
    return new ProxyError("invalid_request_error", sentence, { cause: error, final: true });
  }

  async function models(signal: AbortSignal): Promise<readonly ModelInfo[]> {
    const listed = await within({ clock, ms: patienceMs, signal }, async (signal) => {
      const response = await connection.api("/models", { signal });
      return await listedModels(response);
    });
    return listed.map((model) => ({
      id: String(model["id"]),
      contextLength: toListedFacts(model).contextLength,
    }));
  }

  /** The client believes what is reported, and would never compact. */
  function warnOfCut({ promptTokens }: Observation, least: number): void {
    if (hasWarned) return;
    hasWarned = true;
    log.warn("model server read less of a prompt than it was sent", { promptTokens, least });
  }

  function toHints(origin: RequestOrigin, normal: NormalRequest) {
    return { ...hints(origin), ...(project ? { project } : {}), own_chars: ownChars(normal) };
  }

  return {
    async *stream(message, call) {
      using watch = new Watch({ connection, clock, signal: call.signal });
      try {
        const normal = normalise(message);
        const { chunks, chat: request, least } = await open(normal, call, watch.signal);
        const observe = (observation: Observation) => {
          if ((observation.promptTokens ?? Infinity) < least) warnOfCut(observation, least);
          call.observe(observation);
        };
        const ending = { clock, leave: () => watch.leave() };
        const heard = observed(toTheEnd(chunks, ending), { observe, heard: () => watch.heard() });
        const onAltered = (altered: Alteration) => call.observe({ altered });
        const header = { model: message.model, newId, ours, request, onAltered };
        const events = toMessageEvents(heard, { ...header, ...habits.of(request) });
        yield* withClientNames(events, normal.tools);
      } catch (error) {
        throw await naming(error, message.model, call.signal);
      }
    },

    async countTokens(message, signal) {
      const chat = toChatRequest(normalise(message), dialect.known);
      return await countTokens(chat, { connection, kind, clock, signal });
    },

    models,
  };
}

/** More names than this help nobody. */
const mostNames = 8;

export function toList(names: readonly string[]): string {
  const more = names.length - mostNames;
  const shown = names.slice(0, mostNames).join(", ");
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/** Not when the server was busy, or the account empty. */
function mayTeach(error: unknown): error is ProxyError {
  return error instanceof ProxyError &&
    ["invalid_request_error", "api_error", "not_found_error"].includes(error.type);
}

/** Surely so, and the server would not say it: it would forget the beginning. */
function tooLong(prompt: number, window: number): ProxyError {
  const message = toOverflowMessage({ prompt, window, output: undefined });
  return new ProxyError("invalid_request_error", message);
}

function hints({ session, agent, requestClass }: RequestOrigin): Record<string, string> {
  return {
    ...(session ? { session } : {}),
    ...(agent ? { agent } : {}),
    ...(requestClass ? { class: requestClass } : {}),
  };
}

/**
 * Code points of what the user said, at the end of the last message. Claude Code puts reminders in
 * front of it that are the same in every new session.
 */
function ownChars({ messages }: NormalRequest): number {
  const last = messages.at(-1);
  const said = last?.role === "user" && last.content.length > 1 ? last.content.at(-1) : undefined;
  return said?.type === "text" ? [...said.text].length : 0;
}
