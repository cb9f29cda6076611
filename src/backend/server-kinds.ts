import type { Dialect } from "../translate/dialect.ts";

/** One model as a server lists it; servers differ in what they add. */
export type ListedModel = Readonly<Record<string, unknown>>;

/** How a kind of server is told from the others, and what is special to it. */
export interface ServerKind {
  readonly title: string;
  readonly host?: RegExp;
  /** Its `server` header. */
  readonly header?: RegExp;
  /** What it writes into `owned_by` of its models. */
  readonly owner?: string;
  /** A path that only this kind has, and a property of what it answers there. */
  readonly signpost?: readonly [path: string, property: string];
  readonly dialect: Dialect;
  /** How it counts the tokens of a request: by itself, or with our help; else it cannot. */
  readonly counts?: "messages" | "template";
  /** Every name under which a model may be listed, where all that are served are listed. */
  readonly listedAs?: (model: string) => readonly string[];
  /** It loads a model when it is first asked for one, and knows its window only then. */
  readonly loadsOnDemand?: true;
  /** It cuts a prompt that is too long, and says nothing. */
  readonly cutsPrompts?: true;
  /** It answers 404 to whatever it refuses. */
  readonly refusesWith404?: true;
  /** How its user makes the window larger. */
  readonly enlarge?: string;
}

/** What most servers take. */
const usual: Dialect = {
  ...{ seesImages: true, readsFiles: false, takesTopK: true, outputLimit: "max_tokens" },
  ...{ thinking: "reasoning_content", takesEffort: false, takesTemplateOptions: false },
  ...{ takesCacheKey: false, simpleSchemas: false, strictTurns: false, without: [] },
};

/** Where each fact was found is said beside it: repositories and documentation, read in 2026. */
export const serverKinds = {
  ours: {
    title: "anyclaude",
    dialect: { ...usual, seesImages: false, takesTemplateOptions: true },
    counts: "messages",
  },

  // vllm-project/vllm: entrypoints/openai/models (owned_by, max_model_len), entrypoints/serve/tokenize
  // (messages, tools → count), entrypoints/chat_utils (an assistant's `reasoning`), its chat
  // protocol (reasoning_effort, chat_template_kwargs, as SGLang's).
  vllm: {
    title: "vLLM",
    owner: "vllm",
    dialect: {
      ...{ ...usual, thinking: "reasoning" },
      ...{ takesEffort: true, takesTemplateOptions: true },
    },
    counts: "messages",
    listedAs: (model) => [model],
    enlarge: "vllm serve … --max-model-len N",
  },

  // sgl-project/sglang: entrypoints/http_server (owned_by, /model_info), /tokenize takes messages
  // (pull request 29444).
  sglang: {
    title: "SGLang",
    owner: "sglang",
    signpost: ["/get_model_info", "tokenizer_path"],
    dialect: { ...usual, takesEffort: true, takesTemplateOptions: true },
    counts: "messages",
    enlarge: "sglang.launch_server … --context-length N",
  },

  // ggml-org/llama.cpp: tools/server/README.md (/props, /apply-template, /tokenize,
  // chat_template_kwargs).
  "llama.cpp": {
    title: "llama.cpp",
    header: /^llama\.cpp/i,
    owner: "llamacpp",
    signpost: ["/props", "default_generation_settings"],
    dialect: { ...usual, simpleSchemas: true, takesTemplateOptions: true },
    counts: "template",
    loadsOnDemand: true,
    enlarge: "llama-server … -c N",
  },

  // lmstudio-ai/docs: 1_developer/2_rest/endpoints.mdx (/api/v0/models), api-changelog.md.
  lmstudio: {
    title: "LM Studio",
    owner: "organization_owner",
    signpost: ["/api/v0/models", "data"],
    dialect: { ...usual, simpleSchemas: true },
    loadsOnDemand: true,
    enlarge: "lms load … --context-length N",
  },

  // ollama/ollama: server/routes.go (/api/version, /api/ps, /api/show), server/prompt.go (what it
  // cuts), openai/openai.go (reasoning_effort, an assistant's `reasoning`, no top_k), envconfig (its
  // small default).
  ollama: {
    title: "Ollama",
    owner: "library",
    signpost: ["/api/version", "version"],
    dialect: { ...usual, takesTopK: false, thinking: "reasoning", takesEffort: true },
    listedAs: (model) => [model, `${model}:latest`],
    loadsOnDemand: true,
    cutsPrompts: true,
    enlarge: "OLLAMA_CONTEXT_LENGTH=N ollama serve",
  },

  // ml-explore/mlx-lm: mlx_lm/server.py (text only; chat_template_kwargs; no owned_by; Python's own
  // HTTP server).
  "mlx-lm": {
    title: "mlx_lm.server",
    header: /^BaseHTTP\//,
    dialect: { ...usual, seesImages: false, takesTemplateOptions: true },
    refusesWith404: true,
  },

  // openrouter.ai/docs: models (context_length, architecture.input_modalities), chat request
  // (reasoning_effort), reasoning tokens, PDFs.
  openrouter: {
    title: "OpenRouter",
    host: /(^|\.)openrouter\.ai$/,
    dialect: { ...usual, readsFiles: true, thinking: "reasoning", takesEffort: true },
    listedAs: (model) => [model, model.replace(/:[^:/]*$/, "")],
  },

  // platform.openai.com/docs: chat completions (max_completion_tokens, file parts, no top_k), prompt
  // caching (prompt_cache_key; Azure has it too).
  openai: {
    title: "OpenAI",
    host: /(^|\.)(openai\.com|openai\.azure\.com)$/,
    dialect: {
      ...{ ...usual, readsFiles: true, takesTopK: false, takesCacheKey: true },
      ...{ outputLimit: "max_completion_tokens", thinking: undefined, takesEffort: true },
    },
  },

  other: { title: "an unknown server", dialect: usual, counts: "messages" },
} as const satisfies Readonly<Record<string, ServerKind>>;

export type ServerKindName = keyof typeof serverKinds;

export function kindOf(name: ServerKindName): ServerKind {
  return serverKinds[name];
}
