import type { ChatRequest } from "../../protocol/openai.ts";
import type { Dialect, OptionalParameter } from "../../translate/dialect.ts";
import { hasPart } from "../has-part.ts";

/** A refusal, and what was refused. */
export interface Refusal {
  readonly message: string;
  readonly sent: ChatRequest;
  readonly dialect: Dialect;
}

/** The first lesson that fits; undefined when the refusal is about nothing that we could leave out. */
export function toLesson(refusal: Refusal): Partial<Dialect> | undefined {
  return lessons.map((lesson) => lesson(refusal)).find((change) => change !== undefined);
}

/** How servers say that they do not want something. */
const complaint =
  /unsupported|not supported|support|unrecogni[sz]ed|unknown|unexpected|extra|not permitted|not allowed|forbidden|invalid|unavailable|cannot|can't|not enabled|must be|only|missing|failed|no endpoints/i;

/** Not of its value: of a name that they do not have. */
const isUnknown =
  /unsupported|unrecogni[sz]ed|unknown|unexpected|extra|not permitted|not allowed|forbidden|instead/i;

/** One change of the dialect for each, and only for what was in the request. */
const lessons: readonly ((refusal: Refusal) => Partial<Dialect> | undefined)[] = [
  // OpenAI, DeepSeek, Groq, Qwen: less than the window may be asked for an answer.
  ({ message, sent, dialect }) => {
    const most = Number(mostOutput.map((words) => words.exec(message)?.[1]).find(Boolean));
    const asked = sent.max_completion_tokens ?? sent.max_tokens ?? 0;
    return most > 0 && most < asked && dialect.mostOutputTokens === undefined
      ? { mostOutputTokens: most }
      : undefined;
  },

  // OpenAI's reasoning models know one name of the limit, older servers the other.
  ({ message, dialect }) => {
    const { outputLimit } = dialect;
    // A limit that is too high has the right name.
    if (!names(message, outputLimit) || !isUnknown.test(message)) return undefined;
    return {
      outputLimit: outputLimit === "max_tokens" ? "max_completion_tokens" : "max_tokens",
    };
  },

  // DeepSeek wants back what its model thought; Groq and Mistral refuse to have it.
  ({ message, sent, dialect }) => {
    if (
      /reasoning_content\W.*(?:passed back|must be|missing)|missing\W+reasoning_content/i.test(
        message,
      )
    ) {
      return dialect.thinking === "reasoning_content"
        ? undefined
        : { thinking: "reasoning_content" };
    }
    const { thinking } = dialect;
    const isSent = thinking !== undefined &&
      sent.messages.some((each) => each.role === "assistant" && thinking in each);
    return isSent && names(message, thinking) ? { thinking: undefined } : undefined;
  },

  // Chat templates of Mistral's and Google's models raise it.
  ({ message, dialect }) =>
    /roles must alternate|unexpected role|consecutive (?:user|messages)/i.test(message) &&
      !dialect.strictTurns
      ? { strictTurns: true }
      : undefined,

  ({ message, sent, dialect }) =>
    dialect.readsFiles && hasPart(sent, "file") && isUnsupported(message, /\bfiles?\b|\bpdf\b/i)
      ? { readsFiles: false }
      : undefined,

  ({ message, sent, dialect }) =>
    dialect.seesImages && hasPart(sent, "image_url") &&
      (blind.test(message) || isUnsupported(message, /\bimages?\b|\bvision\b|multi-?modal/i))
      ? { seesImages: false }
      : undefined,

  ({ message, sent }) =>
    sent.top_k !== undefined && names(message, "top_k") ? { takesTopK: false } : undefined,

  // Ollama, of models that do not think; it does not name what it refuses.
  ({ message, sent, dialect }) =>
    sent.reasoning_effort !== undefined && /does not support thinking/i.test(message)
      ? { without: [...dialect.without, "reasoning_effort"] }
      : undefined,

  ({ message, sent, dialect }) => {
    const parameter = optional.find((name) => name in sent && names(message, name));
    return parameter && !dialect.without.includes(parameter)
      ? { without: [...dialect.without, parameter] }
      : undefined;
  },

  // llama.cpp, LM Studio, vLLM with xgrammar: a schema as a grammar.
  ({ message, sent, dialect }) =>
    !dialect.simpleSchemas && (sent.tools ?? sent.response_format) !== undefined &&
      complains(message, /grammar|schema|function_declarations/i)
      ? { simpleSchemas: true }
      : undefined,
];

const optional: readonly OptionalParameter[] = [
  ...[
    "chat_template_kwargs",
    "parallel_tool_calls",
    "prompt_cache_key",
    "reasoning_effort",
  ] as const,
  ...["response_format", "stop", "stream_options", "temperature", "tool_choice", "top_p"] as const,
];

const mostOutput: readonly RegExp[] = [
  /supports at most (\d+) completion tokens/i,
  /range of max_(?:completion_)?tokens (?:is|should be) \[\d+, ?(\d+)\]/i,
  /max_(?:completion_)?tokens\W+must be less than or equal to\W+(\d+)/i,
  /max_(?:completion_)?tokens\b[^.]*cannot be greater than\D+(\d+)/i,
];

/** OpenAI, DeepSeek, vLLM, mlx_lm.server, Groq: of a model that reads text only. */
const blind =
  /image_url is only supported|unknown variant `image_url`|at most 0 image|not a multi-?modal|only 'text' content|content must be a string/i;

/** What is also an ordinary word has to stand as names of fields are written. */
function names(message: string, parameter: string): boolean {
  const named = parameter.includes("_")
    ? `\\b${parameter.replace("_", "[_ ]")}\\b`
    : `(?:['"\`.]|(?:parameter|argument|field|property|supplied)s?:? )${parameter}\\b`;
  return complains(message, new RegExp(named, "i"));
}

/** A kind of content; one picture in a form that is not read is not meant. */
function isUnsupported(message: string, kind: RegExp): boolean {
  const isSaid = /(?:not|n't) (?:\w+ )?support|unsupported|no endpoints found that support/i;
  return kind.test(message) && isSaid.test(message) &&
    !/format|mime|media.type|decode|size|fetch|download/i.test(message);
}

function complains(message: string, about: RegExp): boolean {
  return about.test(message) && complaint.test(message);
}
