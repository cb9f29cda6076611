import type { ErrorWords } from "./error-words.ts";

/** A request that does not fit the model's window. What the server did not say is undefined. */
export interface Overflow {
  readonly prompt: number | undefined;
  readonly window: number | undefined;
  /** Asked for the answer. */
  readonly output: number | undefined;
}

/** What words say: `total` is prompt and output; `least` marks a prompt that may be longer. */
type Found = Partial<Record<"prompt" | "window" | "output" | "total" | "least", string>>;

/** Each server's own words, taken from its source or from reports of it; counts are named groups. */
const wordings: readonly RegExp[] = [
  // vLLM: 0.18, 0.16, 0.11 (answer, prompt), its engine, and when it has not even counted.
  /context length is (?<window>\d+) tokens.*requested (?<output>\d+) output tokens and your prompt contains (?<least>at least )?(?<prompt>\d+) input tokens/,
  /passed (?<prompt>\d+) input tokens and requested (?<output>\d+) output tokens.*context length is only (?<window>\d+)/,
  /is too large: (?<output>\d+)\. This model's maximum context length is (?<window>\d+) tokens and your request has (?<prompt>\d+) input tokens/,
  /maximum context length is (?<window>\d+) tokens.*your request has (?<prompt>\d+) input tokens/,
  /prompt \(length (?<prompt>\d+)\) is longer than the maximum model length of (?<window>\d+)/,
  /(?:prompt contains|passed) \d+ (?:input )?characters/,
  // OpenAI, Azure, DeepSeek, llama-cpp-python, older vLLM; OpenRouter and Rapid-MLX, whose words begin alike.
  /maximum context length is (?<window>\d+) tokens.*requested (?:about )?(?<total>\d+) tokens \(.*?(?<output>\d+) in the (?:completion|output)\)/,
  /maximum context length is (?<window>\d+) tokens.*(?:resulted in|requested|prompt contains) (?:about )?(?<prompt>\d+) tokens/,
  /exceeds? the configured limit of (?<window>\d+) tokens.*resulted in (?<prompt>\d+) tokens/,
  /(?:input|request) exceeds the context window/i,
  // SGLang, and Together, whose words are the same.
  /maximum context length of (?<window>\d+) tokens.*?(?<prompt>\d+) tokens from the input messages and (?<output>\d+) tokens for the completion/,
  /input \((?<prompt>\d+) tokens\) is longer than the model's context length \((?<window>\d+)/,
  /input length \((?<prompt>\d+)(?: tokens)?\) exceeds (?:the |model's )?maximum (?:allowed|context) length \((?<window>\d+)/i,
  /token count exceeds the model's maximum context length of (?<window>\d+)/,
  // llama.cpp, with and without numbers; llama-cpp-python.
  /request \((?<prompt>\d+) tokens\) exceeds the available context size \((?<window>\d+)/,
  /input \((?<prompt>\d+) tokens\) is larger than the max context size \((?<window>\d+)/,
  /exceeds the available context size/,
  /requested tokens \((?<prompt>\d+)\) exceed context window of (?<window>\d+)/i,
  // LM Studio: 0.3, its MLX engine, 0.4.
  /keep the first (?<prompt>\d+) tokens.*context length of only (?<window>\d+) tokens/,
  /tokens to keep from the initial prompt is greater than the context length/,
  /context size has been exceeded/i,
  // Ollama, where it does not cut.
  /prompt is longer than the context length currently available/,
  /exceeded max context length by \d+ tokens/,
  /input length exceeds the context length/,
  // Text Generation Inference, and what Together took from it.
  /`max_new_tokens` must be <= (?<window>\d+)\. Given: (?<prompt>\d+) `inputs` tokens and (?<output>\d+)/,
  /`inputs` must have less than (?<window>\d+) tokens\. Given: (?<prompt>\d+)/,
  // Mistral, Gemini, xAI, Fireworks, Moonshot, GitHub's two, Cerebras, Groq.
  /prompt contains (?<prompt>\d+) tokens.*too large for model with (?<window>\d+) maximum context length/i,
  /input token count \((?<prompt>\d+)\) exceeds the maximum number of tokens allowed \((?<window>\d+)/,
  /maximum prompt length is (?<window>\d+) but the request contains (?<prompt>\d+) tokens/,
  /prompt is too long: (?<prompt>\d+), model maximum context length: (?<window>\d+)/,
  /exceeded model token limit: (?<window>\d+) \(requested: (?<prompt>\d+)\)/,
  /prompt token count of (?<prompt>\d+) exceeds the limit of (?<window>\d+)/,
  /body too large for .*max size: (?<window>\d+) tokens/i,
  /current length is (?<prompt>\d+) while limit is (?<window>\d+)/i,
  /reduce the length of the (?:messages|input|prompt)/,
  // Qwen, MiniMax, Z.ai, Cohere, Bedrock, LiteLLM's own check.
  /range of input length should be \[1, (?<window>\d+)\]/i,
  /context window exceeds limit/,
  /prompt exceeds max length/i,
  /total number of tokens in the prompt exceeds the limit of (?<window>\d+)/,
  /input is too long for requested model/i,
  /context window exceeded/i,
  // NVIDIA NIM takes the prompt off what we asked for, and finds nothing left.
  /max_(?:completion_)?tokens must be at least 1, got -\d+/,
  // Anthropic, behind a gateway.
  /prompt is too long(?:: (?<prompt>\d+) tokens > (?<window>\d+) maximum)?/,
  // Others, who borrow words.
  /maximum context length is (?<window>\d+)/,
  /context[_ ]length[_ ]exceeded|exceed_context_size/i,
  /(?:prompt|input|request) (?:is )?too long\b.*\b(?:context|tokens)\b/i,
  /exceeds? (?:the|its) (?:available |maximum )?context (?:size|length|window)/i,
];

/** In `code` or `type`, whatever the words are. */
const codes =
  /^(?:context_length_exceeded|exceed_context_size_error|model_max_prompt_tokens_exceeded|model_context_window_exceeded)$/;

/** Limits of an account, which count tokens too: a shorter prompt would not mend them. */
const quotas =
  /\bper[ -](?:second|minute|hour|day)\b|\b[TR]P[SMHD]\b|rate[ _-]?limit|quota|credits|billing/i;

/** Undefined when the error is about something else. */
export function toOverflow(words: ErrorWords): Overflow | undefined {
  const { message, code, type, fields } = words;
  if (isQuota(words)) return undefined;
  const found = wordings.map((wording) => wording.exec(message)).find((match) => match !== null);
  if (!found && ![code, type].some((each) => codes.test(String(each)))) return undefined;
  const { least, ...counts } = (found?.groups ?? {}) as Found;
  // Ours and llama.cpp also give them as numbers.
  const prompt = countIn(fields["prompt_tokens"] ?? fields["n_prompt_tokens"]) ?? promptIn(counts);
  const window = countIn(fields["max_tokens"] ?? fields["n_ctx"]) ?? toCount(counts.window);
  const output = toCount(counts.output);
  return { prompt: isAtLeast(least, prompt, window, output) ? undefined : prompt, window, output };
}

export function isQuota({ message, code, type }: ErrorWords): boolean {
  return quotas.test(`${message} ${String(code)} ${String(type)}`);
}

/** In Anthropic's words: only on these does the client help itself. */
export function toOverflowMessage({ prompt, window, output }: Overflow): string {
  if (prompt === undefined || window === undefined) return "prompt is too long";
  // The prompt fits: the client then asks for fewer tokens instead of compacting.
  return output !== undefined && prompt + leastAnswer < window
    ? `input length and \`max_tokens\` exceed context limit: ${prompt} + ${output} > ${window}`
    : `prompt is too long: ${prompt} tokens > ${window} maximum`;
}

/** The client keeps 1,000 free and wants 3,000 for its answer. */
const leastAnswer = 4000;

/** vLLM stops counting where the prompt is too long: one more than would have fitted. */
function isAtLeast(
  least: string | undefined,
  prompt: number | undefined,
  window: number | undefined,
  output: number | undefined,
): boolean {
  if (least !== undefined) return true;
  return window !== undefined && output !== undefined && prompt === window - output + 1;
}

function promptIn({ prompt, total, output }: Found): number | undefined {
  return prompt === undefined && total !== undefined
    ? Number(total) - Number(output)
    : toCount(prompt);
}

function toCount(digits: string | undefined): number | undefined {
  return digits === undefined ? undefined : Number(digits);
}

function countIn(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
